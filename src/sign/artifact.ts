import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import { BUNDLE_MEDIA_TYPE } from './bundle.ts';
import { PREDICATE } from './statement.ts';

/** An OCI descriptor. */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Bytes with the descriptor they are pushed and referred to by. */
export interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** What is pushed for one attestation: first the blobs, then the manifest. */
export interface Artifact {
  readonly blobs: readonly Content[];
  /** Its descriptor is also the entry for a fallback index of referrers. */
  readonly manifest: Content;
}

export const MANIFEST_MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const EMPTY_MEDIA_TYPE = 'application/vnd.oci.empty.v1+json';
const BUNDLE_LAYER = 'application/vnd.dev.sigstore.bundle';

export function contentOf(
  bytes: Uint8Array,
  mediaType: string,
  more: Pick<Descriptor, 'artifactType' | 'annotations'> = {},
): Content {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, descriptor: { mediaType, digest, size: bytes.length, ...more } };
}

/**
 * A bundle as referrer of an image (OCI 1.1), as cosign 3 writes it. `created` is in milliseconds; readers take the latest.
 *
 * The annotation of a mark's bundle says `cosign/sign/v1` instead of the type inside: Chalk looks only at those
 * (`docker/manifest.nim`, which also writes it). cosign goes by the statement.
 */
export function bundleArtifact(
  bundle: Uint8Array,
  subject: Descriptor,
  predicateType: string,
  created: number,
): Artifact {
  const empty = contentOf(Buffer.from('{}', 'utf8'), EMPTY_MEDIA_TYPE);
  const layer = contentOf(bundle, BUNDLE_MEDIA_TYPE);
  const annotations = {
    'org.opencontainers.image.created': new Date(created).toISOString().replace(/\.\d+Z$/, 'Z'),
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType':
      predicateType === PREDICATE.scai ? PREDICATE.signature : predicateType,
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_MEDIA_TYPE,
    artifactType: BUNDLE_MEDIA_TYPE,
    config: empty.descriptor,
    layers: [layer.descriptor],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations,
  };
  return {
    blobs: [empty, layer],
    manifest: contentOf(Buffer.from(JSON.stringify(manifest), 'utf8'), MANIFEST_MEDIA_TYPE, {
      artifactType: BUNDLE_MEDIA_TYPE,
      annotations,
    }),
  };
}

const Annotations = z.optional(z.record(z.string(), z.string()));

/** An OCI descriptor as it comes in. */
export const DescriptorFile = z.object({
  mediaType: z.string(),
  digest: z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/)),
  size: z.number().check(z.int(), z.nonnegative()),
  annotations: Annotations,
});

const BundleManifest = z.object({
  layers: z.tuple([DescriptorFile]),
  subject: z.object({ digest: z.string() }),
});

/**
 * Where a referrer's bundle is, by its manifest; undefined for a referrer of another kind, or of another image: indexes of
 * referrers and their annotations are not signed by anybody, and BuildKit's attestations are among them.
 */
export function bundleIn(manifest: Uint8Array, subjectDigest: string): Descriptor | undefined {
  const parsed = BundleManifest.safeParse(parseJson(new TextDecoder().decode(manifest)));
  if (!parsed.success || parsed.data.subject.digest !== subjectDigest) return undefined;
  const [{ mediaType, digest, size }] = parsed.data.layers;
  return mediaType.startsWith(BUNDLE_LAYER) ? { mediaType, digest, size } : undefined;
}
