import type { FlagSpec, FlagTable } from './flag-table.ts';

/** One word or group of words of a command line, as it was typed, and what it sets. */
export type Item =
  | { readonly kind: 'flags'; readonly words: readonly string[]; readonly settings: readonly Setting[] }
  | { readonly kind: 'positional'; readonly words: readonly [string] }
  /** `--`: everything behind it is positional. */
  | { readonly kind: 'terminator'; readonly words: readonly [string] }
  /** Words that could not be told apart: any of them may be a value, and a secret one. */
  | { readonly kind: 'unread'; readonly words: readonly string[] };

/** One flag given once. A switch without `=` has the value `true`. */
export interface Setting {
  readonly flag: FlagSpec;
  readonly value: string;
}

export type ParseResult =
  | { readonly kind: 'parsed'; readonly items: readonly Item[]; readonly rest: readonly string[] }
  /** Without knowing whether it takes a value, the words behind it cannot be told apart: leave the line alone. */
  | { readonly kind: 'unknown-flag'; readonly word: string }
  | { readonly kind: 'missing-value'; readonly word: string }
  | { readonly kind: 'bad-switch'; readonly word: string };

/** What Go's strconv.ParseBool takes. */
const SWITCH_VALUES = new Set('1 t T true TRUE True 0 f F false FALSE False'.split(' '));

/**
 * Splits a command line as spf13/pflag does, and keeps every word, so that `render` gives back exactly what came in.
 *
 * @param interspersed flags may follow positionals (build, bake, push); otherwise parsing stops at the first
 *   positional or behind `--`, and what comes there is `rest`.
 */
export function parseFlags(words: readonly string[], table: FlagTable, interspersed: boolean): ParseResult {
  const items: Item[] = [];
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? '';
    if (word === '--') {
      items.push({ kind: 'terminator', words: [word] });
      if (!interspersed) return { kind: 'parsed', items, rest: words.slice(at + 1) };
      items.push(...words.slice(at + 1).map((rest) => positional(rest)));
      return { kind: 'parsed', items, rest: [] };
    }
    if (!word.startsWith('-') || word === '-') {
      if (!interspersed) return { kind: 'parsed', items, rest: words.slice(at) };
      items.push(positional(word));
      at += 1;
      continue;
    }
    const read = word.startsWith('--')
      ? readLong(word, words[at + 1], table)
      : readCluster(word, words[at + 1], table);
    if (!('settings' in read)) return read;
    const taken = read.tookNext ? 2 : 1;
    items.push({ kind: 'flags', words: words.slice(at, at + taken), settings: read.settings });
    at += taken;
  }
  return { kind: 'parsed', items, rest: [] };
}

/** The words of a parsed line: `render(parseFlags(words).items)` is `words`. */
export function render(items: readonly Item[]): string[] {
  return items.flatMap((item) => [...item.words]);
}

/** A flag of ours to put into a line; written so that no value can be taken for a flag. */
export function flagItem(flag: FlagSpec, value: string): Item {
  return { kind: 'flags', words: [`--${flag.long}=${value}`], settings: [{ flag, value }] };
}

/** Adds flags where they count and are last: at the end, or before a `--`. For single-valued flags the last one wins. */
export function withFlags(items: readonly Item[], added: readonly Item[]): Item[] {
  const end = items.findIndex((item) => item.kind === 'terminator');
  return end === -1 ? [...items, ...added] : [...items.slice(0, end), ...added, ...items.slice(end)];
}

/** The line with its one positional replaced. */
export function withPositional(items: readonly Item[], word: string): Item[] {
  return items.map((item) => (item.kind === 'positional' ? positional(word) : item));
}

export function positionals(items: readonly Item[]): string[] {
  return items.filter((item) => item.kind === 'positional').flatMap((item) => [...item.words]);
}

/** Every value a flag was given, in order. */
export function valuesOf(items: readonly Item[], long: string): string[] {
  return items.flatMap((item) =>
    item.kind === 'flags'
      ? item.settings.filter((setting) => setting.flag.long === long).map((setting) => setting.value)
      : [],
  );
}

/** The value of a single-valued flag (the last one counts), or undefined when it was not given. */
export function lastValueOf(items: readonly Item[], long: string): string | undefined {
  return valuesOf(items, long).at(-1);
}

export function switchIsOn(items: readonly Item[], long: string): boolean {
  const value = lastValueOf(items, long);
  return value !== undefined && /^(1|t)/i.test(value);
}

function positional(word: string): Item {
  return { kind: 'positional', words: [word] };
}

type Read = { readonly settings: readonly Setting[]; readonly tookNext: boolean };
type Refused = Exclude<ParseResult, { kind: 'parsed' }>;

function readLong(word: string, next: string | undefined, table: FlagTable): Read | Refused {
  const equals = word.indexOf('=');
  const name = equals === -1 ? word.slice(2) : word.slice(2, equals);
  const flag = table.find((spec) => spec.long === name);
  if (flag === undefined) return { kind: 'unknown-flag', word };
  if (equals !== -1) return checked(flag, word.slice(equals + 1), word);
  if (flag.takes === 'switch') return one(flag, 'true');
  if (next === undefined) return { kind: 'missing-value', word };
  return { settings: [{ flag, value: next }], tookNext: true };
}

/** `-qt x`, `-qtx`, `-t=x`, `-q=false`: pflag's rules, in its order (parseSingleShortArg). */
function readCluster(word: string, next: string | undefined, table: FlagTable): Read | Refused {
  const settings: Setting[] = [];
  let rest = word.slice(1);
  while (rest !== '') {
    const letter = rest[0];
    const flag = table.find((spec) => spec.short === letter);
    if (flag === undefined) return { kind: 'unknown-flag', word };
    if (rest.length > 2 && rest[1] === '=') {
      const read = checked(flag, rest.slice(2), word);
      return 'settings' in read
        ? { settings: [...settings, ...read.settings], tookNext: read.tookNext }
        : read;
    }
    if (flag.takes === 'switch') {
      settings.push({ flag, value: 'true' });
      rest = rest.slice(1);
      continue;
    }
    if (rest.length > 1) return { settings: [...settings, { flag, value: rest.slice(1) }], tookNext: false };
    if (next === undefined) return { kind: 'missing-value', word };
    return { settings: [...settings, { flag, value: next }], tookNext: true };
  }
  return { settings, tookNext: false };
}

function checked(flag: FlagSpec, value: string, word: string): Read | Refused {
  if (flag.takes === 'switch' && !SWITCH_VALUES.has(value)) return { kind: 'bad-switch', word };
  return one(flag, value);
}

function one(flag: FlagSpec, value: string): Read {
  return { settings: [{ flag, value }], tookNext: false };
}
