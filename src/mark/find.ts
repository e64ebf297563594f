import { tryRead } from './text.ts';
import { type MarkMap, isMarkMap, memberOf } from './value.ts';
import { MAGIC } from './write.ts';

/** A mark in other bytes; `start` and `end` (exclusive) are offsets of its JSON. */
export interface FoundMark {
  /** A mark of nothing but its MAGIC is a placeholder, and its file unmarked. */
  readonly kind: 'mark' | 'placeholder';
  readonly values: MarkMap;
  readonly start: number;
  readonly end: number;
}

/** The first mark there is, and what looked like one but was none: sentences for a person, at most `MAX_PROBLEMS`. */
export interface MarkSearch {
  readonly found: FoundMark | undefined;
  readonly problems: readonly string[];
}

const MAX_PROBLEMS = 20;
/** After this many broken marks the search ends; no file has them by accident. */
const MAX_ATTEMPTS = 10_000;
const MAGIC_BYTES = Buffer.from(MAGIC, 'ascii');
const QUOTED_KEY = Buffer.from('"MAGIC"', 'ascii');
const SPACE = 0x20;

/**
 * Searches for the first mark at or after `from` as Chalk does (Chalk `chalkjson.nim`): the magic characters, from there back to
 * the opening brace over spaces only, then forward through one JSON object. Never throws. Takes linear time: all failed
 * attempts together may read no more than four times the input.
 */
export function findMark(bytes: Uint8Array, from = 0): MarkSearch {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const problems: string[] = [];
  let budget = buffer.length * 4;
  let attempts = 0;
  const note = (problem: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };
  for (let hit = buffer.indexOf(MAGIC_BYTES, from); hit >= 0; hit = buffer.indexOf(MAGIC_BYTES, hit + 1)) {
    const start = openingBrace(buffer, hit, from);
    if (start === undefined) {
      note(`byte ${hit}: magic characters outside a mark`);
      continue;
    }
    const attempt = readMarkAt(buffer, start);
    if ('found' in attempt) return { found: attempt.found, problems };
    note(`byte ${start}: ${attempt.problem}`);
    budget -= attempt.bytesRead;
    if (budget < 0 || ++attempts >= MAX_ATTEMPTS) {
      note(`byte ${start}: too many broken marks, searched no further`);
      break;
    }
  }
  return { found: undefined, problems };
}

type Attempt = { readonly found: FoundMark } | { readonly problem: string; readonly bytesRead: number };

/** Reads the mark whose brace (or white space before it) is at `start`; `problem` says why there is none. Never throws. */
export function readMarkAt(bytes: Uint8Array, start: number): Attempt {
  const read = tryRead(bytes, start);
  const bytesRead = read.end - start;
  if ('error' in read) return { problem: read.error.message, bytesRead };
  const { value, end } = read;
  if (!isMarkMap(value) || memberOf(value, 'MAGIC') !== MAGIC)
    return { problem: 'mark: another MAGIC', bytesRead };
  return { found: { kind: value.size > 1 ? 'mark' : 'placeholder', values: value, start, end } };
}

/** Walks back from the magic characters over `"`, `:`, `"MAGIC"` and `{` with spaces between; undefined when it cannot. */
function openingBrace(buffer: Buffer, hit: number, from: number): number | undefined {
  let at = hit - 1;
  const skipSpaces = (): void => {
    while (at >= from && buffer[at] === SPACE) at--;
  };
  const skip = (character: string): boolean => at >= from && buffer[at--] === character.charCodeAt(0);
  if (!skip('"')) return undefined;
  skipSpaces();
  if (!skip(':')) return undefined;
  skipSpaces();
  at -= QUOTED_KEY.length;
  if (at + 1 < from || !buffer.subarray(at + 1, at + 1 + QUOTED_KEY.length).equals(QUOTED_KEY))
    return undefined;
  skipSpaces();
  return skip('{') ? at + 1 : undefined;
}
