import { ChalkError, asChalkError } from '../base/errors.ts';
import {
  type MarkMap,
  type MarkValue,
  MAX_DEPTH,
  MarkFloat,
  integerOf,
  isInt64,
  isMarkMap,
} from './value.ts';

/** A mark or report larger than this (16 MiB) is not read: `MARK_TOO_LARGE`. */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** No more values than this in one text: `MARK_TOO_LARGE`. Bounds the memory a text of brackets takes. */
const MAX_VALUES = 1_000_000;

export interface ReadValue {
  readonly value: MarkValue;
  /** Offset of the first byte after the value. */
  readonly end: number;
}

/**
 * Reads one JSON value that starts at or after `start`, and nothing behind it. Chalk's peculiarities (Chalk `chalkjson.nim`):
 * the last of two equal keys wins, strings may hold raw control characters but no NUL, `1` is an integer of 64 bits while
 * `1.0` and `1e3` are floats. Unlike Chalk, a lone surrogate is an error and an escaped pair is one character.
 *
 * Throws `MARK_SYNTAX` with the byte offset (from `start`), also beyond `MAX_DEPTH` levels, and `MARK_TOO_LARGE`.
 * `what` names the text in messages.
 */
export function readValue(bytes: Uint8Array, start = 0, what = 'mark'): ReadValue {
  const attempt = tryRead(bytes, start, what);
  if ('error' in attempt) throw attempt.error;
  return attempt;
}

/** `readValue` as a value: on failure the error, and the `end` up to which it read. */
export function tryRead(
  bytes: Uint8Array,
  start: number,
  what = 'mark',
): ReadValue | { readonly error: ChalkError; readonly end: number } {
  const reader = new Reader(bytes, start, what);
  try {
    const value = reader.value(0);
    return { value, end: reader.position };
  } catch (error) {
    return { error: asChalkError(error), end: reader.reached };
  }
}

/** Reads a text that is one JSON value and white space around it. Throws like `readValue`. */
export function readWhole(input: Uint8Array | string, what = 'mark'): MarkValue {
  const reader = new Reader(typeof input === 'string' ? Buffer.from(input, 'utf8') : input, 0, what);
  const value = reader.value(0);
  reader.finish();
  return value;
}

