import { viewOf } from './codec.ts';
import {
  E_PHENTSIZE,
  E_PHNUM,
  E_PHOFF,
  E_SHNUM,
  E_SHOFF,
  E_SHSTRNDX,
  type ElfSection,
  type ElfSections,
  HEADER_SIZE,
  SHT_NOBITS,
  SH_NAME,
  SH_OFFSET,
  SH_SIZE,
  SH_TYPE,
} from './elf-format.ts';

export const MARK_SECTION = '.chalk.mark';
/** What a deleted mark leaves; as long as the other, so that one can be written over the other. */
export const FREE_SECTION = '.chalk.free';

const MAX_SECTIONS = 0xfeff;
const SHT_PROGBITS = 1;
const ALIGNMENT = 8;

/** A file with a section of ours, and where that section's bytes are. */
export interface Layout {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export function chalkSection({ sections }: ElfSections): ElfSection | undefined {
  return sections.find(({ name }) => name === MARK_SECTION || name === FREE_SECTION);
}

/**
 * The file with a section `name` that holds `payload`, in place of the one it has, or added as Chalk adds it
 * (`plugins/elf.nim`). Undefined for files whose structure Chalk refuses too.
 */
export function withSection(
  bytes: Uint8Array,
  table: ElfSections,
  name: string,
  payload: Uint8Array,
): Layout | undefined {
  const section = chalkSection(table);
  return section === undefined
    ? insertSection(viewOf(bytes), table, name, payload)
    : replaceSection(viewOf(bytes), table, section, name, payload);
}

/** Writes `name` and `payload` over the section there is. The file must end as `assemble` leaves it, padding and all. */
function replaceSection(
  file: Buffer,
  table: ElfSections,
  section: ElfSection,
  name: string,
  payload: Uint8Array,
): Layout | undefined {
  const names = table.sections[table.namesIndex];
  if (names === undefined || section.offset + section.size > file.length) return undefined;
  const parts = {
    cut: section.offset,
    names: Buffer.from(file.subarray(names.offset, names.offset + names.size)),
    headers: Buffer.from(file.subarray(table.offset, table.offset + table.entrySize * table.sections.length)),
    namesIndex: table.namesIndex,
    sectionIndex: table.sections.indexOf(section),
    entrySize: table.entrySize,
  };
  const before = assemble(file, parts, file.subarray(section.offset, section.offset + section.size));
  if (section.offset < HEADER_SIZE || !before.bytes.equals(file)) return undefined;
  parts.names.write(name, section.nameOffset, 'latin1');
  return assemble(file, parts, payload);
}

/** Adds a section: its header goes last, or before that of the section names where that is last. */
function insertSection(
  original: Buffer,
  table: ElfSections,
  name: string,
  payload: Uint8Array,
): Layout | undefined {
  const { namesIndex, sections, entrySize, offset } = table;
  const names = sections[namesIndex];
  if (names === undefined || names.address !== 0n || sections.length >= MAX_SECTIONS) return undefined;
  const addedName = Buffer.from(`${name}\0`, 'latin1');

  const header = Buffer.alloc(entrySize);
  header.writeUInt32LE(names.size, SH_NAME);
  header.writeUInt32LE(SHT_PROGBITS, SH_TYPE);
  const headers = original.subarray(offset, offset + entrySize * sections.length);
  const namesLast = namesIndex === sections.length - 1;
  const sectionIndex = namesLast ? namesIndex : sections.length;
  const at = sectionIndex * entrySize;

  // A copy, since the old table may stay in the file as dead bytes; Chalk leaves the new size of the names in it.
  const file = Buffer.from(original);
  file.writeBigUInt64LE(BigInt(names.size + addedName.length), offset + namesIndex * entrySize + SH_SIZE);
  return assemble(
    file,
    {
      cut: cutPoint(original, table),
      names: Buffer.concat([original.subarray(names.offset, names.offset + names.size), addedName]),
      headers: Buffer.concat([headers.subarray(0, at), header, headers.subarray(at)]),
      namesIndex: namesLast ? namesIndex + 1 : namesIndex,
      sectionIndex,
      entrySize,
    },
    payload,
  );
}

interface Parts {
  /** Bytes of the file that stay. */
  readonly cut: number;
  readonly names: Buffer;
  readonly headers: Buffer;
  readonly namesIndex: number;
  readonly sectionIndex: number;
  readonly entrySize: number;
}

/** Bytes up to the cut, payload, names, headers, each aligned; with every offset and size in the headers set. */
function assemble(file: Buffer, parts: Parts, payload: Uint8Array): Layout {
  const { cut, names, entrySize, namesIndex, sectionIndex } = parts;
  const start = align(cut);
  const end = start + payload.length;
  const namesStart = align(end);
  const tableStart = align(namesStart + names.length);
  const bytes = Buffer.alloc(tableStart + parts.headers.length);
  file.copy(bytes, 0, 0, cut);
  bytes.set(payload, start);
  bytes.set(names, namesStart);
  bytes.set(parts.headers, tableStart);
  const place = (index: number, offset: number, size: number): void => {
    const header = tableStart + index * entrySize;
    bytes.writeBigUInt64LE(BigInt(offset), header + SH_OFFSET);
    bytes.writeBigUInt64LE(BigInt(size), header + SH_SIZE);
  };
  place(sectionIndex, start, payload.length);
  place(namesIndex, namesStart, names.length);
  bytes.writeBigUInt64LE(BigInt(tableStart), E_SHOFF);
  bytes.writeUInt16LE(parts.headers.length / entrySize, E_SHNUM);
  bytes.writeUInt16LE(namesIndex, E_SHSTRNDX);
  return { bytes, start, end };
}

/** Where the new section may start: old names and headers are dropped when nothing but they is at the end of the file. */
function cutPoint(file: Buffer, table: ElfSections): number {
  const names = table.sections[table.namesIndex];
  if (names === undefined) return file.length;
  const tableEnd = table.offset + table.entrySize * table.sections.length;
  const namesEnd = names.offset + names.size;
  const others = otherRanges(file, table);
  const free = (start: number): boolean => start >= HEADER_SIZE && others.every((end) => end <= start);
  const tableLast = tableEnd === file.length;
  if (tableLast && namesEnd <= table.offset && free(names.offset) && table.offset - namesEnd < ALIGNMENT) {
    return names.offset;
  }
  if (tableLast && free(table.offset) && namesEnd <= table.offset) return table.offset;
  if (namesEnd === file.length && free(names.offset) && tableEnd <= names.offset) return names.offset;
  return file.length;
}

/** The ends of everything in the file but the section names and the section headers. */
function otherRanges(file: Buffer, table: ElfSections): number[] {
  const ends = table.sections
    .filter(({ type, size }, index) => index !== table.namesIndex && type !== SHT_NOBITS && size > 0)
    .map(({ offset, size }) => offset + size);
  const [phoff, entrySize, count] = [
    Number(file.readBigUInt64LE(E_PHOFF)),
    file.readUInt16LE(E_PHENTSIZE),
    file.readUInt16LE(E_PHNUM),
  ];
  if (count === 0) return ends;
  ends.push(phoff + entrySize * count);
  for (let index = 0; index < count; index++) {
    const at = phoff + index * entrySize;
    if (at + 40 > file.length) break;
    ends.push(Number(file.readBigUInt64LE(at + 8)) + Number(file.readBigUInt64LE(at + 32)));
  }
  return ends;
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
