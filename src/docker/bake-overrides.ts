import { isDeepStrictEqual } from 'node:util';
import { BAKE_FLAGS } from './argv/flag-table.ts';
import { flagItem, type Item, withFlags } from './argv/parse.ts';
import { type BakeDefinition, type BakeTarget, escapeTemplates } from './bake-definition.ts';

/** What a marked target is built with in place of its own. */
export interface TargetEdit {
  /** Our copy of the Dockerfile, and the folder of the payload: absolute. */
  readonly dockerfile: string;
  readonly payload: string;
  /** An empty folder in place of an address that held the Dockerfile and nothing else. */
  readonly context: string | undefined;
  /** The value for the build argument that keeps the build checks the user's own. */
  readonly checks: string | undefined;
}

/** Everything one bake run is to change, and where a file may be written that is needed for it. */
export interface BakeEdit {
  readonly definition: BakeDefinition;
  readonly edits: ReadonlyMap<string, TargetEdit>;
  readonly payloadContext: string;
  readonly remote: boolean;
  /** The value the argument for checks gets in targets that would inherit it, by target. */
  readonly ownChecks: ReadonlyMap<string, string>;
}

export const CHECKS_ARGUMENT = 'BUILDKIT_DOCKERFILE_CHECK';

/**
 * The values for `--set`. They are applied last of all, and to the targets a target inherits from as well: so every
 * target gets each of them, those that stay as they are with the value they have.
 */
export function overrideValues({ definition, edits, payloadContext, remote, ownChecks }: BakeEdit): string[] {
  return [...definition.values()].flatMap((target) => {
    const set = (key: string, value: string) => `${target.name}.${key}=${value}`;
    const edit = edits.get(target.name);
    const checks = edit?.checks ?? target.args.get(CHECKS_ARGUMENT) ?? ownChecks.get(target.name);
    const check = checks === undefined ? [] : [set(`args.${CHECKS_ARGUMENT}`, checks)];
    if (edit === undefined) {
      // An empty value takes the context away again.
      const own = target.contexts.get(payloadContext) ?? '';
      return [set('dockerfile', target.dockerfile), set(`contexts.${payloadContext}`, own), ...check];
    }
    return [
      set('dockerfile', edit.dockerfile),
      // In a remote definition a path without the prefix is one in the repository.
      set(`contexts.${payloadContext}`, `${remote ? 'cwd://' : ''}${edit.payload}`),
      ...(edit.context === undefined ? [] : [set('context', `${remote ? 'cwd://' : ''}${edit.context}`)]),
      ...check,
    ];
  });
}

/**
 * A Dockerfile in the definition wins over any file, and no `--set` takes it away: that takes one more definition file.
 * Undefined where none is needed.
 */
export function overrideFile({
  definition,
  edits,
}: Pick<BakeEdit, 'definition' | 'edits'>): string | undefined {
  const inline = [...definition.values()].filter((target) => target.inline !== undefined);
  if (!inline.some(({ name }) => edits.has(name))) return undefined;
  const entries = inline.map(({ name, inline: text = '' }): [string, unknown] => [
    name,
    { 'dockerfile-inline': edits.has(name) ? '' : escapeTemplates(text) },
  ]);
  return JSON.stringify({ target: Object.fromEntries(entries) });
}

/** Keys of a target that decide what is built from what. Others may hold the time, and differ from one reading to the next. */
const COMPARED = [
  'context',
  'contexts',
  'dockerfile',
  'dockerfile-inline',
  'target',
  'platforms',
  'output',
  'call',
];

/**
 * How the definition with our changes differs from what it should be; undefined when it is that. Inheritance is gone from
 * what buildx prints, so only this tells whether a change has reached a target it was not meant for.
 */
export function findDifference(
  edit: BakeEdit,
  after: BakeDefinition,
): { readonly target: string; readonly key: string } | undefined {
  for (const target of edit.definition.values()) {
    const seen = after.get(target.name);
    if (seen === undefined) return { target: target.name, key: 'name' };
    const wanted = expected(target, edit);
    const key = COMPARED.find((name) => !isDeepStrictEqual(wanted[name], plain(seen.printed)[name]));
    if (key !== undefined) return { target: target.name, key };
    const checks =
      edit.edits.get(target.name)?.checks ??
      target.args.get(CHECKS_ARGUMENT) ??
      edit.ownChecks.get(target.name);
    if (seen.args.get(CHECKS_ARGUMENT) !== checks) return { target: target.name, key: CHECKS_ARGUMENT };
  }
  const [added] = [...after.keys()].filter((name) => !edit.definition.has(name));
  return added === undefined ? undefined : { target: added, key: 'name' };
}

function expected(target: BakeTarget, { edits, payloadContext, remote }: BakeEdit): Record<string, unknown> {
  const printed = plain(target.printed);
  const edit = edits.get(target.name);
  if (edit === undefined) return printed;
  const prefix = remote ? 'cwd://' : '';
  return {
    ...printed,
    dockerfile: edit.dockerfile,
    'dockerfile-inline': undefined,
    contexts: { ...Object.fromEntries(target.contexts), [payloadContext]: `${prefix}${edit.payload}` },
    ...(edit.context === undefined ? {} : { context: edit.context }),
  };
}

/** An empty text is none. */
function plain(printed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...printed, 'dockerfile-inline': printed['dockerfile-inline'] || undefined };
}

/** The user's line with our changes. `files` are the definition files to name, ours last. */
export function withOverrides(
  items: readonly Item[],
  added: {
    readonly files: readonly string[];
    readonly values: readonly string[];
    readonly folders: readonly string[];
    readonly metadataFile: string | undefined;
  },
): Item[] {
  return withFlags(items, [
    ...added.files.map((name) => flag('file', name)),
    ...added.values.map((value) => flag('set', value)),
    // Leave to read what is ours; what the user's own targets read and write stays for buildx to ask about.
    ...added.folders.map((folder) => flag('allow', `fs.read=${folder}`)),
    ...(added.metadataFile === undefined ? [] : [flag('metadata-file', added.metadataFile)]),
  ]);
}

/** The user's line as a question for the definition it stands for. */
export function asQuestion(items: readonly Item[]): Item[] {
  return withFlags(items, [flag('print', 'true'), flag('progress', 'quiet')]);
}

function flag(long: string, value: string): Item {
  const spec = BAKE_FLAGS.find((each) => each.long === long);
  if (spec === undefined) throw new TypeError(`bake has no flag ${long}`);
  return flagItem(spec, value);
}
