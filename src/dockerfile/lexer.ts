import { byteOrderMark, DirectiveReader, type Directive } from './directives.ts';
import { findHeredocs, type HeredocWord } from './heredocs.ts';
import { LineReader, syntaxError, type PhysicalLine } from './lines.ts';
import { readJsonForm, splitCommand, type SplitCommand } from './split.ts';
import { decodeText, encodeText, leadingSpace, toBinary } from './text.ts';
import { WordError } from './words.ts';

/** Byte offsets in the original file; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Heredoc extends HeredocWord {
  /** The lines between the instruction and the terminator, with their line endings. */
  readonly body: Span;
  readonly content: string;
}

/** One instruction as it stands in the file. */
export interface LogicalLine {
  /** Upper case. */
  readonly keyword: string;
  /** As written. */
  readonly keywordText: string;
  /** From the keyword's first byte (a lone escape character before it included) to before the last line's ending. */
  readonly span: Span;
  /** Where the line after the instruction starts: the end of the file if the last newline is missing. */
  readonly next: number;
  /** 1-based; `endLine` is the last line BuildKit counts in, heredoc terminators and trailing comments included. */
  readonly startLine: number;
  readonly endLine: number;
  /** The logical line, continuations joined as BuildKit joins them: nothing in between, comments and empty lines left out. */
  readonly text: string;
  /** `--name=value` words after the keyword, quotes removed. */
  readonly flags: readonly string[];
  /** What follows the flags, trimmed. */
  readonly args: string;
  readonly heredocs: readonly Heredoc[];
  /**
   * Offsets of the escape characters that still wait for a line when the file ends. Text added after them would become
   * part of this instruction; the file means the same without them (`edit.ts`).
   */
  readonly danglingEscapes: readonly number[];
}

export interface LexedFile {
  readonly bytes: Uint8Array;
  readonly escape: '\\' | '`';
  /** The directives the parser obeys. What the frontend takes from the file before is in `directives.ts`. */
  readonly directives: readonly Directive[];
  readonly lines: readonly LogicalLine[];
}

/** The bytes of a file, or its text. */
export type Source = Uint8Array | string;

const HEREDOC_KEYWORDS = new Set(['ADD', 'COPY', 'RUN']);

/**
 * Cuts a file into instructions as BuildKit's `parser.Parse` does. Throws `DOCKERFILE_SYNTAX` for an unterminated
 * heredoc, a repeated directive, a wrong escape directive, a line of more than 65,535 bytes, and a file without
 * instructions. What the instructions say is not looked at.
 */
export function lexFile(source: Source): LexedFile {
  const bytes = typeof source === 'string' ? new TextEncoder().encode(source) : source;
  const lexer = new Lexer(bytes);
  const lines = lexer.read();
  return { bytes, escape: lexer.escape, directives: lexer.directives, lines };
}

/** A continuation line by line. */
interface Joining {
  text: string;
  last: PhysicalLine;
  dangling: number[];
}

class Lexer {
  escape: '\\' | '`' = '\\';
  readonly directives: Directive[] = [];
  readonly #source: string;
  readonly #reader: LineReader;
  readonly #directiveReader = new DirectiveReader();

  constructor(bytes: Uint8Array) {
    this.#source = toBinary(bytes);
    this.#reader = new LineReader(this.#source, byteOrderMark(this.#source));
  }

