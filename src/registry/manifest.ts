import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { isDigest } from './reading.ts';

export const MEDIA_TYPES = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  dockerImage: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  config: 'application/vnd.oci.image.config.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
} as const;

const IMAGE_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.image, MEDIA_TYPES.dockerImage]);
const INDEX_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.index, MEDIA_TYPES.dockerList]);
export const MANIFEST_TYPES: readonly string[] = [...IMAGE_TYPES, ...INDEX_TYPES];

/** What registries must take at least (OCI distribution 1.1, "Pushing Manifests"), and all we read. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** No config of an image comes near; what is longer is no config. */
export const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** By these annotations BuildKit says what an attestation it lists is about. */
const REFERENCE_TYPE = 'vnd.docker.reference.type';
const REFERENCE_DIGEST = 'vnd.docker.reference.digest';

const Text = z.nullish(z.string());
const Annotations = z.nullish(z.record(z.string(), z.string()));
const Descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().check(z.refine(isDigest)),
  size: z.int().check(z.nonnegative()),
  artifactType: Text,
  annotations: Annotations,
  platform: z.nullish(z.object({ os: z.string(), architecture: z.string(), variant: Text })),
});

/** What one manifest says of another, or of a blob. */
export type Descriptor = z.infer<typeof Descriptor>;

/** A manifest as it is stored: its digest is that of these bytes. */
export interface Manifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

const Image = z.object({
  config: Descriptor,
  layers: z.array(Descriptor),
  subject: z.nullish(Descriptor),
  artifactType: Text,
  annotations: Annotations,
});
const Index = z.object({
  manifests: z.array(Descriptor),
  subject: z.nullish(Descriptor),
  artifactType: Text,
  annotations: Annotations,
});
/** A text that could be read as both has a meaning that depends on who reads it (CVE-2021-41190). */
const Shape = z.object({
  mediaType: Text,
  manifests: z.optional(z.unknown()),
  layers: z.optional(z.unknown()),
  config: z.optional(z.unknown()),
});

export type ManifestContent =
  ({ readonly kind: 'image' } & z.infer<typeof Image>) | ({ readonly kind: 'index' } & z.infer<typeof Index>);

/** Reads a manifest. Throws `MEDIA_TYPE_UNKNOWN`, and `RESPONSE_INVALID` for what is not of its type. */
export function readManifest({ mediaType, digest, bytes }: Manifest): ManifestContent {
  const value = parseJson(bytes.toString('utf8'));
  const shape = Shape.safeParse(value);
  const invalid = (why: string) => new ChalkError('RESPONSE_INVALID', `the manifest ${digest} ${why}`);
  if (!shape.success) throw invalid('is no JSON object');
  const { manifests, layers, config } = shape.data;
  if (shape.data.mediaType && shape.data.mediaType !== mediaType) {
    throw invalid(`is called ${shown(mediaType)}, and calls itself ${shown(shape.data.mediaType)}`);
  }
  if (IMAGE_TYPES.has(mediaType)) {
    const image = Image.safeParse(value);
    if (!image.success || manifests !== undefined) throw invalid('is not that of an image');
    return { kind: 'image', ...image.data };
  }
  if (INDEX_TYPES.has(mediaType)) {
    const index = Index.safeParse(value);
    if (!index.success || layers !== undefined || config !== undefined) throw invalid('is no index');
    return { kind: 'index', ...index.data };
  }
  throw new ChalkError('MEDIA_TYPE_UNKNOWN', `the manifest ${digest} is of the type ${shown(mediaType)}`, {
    hint: 'OCI images and indexes are read, and Docker’s of schema 2',
  });
}

/**
 * The type of a manifest: the header's, unless it says nothing in particular, as static servers do; then its own. Throws
 * `RESPONSE_INVALID` for a page.
 */
export function mediaTypeOf(header: string | undefined, bytes: Uint8Array, what: string): string {
  const said = (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (said === 'text/html' || said === 'application/xhtml+xml') {
    throw new ChalkError('RESPONSE_INVALID', `${what}: the answer is an HTML page`, {
      hint: 'this is no registry, or a proxy or login page stands before it',
    });
  }
  if (!['', 'application/json', 'application/octet-stream', 'text/plain'].includes(said)) return said;
  const shape = Shape.safeParse(parseJson(Buffer.from(bytes).toString('utf8')));
  return (shape.success && shape.data.mediaType) || said;
}

/** Whether what an index lists is an image: BuildKit lists its attestations beside them, for a platform nobody has. */
export function isListedImage({ platform, annotations }: Descriptor): boolean {
  return platform?.os !== 'unknown' && annotations?.[REFERENCE_TYPE] === undefined;
}

/** The digest of the image that a listed attestation of BuildKit's is about; undefined for anything else. */
export function attestedDigest({ annotations }: Descriptor): string | undefined {
  return annotations?.[REFERENCE_TYPE] === 'attestation-manifest' ? annotations[REFERENCE_DIGEST] : undefined;
}

function shown(mediaType: string): string {
  return JSON.stringify(mediaType.slice(0, 120));
}

/** The OCI index the referrers API answers with; undefined for anything else. */
export function readIndexAnswer(bytes: Buffer): readonly Descriptor[] | undefined {
  const index = Index.safeParse(parseJson(bytes.toString('utf8')));
  return index.success ? index.data.manifests : undefined;
}
