import { codePoints, decodeText, isSpace, trimSpace } from './text.ts';

/** A logical line taken apart: the first word as written, the `--flags` directly after it, and the rest. */
export interface SplitCommand {
  readonly keyword: string;
  readonly flags: readonly string[];
  /** Without white space at either end. */
  readonly args: string;
}

/** BuildKit's `splitCommand`, on a binary string. */
export function splitCommand(binary: string, escape: string): SplitCommand {
  const trimmed = trimSpace(binary);
  const blank = /[\t\v\f\r ]+/.exec(trimmed);
  if (blank === null) return { keyword: decodeText(trimmed), flags: [], args: '' };
  const { flags, rest } = splitFlags(trimmed.slice(blank.index + blank[0].length), escape);
  return { keyword: decodeText(trimmed.slice(0, blank.index)), flags, args: decodeText(trimSpace(rest)) };
}

/**
 * BuildKit's `extractBuilderFlags`: words that begin with `--`, quotes and escapes removed, up to the first other word;
 * a lone `--` ends them. It works on bytes as if they were characters, so a flag that is not ASCII comes out garbled
 * there, and here.
 */
function splitFlags(text: string, escape: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let position = 0;
  for (;;) {
    while (isSpace(text[position] ?? '')) position += 1;
    if (position >= text.length) return { flags, rest: '' };
    if (!text.startsWith('--', position)) return { flags, rest: text.slice(position) };
    const word = readFlag(text, position, escape);
    position = word.end;
    if (word.value === '--') return { flags, rest: text.slice(position) };
    flags.push(word.value);
  }
}

function readFlag(text: string, start: number, escape: string): { value: string; end: number } {
  let value = '';
  let quote = '';
  let position = start;
  for (; position < text.length; position += 1) {
    const character = text[position] ?? '';
    if (quote === '' && isSpace(character)) break;
    if (character === quote) quote = '';
    else if (quote === '' && (character === "'" || character === '"')) quote = character;
    else if (character !== escape) value += character;
    else if (position + 1 === text.length) quote = '';
    else {
      position += 1;
      value += text[position] ?? '';
    }
  }
  return { value, end: position };
}

/** BuildKit's `parseWords`: words at white space, with their quotes and escapes. Used by ARG, ENV and LABEL. */
export function splitWords(text: string, escape: string): string[] {
  const words: string[] = [];
  const characters = codePoints(text);
  let word = '';
  let quote = '';
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (quote === '' && isSpace(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    // An escape at the very end is dropped, and closes a quote.
    if (character === escape && quote !== "'") {
      const next = characters[index + 1];
      if (next === undefined) break;
      index += 1;
      word += character + next;
      continue;
    }
    if (quote === '' && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = '';
    word += character;
  }
  if (word !== '') words.push(word);
  return words;
}

/** Go's `regexp.Split` at `[\t\v\f\r ]+`. */
export function splitBlanks(text: string): string[] {
  return text.split(/[\t\v\f\r ]+/);
}

/** What the text after a keyword is in JSON form: a list of strings, or an array of something else, or not JSON. */
export type JsonForm =
  | { readonly kind: 'strings'; readonly values: readonly string[] }
  | { readonly kind: 'mixed' }
  | { readonly kind: 'none' };

/** BuildKit's `parseJSON`: it must begin with `[` and be valid to the last character. */
export function readJsonForm(args: string): JsonForm {
  if (!args.startsWith('[')) return { kind: 'none' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(args);
  } catch {
    return { kind: 'none' };
  }
  if (!Array.isArray(parsed)) return { kind: 'none' };
  const values = parsed.filter((value) => typeof value === 'string');
  if (values.length < parsed.length) return { kind: 'mixed' };
  return { kind: 'strings', values: values.map((value) => value.toWellFormed()) };
}
