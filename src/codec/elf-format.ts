import { viewOf } from './codec.ts';

/** The parts of an ELF header that the codecs look at (System V gABI, "ELF Header", "Sections"). */
export interface ElfSections {
  /** Offset of the section header table. */
  readonly offset: number;
  readonly entrySize: number;
  /** Index of the section with the names. */
  readonly namesIndex: number;
  readonly sections: readonly ElfSection[];
}

export interface ElfSection {
  readonly nameOffset: number;
  readonly name: string;
  readonly type: number;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
}

export const SHT_NOBITS = 8;
/** Offsets of fields in the header of a 64-bit file. */
export const E_PHOFF = 32;
export const E_SHOFF = 40;
export const E_PHENTSIZE = 54;
export const E_PHNUM = 56;
export const E_SHENTSIZE = 58;
export const E_SHNUM = 60;
export const E_SHSTRNDX = 62;
export const HEADER_SIZE = 64;
/** Offsets of fields in a section header of a 64-bit file. */
export const SH_NAME = 0;
export const SH_TYPE = 4;
export const SH_ADDR = 16;
export const SH_OFFSET = 24;
export const SH_SIZE = 32;
export const SECTION_HEADER_SIZE = 64;

const RESERVED_INDEX = 0xff00;
const PN_XNUM = 0xffff;
const MAX_NAME = 256;

/** Whether a file is ELF at all, of any class and byte order. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** `e_shoff` of any ELF file; undefined where the header is cut off. */
export function sectionTableOffset(bytes: Uint8Array): number | undefined {
  const file = viewOf(bytes);
  const wide = file[4] === 2;
  const big = file[5] === 2;
  if (file.length < (wide ? HEADER_SIZE : 52)) return undefined;
  if (wide) return Number(big ? file.readBigUInt64BE(E_SHOFF) : file.readBigUInt64LE(E_SHOFF));
  return big ? file.readUInt32BE(32) : file.readUInt32LE(32);
}

/**
 * The section table of a 64-bit little-endian file; undefined for every other file and for one whose table is missing,
 * of another form, or outside the file (Chalk `plugins/elf.nim`).
 */
export function readSections(bytes: Uint8Array): ElfSections | undefined {
  const file = viewOf(bytes);
  if (file.length < HEADER_SIZE || !isElf(file) || file[4] !== 2 || file[5] !== 1 || file[6] !== 1)
    return undefined;
  const type = file.readUInt16LE(16);
  if (type < 1 || type > 3 || file.readUInt32LE(20) !== 1) return undefined;
  const offset = Number(file.readBigUInt64LE(E_SHOFF));
  const entrySize = file.readUInt16LE(E_SHENTSIZE);
  const count = file.readUInt16LE(E_SHNUM);
  const namesIndex = file.readUInt16LE(E_SHSTRNDX);
  if (namesIndex === 0 || namesIndex >= RESERVED_INDEX || namesIndex >= count) return undefined;
  if (entrySize < SECTION_HEADER_SIZE || offset < HEADER_SIZE || offset + entrySize * count > file.length) {
    return undefined;
  }
  if (file.readUInt16LE(E_PHNUM) === PN_XNUM) return undefined;
  const headers = Array.from({ length: count }, (_, index) => readHeader(file, offset + index * entrySize));
  const names = headers[namesIndex];
  if (names === undefined || names.type === SHT_NOBITS || names.offset + names.size > file.length)
    return undefined;
  const text = file.subarray(names.offset, names.offset + names.size);
  const sections = headers.map((header) => ({ ...header, name: nameAt(text, header.nameOffset) }));
  return { offset, entrySize, namesIndex, sections };
}

function readHeader(file: Buffer, at: number): Omit<ElfSection, 'name'> {
  return {
    nameOffset: file.readUInt32LE(at + SH_NAME),
    type: file.readUInt32LE(at + SH_TYPE),
    address: file.readBigUInt64LE(at + SH_ADDR),
    offset: Number(file.readBigUInt64LE(at + SH_OFFSET)),
    size: Number(file.readBigUInt64LE(at + SH_SIZE)),
  };
}

function nameAt(names: Buffer, offset: number): string {
  if (offset >= names.length) return '';
  const text = names.toString('latin1', offset, offset + MAX_NAME);
  return text.split('\0', 1)[0] ?? '';
}
