import { ChalkError } from '../../base/errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object that will be written again with every member it had, in their order. Throws `RESPONSE_INVALID` for
 * text that is none, and for an integer too large to come through unchanged.
 */
export function readObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text, (_key, each: unknown) => {
      if (typeof each === 'number' && Number.isInteger(each) && !Number.isSafeInteger(each)) {
        throw new RangeError(`${each} is too large`);
      }
      return each;
    });
  } catch (cause) {
    throw new ChalkError('RESPONSE_INVALID', `${what} cannot be read`, { cause });
  }
  if (!isObject(value)) throw new ChalkError('RESPONSE_INVALID', `${what} is no JSON object`);
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The words of a list of strings; undefined where something else stands. */
export function wordsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((word) => typeof word === 'string') ? value : undefined;
}
