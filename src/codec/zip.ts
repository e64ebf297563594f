import { createHash } from 'node:crypto';

import { MAGIC, type MarkMap, chalkIdOfHash, findMark, memberOf } from '../mark/index.ts';
import { type Codec, type CodecFile, type Reading, extensionOf, marked, viewOf } from './codec.ts';
import { elfCodec, elfLastResortCodec } from './elf.ts';
import { pycCodec } from './pyc.ts';
import { scriptCodec } from './script.ts';
import { type ZipEntry, readZipContent, readZipEntries } from './zip-archive.ts';

const TYPES: ReadonlyMap<string, string> = new Map([
  ['zip', 'ZIP'],
  ['jar', 'JAR'],
  ['war', 'WAR'],
  ['ear', 'EAR'],
  ['pt', 'PyTorch checkpoint'],
  ['pth', 'PyTorch checkpoint'],
  ['keras', 'Keras model'],
]);

/** The file with the mark, and the copy of Chalk that it may add; HASH covers neither. */
const MARK_NAME = 'chalk.json';
const ADDED_NAMES: ReadonlySet<string> = new Set([MARK_NAME, 'chalk']);

/** Files in an archive are unmarked before they are hashed; an archive in an archive is hashed as it is. */
const NESTED_CODECS: readonly Codec[] = [pycCodec, elfCodec, scriptCodec, elfLastResortCodec];

/** ZIP archives by extension: the mark is the file `chalk.json` at their root, HASH covers names and contents (Chalk `codecZip.nim`). */
export const zipCodec: Codec = {
  name: 'zip',
  claims: ({ path, bytes }) => TYPES.has(extensionOf(path)) && bytes[0] === 0x50 && bytes[1] === 0x4b,
  read(file) {
    const entries = readZipEntries(file.bytes, file.path);
    const { mark, problems } = readMarkEntry(file, entries);
    const covered = entries.filter(({ name }) => !ADDED_NAMES.has(name));
    return {
      mark,
      unchalkedHash: hashLike(file, covered, mark),
      artifactType: TYPES.get(extensionOf(file.path)) ?? 'ZIP',
      problems,
    };
  },
  unmarked: () => undefined,
};

function readMarkEntry(file: CodecFile, entries: readonly ZipEntry[]): Pick<Reading, 'mark' | 'problems'> {
  const entry = entries.find(({ name }) => name === MARK_NAME);
  if (entry === undefined) return { mark: undefined, problems: [] };
  const { found, problems } = findMark(readZipContent(file.bytes, entry, file.path));
  return { mark: marked(found), problems: problems.map((problem) => `${MARK_NAME}: ${problem}`) };
}

/**
 * Chalk has hashed archives in more than one way: names without `/` before them (0.4) or with (1.x). This is the hash by the
 * way the mark agrees with; where there is no mark, or it agrees with none, the hash as 0.4 makes it. Marks in
 * nested files are taken out first; where that changed something, the files as they are count too.
 */
function hashLike(file: CodecFile, entries: readonly ZipEntry[], mark: MarkMap | undefined): string {
  const first = hashEntries(file, entries, true);
  const hashes = [...first.hashes];
  const agreeing = (): string | undefined => hashes.find((hash) => agrees(mark, hash));
  const found = agreeing();
  if (mark === undefined || found !== undefined || !first.nestedMarks) return found ?? first.hashes[0];
  hashes.push(...hashEntries(file, entries, false).hashes);
  return agreeing() ?? first.hashes[0];
}

function agrees(mark: MarkMap | undefined, hash: string): boolean {
  if (mark === undefined) return false;
  const expected = memberOf(mark, 'HASH');
  return expected === undefined ? memberOf(mark, 'CHALK_ID') === chalkIdOfHash(hash) : expected === hash;
}

interface ArchiveHash {
  /** Without and with a leading `/` in names. */
  readonly hashes: readonly [string, string];
  readonly nestedMarks: boolean;
}

/** SHA-256 of the decimal count of files, and of each name and content with its decimal length before it. */
function hashEntries(file: CodecFile, entries: readonly ZipEntry[], unmark: boolean): ArchiveHash {
  const plain = createHash('sha256').update(String(entries.length));
  const rooted = createHash('sha256').update(String(entries.length));
  let nestedMarks = false;
  for (const entry of entries) {
    const stored = readZipContent(file.bytes, entry, file.path);
    const content = unmark ? unmarkNested(entry.name, stored) : stored;
    nestedMarks ||= content !== stored;
    const { name } = entry;
    plain.update(`${name.length}${name}${content.length}`, 'latin1').update(content);
    rooted.update(`${name.length + 1}/${name}${content.length}`, 'latin1').update(content);
  }
  return { hashes: [plain.digest('hex'), rooted.digest('hex')], nestedMarks };
}

function unmarkNested(path: string, bytes: Uint8Array): Uint8Array {
  if (!viewOf(bytes).includes(MAGIC)) return bytes;
  const file = { path, bytes };
  const codec = NESTED_CODECS.find((candidate) => candidate.claims(file));
  return codec?.unmarked(file) ?? bytes;
}
