import type { ImageRef } from '../base/image-ref.ts';
import {
  type Descriptor,
  listReferrers,
  type Manifest,
  orNothing,
  type Registry,
} from '../registry/index.ts';
import { attTag } from '../sign/index.ts';

/** Where an image is read from. Everything it gives out was compared with its digest. */
export interface ImageStore {
  readonly kind: 'registry' | 'engine' | 'layout';
  /** For messages. */
  readonly name: string;
  /** What the image's name stands for. Read once, and from there on by digest: a tag that moves cannot split the checks. */
  readonly top: Manifest;
  getManifest(digest: string): Promise<Manifest>;
  readBlob(digest: string, maxBytes: number): Promise<Buffer>;
  streamBlob(digest: string, maxBytes: number): Promise<AsyncIterable<Buffer>>;
  /** The size of a blob; undefined where there is none. */
  blobSize(digest: string): Promise<number | undefined>;
  /** What is attached to a manifest; undefined where a place of this kind keeps nothing of the sort. */
  attached(digest: string): Promise<Attached | undefined>;
}

export interface Attached {
  /** What cosign's `.att` tag leads to. */
  readonly att: Manifest | undefined;
  /** What refers to the manifest, of whatever kind. */
  readonly referrers: readonly Descriptor[];
}

/** An image in its registry. Throws what the client throws. */
export async function registryStore(registry: Registry, ref: ImageRef): Promise<ImageStore> {
  return registryStoreAt(registry, await registry.getManifest(ref.digest ?? ref.tag ?? 'latest'));
}

/** The same for a manifest that was read already. */
export function registryStoreAt(registry: Registry, top: Manifest): ImageStore {
  return {
    kind: 'registry',
    name: registry.name,
    top,
    getManifest: (digest) => registry.getManifest(digest),
    readBlob: (digest, maxBytes) => registry.readBlob(digest, maxBytes),
    streamBlob: (digest, maxBytes) => registry.streamBlob(digest, maxBytes),
    blobSize: (digest) => registry.headBlob(digest),
    attached: async (digest) => {
      const [att, referrers] = await Promise.all([
        orNothing(registry.getManifest(attTag(digest))),
        listReferrers(registry, digest),
      ]);
      return { att, referrers };
    },
  };
}
