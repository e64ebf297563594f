import { ChalkError } from '../base/errors.ts';
import { PatternError, replaceAll, replaceFirst, trimPrefix, trimSuffix } from './patterns.ts';
import { codePoints, isSpace } from './text.ts';

/** How a word is read. The rules are those of BuildKit's `shell.Lex`. */
export interface WordOptions {
  /** The file's escape character. */
  readonly escape: string;
  readonly get: (name: string) => string | undefined;
  /** Quotes stay in the result. */
  readonly rawQuotes?: boolean;
  /** Escape characters stay in the result. */
  readonly rawEscapes?: boolean;
  /** `$name` of an unset variable stays as it is written. */
  readonly keepUnset?: boolean;
}

export interface ScannedWord {
  /** The whole text, expanded and unquoted. */
  readonly text: string;
  /** The same split at unquoted white space. */
  readonly words: readonly string[];
}

/** The word is not well formed; the message is for the user, without the line. */
export class WordError extends Error {}

/** BuildKit has no such limits: deeper nesting, or longer values, are refused here rather than overflow. */
const MAX_DEPTH = 200;
const MAX_LENGTH = 1 << 20;

const LETTER_OR_DIGIT = /^[\p{L}\p{Nd}_]$/u;
const DIGIT = /^\p{Nd}$/u;
const SPECIAL_PARAMETERS = '@*#?-$!0';

/**
 * Removes quotes and escapes and expands variables: `$v`, `${v}`, `${v:-w}`, `${v-w}`, `${v:+w}`, `${v+w}`, `${v:?e}`,
 * `${v?e}`, `${v#p}`, `${v##p}`, `${v%p}`, `${v%%p}`, `${v/p/r}`, `${v//p/r}`. Throws `WordError` where BuildKit fails,
 * and `ChalkError` `DOCKERFILE_SYNTAX` past the limits above.
 */
export function scanWord(word: string, options: WordOptions): ScannedWord {
  return new WordScanner(word, options).scan();
}

class WordScanner {
  readonly #characters: readonly string[];
  readonly #options: WordOptions;
  #position = 0;
  #rawEscapes: boolean;
  #depth = 0;
  /** The word being collected. A nested `${…}` empties it: BuildKit shares the buffer, and heredoc words show it. */
  #word = '';
  #inWord = false;
  readonly #words: string[] = [];

