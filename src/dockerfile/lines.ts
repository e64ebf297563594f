import { ChalkError } from '../base/errors.ts';

/** BuildKit reads with a buffer of 64 KiB that must hold a line and its newline (`bufio.MaxScanTokenSize`). */
export const MAX_LINE_BYTES = 65_535;

/** A physical line: `[start, end)` without its line ending, `next` is where the following one starts. */
export interface PhysicalLine {
  /** 1-based. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** Hands out the lines of a binary string one by one. Only `\n` ends a line; carriage returns before it belong to it. */
export class LineReader {
  readonly #source: string;
  #offset: number;
  #number = 0;

  constructor(source: string, offset: number) {
    this.#source = source;
    this.#offset = offset;
  }

  /** The 1-based number of the last line handed out. */
  get number(): number {
    return this.#number;
  }

  /** The next line, undefined at the end of the file. Throws `DOCKERFILE_SYNTAX` for a line no BuildKit would read. */
  next(): PhysicalLine | undefined {
    const start = this.#offset;
    if (start >= this.#source.length) return undefined;
    const newline = this.#source.indexOf('\n', start);
    const whole = newline < 0 ? this.#source.length : newline;
    this.#number += 1;
    this.#offset = newline < 0 ? whole : newline + 1;
    if (whole - start > MAX_LINE_BYTES) {
      throw syntaxError(this.#number, `the line is longer than ${MAX_LINE_BYTES} bytes`);
    }
    let end = whole;
    while (end > start && this.#source[end - 1] === '\r') end -= 1;
    return { number: this.#number, start, end, next: this.#offset };
  }
}

/** The error of this folder: a `DOCKERFILE_SYNTAX` that names the line. */
export function syntaxError(line: number, message: string): ChalkError {
  return new ChalkError('DOCKERFILE_SYNTAX', `line ${line}: ${message}`);
}
