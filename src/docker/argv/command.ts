import {
  BAKE_FLAGS,
  BUILD_FLAGS,
  BUILDX_FLAGS,
  CHALK_FLAGS,
  type FlagTable,
  GLOBAL_FLAGS,
  PULL_FLAGS,
  PUSH_FLAGS,
} from './flag-table.ts';
import { type Item, type ParseResult, parseFlags, render } from './parse.ts';

/** A docker command line we know, taken apart. `renderCommand` gives back the words it was made from. */
export interface DockerCommand {
  /** Flags before the command: they choose the engine, so every helper call repeats them. */
  readonly globals: readonly Item[];
  /** The command's own words with the flags between them: `buildx --builder b build`. */
  readonly path: readonly string[];
  readonly kind: 'build' | 'bake' | 'push' | 'pull';
  /** `docker build` builds in the current context's builder whatever `buildx use` chose; `docker buildx build` does not. */
  readonly throughBuildx: boolean;
  /** Flags that stood between `buildx` and `build`. */
  readonly pathItems: readonly Item[];
  readonly items: readonly Item[];
}

export type CommandResult =
  | { readonly kind: 'command'; readonly command: DockerCommand }
  /** Not one of the commands we have a part in. */
  | { readonly kind: 'other' }
  /** One of ours, but its flags cannot be told apart for certain. */
  | { readonly kind: 'unclear'; readonly why: string; readonly command: DockerCommand };

/** A whole argument list as docker hands it to a plugin. */
export interface ChalkCommandLine {
  readonly globals: readonly Item[];
  readonly options: readonly Item[];
  /** The command behind our options, and all that follows it. */
  readonly words: readonly string[];
}

/** Command names that mean a build, each with the words that may stand in front (docker/cli `builder.go`, buildx aliases). */
const COMMANDS: ReadonlyMap<string, Pick<DockerCommand, 'kind' | 'throughBuildx'>> = new Map(
  Object.entries({
    build: { kind: 'build', throughBuildx: false },
    'image build': { kind: 'build', throughBuildx: false },
    'builder build': { kind: 'build', throughBuildx: false },
    'builder b': { kind: 'build', throughBuildx: false },
    'buildx build': { kind: 'build', throughBuildx: true },
    'buildx b': { kind: 'build', throughBuildx: true },
    bake: { kind: 'bake', throughBuildx: false },
    'builder bake': { kind: 'bake', throughBuildx: false },
    'builder f': { kind: 'bake', throughBuildx: false },
    'buildx bake': { kind: 'bake', throughBuildx: true },
    'buildx f': { kind: 'bake', throughBuildx: true },
    push: { kind: 'push', throughBuildx: false },
    'image push': { kind: 'push', throughBuildx: false },
    pull: { kind: 'pull', throughBuildx: false },
    'image pull': { kind: 'pull', throughBuildx: false },
  } as const),
);

const TABLES: Readonly<Record<DockerCommand['kind'], FlagTable>> = {
  build: BUILD_FLAGS,
  bake: BAKE_FLAGS,
  push: PUSH_FLAGS,
  pull: PULL_FLAGS,
};

/**
 * Splits `[global flags] chalk [our options] command…`, the argument list docker runs a plugin with. Docker's global
 * flags are taken behind `chalk` as well. Returns the refusal when a flag is not known.
 */
export function parseChalkLine(
  argv: readonly string[],
): ChalkCommandLine | Exclude<ParseResult, { kind: 'parsed' }> {
  const outer = parseFlags(argv, GLOBAL_FLAGS, false);
  if (outer.kind !== 'parsed') return outer;
  const behind = outer.rest[0] === 'chalk' ? outer.rest.slice(1) : outer.rest;
  const inner = parseFlags(behind, CHALK_FLAGS, false);
  if (inner.kind !== 'parsed') return inner;
  return {
    globals: [...outer.items, ...inner.items].filter(isGlobal),
    options: inner.items.filter((item) => !isGlobal(item)),
    words: inner.rest,
  };
}

/**
 * A line with a flag before `chalk` that is not known here: docker took it, and then started us, so it is one of docker's.
 * The same words without `chalk` and our own options, or undefined where the flag is not such a one.
 */
export function withoutChalk(argv: readonly string[]): readonly string[] | undefined {
  const outer = parseFlags(argv, GLOBAL_FLAGS, false);
  if (outer.kind !== 'unknown-flag') return undefined;
  const at = argv.indexOf('chalk', argv.indexOf(outer.word));
  const inner = parseFlags(argv.slice(at + 1), CHALK_FLAGS, false);
  if (at === -1 || inner.kind !== 'parsed') return undefined;
  return [...argv.slice(0, at), ...render(inner.items.filter(isGlobal)), ...inner.rest];
}

function isGlobal(item: Item): boolean {
  return item.kind === 'flags' && item.settings.every(({ flag }) => GLOBAL_FLAGS.includes(flag));
}

/** Takes the words behind the global flags apart. */
export function parseCommand(globals: readonly Item[], words: readonly string[]): CommandResult {
  const [first = '', ...behind] = words;
  if (COMMANDS.has(first)) return finish(globals, [first], [], first, behind);
  if (first !== 'image' && first !== 'builder' && first !== 'buildx') return { kind: 'other' };
  const between = parseFlags(behind, first === 'image' ? [] : BUILDX_FLAGS, false);
  if (between.kind !== 'parsed') return unclear(globals, [first], behind, refusalText(between));
  const [second = '', ...args] = between.rest;
  if (between.items.some((item) => item.kind === 'terminator')) {
    return unclear(globals, [first], behind, `there is a -- between ${first} and its command`);
  }
  const path = [first, ...render(between.items), second];
  return finish(globals, path, between.items, `${first} ${second}`, args);
}

function finish(
  globals: readonly Item[],
  path: readonly string[],
  pathItems: readonly Item[],
  name: string,
  args: readonly string[],
): CommandResult {
  const known = COMMANDS.get(name);
  if (known === undefined) return { kind: 'other' };
  const parsed = parseFlags(args, TABLES[known.kind], true);
  if (parsed.kind !== 'parsed') return unclear(globals, path, args, refusalText(parsed), known);
  return { kind: 'command', command: { globals, path, pathItems, ...known, items: parsed.items } };
}

/** The words go out as they came; the kind then only says which operation the report names. */
function unclear(
  globals: readonly Item[],
  path: readonly string[],
  args: readonly string[],
  why: string,
  known: Pick<DockerCommand, 'kind' | 'throughBuildx'> = { kind: 'build', throughBuildx: false },
): CommandResult {
  const items: Item[] = args.length === 0 ? [] : [{ kind: 'unread', words: args }];
  return { kind: 'unclear', why, command: { globals, path, pathItems: [], ...known, items } };
}

export function renderCommand(command: DockerCommand): string[] {
  return [...render(command.globals), ...command.path, ...render(command.items)];
}

/** Why a line could not be taken apart, for the report: never with a value, which may be a secret. */
export function refusalText(refusal: Exclude<ParseResult, { kind: 'parsed' }>): string {
  const [name = ''] = refusal.word.split('=', 1);
  // What follows a short flag's letter may be its value.
  const flag = name.startsWith('--') ? name : name.slice(0, 2);
  switch (refusal.kind) {
    case 'unknown-flag':
      return `${flag} is not a flag known here, so the words behind it cannot be told apart`;
    case 'missing-value':
      return `${flag} has no value`;
    case 'bad-switch':
      return `${flag} is neither true nor false`;
  }
}
