import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { sha256 } from '../../../src/codec/codec.ts';
import {
  E_SHOFF,
  type ElfSection,
  type ElfSections,
  SH_OFFSET,
  readSections,
} from '../../../src/codec/elf-format.ts';
import { MARK_SECTION, withSection } from '../../../src/codec/elf-layout.ts';
import { codecFor } from '../../../src/codec/index.ts';
import { validateMark } from '../../../src/mark/index.ts';
import { fileOf, markFor, read } from './support.ts';

const VECTORS = join(import.meta.dirname, '../../fixtures/vectors');
const original = readFileSync(join(VECTORS, 'in/elf_true'));
const markedByChalk = readFileSync(join(VECTORS, 'marked/elf_true'));

function withMark(bytes: Uint8Array, mark: string): Buffer {
  const table = readSections(bytes);
  const layout = table && withSection(bytes, table, MARK_SECTION, Buffer.from(mark));
  if (layout === undefined) throw new Error('not an ELF file that can be marked');
  return layout.bytes;
}

describe('sections', () => {
  test.each(['marked', 'marked-all'])(
    '%s: the mark put into the same input gives the same file',
    (folder) => {
      const marked = readFileSync(join(VECTORS, folder, 'elf_true'));
      const table = readSections(marked);
      const section = table?.sections.find(({ name }) => name === MARK_SECTION);
      expect(section).toBeDefined();
      const mark = marked.toString('utf8', section?.offset, (section?.offset ?? 0) + (section?.size ?? 0));
      expect(withMark(original, mark).equals(marked)).toBe(true);
      expect(withMark(markedByChalk, mark).equals(marked)).toBe(true);
    },
  );

  test('the hash is the same for every length of mark', () => {
    const { unchalkedHash } = read('x', original);
    for (const mark of [markFor(unchalkedHash), `${markFor(unchalkedHash)}${' '.repeat(1000)}`]) {
      const reading = read('x', withMark(original, mark));
      expect(reading).toMatchObject({ codec: 'elf', unchalkedHash });
      expect(reading.mark && validateMark(reading.mark, reading).kind).toBe('valid');
    }
  });

  /** The four ways a file can end (Chalk `plugins/elf.nim`): with names and table, table, names, or something else. */
  test.each<[string, (file: Buffer) => Buffer]>([
    ['names and table', (file) => file],
    ['the table', withGap],
    ['the names', withNamesLast],
    ['neither', (file) => Buffer.concat([file, Buffer.from('appended')])],
  ])('a file that ends with %s has one hash, marked or not', (_, change) => {
    const file = change(Buffer.from(original));
    const { unchalkedHash, problems } = read('x', file);
    expect(problems).toEqual([]);
    expect(unchalkedHash).not.toBe(sha256(file));
    const marked = withMark(file, markFor(unchalkedHash));
    const reading = read('x', marked);
    expect(reading.unchalkedHash).toBe(unchalkedHash);
    expect(reading.mark && validateMark(reading.mark, reading).kind).toBe('valid');
    const free = codecFor(fileOf('x', marked))?.unmarked(fileOf('x', marked));
    expect(free && read('x', free)).toMatchObject({ mark: undefined, unchalkedHash });
  });

  test('bytes behind the tables are noticed', () => {
    const reading = read('x', Buffer.concat([markedByChalk, Buffer.from('x')]));
    expect(reading.problems.join()).toMatch(/unexpected ELF structure/);
    expect(reading.mark && validateMark(reading.mark, reading)).toMatchObject({ kind: 'invalid' });
  });

  test('any changed byte outside the mark changes the hash', () => {
    const { unchalkedHash } = read('x', original);
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const bytes = Buffer.from(markedByChalk);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        // The mark and the size of its section, which no hash can cover: marks differ in length.
        const inMark = (at >= 0x8260 && at < 0x8260 + 0x1ee) || (at >= 36144 && at < 36152);
        const reading = codecFor(fileOf('x', bytes))?.read(fileOf('x', bytes));
        if (reading !== undefined && !inMark) expect(reading.unchalkedHash).not.toBe(unchalkedHash);
      }),
      { numRuns: 300 },
    );
  });
});