/** Reads a text that is one JSON object, such as `/chalk.json`; whether it is a mark says `validateMark`. */
export function readMark(input: Uint8Array | string, what = 'mark'): MarkMap {
  const value = readWhole(input, what);
  if (!isMarkMap(value)) throw new ChalkError('MARK_SYNTAX', `${what}: not a JSON object`);
  return value;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const NUMBER_BYTES = new Set(Buffer.from('+-.0123456789eE', 'ascii'));
/** Longer numbers are no numbers of ours; the bound keeps hostile digits from costing more than linear time. */
const MAX_NUMBER_LENGTH = 400;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Reader {
  position: number;
  /** Where a failure was noticed, which can lie far behind `position`. */
  reached = 0;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #limit: number;
  readonly #what: string;
  #values = 0;

  constructor(bytes: Uint8Array, start: number, what: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#start = start;
    this.#limit = Math.min(bytes.length, start + MAX_TEXT_BYTES);
    this.#what = what;
    this.position = start;
  }

  value(depth: number): MarkValue {
    this.#skipSpace();
    if (++this.#values > MAX_VALUES) {
      throw new ChalkError('MARK_TOO_LARGE', `${this.#what}: more than ${MAX_VALUES} values`);
    }
    switch (String.fromCharCode(this.#bytes[this.position] ?? 0)) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#list(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  finish(): void {
    this.#skipSpace();
    if (this.position < this.#bytes.length) this.#fail('text after the value');
  }

  #object(depth: number): MarkMap {
    this.#enter(depth);
    const members = new Map<string, MarkValue>();
    if (this.#skipIf('}')) return members;
    do {
      this.#skipSpace();
      if (this.#bytes[this.position] !== QUOTE || this.position >= this.#limit) this.#fail('expected a key');
      const key = this.#string();
      if (!this.#skipIf(':')) this.#fail('expected ":"');
      members.set(key, this.value(depth + 1));
    } while (this.#skipIf(','));
    if (!this.#skipIf('}')) this.#fail('expected "," or "}"');
    return members;
  }

  #list(depth: number): MarkValue[] {
    this.#enter(depth);
    const items: MarkValue[] = [];
    if (this.#skipIf(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.#skipIf(','));
    if (!this.#skipIf(']')) this.#fail('expected "," or "]"');
    return items;
  }

  #string(): string {
    const opening = this.position;
    const parts: string[] = [];
    let from = opening + 1;
    for (let at = from; at < this.#limit; at++) {
      const byte = this.#bytes[at];
      if (byte === QUOTE) {
        parts.push(this.#decode(from, at));
        this.position = at + 1;
        const text = parts.join('');
        if (!text.isWellFormed()) this.#fail('half a surrogate pair in a string', opening);
        return text;
      }
      if (byte === 0) this.#fail('NUL in a string', at);
      if (byte === BACKSLASH) {
        parts.push(this.#decode(from, at), this.#escape(at));
        from = this.position;
        at = from - 1;
      }
    }
    this.position = this.#limit;
    return this.#fail('a string without an end', opening);
  }

  /** Reads the escape at `at` and leaves `position` behind it. */
  #escape(at: number): string {
    const letter = at + 1 < this.#limit ? String.fromCharCode(this.#bytes[at + 1] ?? 0) : '';
    this.position = at + 2;
    const plain = ESCAPES[letter];
    if (plain !== undefined) return plain;
    const digits = this.#bytes.toString('latin1', at + 2, Math.min(at + 6, this.#limit));
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('an unknown escape', at);
    this.position = at + 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #decode(from: number, to: number): string {
    if (from === to) return '';
    try {
      return DECODER.decode(this.#bytes.subarray(from, to));
    } catch {
      return this.#fail('a string that is not UTF-8', from);
    }
  }

  #number(): number | bigint | MarkFloat {
    const start = this.position;
    let end = start;
    while (end < this.#limit && end - start <= MAX_NUMBER_LENGTH && NUMBER_BYTES.has(this.#bytes[end] ?? 0))
      end++;
    const text = this.#bytes.toString('latin1', start, end);
    NUMBER.lastIndex = 0;
    const match = NUMBER.exec(text);
    if (match === null || match[0].length !== text.length) return this.#fail('expected a value', start);
    this.position = end;
    if (match[1] !== undefined || match[2] !== undefined) return this.#float(text, start);
    const value = BigInt(text);
    if (!isInt64(value)) this.#fail('an integer of more than 64 bits', start);
    return integerOf(value);
  }

  #float(text: string, start: number): MarkFloat {
    if (!Number.isFinite(Number(text))) this.#fail('a float out of range', start);
    return new MarkFloat(text);
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    const end = this.position + word.length;
    if (end > this.#limit || this.#bytes.toString('latin1', this.position, end) !== word) {
      this.#fail('expected a value');
    }
    this.position = end;
    return value;
  }

  #enter(depth: number): void {
    if (depth >= MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH} levels`);
    this.position++;
  }

  #skipIf(character: string): boolean {
    this.#skipSpace();
    if (this.position >= this.#limit || this.#bytes[this.position] !== character.charCodeAt(0)) return false;
    this.position++;
    return true;
  }

  #skipSpace(): void {
    for (; this.position < this.#limit; this.position++) {
      const byte = this.#bytes[this.position];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
    }
  }

  #fail(problem: string, at = this.position): never {
    this.reached = Math.max(this.position, at);
    if (this.#limit < this.#bytes.length && this.position >= this.#limit) {
      throw new ChalkError('MARK_TOO_LARGE', `${this.#what}: more than ${MAX_TEXT_BYTES} bytes`);
    }
    const where = at >= this.#bytes.length ? 'at the end' : `at byte ${at - this.#start}`;
    throw new ChalkError('MARK_SYNTAX', `${this.#what}: ${problem} ${where}`);
  }
}