  read(): LogicalLine[] {
    const lines: LogicalLine[] = [];
    for (let line = this.#reader.next(); line !== undefined; line = this.#reader.next()) {
      const start = line.start + leadingSpace(this.#source.slice(line.start, line.end));
      if (this.#takeDirective(line, start)) continue;
      if (start === line.end || this.#source[start] === '#') continue;
      lines.push(this.#readInstruction(line, start));
    }
    if (lines.length === 0)
      throw syntaxError(Math.max(1, this.#reader.number), 'the file has no instructions');
    return lines;
  }

  #takeDirective(line: PhysicalLine, start: number): boolean {
    const directive = this.#directiveReader.read(this.#source.slice(start, line.end), line.number);
    if (directive === undefined) return false;
    if (directive.name === 'escape') {
      if (directive.value !== '\\' && directive.value !== '`') {
        throw syntaxError(
          line.number,
          `the escape character is \\ or \`, not ${JSON.stringify(directive.value)}`,
        );
      }
      this.escape = directive.value;
    }
    this.directives.push(directive);
    return true;
  }

  #readInstruction(first: PhysicalLine, start: number): LogicalLine {
    const joining = this.#join(first, start);
    const split = splitCommand(joining.text, this.escape);
    const text = decodeText(joining.text);
    const { heredocs, last } = this.#readHeredocs(split, text, first, joining.last);
    return {
      keyword: split.keyword.toUpperCase(),
      keywordText: split.keyword,
      span: { start, end: last.end },
      next: last.next,
      startLine: first.number,
      endLine: last.number,
      text,
      flags: split.flags,
      args: split.args,
      heredocs,
      danglingEscapes: joining.dangling,
    };
  }

  /** Joins a line with those that continue it. Only the first loses its leading white space. */
  #join(first: PhysicalLine, start: number): Joining {
    const parts: string[] = [];
    let dangling: number[] = [];
    let last = first;
    let from = start;
    for (;;) {
      const escape = this.#continuation(from, last.end);
      const part = this.#source.slice(from, escape ?? last.end);
      parts.push(part);
      if (escape === undefined) return { text: parts.join(''), last, dangling: [] };
      if (leadingSpace(part) < part.length) dangling = [];
      dangling.push(escape);
      const next = this.#nextContinued((line) => (last = line));
      if (next === undefined) return { text: parts.join(''), last, dangling };
      from = next.start;
    }
  }

  /** The next line that is neither empty nor a comment; every line passed is reported to `passed`. */
  #nextContinued(passed: (line: PhysicalLine) => void): PhysicalLine | undefined {
    for (let line = this.#reader.next(); line !== undefined; line = this.#reader.next()) {
      passed(line);
      const start = line.start + leadingSpace(this.#source.slice(line.start, line.end));
      if (start < line.end && this.#source[start] !== '#') return line;
    }
    return undefined;
  }

  /**
   * Where the escape character stands that continues the line: the last character but blanks, and not itself behind an
   * escape character.
   */
  #continuation(start: number, end: number): number | undefined {
    let last = end - 1;
    while (last > start && (this.#source[last] === ' ' || this.#source[last] === '\t')) last -= 1;
    if (last < start || this.#source[last] !== this.escape) return undefined;
    return last > start && this.#source[last - 1] === this.escape ? undefined : last;
  }

  #readHeredocs(
    split: SplitCommand,
    text: string,
    first: PhysicalLine,
    lastLine: PhysicalLine,
  ): { heredocs: Heredoc[]; last: PhysicalLine } {
    if (!text.includes('<<') || !this.#mayHaveHeredocs(split)) return { heredocs: [], last: lastLine };
    const heredocs: Heredoc[] = [];
    let last = lastLine;
    for (const word of heredocWords(text, first.number)) {
      const start = last.next;
      const end = this.#skipBody(word, first.number);
      heredocs.push({
        ...word,
        body: { start, end: end.start },
        content: decodeText(this.#source.slice(start, end.start)),
      });
      last = end;
    }
    return { heredocs, last };
  }

  #mayHaveHeredocs(split: SplitCommand): boolean {
    const inner = split.keyword.toUpperCase() === 'ONBUILD' ? this.#trigger(split.args) : split;
    return HEREDOC_KEYWORDS.has(inner.keyword.toUpperCase()) && readJsonForm(inner.args).kind === 'none';
  }

  #trigger(args: string): SplitCommand {
    return splitCommand(encodeText(args), this.escape);
  }

  /** Reads up to the terminator and returns its line. */
  #skipBody(word: HeredocWord, instructionLine: number): PhysicalLine {
    const terminator = encodeText(word.name);
    for (let line = this.#reader.next(); line !== undefined; line = this.#reader.next()) {
      let start = line.start;
      if (word.chomp) while (start < line.end && this.#source[start] === '\t') start += 1;
      if (line.end - start === terminator.length && this.#source.startsWith(terminator, start)) return line;
    }
    throw syntaxError(instructionLine, `the heredoc ${JSON.stringify(word.name)} is not terminated`);
  }
}

function heredocWords(text: string, line: number): HeredocWord[] {
  try {
    return findHeredocs(text);
  } catch (thrown) {
    if (thrown instanceof WordError) throw syntaxError(line, thrown.message);
    throw thrown;
  }
}
