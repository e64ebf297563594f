import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ChalkError } from '../../../src/base/errors.ts';
import { sha256 } from '../../../src/codec/codec.ts';
import { readZipContent, readZipEntries } from '../../../src/codec/zip-archive.ts';
import { chalkIdOfHash, validateMark } from '../../../src/mark/index.ts';
import { markFor, read, zipOf } from './support.ts';

/** Computed with an independent implementation: names with a leading `/`. */
const ROOTED_HASH = 'de5fe25ec7a6b88e52866d741514f870df4911319f71362a2e0953804f366632';
const FILES = [
  { name: 'd/', content: '', stored: true },
  { name: 'd/b.txt', content: '' },
  { name: 'a.txt', content: 'hello' },
];
const PLAIN_HASH = sha256(Buffer.from('25a.txt5hello7d/b.txt0'));

describe('the hash of an archive', () => {
  test('is the same whatever the order, the method and the form of the archive', () => {
    for (const archive of [
      zipOf(FILES),
      zipOf(FILES.toReversed()),
      zipOf(FILES.map((part) => ({ ...part, stored: true }))),
      zipOf(FILES, { comment: 'PK\x05\x06 comment' }),
      zipOf(FILES, { wide: true }),
      zipOf([...FILES, { name: 'chalk', content: 'a program' }]),
    ]) {
      const reading = read('x.zip', archive);
      expect(reading).toMatchObject({
        codec: 'zip',
        artifactType: 'ZIP',
        unchalkedHash: PLAIN_HASH,
        problems: [],
      });
      expect(reading.mark).toBeUndefined();
    }
  });

  test.each([
    ['without /', PLAIN_HASH],
    ['with /', ROOTED_HASH],
  ])('is the one the mark was made with: names %s', (_, hash) => {
    const archive = zipOf([...FILES, { name: 'chalk.json', content: markFor(hash) }]);
    const reading = read('x.WAR', archive);
    expect(reading).toMatchObject({ unchalkedHash: hash, artifactType: 'WAR' });
    expect(reading.mark && validateMark(reading.mark, reading).kind).toBe('valid');
  });

  test('7: CHALK_IDs of two archives', () => {
    expect(chalkIdOfHash(ROOTED_HASH)).toBe('CHJKAS-K568-TPAR-SQC4V6');
    const empty = read('x.zip', zipOf([]));
    expect(empty.unchalkedHash).toBe('5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9');
    expect(chalkIdOfHash(empty.unchalkedHash)).toBe('6NK6AR-V5C8-V3CS-K6CCW3');
  });

  test('does not fit the mark once a file has changed', () => {
    const mark = { name: 'chalk.json', content: markFor(PLAIN_HASH) };
    const reading = read('x.zip', zipOf([{ name: 'a.txt', content: 'other' }, mark]));
    expect(reading.mark && validateMark(reading.mark, reading)).toMatchObject({ kind: 'invalid' });
  });

  test('is taken of nested files without their marks, or of them as they are', () => {
    const script = '#!/bin/sh\necho hi\n';
    const markedScript = `${script}# ${markFor(sha256(Buffer.from(script)))}\n`;
    const archive = (mark?: string) =>
      zipOf([
        { name: 'run.sh', content: markedScript },
        ...(mark === undefined ? [] : [{ name: 'chalk.json', content: mark }]),
      ]);
    const unmarked = sha256(Buffer.from(`16run.sh${script.length}${script}`));
    const asIs = sha256(Buffer.from(`16run.sh${markedScript.length}${markedScript}`));
    expect(read('x.zip', archive()).unchalkedHash).toBe(unmarked);
    expect(read('x.zip', archive(markFor(unmarked))).unchalkedHash).toBe(unmarked);
    expect(read('x.zip', archive(markFor(asIs))).unchalkedHash).toBe(asIs);
  });

  test('takes the last of two entries with one name', () => {
    const twice = zipOf([{ name: 'a.txt', content: 'first' }, ...FILES, { name: './d//b.txt', content: '' }]);
    expect(read('x.zip', twice).unchalkedHash).toBe(PLAIN_HASH);
  });
});

test('a chalk.json that is no mark is a problem, not an error', () => {
  const reading = read('x.zip', zipOf([{ name: 'chalk.json', content: '{ "MAGIC" : "dadfedabbadabbed", ' }]));
  expect(reading.mark).toBeUndefined();
  expect(reading.problems[0]).toMatch(/^chalk\.json: byte 0: mark: expected a key at the end/);
});

