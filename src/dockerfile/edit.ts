import { ChalkError } from '../base/errors.ts';
import type { Dockerfile, Stage } from './file.ts';
import type { LogicalLine } from './lexer.ts';
import { MAX_LINE_BYTES, syntaxError } from './lines.ts';

/** A change of one place of a file: the bytes `[start, end)` become `bytes`. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/**
 * The file with lines added directly after the last instruction of a stage, heredocs and all. No line given: the very
 * same bytes. Every byte before and after stays, with one exception: an escape character that still waits for a line at
 * the end of the file goes, with the blanks after it, or our lines would continue the user's instruction. Lines get the
 * file's own line ending.
 *
 * Throws `INTERNAL` for a line that is not one line, or longer than BuildKit reads, and `DOCKERFILE_SYNTAX` for a file
 * that ends in a continuation nothing can close (`CMD a\ \`: without its last escape it has another one).
 */
export function insertAtStageEnd(file: Dockerfile, stage: Stage, lines: readonly string[]): Uint8Array {
  if (lines.length === 0) return file.bytes;
  for (const line of lines) checkLine(line, file.escape);
  const { next, danglingEscapes, endLine, text: joined } = stage.lastLine;
  if (danglingEscapes.length > 0 && endsInEscape(joined, file.escape)) {
    throw syntaxError(endLine, 'nothing can be added after this continuation');
  }
  const newline = lineEnding(file.bytes);
  // A last line without a line ending gets one, and ours then ends without one too.
  const isOpen = file.bytes[next - 1] !== LF;
  const text = isOpen ? `${newline}${lines.join(newline)}` : lines.map((line) => line + newline).join('');
  return apply(file.bytes, [
    ...danglingEscapes.map((offset) => removal(file.bytes, offset)),
    { start: next, end: next, bytes: encode(text) },
  ]);
}

/**
 * The file with one instruction replaced by another, which may have fewer lines: empty lines are added below it, so that
 * every later line keeps its number. Throws `INTERNAL` where it has more.
 */
export function replaceInstruction(file: Dockerfile, old: LogicalLine, lines: readonly string[]): Uint8Array {
  const height = old.endLine - old.startLine + 1;
  if (lines.length > height) throw new ChalkError('INTERNAL', `${lines.length} lines replace ${height}`);
  for (const line of lines) checkLine(line, file.escape);
  const padded = [...lines, ...Array.from({ length: height - lines.length }, () => '')];
  const bytes = encode(padded.join(lineEnding(file.bytes)));
  return apply(file.bytes, [{ start: old.span.start, end: old.span.end, bytes }]);
}

/** `KEYWORD ["a","b"]`, which no escape character, quote or variable can change. */
export function execForm(keyword: string, args: readonly string[]): string {
  return `${keyword} ${JSON.stringify(args)}`;
}

const TAB = 0x09;
const SPACE = 0x20;
const LF = 0x0a;
const CR = 0x0d;

/** `\r\n` where the file's first line ends so, else `\n`. */
function lineEnding(bytes: Uint8Array): string {
  const first = bytes.indexOf(LF);
  return first > 0 && bytes[first - 1] === CR ? '\r\n' : '\n';
}

function checkLine(line: string, escape: string): void {
  const length = encode(line).length;
  if (/[\r\n]/.test(line) || length >= MAX_LINE_BYTES) {
    throw new ChalkError('INTERNAL', `an added line of ${length} bytes does not fit a Dockerfile`);
  }
  if (endsInEscape(line, escape)) throw new ChalkError('INTERNAL', 'an added line would not end');
}

/** Takes out an escape character and the blanks after it. */
function removal(bytes: Uint8Array, escape: number): Change {
  let end = escape + 1;
  while (bytes[end] === SPACE || bytes[end] === TAB) end += 1;
  return { start: escape, end, bytes: encode('') };
}

function endsInEscape(text: string, escape: string): boolean {
  return text.trimEnd().endsWith(escape);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Changes in file order. */
function apply(bytes: Uint8Array, changes: readonly Change[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const change of changes) {
    parts.push(bytes.subarray(offset, change.start), change.bytes);
    offset = change.end;
  }
  parts.push(bytes.subarray(offset));
  const result = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    result.set(part, position);
    position += part.length;
  }
  return result;
}
