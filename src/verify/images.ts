import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { formatPlatform, type Platform, platformOf, samePlatform } from '../base/platform.ts';
import {
  type Descriptor,
  isListedImage,
  type Manifest,
  type ManifestContent,
  MAX_CONFIG_BYTES,
  readManifest,
} from '../registry/index.ts';
import type { ImageStore } from './store.ts';

/** One image of one platform. */
export interface PlatformImage {
  readonly manifest: Manifest;
  readonly layers: readonly Descriptor[];
  readonly config: Uint8Array;
  readonly platform: Platform;
  readonly history: readonly Step[];
  readonly diffIds: readonly string[];
}

/** One of an index's images, not read yet; `listedAs` is the platform the index gives it. */
export interface ListedImage {
  readonly digest: string;
  readonly listedAs: Platform | undefined;
}

export interface Step {
  readonly created_by?: string | null | undefined;
  readonly empty_layer?: boolean | null | undefined;
}

const MAX_PLATFORMS = 64;

const Text = z.nullish(z.string());
const Config = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: Text,
  rootfs: z.nullish(z.object({ diff_ids: z.nullish(z.array(z.string())) })),
  history: z.nullish(z.array(z.object({ created_by: Text, empty_layer: z.nullish(z.boolean()) }))),
});

/** The images a manifest stands for: itself, or those an index lists, of one platform where it is given. */
export function listImages(
  manifest: Manifest,
  content: ManifestContent,
  wanted: Platform | undefined,
  name: string,
): readonly ListedImage[] {
  if (content.kind === 'image') return [{ digest: manifest.digest, listedAs: undefined }];
  const images = content.manifests.filter(isListedImage).map(({ digest, platform }): ListedImage => {
    return { digest, listedAs: platform ? platformOf(platform) : undefined };
  });
  const chosen = images.filter(
    ({ listedAs }) => wanted === undefined || (listedAs !== undefined && samePlatform(listedAs, wanted)),
  );
  if (chosen.length > MAX_PLATFORMS) {
    throw new ChalkError(
      'REGISTRY_TOO_LARGE',
      `${name} lists ${chosen.length} images; --platform chooses one`,
    );
  }
  if (chosen.length === 0) {
    const there = images.flatMap(({ listedAs }) => (listedAs ? [formatPlatform(listedAs)] : []));
    const which = wanted === undefined ? 'image' : formatPlatform(wanted);
    throw new ChalkError(
      'IMAGE_NOT_FOUND',
      `${name} lists no ${which}, but ${there.join(', ') || 'nothing'}`,
    );
  }
  return chosen;
}

/** Reads an image's manifest and config. Throws what the store throws, `MEDIA_TYPE_UNKNOWN` and `RESPONSE_INVALID`. */
export async function readImage(store: ImageStore, digest: string): Promise<PlatformImage> {
  const manifest = digest === store.top.digest ? store.top : await store.getManifest(digest);
  const content = readManifest(manifest);
  if (content.kind === 'index') {
    throw new ChalkError('MEDIA_TYPE_UNKNOWN', `${store.name}@${digest} is an index in an index`);
  }
  const config = await store.readBlob(content.config.digest, MAX_CONFIG_BYTES);
  const parsed = Config.safeParse(parseJson(config.toString('utf8')));
  if (!parsed.success) {
    const type = JSON.stringify((content.artifactType || content.config.mediaType).slice(0, 120));
    throw new ChalkError('MEDIA_TYPE_UNKNOWN', `${store.name}@${digest} is no container image, but ${type}`);
  }
  const { rootfs, history } = parsed.data;
  return {
    manifest,
    layers: content.layers,
    config,
    platform: platformOf(parsed.data),
    history: history ?? [],
    diffIds: rootfs?.diff_ids ?? [],
  };
}
