import { crc32, deflateRawSync } from 'node:zlib';

import { type CodecFile, type ReadArtifact, readArtifact } from '../../../src/codec/index.ts';
import { chalkIdOfHash, sealMark } from '../../../src/mark/index.ts';

export function fileOf(path: string, content: Uint8Array | string): CodecFile {
  return { path, bytes: typeof content === 'string' ? Buffer.from(content) : content };
}

export function read(path: string, content: Uint8Array | string): ReadArtifact {
  const reading = readArtifact(fileOf(path, content));
  if (reading === undefined) throw new Error(`no codec claims ${path}`);
  return reading;
}

/** The mark Chalk would put into a file with this hash. */
export function markFor(hash: string): string {
  return sealMark({ CHALK_ID: chalkIdOfHash(hash), CHALK_VERSION: '1.1.3', HASH: hash }).text;
}

export interface ZipPart {
  readonly name: string;
  readonly content: Uint8Array | string;
  readonly stored?: boolean;
  /** What the headers say instead of the truth. */
  readonly size?: number;
  readonly crc?: number;
  readonly flags?: number;
  readonly method?: number;
}

/** A small ZIP writer for tests; `wide` writes sizes and offsets in the 64-bit form. */
export function zipOf(parts: readonly ZipPart[], { wide = false, comment = '' } = {}): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const part of parts) {
    const content = Buffer.from(part.content);
    const packed = part.stored ? content : deflateRawSync(content);
    const name = Buffer.from(part.name);
    const size = part.size ?? content.length;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(part.flags ?? 0, 2);
    common.writeUInt16LE(part.method ?? (part.stored ? 0 : 8), 4);
    common.writeUInt32LE(part.crc ?? crc32(content), 10);
    common.writeUInt32LE(wide ? 0xffffffff : packed.length, 14);
    common.writeUInt32LE(wide ? 0xffffffff : size, 18);
    common.writeUInt16LE(name.length, 22);
    local.push(Buffer.from('PK\x03\x04'), common, name, packed);

    const extra = wide
      ? Buffer.concat([bytes16(1, 24), bytes64(size), bytes64(packed.length), bytes64(offset)])
      : Buffer.alloc(0);
    const head = Buffer.from(common);
    head.writeUInt16LE(extra.length, 24);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(wide ? 0xffffffff : offset, 10);
    central.push(Buffer.from('PK\x01\x02\x14\x00'), head, tail, name, extra);
    offset += 4 + common.length + name.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(wide ? 0xffff : parts.length, 8);
  end.writeUInt16LE(wide ? 0xffff : parts.length, 10);
  end.writeUInt32LE(wide ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(wide ? 0xffffffff : offset, 16);
  end.writeUInt16LE(comment.length, 20);
  const wideEnd = wide ? end64(parts.length, directory.length, offset) : Buffer.alloc(0);
  return Buffer.concat([...local, directory, wideEnd, end, Buffer.from(comment)]);
}

function end64(count: number, size: number, offset: number): Buffer {
  const record = Buffer.alloc(56);
  record.write('PK\x06\x06', 'latin1');
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  return Buffer.concat([record, locator]);
}

function bytes16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16LE(value, index * 2));
  return bytes;
}

function bytes64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
