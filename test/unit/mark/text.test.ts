import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ChalkError } from '../../../src/base/errors.ts';
import {
  MAX_TEXT_BYTES,
  MarkFloat,
  type MarkValue,
  float,
  normalize,
  readMark,
  readValue,
  readWhole,
  writeMark,
  writeValue,
} from '../../../src/mark/index.ts';
import { arbitraryValue } from './support.ts';

function failure(action: () => unknown): ChalkError {
  try {
    action();
  } catch (error) {
    if (error instanceof ChalkError) return error;
    throw error;
  }
  throw new Error('expected a ChalkError');
}

function nested(depth: number): MarkValue {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

describe('readWhole', () => {
  test.each<[string, MarkValue]>([
    ['1', 1],
    ['-0', 0],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['1.0', new MarkFloat('1.0')],
    ['1e3', new MarkFloat('1e3')],
    ['-2.5E-3', new MarkFloat('-2.5E-3')],
    [' [ ] ', []],
    ['[1,"a" , null]\n', [1, 'a', null]],
    ['{  }', new Map()],
    [
      '{"a":1,"b":2,"a":3}',
      new Map([
        ['a', 3],
        ['b', 2],
      ]),
    ],
    [
      '{"2":1,"1":2}',
      new Map([
        ['2', 1],
        ['1', 2],
      ]),
    ],
    ['{"__proto__":true}', new Map([['__proto__', true]])],
    [String.raw`"\"\\\/\b\f\n\r\t\u000b\u00e9\ud83d\ude00"`, '"\\/\b\f\n\r\t\v\u00e9😀'],
    ['"raw \n \t \u0001 \u007f"', 'raw \n \t \u0001 \u007f'],
    ['"\ufeffmark"', '\ufeffmark'],
    ['"\\u0000"', '\0'],
  ])('%j', (text, value) => {
    expect(readWhole(text)).toStrictEqual(value);
  });

  test.each([
    ['', 'expected a value at the end'],
    ['{"a":1', 'expected "," or "}" at the end'],
    ['{"a" 1}', 'expected ":" at byte 5'],
    ['{a:1}', 'expected a key at byte 1'],
    ['{"a":1,}', 'expected a key at byte 7'],
    ['[1,]', 'expected a value at byte 3'],
    ['[1 2]', 'expected "," or "]" at byte 3'],
    ['01', 'expected a value at byte 0'],
    ['1.', 'expected a value at byte 0'],
    ['+1', 'expected a value at byte 0'],
    ['NaN', 'expected a value at byte 0'],
    ['nul', 'expected a value at byte 0'],
    ['1e999', 'a float out of range at byte 0'],
    ['9223372036854775808', 'an integer of more than 64 bits at byte 0'],
    ['{} x', 'text after the value at byte 3'],
    ['"abc', 'a string without an end at byte 0'],
    ['"a\0"', 'NUL in a string at byte 2'],
    [String.raw`"\x41"`, 'an unknown escape at byte 1'],
    [String.raw`"\u12"`, 'an unknown escape at byte 1'],
    [String.raw`"\ud800"`, 'half a surrogate pair in a string at byte 0'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'nested deeper than 64 levels at byte 64'],
    ['['.repeat(100_000), 'nested deeper than 64 levels at byte 64'],
  ])('refuses %.40s', (text, problem) => {
    expect(failure(() => readWhole(text, 'label'))).toMatchObject({
      code: 'MARK_SYNTAX',
      message: `label: ${problem}`,
    });
  });

  test('accepts 64 levels', () => {
    expect(() => readWhole(`${'['.repeat(64)}${']'.repeat(64)}`)).not.toThrow();
  });

  test('refuses bytes that are not UTF-8, also surrogates written as such', () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      expect(failure(() => readWhole(Buffer.from([0x22, ...bytes, 0x22]))).code).toBe('MARK_SYNTAX');
    }
  });

  test('refuses what is too large', () => {
    const long = Buffer.alloc(MAX_TEXT_BYTES + 10, ' ');
    expect(failure(() => readWhole(long)).code).toBe('MARK_TOO_LARGE');
    long.fill('a').write('"');
    expect(failure(() => readWhole(long)).code).toBe('MARK_TOO_LARGE');
    expect(failure(() => readWhole(`[${'[],'.repeat(1_000_001)}1]`)).code).toBe('MARK_TOO_LARGE');
  });

  test('never throws anything but a ChalkError, and keeps to the input', () => {
    const jsonLike = fc
      .string({ unit: fc.constantFrom(...'{}[]",:\\ue19.-+ntrl \n\0é'.split('')) })
      .map((s) => Buffer.from(s));
    const arbitrary = fc.oneof(fc.uint8Array({ maxLength: 200 }), jsonLike);
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        let end = 0;
        try {
          ({ end } = readValue(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ChalkError);
        }
        expect(end).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('readMark', () => {
  test('wants an object', () => {
    expect(failure(() => readMark('[]')).code).toBe('MARK_SYNTAX');
  });
});

describe('writeValue', () => {
  test('writes in the spacing and escapes of Chalk', () => {
    const value = {
      empty: {},
      list: [1, 2n, 'a/b', []],
      float: float(1),
      fraction: 1.5,
      text: '"\\\b\f\n\r\t\v\u0000\u001f\u007f é 😀',
    };
    expect(writeValue(value)).toBe(
      '{ "empty" : {  }, "list" : [1, 2, "a/b", []], "float" : 1.0, "fraction" : 1.5, ' +
        String.raw`"text" : "\"\\\b\f\n\r\t\u000b\u0000\u001F` +
        '\u007f é 😀" }',
    );
  });

  test.each<[string, MarkValue]>([
    ['NaN', Number.NaN],
    ['an integer no number holds', 2 ** 60],
    ['65 bits', 2n ** 63n],
    ['half a pair', '\ud800'],
    ['half a pair as a key', { '\udc00': 1 }],
    ['too deep', nested(65)],
    // @ts-expect-error what a careless caller might pass
    ['a function', () => 1],
    // @ts-expect-error the same
    ['undefined', { a: undefined }],
  ])('refuses %s', (_, value) => {
    expect(failure(() => writeValue(value)).code).toBe('MARK_INVALID');
    expect(failure(() => normalize(value)).code).toBe('MARK_INVALID');
  });

  test('reading what was written gives the same value', () => {
    fc.assert(
      fc.property(arbitraryValue({ withFloats: true }), (value) => {
        const text = writeValue(value);
        const read = readWhole(text);
        expect(read).toStrictEqual(normalize(value));
        expect(writeValue(read)).toBe(text);
        expect(() => void JSON.parse(text)).not.toThrow();
        // oxlint-disable-next-line no-control-regex
        expect(text).not.toMatch(/[\u0000-\u001f]/);
      }),
      { numRuns: 1000 },
    );
  });
});

test('writeMark wants MAGIC first', () => {
  expect(writeMark({ MAGIC: 'dadfedabbadabbed', A: 1 })).toBe('{ "MAGIC" : "dadfedabbadabbed", "A" : 1 }');
  expect(failure(() => writeMark({ A: 1, MAGIC: 'dadfedabbadabbed' })).code).toBe('MARK_INVALID');
  expect(failure(() => writeMark({ MAGIC: 'x' })).code).toBe('MARK_INVALID');
});
