import { ChalkError } from '../base/errors.ts';

/**
 * A value in a mark or a report. It keeps what the canonical encoding distinguishes and JavaScript alone does not:
 *
 * - integer: a `number` that is a safe integer, or a `bigint` within 64 bits signed;
 * - float: a `MarkFloat`, or a `number` with a fraction; `float(1)` writes a whole float;
 * - object: a record, or a map where the order of keys like `"1"` or a key like `"__proto__"` matters.
 *
 * What is read from text is always in normal form (`normalize`): maps, `MarkFloat`, `bigint` only for integers that no
 * `number` holds.
 */
export type MarkValue =
  string | number | bigint | boolean | null | MarkFloat | readonly MarkValue[] | MarkRecord | MarkMap;

export interface MarkRecord {
  readonly [key: string]: MarkValue;
}

export type MarkMap = ReadonlyMap<string, MarkValue>;

export type MarkObject = MarkRecord | MarkMap;

/** A float with its JSON text as it was read: `1.0` and `1e3` stay what they are. */
export class MarkFloat {
  readonly text: string;

  /** `text` is a JSON number with a fraction or an exponent; `readValue` and `float` see to that. */
  constructor(text: string) {
    this.text = text;
  }

  get value(): number {
    return Number(this.text);
  }
}

/** The float of this value, also of a whole one: `float(1)` is `1.0`. Throws `MARK_INVALID` for NaN and infinities. */
export function float(value: number): MarkFloat {
  if (!Number.isFinite(value)) throw new ChalkError('MARK_INVALID', `${value} has no form in a mark`);
  const text = Object.is(value, -0) ? '-0' : String(value);
  return new MarkFloat(/[.e]/.test(text) ? text : `${text}.0`);
}

/** A value together with its kind, so that the writer and the encoder decide by one `switch`. */
export type Classified =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'integer'; readonly value: bigint | number }
  | { readonly kind: 'float'; readonly value: MarkFloat }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'list'; readonly items: readonly MarkValue[] }
  | { readonly kind: 'object'; readonly object: MarkObject };

/** Lists and objects nest no deeper than this in marks and reports, on reading and on writing. */
export const MAX_DEPTH = 64;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The kind of a value. Throws `MARK_INVALID` for what has no form in a mark. */
export function classify(value: MarkValue): Classified {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new ChalkError('MARK_INVALID', 'a string has half a surrogate pair');
    return { kind: 'string', value };
  }
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return { kind: 'integer', value };
    if (!Number.isInteger(value)) return { kind: 'float', value: float(value) };
    throw new ChalkError('MARK_INVALID', `${value} is no exact integer`, { hint: 'use a bigint or float()' });
  }
  if (typeof value === 'bigint') {
    if (!isInt64(value)) throw new ChalkError('MARK_INVALID', `${value} does not fit in 64 bits`);
    return { kind: 'integer', value };
  }
  if (typeof value === 'boolean') return { kind: 'boolean', value };
  if (value === null) return { kind: 'null' };
  if (value instanceof MarkFloat) return { kind: 'float', value };
  if (isList(value)) return { kind: 'list', items: value };
  if (isMarkObject(value)) return { kind: 'object', object: value };
  throw new ChalkError('MARK_INVALID', `a ${typeof value} has no form in a mark`);
}

export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

export function isMarkMap(value: MarkValue | undefined): value is MarkMap {
  return value instanceof Map;
}

export function isMarkObject(value: MarkValue | undefined): value is MarkObject {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof MarkFloat);
}

export function isList(value: MarkValue | undefined): value is readonly MarkValue[] {
  return Array.isArray(value);
}

/** The members of an object in their order. */
export function entriesOf(object: MarkObject): readonly (readonly [string, MarkValue])[] {
  return isMarkMap(object) ? [...object] : Object.entries(object);
}

/** One member of an object; undefined when there is none. */
export function memberOf(object: MarkObject, key: string): MarkValue | undefined {
  if (isMarkMap(object)) return object.get(key);
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** One member of an object where it is a string; undefined when it is absent or something else. */
export function stringOf(object: MarkObject, key: string): string | undefined {
  const value = memberOf(object, key);
  return typeof value === 'string' ? value : undefined;
}

/**
 * The normal form: what reading the written value gives. Throws `MARK_INVALID` like `classify`, and where lists and
 * objects nest deeper than `MAX_DEPTH`.
 */
export function normalize(value: MarkValue, depth = 0): MarkValue {
  const classified = classify(value);
  switch (classified.kind) {
    case 'integer':
      return integerOf(BigInt(classified.value));
    case 'float':
    case 'string':
    case 'boolean':
      return classified.value;
    case 'null':
      return null;
    case 'list':
      checkDepth(depth);
      return classified.items.map((item) => normalize(item, depth + 1));
    case 'object':
      return normalizeObject(classified.object, depth);
  }
}

/** The normal form of an object. */
export function normalizeObject(object: MarkObject, depth = 0): MarkMap {
  checkDepth(depth);
  return new Map(
    entriesOf(object).map(([key, item]) => {
      classify(key);
      return [key, normalize(item, depth + 1)];
    }),
  );
}

/** An integer in normal form: a `number` where that is exact. */
export function integerOf(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Throws `MARK_INVALID` where a list or object at this depth (0: outermost) is nested too deep to be read again. */
export function checkDepth(depth: number): void {
  if (depth >= MAX_DEPTH) throw new ChalkError('MARK_INVALID', `values nest deeper than ${MAX_DEPTH} levels`);
}
