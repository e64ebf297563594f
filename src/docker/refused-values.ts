import type { Host } from '../host/host.ts';
import { type Item, lastValueOf, switchIsOn, valuesOf } from './argv/parse.ts';
import { pushesImage } from './destination.ts';

/** What else decides about words: variables, and who is listening. */
type Surroundings = {
  readonly env: Host['env'];
  readonly terminal: Pick<Host['terminal'], 'stderrIsTerminal'>;
};

/** BuildKit `progressui.NewDisplay`; the empty word means `auto`. */
const PROGRESS_MODES: ReadonlySet<string> = new Set(['', 'auto', 'none', 'plain', 'quiet', 'rawjson', 'tty']);

/** buildx's own and BuildKit's exporters. */
const OUTPUT_TYPES: ReadonlySet<string> = new Set([
  'cacheonly',
  'docker',
  'image',
  'local',
  'moby',
  'oci',
  'registry',
  'tar',
]);

/**
 * Why buildx or BuildKit will refuse to build for what is asked of the output, as far as words tell; undefined where they
 * will not. Such a command line is docker's at once: its question and answer (`rehearsal.ts`) leave these flags out, so
 * that docker would be heard twice. A value that only a later docker knows is built as well, and has no mark.
 */
export function refusedValue(items: readonly Item[], { env, terminal }: Surroundings): string | undefined {
  return refusedProgress(items, { env, terminal }) ?? refusedOutput(items);
}

/** The same of `--progress` and `BUILDKIT_PROGRESS`, which a bake has once for all its targets. */
export function refusedProgress(items: readonly Item[], { env, terminal }: Surroundings): string | undefined {
  const asked = lastValueOf(items, 'progress') ?? 'auto';
  if (switchIsOn(items, 'quiet')) {
    return asked === 'auto' || asked === 'quiet' ? undefined : `--progress=${asked} and --quiet contradict`;
  }
  const mode = asked === 'auto' ? (env['BUILDKIT_PROGRESS'] ?? '') : asked;
  if (!PROGRESS_MODES.has(mode)) return `there is no progress mode ${mode}`;
  return mode === 'tty' && !terminal.stderrIsTerminal ? '--progress=tty wants a terminal' : undefined;
}

function refusedOutput(items: readonly Item[]): string | undefined {
  const outputs = valuesOf(items, 'output');
  const types = outputs.flatMap((output) => /(?:^|,)\s*type\s*=\s*([^,"]*)/.exec(output)?.[1] ?? []);
  const unknown = types.map((type) => type.trim()).find((type) => !OUTPUT_TYPES.has(type));
  if (unknown !== undefined) return `there is no output of type ${unknown || 'nothing'}`;
  const isNamed =
    valuesOf(items, 'tag').length > 0 || outputs.some((output) => /(?:^|,)\s*"?name=[^,"]/.test(output));
  // buildx `build/opt.go`.
  return pushesImage(items) && !isNamed ? 'an image without a name cannot be pushed' : undefined;
}
