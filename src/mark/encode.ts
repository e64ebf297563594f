import { ChalkError } from '../base/errors.ts';
import { compareBytes } from './order.ts';
import { type MarkObject, type MarkValue, checkDepth, classify, entriesOf } from './value.ts';

/**
 * The bytes METADATA_HASH is taken of. `current`: Chalk 0.4.0 and later. `old`: before; no tag and no recursive sorting,
 * no floats, no null (Chalk `normalize.nim`). A mark says which only by its CHALK_VERSION.
 */
export type Encoding = 'current' | 'old';

/** Keys of a mark its metadata hash does not cover. */
export const UNCOVERED_KEYS: ReadonlySet<string> = new Set([
  'MAGIC',
  'METADATA_HASH',
  'METADATA_ID',
  'SIGNING',
  'SIGNATURE',
  'EMBEDDED_CHALK',
]);

const TAG = { string: 1, integer: 2, boolean: 3, list: 4, object: 5, float: 6, null: 7 } as const;

/** Which encoding a mark with this CHALK_VERSION uses; an absent or unreadable version means the current one. */
export function encodingOfVersion(version: MarkValue | undefined): Encoding {
  const numbers = typeof version === 'string' ? /^v?(\d{1,9})\.(\d{1,9})(?:\D|$)/.exec(version) : null;
  if (numbers === null) return 'current';
  return Number(numbers[1]) === 0 && Number(numbers[2]) < 4 ? 'old' : 'current';
}

/** A mark's canonical encoding, without the uncovered keys. Throws `MARK_INVALID` where a value has none. */
export function encodeMark(values: MarkObject, encoding: Encoding = 'current'): Uint8Array {
  const output = new Output();
  const members = sorted(entriesOf(values).filter(([key]) => !UNCOVERED_KEYS.has(key)));
  if (encoding === 'current') output.byte(TAG.object);
  encodeMembers(output, members, encoding, 0);
  return output.bytes();
}

/** The current canonical encoding of any value. */
export function encodeValue(value: MarkValue): Uint8Array {
  const output = new Output();
  encode(output, value, 'current', 0);
  return output.bytes();
}

function encode(output: Output, value: MarkValue, encoding: Encoding, depth: number): void {
  const classified = classify(value);
  output.byte(TAG[classified.kind]);
  switch (classified.kind) {
    case 'string':
      output.text(classified.value);
      return;
    case 'integer':
      output.int64(BigInt(classified.value));
      return;
    case 'boolean':
      output.byte(classified.value ? 1 : 0);
      return;
    // All floats encode alike: Chalk's own gap, kept so that IDs agree. `validateMark` names the keys concerned.
    case 'float':
    case 'null':
      if (encoding === 'old') {
        throw new ChalkError('MARK_INVALID', `a ${classified.kind} has no encoding before Chalk 0.4.0`);
      }
      return;
    case 'list':
      checkDepth(depth);
      output.count(classified.items.length);
      for (const item of classified.items) encode(output, item, encoding, depth + 1);
      return;
    case 'object': {
      const entries = entriesOf(classified.object);
      encodeMembers(output, encoding === 'old' ? entries : sorted(entries), encoding, depth);
      return;
    }
  }
}

type Members = readonly (readonly [string, MarkValue])[];

function encodeMembers(output: Output, members: Members, encoding: Encoding, depth: number): void {
  checkDepth(depth);
  output.count(members.length);
  for (const [key, value] of members) {
    encode(output, key, encoding, depth);
    encode(output, value, encoding, depth + 1);
  }
}

function sorted(members: Members): Members {
  return [...members].sort(([a], [b]) => compareBytes(a, b));
}

/** A buffer that doubles as it fills. Counts are 32 bits, integers 64, all little-endian. */
class Output {
  #buffer = Buffer.alloc(1024);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
  }

  count(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64LE(value, this.#length);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.count(length);
    this.#reserve(length);
    this.#length += this.#buffer.write(value, this.#length, 'utf8');
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const grown = Buffer.alloc(Math.max(this.#buffer.length * 2, this.#length + count));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
