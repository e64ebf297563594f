import { createHash } from 'node:crypto';

import { ChalkError } from '../base/errors.ts';
import { type Encoding, encodeMark } from './encode.ts';
import { type MarkObject } from './value.ts';

/** Crockford's order: no I, L, O, U (nimutils `encodings.nim`). */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const ID_PATTERN = /^[0-9A-HJKMNP-TV-Z]{6}(-[0-9A-HJKMNP-TV-Z]{4}){2}-[0-9A-HJKMNP-TV-Z]{6}$/;
const SHA256_PATTERN = /^[0-9a-f]{64}$/;

/** Bytes an image's CHALK_ID is made from. */
export const RANDOM_ID_BYTES = 32;

/** Chalk's base 32: most significant bits first, five bits a character, the last group filled with zeros, no padding. */
export function base32v(bytes: Uint8Array): string {
  let text = '';
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = ((pending << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET.charAt((pending >> (bits - 5)) & 31);
  }
  return bits > 0 ? text + ALPHABET.charAt((pending << (5 - bits)) & 31) : text;
}

/** The ID of these bytes: their first 100 bits as `XXXXXX-XXXX-XXXX-XXXXXX`. Fewer than 13 bytes have none (`INTERNAL`). */
export function idOfBytes(bytes: Uint8Array): string {
  if (bytes.length < 13) throw new ChalkError('INTERNAL', `an ID needs 13 bytes, not ${bytes.length}`);
  const text = base32v(bytes.subarray(0, 13));
  return `${text.slice(0, 6)}-${text.slice(6, 10)}-${text.slice(10, 14)}-${text.slice(14, 20)}`;
}

/**
 * The CHALK_ID of a file: the ID of its hash's *hex text* (Chalk `defaultChalkId`), so about 50 bits of it.
 * Throws `MARK_INVALID` unless `hash` is a lower-case SHA-256.
 */
export function chalkIdOfHash(hash: string): string {
  if (!isSha256(hash))
    throw new ChalkError('MARK_INVALID', `not a SHA-256 in lower-case hex: ${hash.slice(0, 80)}`);
  return idOfBytes(Buffer.from(hash, 'ascii'));
}

/** The CHALK_ID of something without a hash, such as an image before it is built: `random` is 32 random bytes. */
export function randomChalkId(random: Uint8Array): string {
  if (random.length !== RANDOM_ID_BYTES) {
    throw new ChalkError(
      'INTERNAL',
      `a random CHALK_ID needs ${RANDOM_ID_BYTES} bytes, not ${random.length}`,
    );
  }
  return idOfBytes(random);
}

export interface MetadataIdentity {
  /** Lower-case hex SHA-256 of the mark's canonical encoding. */
  readonly hash: string;
  readonly id: string;
}

/** METADATA_HASH and METADATA_ID of a mark (Chalk `normalize.nim`). Throws `MARK_INVALID` where a value has no encoding. */
export function metadataIdentity(values: MarkObject, encoding: Encoding = 'current'): MetadataIdentity {
  const digest = createHash('sha256').update(encodeMark(values, encoding)).digest();
  return { hash: digest.toString('hex'), id: idOfBytes(digest) };
}

/** Whether a text has the layout and the alphabet of an ID. */
export function isId(text: string): boolean {
  return ID_PATTERN.test(text);
}

export function isSha256(text: string): boolean {
  return SHA256_PATTERN.test(text);
}
