import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { codecFor, readArtifact } from '../../../src/codec/index.ts';
import {
  chalkIdOfHash,
  metadataIdentity,
  readMark,
  sealMark,
  stringOf,
  validateMark,
  writeMark,
} from '../../../src/mark/index.ts';

const VECTORS = join(import.meta.dirname, '../../fixtures/vectors');

function load(folder: string, name: string) {
  const file = { path: name, bytes: readFileSync(join(VECTORS, folder, name)) };
  const reading = readArtifact(file);
  if (reading === undefined) throw new Error(`no codec claims ${name}`);
  return { file, reading };
}

function loadMarked(folder: string, name: string) {
  const { file, reading } = load(folder, name);
  if (reading.mark === undefined) throw new Error(`${folder}/${name} has no mark`);
  return { file, reading, mark: reading.mark };
}

const inputs = readdirSync(join(VECTORS, 'in'));
const marked = ['marked', 'marked-all'].flatMap((folder) =>
  readdirSync(join(VECTORS, folder))
    .filter((name) => name !== 'mod.py')
    .map((name) => [folder, name] as const),
);

describe('files marked by Chalk', () => {
  test.each(marked)('%s/%s: every identifier is recomputed', (folder, name) => {
    const { reading, mark } = loadMarked(folder, name);
    expect(reading.unchalkedHash).toBe(stringOf(mark, 'HASH'));
    expect(chalkIdOfHash(reading.unchalkedHash)).toBe(stringOf(mark, 'CHALK_ID'));
    expect(reading.artifactType).toBe(stringOf(mark, 'ARTIFACT_TYPE'));
    const { hash, id } = metadataIdentity(mark);
    expect(id).toBe(stringOf(mark, 'METADATA_ID'));
    if (folder === 'marked-all') expect(stringOf(mark, 'METADATA_HASH')).toBe(hash);
    expect(reading.problems).toEqual([]);
    expect(validateMark(mark, reading)).toEqual({
      kind: 'valid',
      encoding: 'current',
      contentChecked: true,
      uncovered: [],
    });
  });

  test.each(marked)('%s/%s: the unmarked input has the same hash', (folder, name) => {
    const { reading } = load('in', name);
    expect(reading.mark).toBeUndefined();
    expect(reading.unchalkedHash).toBe(load(folder, name).reading.unchalkedHash);
  });

  test.each(marked)('%s/%s: its mark is written and sealed again with the same bytes', (folder, name) => {
    const { file, mark } = loadMarked(folder, name);
    const sealed = sealMark(Object.fromEntries(mark), { omitMetadataHash: !mark.has('METADATA_HASH') });
    expect(sealed.values).toEqual(mark);
    expect(writeMark(mark)).toBe(sealed.text);
    if (!/jar|zip/.test(name)) expect(file.bytes.includes(sealed.text)).toBe(true);
  });

  test('all codecs that Chalk marked by are among them', () => {
    expect(new Set(marked.map(([folder, name]) => load(folder, name).reading.codec))).toEqual(
      new Set(['zip', 'elf', 'source']),
    );
  });
});

describe('files unmarked', () => {
  test.each(inputs)('in/%s has no mark', (name) => {
    const { file, reading } = load('in', name);
    expect(reading.mark).toBeUndefined();
    expect(reading.problems).toEqual([]);
    expect(codecFor(file)?.unmarked(file) ?? file.bytes).toBe(file.bytes);
  });

  test('marked/mod.py was left unmarked', () => {
    const { reading } = load('marked', 'mod.py');
    expect(reading.mark).toBeUndefined();
    expect(reading.artifactType).toBe('python');
  });

  test.each(readdirSync(join(VECTORS, 'deleted')))('deleted/%s has the hash of in/', (name) => {
    const { reading } = load('deleted', name);
    expect(reading.mark).toBeUndefined();
    expect(reading.unchalkedHash).toBe(load('in', name).reading.unchalkedHash);
  });

  test.each(readdirSync(join(VECTORS, 'deleted')).filter((name) => !/jar|zip/.test(name)))(
    'marked/%s is unmarked to the bytes of deleted/',
    (name) => {
      const { file } = load('marked', name);
      expect(codecFor(file)?.unmarked(file)).toEqual(load('deleted', name).file.bytes);
    },
  );
});

describe('marks made elsewhere', () => {
  test.each([
    ['good_spaced.sh', []],
    ['good_compact.sh', []],
    ['good_customkey.sh', []],
    ['tampered_value.sh', ['METADATA_ID_MISMATCH', 'METADATA_HASH_MISMATCH']],
    ['tampered_body.sh', ['CHALK_ID_MISMATCH', 'HASH_MISMATCH']],
    ['good_nonl.sh', ['CHALK_ID_MISMATCH', 'HASH_MISMATCH']],
  ])('judged/%s gets the verdict of Chalk', (name, codes) => {
    const { reading, mark } = loadMarked('judged', name);
    const verdict = validateMark(mark, reading);
    expect(verdict.kind === 'invalid' ? verdict.findings.map(({ code }) => code) : []).toEqual(codes);
  });

  test.each(readdirSync(join(VECTORS, 'image')))('image/%s validates', (name) => {
    const mark = readMark(readFileSync(join(VECTORS, 'image', name)));
    expect(metadataIdentity(mark).id).toBe(stringOf(mark, 'METADATA_ID'));
    expect(validateMark(mark)).toMatchObject({ kind: 'valid', contentChecked: false });
  });
});
