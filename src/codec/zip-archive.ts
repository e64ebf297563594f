import { crc32, inflateRawSync } from 'node:zlib';

import { ChalkError } from '../base/errors.ts';
import { viewOf } from './codec.ts';

/** What an archive may cost us at most. */
export interface ZipLimits {
  readonly maxEntries: number;
  /** Bytes all entries together may have after decompression. */
  readonly maxTotalBytes: number;
}

export const DEFAULT_ZIP_LIMITS: ZipLimits = { maxEntries: 100_000, maxTotalBytes: 512 * 1024 * 1024 };

/** A file in an archive. Folders are no entries. */
export interface ZipEntry {
  /** Path in the archive without `.` and empty parts; one character a byte (latin1), so that it sorts by bytes. */
  readonly name: string;
  readonly size: number;
  readonly compressedSize: number;
  readonly method: number;
  readonly crc: number;
  readonly flags: number;
  readonly headerOffset: number;
}

const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const END64_SIGNATURE = 0x06064b50;
const END64_SIZE = 56;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_SIZE = 20;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;
const UNSET_16 = 0xffff;
const UNSET_32 = 0xffffffff;
const ZIP64_EXTRA = 1;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;

/**
 * The files of a ZIP archive by its central directory (APPNOTE.TXT 4.3), sorted by the bytes of their names; of entries with the
 * same name the last, as extracting leaves it. Throws `FILE_UNREADABLE` for broken archives and names that lead out of
 * the archive, `MARK_TOO_LARGE` beyond the limits.
 */
