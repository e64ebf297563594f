import { createHash } from 'node:crypto';

import { type FoundMark, type MarkMap } from '../mark/index.ts';

/** A file as a codec sees it: `path` only for its extension and for messages, nothing is read from it. */
export interface CodecFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Reading {
  /** The values of the mark; undefined for an unmarked file, also for one with a placeholder. */
  readonly mark: MarkMap | undefined;
  /**
   * Lower-case hex SHA-256 the file has without its mark: HASH. It is the same before marking, after it, and after the mark
   * is deleted.
   */
  readonly unchalkedHash: string;
  /** What ARTIFACT_TYPE says: `ELF`, `JAR`, `python`, … */
  readonly artifactType: string;
  /** What looked like a mark and was none, and what the hash does not cover; sentences for a person. */
  readonly problems: readonly string[];
}

/**
 * One kind of file. Writing will be one more method, `write(file, mark)`; `unmarked` is its counterpart.
 */
export interface Codec {
  readonly name: string;
  /** Whether the file is of this kind. Never throws. */
  claims(file: CodecFile): boolean;
  /** Reads a file it claims. Throws `FILE_UNREADABLE` or `MARK_TOO_LARGE`, and nothing else, whatever the bytes. */
  read(file: CodecFile): Reading;
  /**
   * The bytes deletion leaves; the same array where there is no mark. Undefined where this codec cannot rewrite the file.
   */
  unmarked(file: CodecFile): Uint8Array | undefined;
}

export function sha256(...chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** A view on the same bytes with the methods of `Buffer`. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The values of a mark that is no placeholder. */
export function marked(found: FoundMark | undefined): MarkMap | undefined {
  return found?.kind === 'mark' ? found.values : undefined;
}

/** The part of a path behind its last dot, in lower case; empty without one and for names such as `.profile`. */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** A problem to report when the hash leaves bytes behind the mark out, as Chalk's does; none without such bytes. */
export function trailingProblem(count: number): string[] {
  return count > 0 ? [`${count} bytes behind the mark are not covered by its hash`] : [];
}
