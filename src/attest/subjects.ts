import { ChalkError } from '../base/errors.ts';
import { platformOf, samePlatform } from '../base/platform.ts';
import {
  attestedDigest,
  isListedImage,
  type Manifest,
  type ManifestContent,
  readManifest,
} from '../registry/index.ts';
import type { ForPlatform, ImageSubject } from './image.ts';

/** More images in one index than anybody builds for. */
const MAX_IMAGES = 64;

/** An image as its registry has it. */
export interface Subjects {
  /** What was pushed: an index, or an image alone. */
  readonly top: ImageSubject;
  /** The images that run, in the order of the index; the one image itself where there is no index. */
  readonly images: readonly ImageSubject[];
  /** BuildKit's own attestations, each with the digest of the image it is about. */
  readonly builderAttestations: readonly { readonly digest: string; readonly about: string }[];
}

/**
 * The manifests statements are attached to: the index, because a tag means it, and every image in it, because that is what
 * engines pull. Throws `REGISTRY_TOO_LARGE` for an index without end, and as `readManifest`.
 */
export function subjectsOf(manifest: Manifest): Subjects {
  const content = readManifest(manifest);
  const top = topOf(manifest, content);
  if (content.kind === 'image') return { top, images: [top], builderAttestations: [] };
  const images = content.manifests.filter(isListedImage);
  if (images.length > MAX_IMAGES) {
    throw new ChalkError('REGISTRY_TOO_LARGE', `${manifest.digest} lists ${images.length} images`, {
      hint: `at most ${MAX_IMAGES} are signed together`,
    });
  }
  return {
    top,
    images: images.map((each) => ({
      digest: each.digest,
      mediaType: each.mediaType,
      size: each.size,
      kind: 'image',
      platform: each.platform ? platformOf(each.platform) : undefined,
    })),
    builderAttestations: content.manifests.flatMap((each) => {
      const about = attestedDigest(each);
      return about === undefined ? [] : [{ digest: each.digest, about }];
    }),
  };
}

/** Top and images, each once. */
export function allSubjects({ top, images }: Subjects): readonly ImageSubject[] {
  return top.kind === 'index' ? [top, ...images] : images;
}

/**
 * What is said of an image: the value for its platform, or the one for every platform. Of an image that is alone nothing
 * says what platform it is for; what there is one of is about it.
 */
export function forImage<T>(
  values: readonly ForPlatform<T>[],
  { platform }: ImageSubject,
): ForPlatform<T> | undefined {
  const [only] = values;
  if (values.length === 1 && (platform === undefined || only?.platform === undefined)) return only;
  return values.find(
    (value) =>
      value.platform === undefined || (platform !== undefined && samePlatform(value.platform, platform)),
  );
}

function topOf({ digest, mediaType, bytes }: Manifest, { kind }: ManifestContent): ImageSubject {
  return { digest, mediaType, size: bytes.length, kind, platform: undefined };
}
