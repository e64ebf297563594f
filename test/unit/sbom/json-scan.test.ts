import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { parseJson } from '../../../src/base/json.ts';
import { scanObject } from '../../../src/sbom/json-scan.ts';

const membersOf = (text: string) => {
  const scan = scanObject(text);
  return scan.kind === 'object' ? Object.fromEntries(scan.members) : undefined;
};

describe('an object', () => {
  test.each([
    ['{}', {}],
    [' {\n} \t\r', {}],
    ['{"a":1}', { a: '1' }],
    ['{"a" : {} , "b":[ ] }', { a: '{}', b: '[ ]' }],
    ['{"a":{"b":{"c":[1,{"d":"}"}]}},"e":null}', { a: '{"b":{"c":[1,{"d":"}"}]}}', e: 'null' }],
    ['{"a":"\\"\\\\\\u00e9\\n","b":-0.5e+10}', { a: '"\\"\\\\\\u00e9\\n"', b: '-0.5e+10' }],
    ['{"\\u0061":true,"é":false}', { a: 'true', é: 'false' }],
    ['{"":"","__proto__":1}', { '': '""', ['__proto__']: '1' }],
  ])('%s', (text, members) => {
    expect(membersOf(text)).toEqual(members);
  });
});

describe('no object', () => {
  test.each([
    ['', 0],
    ['null', 0],
    ['[]', 0],
    ['"{}"', 0],
    ['{', 1],
    ['{}{}', 2],
    ['{} x', 3],
    ['{"a"}', 4],
    ['{"a":}', 5],
    ['{"a":1,}', 7],
    ['{"a":01}', 6],
    ['{"a":1.}', 6],
    ['{"a":+1}', 5],
    ['{"a":nul}', 5],
    ['{"a":[1 2]}', 8],
    ['{"a":[1}', 7],
    ['{"a":"x}', 5],
    ['{"a":"\n"}', 5],
    ['{"a":"\\x"}', 5],
    ['{"a":"\\u00g0"}', 5],
    ["{'a':1}", 1],
    ['\ufeff{}', 0],
    // Readers differ on which of them counts.
    ['{"a":1,"a":2}', 11],
    ['{"a":1,"\\u0061":2}', 16],
  ])('%s', (text, at) => {
    expect(scanObject(text)).toEqual({ kind: 'fault', at });
  });
});

test('depth has an end, and it is not the stack’s', () => {
  const nested = (depth: number) => `${'{"a":['.repeat(depth)}${']}'.repeat(depth)}`;
  expect(scanObject(nested(256)).kind).toBe('object');
  expect(scanObject(nested(257)).kind).toBe('fault');
  expect(scanObject('{"a":'.repeat(1_000_000)).kind).toBe('fault');
});

test('it is what JSON.parse says, whatever the object', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary', maxLength: 5 }), fc.jsonValue({ maxDepth: 4 })),
      fc.boolean(),
      (value, pretty) => {
        const text = JSON.stringify(value, undefined, pretty ? 1 : 0);
        const members = Object.entries(membersOf(text) ?? { no: 'object' }).map(([name, raw]) => [
          name,
          parseJson(raw),
        ]);
        expect(members).toEqual(Object.entries(z.record(z.string(), z.unknown()).parse(parseJson(text))));
      },
    ),
  );
});

test('it is what JSON.parse says, whatever the text', { timeout: 60_000 }, () => {
  const pieces = fc.constantFrom(
    ...'{}[],:"\\ \n0123456789-+.eEtruefalsnlx'.split(''),
    '"a":',
    'true',
    'null',
    '\\u0041',
    '"b"',
  );
  const broken = fc
    .tuple(fc.jsonValue({ maxDepth: 4 }), fc.nat(), fc.nat(2), fc.string())
    .map(([value, at, cut, put]) => {
      const text = JSON.stringify({ value });
      const place = at % text.length;
      return text.slice(0, place) + put + text.slice(place + cut);
    });
  const texts = fc.oneof(
    broken,
    fc.array(pieces, { maxLength: 30 }).map((parts) => `{${parts.join('')}}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const value = parseJson(text);
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      const scan = scanObject(text);
      // A member twice is the one thing we refuse and JSON.parse does not.
      if (scan.kind === 'object') expect(isObject).toBe(true);
      else if (isObject) expect(text).toMatch(/"[^"]*"[^]*"[^"]*"/);
      if (scan.kind === 'object') {
        expect(Object.fromEntries([...scan.members].map(([name, raw]) => [name, parseJson(raw)]))).toEqual(
          value,
        );
      }
    }),
    { numRuns: 2000 },
  );
});
