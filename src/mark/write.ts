import { ChalkError } from '../base/errors.ts';
import { type MarkObject, type MarkValue, checkDepth, classify, entriesOf } from './value.ts';

/** The 16 characters every mark starts with, and what Chalk searches for. */
export const MAGIC = 'dadfedabbadabbed';

/** What stands in a script where its mark belongs, in the spacing its hash is computed with (Chalk `chalkjson.nim`). */
export const PLACEHOLDER = `{ "MAGIC" : "${MAGIC}" }`;

/** Only these are escaped; `/`, DEL and everything beyond ASCII are written as they are. */
// oxlint-disable-next-line no-control-regex
const ESCAPED = /["\\\u0000-\u001f]/g;

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\u000b',
};

/**
 * Writes a mark on one line in Chalk's spacing, members in the order given. Throws `MARK_INVALID` unless `MAGIC` is the first
 * member, and for values without a form in a mark.
 */
export function writeMark(values: MarkObject): string {
  const [first] = entriesOf(values);
  if (first?.[0] !== 'MAGIC' || first[1] !== MAGIC) {
    throw new ChalkError('MARK_INVALID', 'a mark starts with its MAGIC');
  }
  return writeValue(values);
}

/** Writes any value, a report for one, in the same form: `{ "A" : [1, { }] }`, an empty object with two spaces. */
export function writeValue(value: MarkValue): string {
  const parts: string[] = [];
  write(parts, value, 0);
  return parts.join('');
}

function write(parts: string[], value: MarkValue, depth: number): void {
  const classified = classify(value);
  switch (classified.kind) {
    case 'string':
      parts.push(quote(classified.value));
      return;
    case 'integer':
    case 'boolean':
      parts.push(String(classified.value));
      return;
    case 'float':
      parts.push(classified.value.text);
      return;
    case 'null':
      parts.push('null');
      return;
    case 'list':
      checkDepth(depth);
      parts.push('[');
      classified.items.forEach((item, index) => {
        if (index > 0) parts.push(', ');
        write(parts, item, depth + 1);
      });
      parts.push(']');
      return;
    case 'object':
      checkDepth(depth);
      parts.push('{ ');
      entriesOf(classified.object).forEach(([key, item], index) => {
        if (index > 0) parts.push(', ');
        classify(key);
        parts.push(quote(key), ' : ');
        write(parts, item, depth + 1);
      });
      parts.push(' }');
      return;
  }
}

function quote(text: string): string {
  return `"${text.replace(ESCAPED, escape)}"`;
}

function escape(character: string): string {
  const hex = character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
  return SHORT_ESCAPES[character] ?? `\\u00${hex}`;
}
