import { syntaxError } from './lines.ts';
import { decodeText } from './text.ts';

export type DirectiveName = 'syntax' | 'escape' | 'check';

export interface Directive {
  readonly name: DirectiveName;
  readonly value: string;
  /** 1-based. */
  readonly line: number;
}

/** Which frontend reads the file, and how the file says so. */
export interface SyntaxDirective {
  /** The image, the value up to its first space. */
  readonly reference: string;
  /** The whole value. */
  readonly value: string;
  readonly line: number;
  readonly form: 'hash' | 'slashes' | 'json';
}

const BOM = '\u00ef\u00bb\u00bf';

/** How many bytes of byte-order mark the file begins with. */
export function byteOrderMark(source: string): number {
  return source.startsWith(BOM) ? BOM.length : 0;
}

/**
 * Reads the directives at the top of a file line by line, as BuildKit's `DirectiveParser`: the first line that is not
 * `<comment> name = value` with a known name ends them for good. Throws `DOCKERFILE_SYNTAX` for a second one of a name.
 */
export class DirectiveReader {
  readonly #comment: string;
  readonly #seen = new Set<string>();
  #done = false;

  constructor(comment = '#') {
    this.#comment = comment;
  }

  get done(): boolean {
    return this.#done;
  }

  read(line: string, number: number): Directive | undefined {
    if (this.#done) return undefined;
    const found = matchDirective(line, this.#comment);
    if (found === undefined) {
      this.#done = true;
      return undefined;
    }
    if (this.#seen.has(found.name)) {
      throw syntaxError(number, `only one ${found.name} directive can be used`);
    }
    this.#seen.add(found.name);
    return { name: found.name, value: decodeText(found.value), line: number };
  }
}

/** BuildKit's `^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$` without its quadratic time. */
function matchDirective(line: string, comment: string): { name: DirectiveName; value: string } | undefined {
  if (!line.startsWith(comment)) return undefined;
  const head = /^[\t\n\f\r ]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=/.exec(line.slice(comment.length));
  const name = head?.[1]?.toLowerCase();
  if (head === null || (name !== 'syntax' && name !== 'escape' && name !== 'check')) return undefined;
  const rest = line.slice(comment.length + head[0].length);
  if (rest === '') return undefined;
  let start = 0;
  let end = rest.length;
  while (end > 0 && isDirectiveSpace(rest[end - 1])) end -= 1;
  // Nothing but blanks: the last of them is the value, because the value needs one character.
  if (end === 0) return { name, value: rest.slice(-1) };
  while (isDirectiveSpace(rest[start])) start += 1;
  return { name, value: rest.slice(start, end) };
}

function isDirectiveSpace(character: string | undefined): boolean {
  return character !== undefined && '\t\n\f\r '.includes(character);
}

/**
 * The directive as the frontend finds it before any parsing: after an optional byte-order mark and an optional `#!`
 * line, with no blank before the `#`. (The parser itself does allow blanks, and does not skip `#!`; see `lexer.ts`.)
 */
export function findDirective(source: string, name: DirectiveName, comment = '#'): Directive | undefined {
  let offset = byteOrderMark(source);
  let number = 0;
  const reader = new DirectiveReader(comment);
  while (offset < source.length && !reader.done) {
    const newline = source.indexOf('\n', offset);
    const line = source.slice(offset, newline < 0 ? source.length : newline);
    offset = newline < 0 ? source.length : newline + 1;
    number += 1;
    if (number === 1 && line.startsWith('#!')) continue;
    let found: Directive | undefined;
    try {
      found = reader.read(line.endsWith('\r') ? line.slice(0, -1) : line, number);
    } catch {
      return undefined;
    }
    if (found?.name === name) return found;
  }
  return undefined;
}

/** Which frontend the file asks for: `# syntax=`, else `// syntax=`, else a JSON object with a `syntax` key. */
export function detectSyntax(source: string): SyntaxDirective | undefined {
  for (const [comment, form] of [
    ['#', 'hash'],
    ['//', 'slashes'],
  ] as const) {
    const found = findDirective(source, 'syntax', comment);
    if (found !== undefined) return { ...syntaxValue(found.value), line: found.line, form };
  }
  const start = byteOrderMark(source);
  const shebang = source.startsWith('#!', start);
  const body = shebang ? source.slice(afterFirstLine(source, start)) : source.slice(start);
  if (!/^[\t\n\r ]*\{/.test(body)) return undefined;
  const value = jsonSyntax(body);
  return value === undefined ? undefined : { ...syntaxValue(value), line: shebang ? 2 : 1, form: 'json' };
}

function afterFirstLine(source: string, start: number): number {
  const newline = source.indexOf('\n', start);
  return newline < 0 ? source.length : newline + 1;
}

function syntaxValue(value: string): { reference: string; value: string } {
  return { reference: value.split(' ', 1)[0] ?? '', value };
}

function jsonSyntax(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(decodeText(body));
    if (typeof parsed !== 'object' || parsed === null || !('syntax' in parsed)) return undefined;
    return typeof parsed.syntax === 'string' ? parsed.syntax : undefined;
  } catch {
    return undefined;
  }
}
