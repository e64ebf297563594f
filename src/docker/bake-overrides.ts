import { isDeepStrictEqual } from 'node:util';
import { BAKE_FLAGS } from './argv/flag-table.ts';
import { flagItem, type Item, withFlags } from './argv/parse.ts';
import { type BakeDefinition, type BakeTarget, escapeTemplates, field } from './bake-definition.ts';

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

/** Everything one bake run is to change. */
export interface BakeEdit {
  readonly definition: BakeDefinition;
  readonly edits: ReadonlyMap<string, TargetEdit>;
  /** Labels for targets that stay as they are otherwise. */
  readonly labels: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /**
   * Marked targets that others are built on, each with the name of a copy that is not marked: the others are built on that
   * one. A mark is new in every build, and with it in a base nothing of what is built on it could come from the cache.
   */
  readonly copies: ReadonlyMap<string, string>;
  readonly payloadContext: string;
  readonly remote: boolean;
  /** The value the argument for checks gets in targets that would inherit another's, by target. */
  readonly ownChecks: ReadonlyMap<string, string>;
}

export const CHECKS_ARGUMENT = 'BUILDKIT_DOCKERFILE_CHECK';

/** Names for the copies, which no target of the definition has. */
export function namesOfCopies(definition: BakeDefinition, bases: readonly string[]): Map<string, string> {
  return new Map(
    bases.map((base) => {
      let name = `${base}-unmarked`;
      while (definition.has(name)) name += '-';
      return [base, name];
    }),
  );
}

/** A target as it will be in the definition with our changes. */
interface Role {
  readonly name: string;
  readonly target: BakeTarget;
  readonly edit: TargetEdit | undefined;
  readonly isCopy: boolean;
  readonly checks: string | undefined;
  /** Its named contexts; ours is not among them. */
  readonly contexts: ReadonlyMap<string, string>;
  /** Labels of ours. */
  readonly labels: Readonly<Record<string, string>>;
}

function rolesIn({ definition, edits, labels, copies, ownChecks }: BakeEdit): Role[] {
  const role = (target: BakeTarget, name: string, edit: TargetEdit | undefined): Role => ({
    name,
    target,
    edit,
    isCopy: name !== target.name,
    labels: labels.get(name) ?? {},
    checks: edit?.checks ?? target.args.get(CHECKS_ARGUMENT) ?? ownChecks.get(name),
    contexts: new Map(
      [...target.contexts].map(([key, value]) => {
        const copy = value.startsWith('target:') ? copies.get(value.slice('target:'.length)) : undefined;
        return [key, copy === undefined ? value : `target:${copy}`];
      }),
    ),
  });
  return [...definition.values()].flatMap((target) => {
    const copy = copies.get(target.name);
    const own = role(target, target.name, edits.get(target.name));
    return copy === undefined ? [own] : [own, role(target, copy, undefined)];
  });
}

/**
 * The values for `--set`. They are applied last of all, and to the targets a target inherits from as well: so every
 * target gets each of them, those that stay as they are with the value they have.
 */
export function overrideValues(changes: BakeEdit): string[] {
  const prefix = changes.remote ? 'cwd://' : '';
  return rolesIn(changes).flatMap(({ name, target, edit, isCopy, checks, contexts, labels }) => {
    const set = (key: string, value: string) => `${name}.${key}=${value}`;
    const ours = `contexts.${changes.payloadContext}`;
    return [
      set('dockerfile', edit?.dockerfile ?? target.dockerfile),
      // In a remote definition a path without the prefix is one in the repository. An empty value takes a context away.
      set(ours, edit === undefined ? '' : `${prefix}${edit.payload}`),
      ...(edit?.context === undefined ? [] : [set('context', `${prefix}${edit.context}`)]),
      ...(checks === undefined ? [] : [set(`args.${CHECKS_ARGUMENT}`, checks)]),
      ...[...contexts].flatMap(([key, value]) =>
        target.contexts.get(key) === value ? [] : [set(`contexts.${key}`, value)],
      ),
      ...Object.entries(labels).map(([label, value]) => set(`labels.${label}`, value)),
      // The target itself writes it.
      ...(isCopy ? [set('cache-to', '')] : []),
    ];
  });
}

/**
 * Copies of targets take one more definition file, and so does a Dockerfile in the definition: it wins over any file, and
 * no `--set` takes it away. Undefined where none is needed.
 */
export function overrideFile(changes: BakeEdit): string | undefined {
  const roles = rolesIn(changes);
  const inline = roles.some(({ target, edit }) => target.inline !== undefined && edit !== undefined);
  const entries = roles.flatMap(({ name, target, edit, isCopy }): [string, unknown][] => {
    const text = edit === undefined ? escapeTemplates(target.inline ?? '') : '';
    const dockerfile = inline && target.inline !== undefined ? { 'dockerfile-inline': text } : {};
    const base = isCopy ? { inherits: [target.name] } : {};
    const entry = { ...base, ...dockerfile };
    return Object.keys(entry).length === 0 ? [] : [[name, entry]];
  });
  return entries.length === 0 ? undefined : JSON.stringify({ target: Object.fromEntries(entries) });
}

/** Keys of a target that decide what is built from what. Others may hold the time, and differ from one reading to the next. */
const COMPARED: readonly string[] = [
  'context',
  'contexts',
  'dockerfile',
  'dockerfile-inline',
  'target',
  'platforms',
  'output',
  'call',
];

/** A key of a target that is not as it should be. */
export interface Difference {
  readonly target: string;
  readonly key: string;
}

/**
 * How the definition with our changes differs from what it should be. Inheritance is gone from what buildx prints, so only
 * this tells whether a change has reached a target it was not meant for.
 */
export function findDifferences(changes: BakeEdit, after: BakeDefinition): Difference[] {
  const roles = rolesIn(changes);
  const names = new Set(roles.map(({ name }) => name));
  const labels = new Set([...changes.labels.values()].flatMap((table) => Object.keys(table)));
  const added = [...after.keys()].filter((name) => !names.has(name));
  const changed = roles.flatMap((role) => {
    const seen = after.get(role.name);
    if (seen === undefined) return [{ target: role.name, key: 'name' }];
    const [wanted, found] = [expected(role, changes), plain(seen.printed)];
    const compared = role.isCopy ? COMPARED.filter((key) => key !== 'output') : COMPARED;
    const keys = compared.filter((key) => !isDeepStrictEqual(wanted[key], found[key]));
    if (role.isCopy && !seen.outputs.every((output) => field(output, ['type'])[0] === 'cacheonly')) {
      keys.push('output');
    }
    if (seen.args.get(CHECKS_ARGUMENT) !== role.checks) keys.push(CHECKS_ARGUMENT);
    const hasOther = (label: string) =>
      seen.labels.get(label) !== (role.labels[label] ?? role.target.labels.get(label));
    if ([...labels].some(hasOther)) keys.push('labels');
    return keys.map((key) => ({ target: role.name, key }));
  });
  return [...changed, ...added.map((target) => ({ target, key: 'name' }))];
}

function expected(role: Role, { payloadContext, remote }: BakeEdit): Record<string, unknown> {
  const { target, edit, contexts } = role;
  const own = Object.fromEntries(contexts);
  if (edit === undefined) {
    const printed = plain(target.printed);
    return contexts.size === 0 ? printed : { ...printed, contexts: own };
  }
  return {
    ...plain(target.printed),
    dockerfile: edit.dockerfile,
    'dockerfile-inline': undefined,
    contexts: { ...own, [payloadContext]: `${remote ? 'cwd://' : ''}${edit.payload}` },
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
