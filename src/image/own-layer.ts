import { createHash } from 'node:crypto';
import { UnpackedLayer } from '../registry/unpacked-layer.ts';

/** A file of ours in a layer of ours. */
export interface OwnFile {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly size: number;
}

/** A layer that holds nothing but what we put into images. */
export interface OwnLayer {
  /** By path: `chalk.json`, `.chalk/shim`, … */
  readonly files: ReadonlyMap<string, OwnFile>;
  /** The bytes of `/chalk.json`; undefined where it is in another layer. */
  readonly mark: Uint8Array | undefined;
}

export type LayerJudgement =
  | { readonly kind: 'ours'; readonly layer: OwnLayer }
  /** Somebody's content, and the first thing that shows it. */
  | { readonly kind: 'content'; readonly why: string };

/** Larger layers are never ours, packed or unpacked: the programs have some megabytes. */
export const MAX_OWN_LAYER_BYTES = 64 * 1024 * 1024;

const FILES: ReadonlySet<string> = new Set([
  '.chalk/shim',
  '.chalk/reporter',
  '.chalk/runtime.json',
  'chalk.json',
]);
const FOLDER = '.chalk/';
const MARK = 'chalk.json';
const MAX_MARK_BYTES = 1024 * 1024;
const BLOCK = 512;

/** What nothing but times is in: extended headers of Go's archive writers. */
const TIME_RECORDS = /^(?:\d+ (?:mtime|atime|ctime)=-?\d+(?:\.\d+)?\n)+$/;

/**
 * Decides whether a layer holds nothing but files of ours: `/chalk.json`, and below the folder `/.chalk` the files `shim`,
 * `reporter` and `runtime.json`, each at most once, all of them regular, owned by root, without set-user-ID and the like,
 * without extended attributes, and at least one. Read is the plain form of tar that builders write; whatever could be read
 * in two ways (long names, sparse files, links, something behind the end) is content. So is a layer whose unpacked bytes
 * are not those of `diffId`.
 *
 * Stops at the first thing that is not ours. Throws what the stream throws.
 */
export async function judgeLayer(source: AsyncIterable<Buffer>, diffId: string): Promise<LayerJudgement> {
  const archive = new UnpackedLayer(source);
  try {
    return await judge(archive, diffId);
  } finally {
    await archive.close();
  }
}

async function judge(archive: UnpackedLayer, diffId: string): Promise<LayerJudgement> {
  const seen = new Map<string, OwnFile | 'folder'>();
  let mark: Uint8Array | undefined;
  for (;;) {
    const block = await archive.exactly(BLOCK);
    if (block === undefined) return content('it is cut off');
    if (block.every((byte) => byte === 0)) break;
    const header = readHeader(block);
    if (typeof header === 'string') return content(header);
    const { name, type, size } = header;
    if (archive.size + size > MAX_OWN_LAYER_BYTES) return content('it is large');
    if (type === 'x') {
      const records = await padded(archive, size);
      if (records === undefined || !TIME_RECORDS.test(records.toString('latin1'))) {
        return content('it has extended attributes or long names');
      }
      continue;
    }
    if (seen.has(name)) return content(`it has ${name} twice`);
    if (type === '5') {
      if (name !== FOLDER || size !== 0) return content(`it holds the folder ${name}`);
      seen.set(name, 'folder');
      continue;
    }
    if (!FILES.has(name)) return content(`it holds ${name}`);
    if (name === MARK && size > MAX_MARK_BYTES) return content('its chalk.json is too large');
    const bytes = await padded(archive, size);
    if (bytes === undefined) return content('it is cut off');
    seen.set(name, { sha256: createHash('sha256').update(bytes).digest('hex'), size });
    if (name === MARK) mark = bytes;
  }
  const rest = await onlyZeros(archive);
  if (!rest) return content('there is something behind its end');
  if (archive.digest() !== diffId) return content('it is not the layer of the config');
  const files = new Map(
    [...seen].flatMap(([name, file]) => (file === 'folder' ? [] : [[name, file] as const])),
  );
  if (files.size === 0) return content('it holds no file of ours');
  return { kind: 'ours', layer: { files, mark } };
}

interface Header {
  readonly name: string;
  /** `0` a file, `5` a folder, `x` an extended header. */
  readonly type: '0' | '5' | 'x';
  readonly size: number;
}

/** The header of one entry (POSIX ustar); a reason where it is none of a file of ours. */
function readHeader(block: Buffer): Header | string {
  const text = (from: number, to: number) => {
    const field = block.toString('latin1', from, to);
    const end = field.indexOf('\0');
    // Something behind a name's end is seen by some readers and not by others.
    return end === -1 ? field : /^\0*$/.test(field.slice(end)) ? field.slice(0, end) : undefined;
  };
  const octal = (from: number, to: number) => {
    const digits = /^ *([0-7]+)[\0 ]*$/.exec(block.toString('latin1', from, to))?.[1];
    return digits === undefined ? undefined : Number.parseInt(digits, 8);
  };
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (octal(148, 156) !== sum) return 'it is no plain archive';
  if (block.toString('latin1', 257, 265) !== 'ustar\x0000') return 'it is no plain archive';
  const name = text(0, 100);
  const flag = block.toString('latin1', 156, 157);
  const [mode, uid, gid, size] = [octal(100, 108), octal(108, 116), octal(116, 124), octal(124, 136)];
  if (name === undefined || size === undefined) return 'it is no plain archive';
  if (flag === 'x') return { name, type: 'x', size };
  const type = flag === '\0' ? '0' : flag;
  if (type !== '0' && type !== '5') return `${shown(name)} is no plain file`;
  if (text(345, 500) !== '' || text(157, 257) !== '') return `${shown(name)} has a long name or a link`;
  if (uid !== 0 || gid !== 0) return `${shown(name)} is not root's`;
  if (![text(265, 297), text(297, 329)].every((owner) => owner === '' || owner === 'root')) {
    return `${shown(name)} is not root's`;
  }
  if (mode === undefined || (mode & 0o7000) !== 0) return `${shown(name)} has a special mode`;
  return {
    name: type === '0' && FILES.has(name) ? name : type === '5' && name === FOLDER ? name : shown(name),
    type,
    size,
  };
}

/** So many bytes, and the zeros that fill their last block; undefined where it ends before, or something else fills it. */
async function padded(archive: UnpackedLayer, size: number): Promise<Buffer | undefined> {
  const whole = await archive.exactly(Math.ceil(size / BLOCK) * BLOCK);
  if (whole === undefined || !whole.subarray(size).every((byte) => byte === 0)) return undefined;
  return whole.subarray(0, size);
}

async function onlyZeros(archive: UnpackedLayer): Promise<boolean> {
  for (;;) {
    const part = await archive.some(64 * 1024);
    if (part === undefined) return true;
    if (archive.size > MAX_OWN_LAYER_BYTES || !part.every((byte) => byte === 0)) return false;
  }
}

function content(why: string): LayerJudgement {
  return { kind: 'content', why };
}

/** A stranger's name for a message. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
