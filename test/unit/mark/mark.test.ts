import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ChalkError } from '../../../src/base/errors.ts';
import {
  type FindingCode,
  type MarkMap,
  type MarkValue,
  type Verdict,
  chalkIdOfHash,
  float,
  inReportOrder,
  orderMarkKeys,
  orderReportKeys,
  readMark,
  sealMark,
  validateMark,
  writeValue,
} from '../../../src/mark/index.ts';
import { arbitraryKeys, arbitraryValue } from './support.ts';

const HASH = 'a4e0317eafab5cf1bc4a0041c7c8aeb6ece56fe72e7b2b3017a8a6574614cd35';
const OTHER_HASH = HASH.replaceAll('a', 'b');
const KEYS = { CHALK_ID: chalkIdOfHash(HASH), CHALK_VERSION: '1.1.3', HASH, N: 1, LIST: ['a', true] };

function codes(verdict: Verdict): FindingCode[] {
  return verdict.kind === 'valid' ? [] : verdict.findings.map(({ code }) => code);
}

describe('sealMark', () => {
  test('puts keys in order, MAGIC first and the metadata last', () => {
    const { text, values } = sealMark({
      SIGNATURE: 's',
      ZED: undefined,
      $PRIVATE: 1,
      ABC: 2,
      ERR_INFO: [],
      TIMESTAMP_WHEN_CHALKED: 1,
      DATETIME_WHEN_CHALKED: 'd',
      MAGIC: 'ignored',
      METADATA_ID: 'ignored',
      ...KEYS,
    });
    expect([...values.keys()].join(' ')).toBe(
      'MAGIC CHALK_ID CHALK_VERSION TIMESTAMP_WHEN_CHALKED DATETIME_WHEN_CHALKED $PRIVATE ABC HASH LIST N ERR_INFO METADATA_HASH METADATA_ID SIGNATURE',
    );
    expect(text).toMatch(/^\{ "MAGIC" : "dadfedabbadabbed", /);
    expect(readMark(text)).toEqual(values);
  });

  test.each<[string, Record<string, MarkValue | undefined>]>([
    ['no CHALK_ID', { ...KEYS, CHALK_ID: undefined }],
    ['a CHALK_ID of another layout', { ...KEYS, CHALK_ID: 'EVJ0P3-6ZYG-D47A-Q22TYU' }],
    ['no CHALK_VERSION', { ...KEYS, CHALK_VERSION: '' }],
    ['an old CHALK_VERSION', { ...KEYS, CHALK_VERSION: '0.3.9' }],
    ['a run-time key', { ...KEYS, _OPERATION: 'build' }],
    ['a value without a form', { ...KEYS, N: Number.NaN }],
  ])('refuses %s', (_, keys) => {
    expect(() => sealMark(keys)).toThrow(expect.objectContaining({ code: 'MARK_INVALID' }));
  });

  test('what it seals validates, also read from its text', () => {
    fc.assert(
      fc.property(arbitraryKeys({ withFloats: true }), (keys) => {
        const mark = sealMark(keys);
        expect(validateMark(readMark(mark.text)).kind).toBe('valid');
        expect(readMark(mark.text)).toStrictEqual(mark.values);
        expect(sealMark(Object.fromEntries(mark.values))).toEqual(mark);
      }),
    );
  });

  test('any other byte in a covered value is found', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(arbitraryKeys({ withFloats: false }), change, (keys, { at, byte }) => {
        const { text, values } = sealMark(keys);
        const bytes = Buffer.from(text);
        bytes[at % bytes.length] = byte;
        const changed = tryRead(bytes);
        // Changes to spacing and to the order of keys are no changes of a value.
        fc.pre(changed !== undefined && !sameValues(changed, values));
        expect(validateMark(changed, { unchalkedHash: HASH }).kind).toBe('invalid');
        expect(validateMark(changed).kind).toBe('invalid');
      }),
      { numRuns: 2000 },
    );
  });

  test('every single change of a byte in a real mark is found', () => {
    const { text, values } = sealMark(KEYS);
    const original = Buffer.from(text);
    let judged = 0;
    for (let at = 0; at < original.length; at++) {
      for (const mask of [1, 2, 16, 32]) {
        const bytes = Buffer.from(original);
        bytes[at] = (original[at] ?? 0) ^ mask;
        const changed = tryRead(bytes);
        if (changed === undefined || sameValues(changed, values)) continue;
        judged++;
        expect(validateMark(changed).kind).toBe('invalid');
      }
    }
    expect(judged).toBeGreaterThan(500);
  });
});

function tryRead(bytes: Uint8Array): MarkMap | undefined {
  try {
    return readMark(bytes);
  } catch (error) {
    if (error instanceof ChalkError) return undefined;
    throw error;
  }
}

function sameValues(a: MarkMap, b: MarkMap): boolean {
  return writeValue(a) === writeValue(b);
}