export function readZipEntries(
  bytes: Uint8Array,
  path: string,
  limits = DEFAULT_ZIP_LIMITS,
): readonly ZipEntry[] {
  const file = viewOf(bytes);
  const { count, offset } = findDirectory(file, path);
  if (count > limits.maxEntries) {
    throw new ChalkError('MARK_TOO_LARGE', `${path}: ${count} entries, more than ${limits.maxEntries}`);
  }
  const entries = new Map<string, ZipEntry>();
  let total = 0;
  let at = offset;
  for (let index = 0; index < count; index++) {
    if (at + CENTRAL_SIZE > file.length || file.readUInt32LE(at) !== CENTRAL_SIGNATURE) {
      throw broken(path, `entry ${index} of the directory is missing`);
    }
    const lengths = [
      file.readUInt16LE(at + 28),
      file.readUInt16LE(at + 30),
      file.readUInt16LE(at + 32),
    ] as const;
    const end = at + CENTRAL_SIZE + lengths[0] + lengths[1] + lengths[2];
    if (end > file.length) throw broken(path, `entry ${index} of the directory is cut off`);
    const entry = readEntry(file, at, lengths[0], lengths[1], path);
    at = end;
    if (entry === undefined) continue;
    total += entry.size;
    if (total > limits.maxTotalBytes) {
      throw new ChalkError('MARK_TOO_LARGE', `${path}: unpacks to more than ${limits.maxTotalBytes} bytes`);
    }
    entries.set(entry.name, entry);
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The content of one file. Throws `FILE_UNREADABLE` where it does not have the size and checksum the directory says. */
export function readZipContent(bytes: Uint8Array, entry: ZipEntry, path: string): Uint8Array {
  const file = viewOf(bytes);
  const at = entry.headerOffset;
  const fail: Fail = (problem, cause) => broken(path, `${printable(entry.name)}: ${problem}`, cause);
  if ((entry.flags & ENCRYPTED) !== 0) throw fail('is encrypted');
  if (at + LOCAL_SIZE > file.length || file.readUInt32LE(at) !== LOCAL_SIGNATURE) throw fail('has no header');
  const start = at + LOCAL_SIZE + file.readUInt16LE(at + 26) + file.readUInt16LE(at + 28);
  if (start + entry.compressedSize > file.length) throw fail('is cut off');
  const packed = file.subarray(start, start + entry.compressedSize);
  const content = unpack(packed, entry, fail);
  if (content.length !== entry.size) throw fail('has another size than the directory says');
  if (crc32(content) !== entry.crc) throw fail('has another checksum than the directory says');
  return content;
}

type Fail = (problem: string, cause?: unknown) => ChalkError;

function unpack(packed: Buffer, entry: ZipEntry, fail: Fail): Buffer {
  if (entry.method === STORED) return packed;
  if (entry.method !== DEFLATED) throw fail(`is compressed by method ${entry.method}`);
  try {
    // One byte more than announced, so that a longer content is noticed and not unpacked further.
    return inflateRawSync(packed, { maxOutputLength: entry.size + 1 });
  } catch (cause) {
    throw fail('cannot be decompressed', cause);
  }
}

/** Entry count and start of the central directory, from the end record or its 64-bit form. */
function findDirectory(file: Buffer, path: string): { readonly count: number; readonly offset: number } {
  const end = findEnd(file);
  if (end === undefined) throw broken(path, 'no end of central directory');
  const count = file.readUInt16LE(end + 10);
  const size = file.readUInt32LE(end + 12);
  const offset = file.readUInt32LE(end + 16);
  const locator = end - LOCATOR_SIZE;
  const wide = count === UNSET_16 || size === UNSET_32 || offset === UNSET_32;
  if (!wide || locator < 0 || file.readUInt32LE(locator) !== LOCATOR_SIGNATURE) return { count, offset };
  const at = Number(file.readBigUInt64LE(locator + 8));
  if (at + END64_SIZE > file.length || file.readUInt32LE(at) !== END64_SIGNATURE) {
    throw broken(path, 'no 64-bit end of central directory');
  }
  return { count: Number(file.readBigUInt64LE(at + 32)), offset: Number(file.readBigUInt64LE(at + 48)) };
}

/** The last end record whose comment reaches exactly to the end of the file. */
function findEnd(file: Buffer): number | undefined {
  for (let at = file.length - END_SIZE; at >= Math.max(0, file.length - END_SIZE - MAX_COMMENT); at--) {
    if (file.readUInt32LE(at) !== END_SIGNATURE) continue;
    if (at + END_SIZE + file.readUInt16LE(at + 20) === file.length) return at;
  }
  return undefined;
}

function readEntry(
  file: Buffer,
  at: number,
  nameLength: number,
  extraLength: number,
  path: string,
): ZipEntry | undefined {
  const nameStart = at + CENTRAL_SIZE;
  const name = file.toString('latin1', nameStart, nameStart + nameLength);
  const extra = file.subarray(nameStart + nameLength, nameStart + nameLength + extraLength);
  const short = {
    size: file.readUInt32LE(at + 24),
    compressedSize: file.readUInt32LE(at + 20),
    headerOffset: file.readUInt32LE(at + 42),
  };
  const parts = safeParts(name, path);
  if (name.endsWith('/') || parts.length === 0) return undefined;
  return {
    name: parts.join('/'),
    ...widen(short, extra),
    method: file.readUInt16LE(at + 10),
    crc: file.readUInt32LE(at + 16),
    flags: file.readUInt16LE(at + 8),
  };
}

type Sizes = Pick<ZipEntry, 'size' | 'compressedSize' | 'headerOffset'>;

/** Fills in, in this order, the fields that did not fit in 32 bits (APPNOTE.TXT 4.5.3). */
function widen(short: Sizes, extra: Buffer): Sizes {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== ZIP64_EXTRA) continue;
    const fields = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
    let next = 0;
    const take = (value: number): number => {
      if (value !== UNSET_32 || next + 8 > fields.length) return value;
      next += 8;
      return Number(fields.readBigUInt64LE(next - 8));
    };
    // Not an object literal: the order of the fields in the record is the order of these calls.
    const size = take(short.size);
    const compressedSize = take(short.compressedSize);
    return { size, compressedSize, headerOffset: take(short.headerOffset) };
  }
  return short;
}

/** The parts of a name as extraction would use them. */
function safeParts(name: string, path: string): string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || name.includes('\0') || parts.includes('..')) {
    throw broken(path, `the entry name ${printable(name)} leads out of the archive`);
  }
  return parts;
}

function printable(name: string): string {
  return JSON.stringify(name.slice(0, 120));
}

function broken(path: string, problem: string, cause?: unknown): ChalkError {
  return new ChalkError('FILE_UNREADABLE', `${path}: not a readable ZIP archive: ${problem}`, { cause });
}
