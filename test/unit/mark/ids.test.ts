import { createHash } from 'node:crypto';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type MarkValue,
  base32v,
  chalkIdOfHash,
  encodeMark,
  encodeValue,
  encodingOfVersion,
  idOfBytes,
  isId,
  metadataIdentity,
  randomChalkId,
  readMark,
  sealMark,
  stringOf,
  validateMark,
} from '../../../src/mark/index.ts';

/** Vectors computed with an independent implementation, and marks found in public repositories. */
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('IDs', () => {
  test('1: of zeros and of ones', () => {
    expect(idOfBytes(new Uint8Array(32))).toBe('000000-0000-0000-000000');
    expect(randomChalkId(new Uint8Array(32).fill(255))).toBe('ZZZZZZ-ZZZZ-ZZZZ-ZZZZZZ');
  });

  test('2: of the empty hash, as text and as bytes', () => {
    expect(chalkIdOfHash(hex(sha256('')))).toBe('CMSP4C-336G-T34E-9RCSHK');
    expect(idOfBytes(sha256(''))).toBe('WERC8G-MRZG-E196-QVYK49');
  });

  test('refuse input of the wrong size or form', () => {
    expect(() => idOfBytes(new Uint8Array(12))).toThrow(/13 bytes/);
    expect(() => randomChalkId(new Uint8Array(31))).toThrow(/32 bytes/);
    for (const hash of ['', 'x', 'A'.repeat(64), `${'a'.repeat(64)}\n`]) {
      expect(() => chalkIdOfHash(hash)).toThrow(/not a SHA-256/);
    }
  });

  test('have their layout, and base32v keeps every bit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 13, maxLength: 40 }), (bytes) => {
        expect(isId(idOfBytes(bytes))).toBe(true);
        const digits = base32v(bytes)
          .split('')
          .map((c) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(c));
        const bits = digits.map((digit) => digit.toString(2).padStart(5, '0')).join('');
        const expected = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
        expect(bits.startsWith(expected)).toBe(true);
        expect(bits.slice(expected.length)).toMatch(/^0{0,4}$/);
      }),
    );
  });
});

describe('canonical encoding', () => {
  test.each<[string, Record<string, MarkValue>, string, string]>([
    ['4', { K: 'v' }, '050100000001010000004b010100000076', 'V8PXZZ-XACH-D8PY-9RZZJW'],
    ['5', {}, '0500000000', '97ME6A-BN8Q-0NND-N7JHRT'],
    [
      '6',
      { Z: -1, A: { b: 1, a: [true, null, 'é'] }, F: 1.5, E: {} },
      '0504000000010100000041050200000001010000006104030000000301070102000000c3a9010100000062020100000000000000010100000045050000000001010000004606' +
        '01010000005a02ffffffffffffffff',
      'YXHGK2-8XGV-7V9J-E750P9',
    ],
  ])('vector %s', (_, values, bytes, id) => {
    expect(hex(encodeMark(values))).toBe(bytes);
    expect(hex(encodeValue(values))).toBe(bytes);
    expect(metadataIdentity(values)).toEqual({ hash: hex(sha256(Buffer.from(bytes, 'hex'))), id });
  });

  test('sorts keys by their UTF-8 bytes', () => {
    const keys = ['\uffff', '😀', 'é', 'a', 'Z', ''];
    const encoded = hex(encodeValue(Object.fromEntries(keys.map((key) => [key, 0]))));
    const sorted = keys.map((key) => Buffer.from(key)).sort((a, b) => Buffer.compare(a, b));
    const positions = sorted.map((key) => encoded.indexOf(`01${hex(u32(key.length))}${hex(key)}02`));
    expect(positions).not.toContain(-1);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
  });

  test('old: no outermost tag, nested keys as they are, no float and no null', () => {
    const values = {
      B: new Map<string, MarkValue>([
        ['2', 1],
        ['1', true],
      ]),
      A: 'x',
    };
    expect(hex(encodeMark(values, 'old'))).toBe(
      `02000000010100000041010100000078010100000042` +
        `05020000000101000000320201000000000000000101000000310301`,
    );
    expect(() => encodeMark({ A: [1.5] }, 'old')).toThrow(/before Chalk 0.4.0/);
    expect(() => encodeMark({ A: null }, 'old')).toThrow(/before Chalk 0.4.0/);
  });

  test.each<[MarkValue | undefined, string]>([
    ['0.1.1', 'old'],
    ['v0.3.9', 'old'],
    ['0.3', 'old'],
    ['0.4.0', 'current'],
    ['0.4.0-dev', 'current'],
    ['0.10.0', 'current'],
    ['1.1.3', 'current'],
    ['', 'current'],
    ['0.', 'current'],
    [3, 'current'],
    [undefined, 'current'],
  ])('CHALK_VERSION %j is %s', (version, encoding) => {
    expect(encodingOfVersion(version)).toBe(encoding);
  });
});

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

