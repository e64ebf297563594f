import { scanWord, WordError } from './words.ts';

/** `<<name` as written in a line; its body follows. */
export interface HeredocWord {
  /** The terminator: unquoted. */
  readonly name: string;
  /** No part of the name is quoted, so variables in the body are expanded. */
  readonly expand: boolean;
  /** `<<-`: tabs at the start of the body's lines go away. */
  readonly chomp: boolean;
}

/**
 * The heredocs a logical line announces, in order. BuildKit splits the whole line as a shell would, always with `\` as
 * the escape; a line it cannot split (an apostrophe alone) has none. Throws `WordError` for a name it cannot read.
 */
export function findHeredocs(line: string): HeredocWord[] {
  if (!line.includes('<<')) return [];
  return shellWords(line)
    .map(readHeredocWord)
    .filter((word) => word !== undefined);
}

function shellWords(line: string): readonly string[] {
  try {
    return scan(line, true, true);
  } catch (thrown) {
    if (thrown instanceof WordError) return [];
    throw thrown;
  }
}

function readHeredocWord(word: string): HeredocWord | undefined {
  const match = /^[0-9]*<<(-?)[\t\n\f\r ]*([^<]*)$/.exec(word);
  const rest = match?.[2];
  if (match === null || rest === undefined || rest === '') return undefined;
  const [name, ...others] = scan(rest, false, false);
  if (name === undefined || others.length > 0) return undefined;
  const [quoted, ...more] = scan(rest, true, false);
  if (quoted === undefined || more.length > 0) throw new WordError(`the heredoc name ${rest} cannot be read`);
  return { name, expand: countQuotes(name) === countQuotes(quoted), chomp: match[1] === '-' };
}

function scan(text: string, rawQuotes: boolean, rawEscapes: boolean): readonly string[] {
  return scanWord(text, { escape: '\\', get: () => undefined, keepUnset: true, rawQuotes, rawEscapes }).words;
}

function countQuotes(text: string): number {
  return text.replace(/[^'"]/g, '').length;
}
