import { ChalkError } from '../base/errors.ts';
import { isObject, type JsonObject, readObject } from './patch/json.ts';

/**
 * Reads a JSON object whose meaning does not depend on who reads it: no member has a name twice (readers take the first,
 * the last, or both together), and none of the `known` members is there in another casing, which Go's reader would take
 * for it. Throws `RESPONSE_INVALID`.
 */
export function readExactObject(text: string, what: string, known: readonly string[]): JsonObject {
  const value = readObject(text, what);
  const twice = memberTwice(text);
  if (twice !== undefined) {
    throw new ChalkError('RESPONSE_INVALID', `${what} has ${JSON.stringify(twice.slice(0, 80))} twice`);
  }
  expectCasing(value, what, known);
  return value;
}

/** A member of such an object that is one itself; undefined where there is none. Throws `RESPONSE_INVALID`. */
export function exactMember(
  value: JsonObject,
  name: string,
  what: string,
  known: readonly string[],
): JsonObject | undefined {
  const member = value[name];
  if (member === undefined || member === null) return undefined;
  if (!isObject(member)) throw new ChalkError('RESPONSE_INVALID', `${name} of ${what} is no object`);
  expectCasing(member, `${name} of ${what}`, known);
  return member;
}

function expectCasing(value: JsonObject, what: string, known: readonly string[]): void {
  const folded = new Set(known.map(fold));
  const odd = Object.keys(value).find((name) => folded.has(fold(name)) && !known.includes(name));
  if (odd !== undefined) {
    throw new ChalkError('RESPONSE_INVALID', `${what} writes a member ${JSON.stringify(odd)}`);
  }
}

/** Go's `encoding/json` compares by Unicode's simple folding, in which `ſ` is `s`. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/** The name of a member that one object of a valid JSON text has twice. */
function memberTwice(text: string): string | undefined {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [word] of text.matchAll(token)) {
    switch (word) {
      case '{':
        open.push(new Set());
        break;
      case '[':
        open.push(undefined);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ':': {
        const name = String(JSON.parse(last));
        const names = open.at(-1);
        if (names?.has(name) === true) return name;
        names?.add(name);
        break;
      }
      default:
        last = word;
    }
  }
  return undefined;
}
