import type { Descriptor, Manifest } from './manifest.ts';

/**
 * One repository in a registry (OCI distribution 1.1). Whatever is read is checked against its digest; every failure is a
 * `ChalkError` with a `REGISTRY_…` code, `DIGEST_MISMATCH`, `MEDIA_TYPE_UNKNOWN`, `RESPONSE_INVALID` or
 * `CREDENTIALS_UNREADABLE`.
 */
export interface RegistryRequests {
  /** `ghcr.io/owner/app` */
  readonly name: string;

  /** By tag or digest, of any type that is known here. Throws `REGISTRY_NOT_FOUND`. */
  getManifest(reference: string): Promise<Manifest>;
  /** Digest, type and size without the content; undefined where there is none. Nothing of it is verified. */
  headManifest(reference: string): Promise<ManifestHead | undefined>;
  /** Stores a manifest under a tag, or, without one, under its digest alone. */
  putManifest(content: NewManifest, tag?: string): Promise<StoredManifest>;

  /** The blob as a stream, which throws at its end if it was not the one asked for: believe nothing before. */
  streamBlob(digest: string, maxBytes: number): Promise<AsyncIterable<Buffer>>;
  readBlob(digest: string, maxBytes: number): Promise<Buffer>;
  /** The size of a blob; undefined where there is none. */
  headBlob(digest: string): Promise<number | undefined>;
  /** Stores a blob unless it is there. */
  putBlob(blob: NewBlob, options?: PutBlobOptions): Promise<BlobOutcome>;

  /** What the referrers API says refers to a manifest; undefined where the registry has no such API. */
  referrers(digest: string): Promise<readonly Descriptor[] | undefined>;
}

/** A repository, and what takes several requests. */
export interface Registry extends RegistryRequests {
  /**
   * Changes what is under a tag: reads it, stores what `change` makes of it, and reads again, until `change` has nothing
   * left to do and nobody else wrote for a while. In this process changes of one tag are made together; what others
   * write at the same moment can only be found by looking again, since registries have no way to compare and swap.
   */
  changeTag(tag: string, change: TagChange): Promise<void>;
}

/** What shall be under a tag instead of what is; undefined where that is well as it is. May be called several times. */
export type TagChange = (current: Manifest | undefined) => NewTagged | undefined;

export interface ManifestHead {
  readonly mediaType: string;
  readonly digest: string | undefined;
  readonly size: number | undefined;
}

export interface NewManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** What a tag is changed to. */
export interface NewTagged extends NewManifest {
  /** Blobs this very manifest needs and no other: they are stored before it. The rest is the caller's to store. */
  readonly blobs?: readonly NewBlob[];
}

export interface StoredManifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** The registry noted what the manifest refers to (`OCI-Subject`): its referrers API will list it. */
  readonly subjectNoted: boolean;
}

export interface NewBlob {
  readonly digest: string;
  readonly size: number;
  /** Called for every attempt. */
  open(): Uint8Array | AsyncIterable<Uint8Array>;
}

export interface PutBlobOptions {
  /** A repository of the same registry that may have it: then nothing is sent. */
  readonly mountFrom?: string;
  /** Sends it in pieces of this size; default: in one, which every registry takes. */
  readonly chunkBytes?: number;
}

export type BlobOutcome = 'there-already' | 'mounted' | 'uploaded';

/** A blob that is in memory. */
export function blobOf(bytes: Uint8Array, digest: string): NewBlob {
  return { digest, size: bytes.length, open: () => bytes };
}