  constructor(word: string, options: WordOptions) {
    const characters = codePoints(word);
    this.#characters = characters[0] === '\ufeff' ? characters.slice(1) : characters;
    this.#options = options;
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  scan(): ScannedWord {
    const text = this.#scanUntil(undefined);
    if (this.#word !== '') this.#words.push(this.#word);
    return { text, words: this.#words };
  }

  #peek(): string | undefined {
    return this.#characters[this.#position];
  }

  #next(): string | undefined {
    const character = this.#characters[this.#position];
    if (character !== undefined) this.#position += 1;
    return character;
  }

  /** Up to `stop`, which is consumed, or up to the end where there is none. Words are collected at the outermost level. */
  #scanUntil(stop: string | undefined): string {
    const outermost = stop === undefined;
    const result = new Result();
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (character === stop) {
        this.#next();
        return result.text;
      }
      if (character === '$') {
        const value = this.#scanDollar();
        result.add(value);
        if (outermost) for (const part of value) this.#collect(part);
      } else if (character === "'" || character === '"' || character === '<') {
        const value = this.#scanSpecial(character);
        result.add(value);
        if (outermost) this.#collectRaw(value);
      } else {
        this.#next();
        if (character === this.#options.escape) {
          if (this.#rawEscapes) {
            result.add(character);
            if (outermost) this.#collectRaw(character);
          }
          const escaped = this.#next();
          if (escaped === undefined) break;
          result.add(escaped);
          if (outermost) this.#collectRaw(escaped);
        } else {
          result.add(character);
          if (outermost) this.#collect(character);
        }
      }
    }
    if (stop !== undefined)
      throw new WordError(`unexpected end of statement while looking for matching ${stop}`);
    return result.text;
  }

  #scanSpecial(character: string): string {
    if (character === '<') return this.#scanLess();
    return character === "'" ? this.#scanSingleQuotes() : this.#scanDoubleQuotes();
  }

  #collect(character: string): void {
    if (!isSpace(character)) this.#collectRaw(character);
    else if (this.#inWord && this.#word !== '') {
      this.#words.push(this.#word);
      this.#word = '';
      this.#inWord = false;
    }
  }

  #collectRaw(text: string): void {
    this.#word += text;
    this.#inWord = true;
  }

  #scanSingleQuotes(): string {
    const quote = this.#options.rawQuotes ? "'" : '';
    this.#next();
    const end = this.#characters.indexOf("'", this.#position);
    if (end < 0) throw new WordError('unexpected end of statement while looking for matching single-quote');
    const text = this.#characters.slice(this.#position, end).join('');
    this.#position = end + 1;
    return quote + text + quote;
  }

  #scanDoubleQuotes(): string {
    const quote = this.#options.rawQuotes ? '"' : '';
    const result = new Result();
    result.add(quote);
    this.#next();
    for (;;) {
      const character = this.#peek();
      if (character === undefined) {
        throw new WordError('unexpected end of statement while looking for matching double-quote');
      }
      if (character === '$') {
        result.add(this.#scanDollar());
        continue;
      }
      this.#next();
      if (character === '"') {
        result.add(quote);
        return result.text;
      }
      if (character !== this.#options.escape) result.add(character);
      else result.add(this.#scanQuotedEscape(character));
    }
  }

  /** Between double quotes only `"`, `$` and the escape character itself can be escaped. */
  #scanQuotedEscape(escape: string): string {
    const kept = this.#rawEscapes ? escape : '';
    const next = this.#peek();
    if (next === undefined) return kept;
    if (next !== '"' && next !== '$' && next !== escape) return kept + escape;
    this.#next();
    return kept + next;
  }

  /** `<<` takes the blanks after it along, so that `<< EOF` is one word. */
  #scanLess(): string {
    this.#next();
    if (this.#peek() !== '<') return '<';
    this.#next();
    let blanks = '';
    for (let next = this.#peek(); next === ' ' || next === '\t' || next === '\r'; next = this.#peek()) {
      blanks += next;
      this.#next();
    }
    return `<<${blanks}`;
  }

  #scanDollar(): string {
    this.#next();
    if (this.#peek() !== '{') {
      const name = this.#scanName();
      if (name === '') return '$';
      return this.#options.get(name) ?? (this.#options.keepUnset ? `$${name}` : '');
    }
    this.#next();
    const first = this.#peek();
    if (first === undefined) throw new WordError("syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':')
      throw new WordError('syntax error: bad substitution');
    const name = this.#scanName();
    const operator = this.#next();
    if (operator === '}') {
      return this.#options.get(name) ?? (this.#options.keepUnset ? `\${${name}}` : '');
    }
    if (operator === '/') return this.#scanReplace(name);
    if (operator === ':') return this.#scanModifier(name, this.#next() ?? '', true);
    if (operator !== undefined && '+-?#%'.includes(operator))
      return this.#scanModifier(name, operator, false);
    if (operator === undefined) throw new WordError("syntax error: missing '}'");
    throw unsupported(operator);
  }

  /** `emptyIsUnset` is the colon of `:-`, `:+` and `:?`. */
  #scanModifier(name: string, operator: string, emptyIsUnset: boolean): string {
    const written = `${emptyIsUnset ? ':' : ''}${operator}`;
    const isTrim = operator === '#' || operator === '%';
    if (isTrim && emptyIsUnset) throw unsupported(written);
    const word = this.#scanNested('}', isTrim);
    const value = this.#options.get(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${written}${word}}`;
    const missing = value === undefined || (emptyIsUnset && value === '');
    switch (operator) {
      case '-':
        return missing ? word : value;
      case '+':
        return missing ? '' : word;
      case '?':
        if (!missing) return value;
        throw new WordError(
          `${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`,
        );
      case '#':
      case '%': {
        const greedy = word.startsWith(operator);
        const trim = operator === '%' ? trimSuffix : trimPrefix;
        return usePattern(() => trim(greedy ? word.slice(1) : word, value ?? '', greedy));
      }
      default:
        throw unsupported(written);
    }
  }

  #scanReplace(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#next();
    const pattern = this.#scanNested('/', true);
    const replacement = this.#scanNested('}', true);
    const value = this.#options.get(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}/${pattern}/${replacement}}`;
    const replace = all ? replaceAll : replaceFirst;
    return usePattern(() => replace(pattern, value ?? '', replacement));
  }

  #scanNested(stop: string, rawEscapes: boolean): string {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH)
      throw new ChalkError('DOCKERFILE_SYNTAX', 'substitutions are nested too deeply');
    this.#word = '';
    const outer = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    try {
      return this.#scanUntil(stop);
    } finally {
      this.#rawEscapes = outer;
      this.#depth -= 1;
    }
  }

  /** A name, a run of digits, or one special parameter; empty where there is none. */
  #scanName(): string {
    const start = this.#position;
    const first = this.#peek();
    if (first === undefined) return '';
    const isDigits = DIGIT.test(first);
    if (!isDigits && SPECIAL_PARAMETERS.includes(first)) {
      this.#next();
      return first;
    }
    const part = isDigits ? DIGIT : LETTER_OR_DIGIT;
    for (let next = this.#peek(); next !== undefined && part.test(next); next = this.#peek()) this.#next();
    return this.#characters.slice(start, this.#position).join('');
  }
}

/** A text that grows up to the limit. */
class Result {
  text = '';

  add(part: string): void {
    this.text += part;
    if (this.text.length > MAX_LENGTH)
      throw new ChalkError('DOCKERFILE_SYNTAX', 'an expanded word is too long');
  }
}

function unsupported(modifier: string): WordError {
  return new WordError(`unsupported modifier (${modifier}) in substitution`);
}

function usePattern(apply: () => string): string {
  try {
    return apply();
  } catch (thrown) {
    if (thrown instanceof PatternError) throw new WordError(thrown.message, { cause: thrown });
    throw thrown;
  }
}