describe('marks in public repositories', () => {
  const python =
    '{ "MAGIC" : "dadfedabbadabbed", "CHALK_ID" : "C4W62R-HS69-J3JC-K4CSJ6", "CHALK_VERSION" : "0.2.2", "TIMESTAMP_WHEN_CHALKED" : 1703173284113, "DATETIME_WHEN_CHALKED" : "2023-12-21T10:41:18.691-05:00", "ARTIFACT_TYPE" : "python", "CHALK_RAND" : "67989bb4f6fe58cf", "CODE_OWNERS" : "* @viega\\n", "HASH" : "a8ab92d92dfdeb4f66d895c5963882d9e905df7c7ecd74463d91a5063d14691b", "INJECTOR_COMMIT_ID" : "65770ba03a8b839b9a4c9907a3eff2924db102bc", "PLATFORM_WHEN_CHALKED" : "GNU/Linux x86_64", "METADATA_ID" : "2Y472M-0BKB-WQ5B-N1B1ME" }';
  const first = readMark(python);
  const second = new Map<string, MarkValue>([
    ...first,
    ['TIMESTAMP_WHEN_CHALKED', 1703173284114],
    ['CHALK_RAND', '4f0cf7ca208c3664'],
    ['HASH', 'b437cae9254de2914bb64049916df90d4120a06994ec50f75d8848e77bb43bf6'],
    ['CHALK_ID', 'C8T36D-V3C5-JKJC-HN6HJ6'],
    ['METADATA_ID', 'S5CVST-7MDA-7HNC-7N5Z99'],
  ]);
  const third = new Map<string, MarkValue>([
    ...first,
    ['ARTIFACT_TYPE', 'bash'],
    ['CHALK_RAND', '68f1e00a41633e29'],
    ['HASH', '70ec54df6f437adf5f96baa1e9b5459cec14af5a41016e3e200cac9d5ba1106b'],
    ['CHALK_ID', '6WR6AR-SN6H-J6CD-K66GSK'],
    ['METADATA_ID', 'ECSG1B-Z42X-AZEM-T93DN8'],
  ]);

  test.each([
    ['first', first, '9YH2MA-0790-TCK7-82EWG0'],
    ['second', second, '008V3K-937E-RKK0-6MXKZN'],
    ['third', third, 'QK1Q1F-ZJW9-3YY5-B5WYSE'],
  ])('%s: old encoding, and the ID it had in the current one', (_, mark, currentId) => {
    expect(chalkIdOfHash(stringOf(mark, 'HASH') ?? '')).toBe(stringOf(mark, 'CHALK_ID'));
    expect(metadataIdentity(mark, 'old').id).toBe(stringOf(mark, 'METADATA_ID'));
    expect(metadataIdentity(mark, 'current').id).toBe(currentId);
    const unchalkedHash = stringOf(mark, 'HASH') ?? '';
    expect(validateMark(mark, { unchalkedHash })).toMatchObject({ kind: 'valid', encoding: 'old' });
  });

  test('their full hashes', () => {
    expect(metadataIdentity(first, 'old').hash).toBe(
      '178871500b9af972aea15868ec224354e2d928a911ccd36c5fe3a93354f12b2b',
    );
    expect(metadataIdentity(first).hash).toBe(
      '4fa22a28074834c99d0277200f4152dcfd11f88d252b53c4eb3dfa0de78cfa12',
    );
    expect(metadataIdentity(second, 'old').hash).toBe(
      'c959bce8f46a8f1ab0f52fd29ca53d49b7fbf974a3d5b611ac0ebd52fc6518ef',
    );
  });

  test('ELF of 0.1.1: only its CHALK_ID is reproducible', () => {
    expect(chalkIdOfHash('16c3c45462fc89d7fcc84c3749cb0900bdd1052f760ebd7cea1ab3956ad7326f')).toBe(
      '64V66C-V36G-TK8D-HJCSHK',
    );
  });
});

test('3: the mark of a script', () => {
  const hash = '299001868fb8c02fd431c336c6d058f5558c5dff5b5af5e6fe04b870a6a9cbba';
  const keys = { HASH: hash, CHALK_VERSION: '1.1.3', CHALK_ID: chalkIdOfHash(hash) };
  const mark = sealMark(keys, { omitMetadataHash: true });
  expect(mark).toMatchObject({
    chalkId: '68WKJC-1G64-W3CE-36C8W6',
    metadataId: 'SBJBVR-XTY0-Z6B8-5JVTAR',
    metadataHash: 'cae4bde3baf03e65a0b2de958ab1d68235b740f2ea8177d95902441248a05923',
    text: `{ "MAGIC" : "dadfedabbadabbed", "CHALK_ID" : "68WKJC-1G64-W3CE-36C8W6", "CHALK_VERSION" : "1.1.3", "HASH" : "${hash}", "METADATA_ID" : "SBJBVR-XTY0-Z6B8-5JVTAR" }`,
  });
});