/** The same file with something between the section names and the table, so that only the table is last. */
function withGap(file: Buffer): Buffer {
  const { offset } = tableOf(file);
  const gap = Buffer.from('sixteen bytes...');
  const result = Buffer.concat([file.subarray(0, offset), gap, file.subarray(offset)]);
  result.writeBigUInt64LE(BigInt(offset + gap.length), E_SHOFF);
  return result;
}

/** The same file with its section names moved behind the table. */
function withNamesLast(file: Buffer): Buffer {
  const { names, offset, namesIndex, entrySize } = tableOf(file);
  const result = Buffer.concat([file, file.subarray(names.offset, names.offset + names.size)]);
  result.writeBigUInt64LE(BigInt(file.length), offset + namesIndex * entrySize + SH_OFFSET);
  return result;
}

function tableOf(file: Buffer): ElfSections & { readonly names: ElfSection } {
  const table = readSections(file);
  const names = table?.sections[table.namesIndex];
  if (table === undefined || names === undefined) throw new Error('no section table');
  return { ...table, names };
}

describe('last resort', () => {
  const elf32 = Buffer.alloc(200);
  elf32.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  elf32.writeUInt32LE(100, 32);
  const elf64Big = Buffer.alloc(200);
  elf64Big.set([0x7f, 0x45, 0x4c, 0x46, 2, 2, 1]);
  elf64Big.writeBigUInt64BE(100n, 40);

  test.each([
    ['32 bits', elf32],
    ['64 bits, big-endian', elf64Big],
  ])('%s: the mark stands at the end', (_, elf) => {
    const hash = sha256(elf);
    const plain = read('x', elf);
    expect(plain).toMatchObject({ codec: 'elf_last_resort', unchalkedHash: hash, artifactType: 'ELF' });
    const reading = read('x', Buffer.concat([elf, Buffer.from(markFor(hash))]));
    expect(reading).toMatchObject({ codec: 'elf_last_resort', unchalkedHash: hash, problems: [] });
    expect(reading.mark && validateMark(reading.mark, reading).kind).toBe('valid');
  });

  test('a mark before the section table is not looked at, bytes behind the mark are mentioned', () => {
    const early = Buffer.from(elf32);
    early.write('{"MAGIC":"dadfedabbadabbed","A":1}', 60);
    expect(read('x', early).mark).toBeUndefined();
    const reading = read('x', Buffer.concat([elf32, Buffer.from(`${markFor(sha256(elf32))}tail`)]));
    expect(reading.problems).toEqual(['4 bytes behind the mark are not covered by its hash']);
  });
});

describe('hostile files', () => {
  test('a cut, at any place', () => {
    for (let length = 0; length < markedByChalk.length; length += length < 200 ? 1 : 997) {
      const file = fileOf('x', markedByChalk.subarray(0, length));
      expect(() => codecFor(file)?.read(file)).not.toThrow();
    }
  });

  test('any header and section table', () => {
    const tableAt = Number(markedByChalk.readBigUInt64LE(40));
    const places = fc.oneof(fc.nat(63), fc.integer({ min: tableAt, max: markedByChalk.length - 1 }));
    const values = fc.constantFrom(0, 1, 2, 7, 8, 64, 127, 128, 254, 255);
    fc.assert(
      fc.property(fc.array(fc.tuple(places, values), { minLength: 1, maxLength: 12 }), (changes) => {
        const bytes = Buffer.from(markedByChalk);
        for (const [at, value] of changes) bytes[at] = value;
        bytes.set([0x7f, 0x45, 0x4c, 0x46]);
        const file = fileOf('x', bytes);
        const reading = codecFor(file)?.read(file);
        expect(reading?.unchalkedHash).toMatch(/^[0-9a-f]{64}$/);
      }),
      { numRuns: 1000 },
    );
  });
});