describe('validateMark', () => {
  const sealed = sealMark(KEYS).values;
  const without = (...keys: string[]) => new Map([...sealed].filter(([key]) => !keys.includes(key)));
  const changed = (changes: Record<string, MarkValue>) => new Map([...sealed, ...Object.entries(changes)]);
  const resealed = (keys: Record<string, MarkValue>) => sealMark({ ...KEYS, ...keys }).values;

  test.each<[string, MarkMap, string | undefined, FindingCode[]]>([
    ['sealed', sealed, HASH, []],
    ['sealed, content unknown', sealed, undefined, []],
    ['empty', new Map(), HASH, ['MARK_EMPTY']],
    ['without MAGIC', without('MAGIC'), HASH, ['MAGIC_WRONG']],
    ['with another MAGIC', changed({ MAGIC: 'dadfedabbadabbee' }), HASH, ['MAGIC_WRONG']],
    ['with MAGIC last', new Map([...without('MAGIC'), ['MAGIC', 'dadfedabbadabbed']]), HASH, ['MAGIC_WRONG']],
    [
      'without CHALK_ID',
      without('CHALK_ID'),
      HASH,
      ['CHALK_ID_ABSENT', 'METADATA_ID_MISMATCH', 'METADATA_HASH_MISMATCH'],
    ],
    ['of other content', sealed, OTHER_HASH, ['CHALK_ID_MISMATCH', 'HASH_MISMATCH']],
    ['resealed with another HASH', resealed({ HASH: OTHER_HASH }), HASH, ['HASH_MISMATCH']],
    [
      'resealed, HASH differs beyond CHALK_ID',
      resealed({ HASH: `${HASH.slice(0, 60)}0000` }),
      HASH,
      ['HASH_MISMATCH'],
    ],
    ['resealed with HASH as a number', resealed({ HASH: 1 }), HASH, ['HASH_MISMATCH']],
    ['without METADATA_ID', without('METADATA_ID'), HASH, ['METADATA_ID_ABSENT']],
    ['without METADATA_HASH', without('METADATA_HASH'), HASH, []],
    [
      'with another METADATA_ID',
      changed({ METADATA_ID: '000000-0000-0000-000000' }),
      HASH,
      ['METADATA_ID_MISMATCH'],
    ],
    ['with another METADATA_HASH', changed({ METADATA_HASH: [] }), HASH, ['METADATA_HASH_MISMATCH']],
    ['with another value', changed({ N: 2 }), HASH, ['METADATA_ID_MISMATCH', 'METADATA_HASH_MISMATCH']],
    [
      'called older',
      changed({ CHALK_VERSION: '0.2.0' }),
      HASH,
      ['METADATA_ID_MISMATCH', 'METADATA_HASH_MISMATCH'],
    ],
    ['SIGNING without SIGNATURE', changed({ SIGNING: true }), HASH, ['SIGNATURE_ABSENT']],
    ['SIGNING with SIGNATURE', changed({ SIGNING: true, SIGNATURE: 'x' }), HASH, []],
    ['old with a null', changed({ CHALK_VERSION: '0.2.0', N: null }), HASH, ['METADATA_UNENCODABLE']],
  ])('a mark %s', (_, values, unchalkedHash, expected) => {
    const verdict = validateMark(values, unchalkedHash === undefined ? {} : { unchalkedHash });
    expect(codes(verdict)).toEqual(expected);
    expect(verdict.contentChecked).toBe(unchalkedHash !== undefined);
  });

  test('names what METADATA_ID does not cover', () => {
    const values = resealed({ SIGNATURE: 's', EMBEDDED_CHALK: [], F: [{ x: float(1) }], G: 1.5, H: 1 });
    expect(validateMark(values, { unchalkedHash: HASH }).uncovered).toEqual([
      'EMBEDDED_CHALK',
      'F',
      'G',
      'SIGNATURE',
    ]);
    const other = new Map<string, MarkValue>([...values, ['G', 2.5]]);
    expect(validateMark(other).kind).toBe('valid');
  });

  test('never throws', () => {
    const names = fc.constantFrom(
      'MAGIC',
      'CHALK_ID',
      'CHALK_VERSION',
      'HASH',
      'METADATA_ID',
      'METADATA_HASH',
      'SIGNING',
      'X',
    );
    const versions = fc.constantFrom<MarkValue>('0.1.0', '1.0.0');
    const value = fc.oneof(arbitraryValue({ withFloats: true }), versions);
    fc.assert(
      fc.property(fc.array(fc.tuple(names, value)), (entries) => {
        expect(validateMark(new Map(entries), { unchalkedHash: HASH }).kind).toBe('invalid');
      }),
    );
    const broken = { MAGIC: '\ud800', CHALK_ID: 2 ** 70, X: Number.NaN };
    expect(validateMark(broken).kind).toBe('invalid');
  });
});

describe('order', () => {
  test('of a mark', () => {
    expect(
      orderMarkKeys(['SIGNATURE', 'b', 'B', 'A', '$A', 'SIGNING', 'METADATA_ID', 'METADATA_HASH', 'MAGIC']),
    ).toEqual(['MAGIC', '$A', 'A', 'B', 'b', 'SIGNING', 'METADATA_HASH', 'METADATA_ID', 'SIGNATURE']);
  });

  test('of a report', () => {
    const keys = [
      '_OP_UNMARKED_COUNT',
      '_OP_CHALK_COUNT',
      '_ZED',
      '_ENV',
      '_CHALKS',
      '_DATETIME',
      '_TIMESTAMP',
      '_OPERATION',
    ];
    expect(orderReportKeys(keys)).toEqual([
      '_OPERATION',
      '_TIMESTAMP',
      '_DATETIME',
      '_CHALKS',
      '_ENV',
      '_ZED',
      '_OP_CHALK_COUNT',
      '_OP_UNMARKED_COUNT',
    ]);
    expect([...inReportOrder({ _A: 1, _OPERATION: 'build' })]).toEqual([
      ['_OPERATION', 'build'],
      ['_A', 1],
    ]);
  });
});
