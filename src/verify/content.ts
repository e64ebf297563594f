import { ChalkError } from '../base/errors.ts';
import { putsMarkIn } from '../image/extract.ts';
import { normaliseImage, type NormalisedImage } from '../image/normalised-hash.ts';
import { MAX_OWN_LAYER_BYTES } from '../image/own-layer.ts';
import { isId, type MarkMap, readMark, stringOf, validateMark } from '../mark/index.ts';
import { readLayerFile, UnpackedLayer } from '../registry/index.ts';
import type { Finding } from './checks.ts';
import { eachLimited } from './failures.ts';
import type { PlatformImage } from './images.ts';
import type { ImageStore } from './store.ts';

const LIMITS = { maxFileBytes: 1024 * 1024, maxLayerBytes: 256 * 1024 * 1024 };
const AT_ONCE = 4;
const PIECE = 1024 * 1024;

/** What was found of an image's own mark. */
export interface MarkFinding {
  readonly finding: Finding;
  /** Also of a mark that does not validate; undefined for none. */
  readonly mark: MarkMap | undefined;
}

/** The hash of the image without what we add, and which layers that is. Reads only layers that may be ours. */
export function normalise(store: ImageStore, { config, layers }: PlatformImage): Promise<NormalisedImage> {
  return normaliseImage(
    config,
    layers.map(({ digest, size }) => ({ size, open: () => store.streamBlob(digest, MAX_OWN_LAYER_BYTES) })),
  );
}

/**
 * Whether every layer is there in the size the manifest says; with `everything`, whether it is the layer of that digest and,
 * unpacked, the one of the config. Engines find both out when they pull, so that reading it all is asked for.
 */
export async function checkLayers(
  store: ImageStore,
  { layers, diffIds }: PlatformImage,
  everything: boolean,
): Promise<Finding> {
  const check = 'layers';
  if (layers.length !== diffIds.length) {
    const why = `the manifest has ${layers.length} layers, and the config ${diffIds.length}`;
    return { check, found: 'failed', why };
  }
  const wrong = await eachLimited([...layers.entries()], AT_ONCE, async ([at, { digest, size }]) => {
    const there = await store.blobSize(digest);
    if (there === undefined) return `layer ${at} is missing`;
    if (there !== size) return `layer ${at} has ${there} bytes, and should have ${size}`;
    if (!everything) return undefined;
    const diffId = await diffIdOf(await store.streamBlob(digest, size));
    return diffId === diffIds[at] ? undefined : `layer ${at} is not the one of the config`;
  });
  const first = wrong.find((each) => each !== undefined);
  if (first !== undefined) return { check, found: 'failed', why: first };
  return { check, found: 'ok', why: `${layers.length} ${everything ? 'read and compared' : 'are there'}` };
}

async function diffIdOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const layer = new UnpackedLayer(stream);
  try {
    while ((await layer.some(PIECE)) !== undefined);
  } catch (error) {
    if (error instanceof ChalkError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new ChalkError('RESPONSE_INVALID', `a layer cannot be unpacked: ${why}`, { cause: error });
  } finally {
    await layer.close();
  }
  // The digest of what is stored is compared at the end of the stream alone.
  if (!layer.ended) throw new ChalkError('RESPONSE_INVALID', 'a layer has something behind its end');
  return layer.digest();
}

/**
 * The mark the image has of its own, by the rule of `image/extract.ts`: putting it in was the last step. `normalised` is
 * undefined where it could not be computed.
 */
export async function findMark(
  store: ImageStore,
  image: PlatformImage,
  normalised: NormalisedImage | undefined,
): Promise<MarkFinding> {
  const newest = image.history.at(-1);
  const layer = image.layers.at(-1);
  const puts = newest !== undefined && newest.empty_layer !== true && putsMarkIn(newest.created_by ?? '');
  if (!puts || layer === undefined) {
    const inherited = image.history.some((step) => putsMarkIn(step.created_by ?? ''));
    return none(
      inherited
        ? 'its /chalk.json came with a base image; it was itself built without a mark'
        : 'no step of its history put a mark there',
    );
  }
  const own = normalised?.ownLayers.at(-1)?.mark;
  if (own !== undefined) return judgeMark(own);
  const stream = await store.streamBlob(layer.digest, MAX_OWN_LAYER_BYTES);
  const file = await readLayerFile(stream, 'chalk.json', LIMITS);
  return file.kind === 'file' ? judgeMark(file.bytes) : none('its last layer has no readable /chalk.json');
}

function none(why: string): MarkFinding {
  return { finding: { check: 'mark', found: 'absent', why }, mark: undefined };
}

function judgeMark(bytes: Uint8Array): MarkFinding {
  const mark = readMark(bytes, '/chalk.json');
  return { finding: markFinding(mark), mark };
}

/** Whether a mark agrees with itself, and with the hash its file has without it. */
export function markFinding(mark: MarkMap, unchalkedHash?: string): Finding {
  const verdict = validateMark(mark, unchalkedHash === undefined ? {} : { unchalkedHash });
  const invalid = (why: string): Finding => ({ check: 'mark', found: 'failed', why, code: 'MARK_INVALID' });
  if (verdict.kind === 'invalid') return invalid(verdict.findings[0].message);
  const id = stringOf(mark, 'CHALK_ID') ?? '';
  if (!isId(id)) return invalid('its CHALK_ID has not the form of one');
  const uncovered = verdict.uncovered.filter((key) => key !== 'SIGNING' && key !== 'SIGNATURE');
  const but = uncovered.length === 0 ? '' : `; not covered by it: ${uncovered.join(', ')}`;
  return { check: 'mark', found: 'ok', why: `${id}, METADATA_ID ${stringOf(mark, 'METADATA_ID')}${but}` };
}
