import { createHash } from 'node:crypto';

import { type MarkSearch, findMark, readMarkAt } from '../mark/index.ts';
import { type Codec, type CodecFile, type Reading, marked, sha256, trailingProblem } from './codec.ts';
import { isElf, readSections, sectionTableOffset } from './elf-format.ts';
import { FREE_SECTION, MARK_SECTION, chalkSection, withSection } from './elf-layout.ts';

const ARTIFACT_TYPE = 'ELF';
const DIGEST_BYTES = 32;

/**
 * 64-bit little-endian ELF files with a section table: the mark is the section `.chalk.mark`. HASH is that of the file laid out
 * for a deleted mark, so it is not the `sha256sum` of the file before marking (Chalk `plugins/elf.nim`).
 */
export const elfCodec: Codec = {
  name: 'elf',
  claims: ({ bytes }) => readSections(bytes) !== undefined,
  read(file) {
    const { mark, problems } = readSectionMark(file);
    const free = freeLayout(file);
    return {
      mark,
      unchalkedHash: free?.hash ?? sha256(file.bytes),
      artifactType: ARTIFACT_TYPE,
      problems: free
        ? problems
        : [...problems, 'unexpected ELF structure, so the hash is that of the whole file'],
    };
  },
  unmarked(file) {
    return readSectionMark(file).mark === undefined ? file.bytes : freeLayout(file)?.bytes;
  },
};

function readSectionMark({ bytes }: CodecFile): Pick<Reading, 'mark' | 'problems'> {
  const table = readSections(bytes);
  const section = table && chalkSection(table);
  if (section === undefined || section.name !== MARK_SECTION) return { mark: undefined, problems: [] };
  const content = bytes.subarray(section.offset, section.offset + section.size);
  const attempt = readMarkAt(content, 0);
  if (!('found' in attempt)) return { mark: undefined, problems: [`${MARK_SECTION}: ${attempt.problem}`] };
  return { mark: marked(attempt.found), problems: trailingProblem(content.length - attempt.found.end) };
}

/** The file as deletion leaves it: a section of 32 bytes, which are the SHA-256 of all bytes around them. */
function freeLayout({ bytes }: CodecFile): { readonly bytes: Uint8Array; readonly hash: string } | undefined {
  const table = readSections(bytes);
  const layout = table && withSection(bytes, table, FREE_SECTION, new Uint8Array(DIGEST_BYTES));
  if (layout === undefined) return undefined;
  const digest = createHash('sha256')
    .update(layout.bytes.subarray(0, layout.start))
    .update(layout.bytes.subarray(layout.end))
    .digest();
  layout.bytes.set(digest, layout.start);
  return { bytes: layout.bytes, hash: digest.toString('hex') };
}

/** Every other ELF file: the mark is appended, and looked for from the section table on. HASH is of the bytes before it. */
export const elfLastResortCodec: Codec = {
  name: 'elf_last_resort',
  claims: ({ bytes }) => isElf(bytes),
  read(file) {
    const { found, problems } = findAppended(file);
    return {
      mark: marked(found),
      unchalkedHash: sha256(unmarkedPrefix(file)),
      artifactType: ARTIFACT_TYPE,
      problems: [...problems, ...trailingProblem(found?.kind === 'mark' ? file.bytes.length - found.end : 0)],
    };
  },
  unmarked: unmarkedPrefix,
};

function findAppended({ bytes }: CodecFile): MarkSearch {
  return findMark(bytes, sectionTableOffset(bytes) ?? bytes.length);
}

function unmarkedPrefix(file: CodecFile): Uint8Array {
  const { found } = findAppended(file);
  return found?.kind === 'mark' ? file.bytes.subarray(0, found.start) : file.bytes;
}
