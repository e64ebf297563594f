import { ChalkError } from '../base/errors.ts';
import { syntaxError } from './lines.ts';
import { scanWord, WordError } from './words.ts';

/** The variables a word can see. */
export type Scope = ReadonlyMap<string, string>;

/**
 * A word with its quotes removed and its variables replaced; the forms are listed in `words.ts`. `escape` is the file's
 * escape character, `line` is named in the error. Throws `DOCKERFILE_SYNTAX` for a word BuildKit would refuse.
 */
export function expandWord(word: string, scope: Scope, escape: string, line: number): string {
  try {
    return scanWord(word, { escape, get: (name) => scope.get(name) }).text;
  } catch (thrown) {
    if (thrown instanceof WordError || thrown instanceof ChalkError) throw syntaxError(line, thrown.message);
    throw thrown;
  }
}