test('other files called .zip, and archives with another extension, are not claimed', () => {
  expect(read('x.zip', '#!/bin/sh\n').codec).toBe('source');
  expect(read('x.txt', zipOf([]).subarray(0, 2)).codec).toBe('source');
});

describe('hostile archives', () => {
  const bomb = Buffer.alloc(50_000_000);
  const refused: readonly (readonly [string, Buffer, RegExp])[] = [
    ['no end record', Buffer.from('PK\x03\x04 and nothing else'), /no end of central directory/],
    ['cut off', zipOf(FILES).subarray(0, 60), /no end of central directory/],
    ['a directory that is missing', zipOf(FILES).fill(0, 100, 180), /missing|cut off|no header/],
    ['a name with ..', zipOf([{ name: 'a/../../etc/passwd', content: '' }]), /leads out of the archive/],
    ['a rooted name', zipOf([{ name: '/etc/passwd', content: '' }]), /leads out of the archive/],
    ['a name with NUL', zipOf([{ name: 'a\0b', content: '' }]), /leads out of the archive/],
    ['an encrypted entry', zipOf([{ name: 'a', content: 'x', flags: 1 }]), /is encrypted/],
    ['an unknown method', zipOf([{ name: 'a', content: 'x', method: 12 }]), /method 12/],
    ['broken data', zipOf([{ name: 'a', content: 'hello', stored: true, method: 8 }]), /decompressed/],
    ['another checksum', zipOf([{ name: 'a', content: 'x', crc: 1 }]), /another checksum/],
    ['more than announced', zipOf([{ name: 'a', content: bomb, size: 10 }]), /decompressed|another size/],
    ['less than announced', zipOf([{ name: 'a', content: 'x', size: 10 }]), /another size/],
  ];

  test.each(refused)('%s: FILE_UNREADABLE', (_, archive, message) => {
    const failure = failureOf(() => read('x.zip', archive));
    expect(failure).toMatchObject({ code: 'FILE_UNREADABLE' });
    expect(failure?.message).toMatch(message);
  });

  test('entries and bytes beyond the limits: MARK_TOO_LARGE', () => {
    const limits = { maxEntries: 2, maxTotalBytes: 10 };
    expect(failureOf(() => readZipEntries(zipOf(FILES), 'x.zip', limits))?.code).toBe('MARK_TOO_LARGE');
    const large = zipOf([
      { name: 'a', content: 'hello!' },
      { name: 'a', content: 'hello!' },
    ]);
    expect(failureOf(() => readZipEntries(large, 'x.zip', limits))?.code).toBe('MARK_TOO_LARGE');
    const announced = zipOf([{ name: 'a', content: 'x', size: 0xfffffffe }]);
    expect(failureOf(() => read('x.zip', announced))?.code).toBe('MARK_TOO_LARGE');
  });

  test('100,000 entries are read in reasonable time', () => {
    const parts = Array.from({ length: 100_000 }, (_, index) => ({
      name: `f${index}`,
      content: '',
      stored: true,
    }));
    const start = performance.now();
    expect(readZipEntries(zipOf(parts, { wide: true }), 'x.zip')).toHaveLength(100_000);
    expect(performance.now() - start).toBeLessThan(5000);
    const more = zipOf([...parts, { name: 'one more', content: '' }], { wide: true });
    expect(failureOf(() => readZipEntries(more, 'x.zip'))?.code).toBe('MARK_TOO_LARGE');
  });

  test('any change or cut of a real archive is read or refused with a code', () => {
    const original = readFileSync(join(import.meta.dirname, '../../fixtures/vectors/marked/app.jar'));
    const changes = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(changes, fc.nat(original.length), (list, length) => {
        const bytes = Buffer.from(original);
        for (const [at, value] of list) bytes[at] = value;
        for (const candidate of [bytes, bytes.subarray(0, length)]) failureOf(() => read('x.jar', candidate));
      }),
      { numRuns: 500 },
    );
  });
});

test('entries and contents as they are in the archive', () => {
  const archive = zipOf(FILES);
  const entries = readZipEntries(archive, 'x.zip');
  expect(entries.map(({ name }) => name)).toEqual(['a.txt', 'd/b.txt']);
  expect(entries.map((entry) => Buffer.from(readZipContent(archive, entry, 'x.zip')).toString())).toEqual([
    'hello',
    '',
  ]);
});

/** What it throws, which must be an error with a code; undefined when it does not, or the codec does not claim it. */
function failureOf(action: () => unknown): ChalkError | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof ChalkError) return error;
    if (error instanceof Error && error.message.startsWith('no codec claims')) return undefined;
    throw error;
  }
  return undefined;
}
