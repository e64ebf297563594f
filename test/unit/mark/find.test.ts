import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { findMark, readMarkAt } from '../../../src/mark/index.ts';

const MARK = '{ "MAGIC" : "dadfedabbadabbed", "A" : 1 }';
const find = (text: string, from = 0) => findMark(Buffer.from(text), from);

describe('findMark', () => {
  test.each([
    ['#!/bin/sh\n# ', MARK, '\n'],
    ['\u0000\u0001é', '{"MAGIC":"dadfedabbadabbed","A":1}', '}}}'],
    ['{', '{   "MAGIC"   :   "dadfedabbadabbed",\n "A" : 1 }', ''],
    ['dadfedabbadabbed ', MARK, ''],
    ['"MAGIC" : "dadfedabbadabbed" ', MARK, ''],
    ['{ "MAGIC"\t: "dadfedabbadabbed", "A" : 1 } ', MARK, ''],
    ['{ "MAGIC" : "dadfedabbadabbed", broken } ', MARK, ''],
    ['{ "MAGIC" : "dadfedabbadabbed ', MARK, ''],
    ['{ "MAGIC" : "dadfedabbadabbed", "MAGIC" : "no" } ', MARK, ''],
  ])('finds the first after %j', (before, mark, after) => {
    const { found } = find(before + mark + after);
    const start = Buffer.byteLength(before);
    expect(found).toMatchObject({ kind: 'mark', start, end: start + Buffer.byteLength(mark) });
    expect(found?.values.get('A')).toBe(1);
  });

  test('a mark of its MAGIC alone is a placeholder', () => {
    expect(find('x = \'{"MAGIC":"dadfedabbadabbed"}\'').found).toMatchObject({
      kind: 'placeholder',
      start: 5,
    });
  });

  test('says what looked like a mark', () => {
    const { found, problems } = find('dadfedabbadabbed { "MAGIC" : "dadfedabbadabbed", }');
    expect(found).toBeUndefined();
    expect(problems).toEqual([
      'byte 0: magic characters outside a mark',
      'byte 17: mark: expected a key at byte 32',
    ]);
  });

  test('looks at nothing before its start', () => {
    expect(find(MARK, 1).found).toBeUndefined();
    expect(find(MARK + MARK, 1).found?.start).toBe(MARK.length);
    expect(find(MARK, 1000).found).toBeUndefined();
  });

  test('never throws', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '"MAGIC"',
      ' ',
      ':',
      '"dadfedabbadabbed"',
      'dadfedabbadabbed',
      ',',
      '"',
      '\\',
      '1',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const { found, problems } = find(parts.join(''));
        expect(problems.length).toBeLessThanOrEqual(20);
        if (found) expect(found.values.get('MAGIC')).toBe('dadfedabbadabbed');
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['broken marks in a row', '{"MAGIC":"dadfedabbadabbed",}'],
    ['broken marks in each other', '{"MAGIC":"dadfedabbadabbed","A":'],
    ['strings without an end', '{"MAGIC":"dadfedabbadabbed'],
    ['lists in each other', '{"MAGIC":"dadfedabbadabbed","A":[0,'],
    ['magic characters', 'dadfedabbadabbed'],
    ['spaces', `"dadfedabbadabbed":${' '.repeat(500)}`],
    ['quotes', `"MAGIC":"dadfedabbadabbed"`],
  ])('takes linear time on %s', (_, piece) => {
    const time = (bytes: number): number => {
      const input = Buffer.alloc(bytes, piece);
      const start = performance.now();
      expect(findMark(input).found).toBeUndefined();
      return performance.now() - start;
    };
    time(100_000);
    const [small, large] = [Math.max(time(500_000), 2), time(4_000_000)];
    // Eight times the input; a quadratic search would take 64 times as long.
    expect(large).toBeLessThan(Math.max(small * 30, 400));
  });
});

test('readMarkAt reads forward over any white space and says how far', () => {
  expect(readMarkAt(Buffer.from(`\n\t${MARK}rest`), 0)).toMatchObject({
    found: { kind: 'mark', end: 2 + MARK.length },
  });
  expect(readMarkAt(Buffer.from('{"A":1}'), 0)).toEqual({ problem: 'mark: another MAGIC', bytesRead: 7 });
});
