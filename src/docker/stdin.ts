/** What `docker build -` was given on standard input. */
export type StdinKind = 'dockerfile' | 'tar' | 'gzip' | 'bzip2' | 'xz' | 'empty';

/** As many bytes as buildx looks at (`build/opt.go`, `IsArchive`). */
export const SNIFFED_BYTES = 1024;

const MAGIC: readonly (readonly [StdinKind, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

const HEADER_BYTES = 512;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;

/** Tells a build context from a Dockerfile by the first bytes, as buildx does: compressed or tar is a context. */
export function sniffStdin(head: Uint8Array): StdinKind {
  if (head.length === 0) return 'empty';
  const compressed = MAGIC.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
  if (compressed !== undefined) return compressed[0];
  return isTarHeader(head) ? 'tar' : 'dockerfile';
}

/** A tar header names the sum of its own bytes, the sum's field counted as blanks (POSIX ustar). */
function isTarHeader(head: Uint8Array): boolean {
  if (head.length < HEADER_BYTES) return false;
  const field = new TextDecoder('latin1').decode(head.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES));
  const claimed = Number.parseInt(field.replaceAll('\0', ' ').trim(), 8);
  let sum = 0;
  for (const [index, byte] of head.subarray(0, HEADER_BYTES).entries()) {
    sum += index >= CHECKSUM_AT && index < CHECKSUM_AT + CHECKSUM_BYTES ? 0x20 : byte;
  }
  return sum === claimed;
}
