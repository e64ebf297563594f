import { type FoundMark, PLACEHOLDER, findMark } from '../mark/index.ts';
import { type Codec, marked, sha256 } from './codec.ts';
import { isElf } from './elf-format.ts';
import { commentPrefix, languageOf, shebangOf } from './languages.ts';

/** Without a shebang, this much of a file must look like text. */
const SNIFFED_BYTES = 256;
const LF = 0x0a;

/** Scripts and other source text; the mark is in a comment, or where a placeholder stood (Chalk `codecSource.nim`). */
export const scriptCodec: Codec = {
  name: 'source',
  claims: ({ bytes }) => shebangOf(bytes) !== undefined || (!isElf(bytes) && looksLikeText(bytes)),
  read(file) {
    const language = languageOf(file);
    const { found, problems } = findMark(file.bytes);
    return {
      mark: marked(found),
      unchalkedHash: sha256(...withoutMark(file.bytes, found, language)),
      artifactType: language,
      problems,
    };
  },
  unmarked(file) {
    const { found } = findMark(file.bytes);
    // Deleting leaves an unmarked file as it is; only its hash has the placeholder's own spacing.
    if (found?.kind !== 'mark') return file.bytes;
    return Buffer.concat(withoutMark(file.bytes, found, languageOf(file)));
  },
};

/** The text without its mark: a comment line of its own goes, anything else leaves a placeholder. */
function withoutMark(bytes: Uint8Array, found: FoundMark | undefined, language: string): Uint8Array[] {
  if (found === undefined) return [bytes];
  const { start, end } = found;
  const lead = Buffer.from(`\n${commentPrefix(language)} `, 'ascii');
  const lineStart = start - lead.length;
  const alone =
    lineStart >= 0 &&
    lead.equals(bytes.subarray(lineStart, start)) &&
    (end === bytes.length || bytes[end] === LF);
  return alone
    ? [bytes.subarray(0, lineStart), bytes.subarray(end)]
    : [bytes.subarray(0, start), Buffer.from(PLACEHOLDER, 'ascii'), bytes.subarray(end)];
}

function looksLikeText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, SNIFFED_BYTES);
  if (head.includes(0)) return false;
  try {
    // Streaming, because the last character may be cut in two.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
