import { dirname, resolve } from 'node:path';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import type { DockerCommand } from './argv/command.ts';
import { BUILD_FLAGS } from './argv/flag-table.ts';
import { flagItem, type Item, lastValueOf, withFlags } from './argv/parse.ts';
import { areCompleted } from './build-record.ts';
import { buildQuestion, type Route } from './run-build.ts';
import type { DockerTools } from './tools.ts';

/** Flags that make output, or choose how the build is shown: a question has neither. */
const OUTPUT_FLAGS: ReadonlySet<string> = new Set([
  'output',
  'push',
  'load',
  'iidfile',
  'metadata-file',
  'quiet',
  'progress',
  'call',
  'check',
  'print',
  'detach',
]);

/** What buildx ends with when a flag cannot be read. */
const USAGE = 125;

/**
 * Whether the user's own command line fails at buildx before anything is built: a tag that is none, a secret that is not
 * there, a builder nobody made. It is asked a question in place of the build (`--call`), with every flag the user gave but
 * those for output, and none of ours; it fails of itself where it ends as the build did without having begun a step.
 *
 * @param code what the build with our changes exited with.
 */
export async function failsByItself(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  route: Extract<Route, { kind: 'buildx' }>,
  inputFile: string | undefined,
  code: number,
): Promise<boolean> {
  const items =
    code === USAGE
      ? withFlags(command.items, [flag('help', 'true')])
      : asQuestion(command.items, 'targets,format=json');
  const result = await host.processes.run(buildQuestion(host, tools, command, route, items, { inputFile }));
  if (result.kind !== 'exited' || result.code !== code) return false;
  return code === USAGE || !result.stderr.split('\n').some(isProgress);
}

/**
 * Whether the build checks the user asked to be errors find something in his own files. For a build that failed outside
 * any line, where he asked for that.
 */
export async function failsOwnChecks(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  route: Extract<Route, { kind: 'buildx' }>,
  inputFile: string | undefined,
): Promise<boolean> {
  const items = asQuestion(command.items, 'check,format=json');
  const result = await host.processes.run(buildQuestion(host, tools, command, route, items, { inputFile }));
  return result.kind === 'exited' && result.code !== 0 && result.code !== USAGE;
}

/**
 * Whether buildx could not write its answer to the files the user named: it does so behind a build that went well, and
 * what stands in place of an ID file it removes at first.
 *
 * @param dockerfiles the copies of the Dockerfiles that were built.
 */
export async function cannotAnswer(
  host: Host,
  tools: DockerTools,
  { items }: DockerCommand,
  builder: readonly string[],
  dockerfiles: readonly string[],
): Promise<boolean> {
  const [iidFile, metadataFile] = ['iidfile', 'metadata-file'].map((name) => lastValueOf(items, name));
  if (!iidFile && !metadataFile) return false;
  const kindOf = async (path: string) =>
    (await host.files.stat(resolve(host.cwd, path)).catch(() => undefined))?.kind;
  if (iidFile) {
    if ((await kindOf(iidFile)) === 'folder' || (await kindOf(dirname(iidFile))) === 'file') return true;
    // It was written: what could not be is a file of ours.
    if (!metadataFile && (await kindOf(iidFile)) === 'file') return false;
  }
  return areCompleted(host, tools, builder, dockerfiles);
}

/** Whether a value for build checks, of the directive or of the build argument, makes findings errors. */
export function checksAreErrors(value: string | undefined): boolean {
  return (value ?? '').split(';').some((part) => /^\s*error\s*=\s*(1|t|true)\s*$/i.test(part));
}

function asQuestion(items: readonly Item[], call: string): Item[] {
  const kept = items.flatMap((item): Item[] =>
    item.kind === 'flags'
      ? item.settings.flatMap((setting) =>
          OUTPUT_FLAGS.has(setting.flag.long) ? [] : [flagItem(setting.flag, setting.value)],
        )
      : [item],
  );
  return withFlags(kept, [flag('call', call), flag('progress', 'rawjson')]);
}

/** A line of `--progress=rawjson`: the builder was given something to do. */
function isProgress(line: string): boolean {
  const value = parseJson(line);
  return typeof value === 'object' && value !== null;
}

function flag(long: string, value: string): Item {
  const spec = BUILD_FLAGS.find((each) => each.long === long);
  if (spec === undefined) throw new TypeError(`build has no flag ${long}`);
  return flagItem(spec, value);
}
