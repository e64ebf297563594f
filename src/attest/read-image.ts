import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { putsMarkIn } from '../image/extract.ts';
import { normaliseImage } from '../image/normalised-hash.ts';
import { type MarkMap, readMark, validateMark } from '../mark/index.ts';
import { MAX_CONFIG_BYTES, readManifest, type Registry } from '../registry/index.ts';
import type { ImageContent } from '../sign/index.ts';

/** What an image itself says, as its registry has it. */
export interface ReadImage {
  /** The hash of what it is without our additions. */
  readonly content: ImageContent;
  /** Its own mark; undefined where it has none, or only that of the image it was built on. */
  readonly mark: MarkMap | undefined;
}

const History = z.object({
  history: z.nullish(
    z.array(z.object({ created_by: z.nullish(z.string()), empty_layer: z.nullish(z.boolean()) })),
  ),
});

/**
 * Reads an image of one platform: its config, and its last layers as long as they are ours. What is attested is what stands
 * there, by its digest, and not what somebody remembers of it.
 *
 * Throws what the registry's client throws, `MEDIA_TYPE_UNKNOWN` for what is no image, and `MARK_INVALID` for a mark that
 * was changed.
 */
export async function readPushedImage(registry: Registry, digest: string): Promise<ReadImage> {
  const what = `${registry.name}@${digest}`;
  const content = readManifest(await registry.getManifest(digest));
  if (content.kind === 'index') throw new ChalkError('MEDIA_TYPE_UNKNOWN', `${what} is an index in an index`);
  const config = await registry.readBlob(content.config.digest, MAX_CONFIG_BYTES);
  const { hash, ownLayers } = await normaliseImage(
    config,
    content.layers.map((layer) => ({
      size: layer.size,
      open: () => registry.streamBlob(layer.digest, layer.size),
    })),
  );
  const parsed = History.safeParse(parseJson(config.toString('utf8')));
  const newest = parsed.success ? parsed.data.history?.at(-1) : undefined;
  // Whose mark it is: putting it in was the last thing that happened to the image.
  const isOwn = newest?.empty_layer !== true && putsMarkIn(newest?.created_by ?? '');
  const bytes = isOwn ? ownLayers.at(-1)?.mark : undefined;
  return { content: hash, mark: bytes === undefined ? undefined : validMark(bytes, what) };
}

function validMark(bytes: Uint8Array, what: string): MarkMap {
  const mark = readMark(bytes, `/chalk.json of ${what}`);
  if (validateMark(mark).kind === 'valid') return mark;
  throw new ChalkError('MARK_INVALID', `/chalk.json of ${what} does not validate, and is not signed`, {
    hint: 'build the image again',
  });
}
