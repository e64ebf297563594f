import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { nodeHost } from '../../src/host/node.ts';
import { normaliseImage } from '../../src/image/normalised-hash.ts';
import { type LayerContent, packLayer, PATCH_STEP } from '../../src/image/patch/index.ts';
import { type Mark, randomChalkId, sealMark } from '../../src/mark/index.ts';
import {
  blobOf,
  type Descriptor,
  digestOf,
  listReferrers,
  MEDIA_TYPES,
  referrersTag,
  type Registry,
} from '../../src/registry/index.ts';
import {
  type Artifact,
  attArtifact,
  attTag,
  bundleArtifact,
  type Envelope,
  generateSigningKey,
  imageSubject,
  PREDICATE,
  signEnvelope,
  type SigningKey,
  STATEMENT_PAYLOAD,
  writeBundle,
  writeMarkStatement,
  writeStatement,
} from '../../src/sign/index.ts';

const { random } = nodeHost();

export const newKey = (name: string): SigningKey => generateSigningKey(random, name);

/** A mark of a build that never was. */
export function newMark(more: Parameters<typeof sealMark>[0] = {}): Mark {
  return sealMark({
    CHALK_ID: randomChalkId(random.bytes(32)),
    CHALK_VERSION: '1.1.2',
    ARTIFACT_TYPE: 'Docker Image',
    COMMIT_ID: 'a'.repeat(40),
    ...more,
  });
}

/** A layer before it is packed. */
export interface TestLayer {
  readonly tar: Uint8Array;
}

/** An image as it goes into a registry. */
export interface TestImage {
  readonly config: Buffer;
  readonly layers: readonly { readonly bytes: Buffer; readonly digest: string }[];
  readonly manifest: Buffer;
  readonly digest: string;
}

/** A layer of ours. */
export async function ownLayer(mark: Mark, more: Partial<LayerContent> = {}): Promise<TestLayer> {
  const programs = ['shim', 'reporter'].map((name) => ({ name, time: 1, content: Buffer.from(name) }));
  const content = { mark: mark.text, markTime: 1, programs, runtimeConfig: undefined, ...more };
  return { tar: await packLayer(content) };
}

export const RUN = { Entrypoint: ['/.chalk/shim', '--', 'app'], Cmd: ['x'], Env: ['A=1'] } as const;

/** An image of these layers; the last step of its history puts a mark there. */
export function makeImage(
  layers: readonly TestLayer[],
  run: object = RUN,
  more: Readonly<Record<string, unknown>> = {},
): TestImage {
  const packed = layers.map(({ tar }) => {
    const bytes = gzipSync(tar);
    return { bytes, digest: digestOf(bytes), diffId: digestOf(tar) };
  });
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: run,
      rootfs: { type: 'layers', diff_ids: packed.map(({ diffId }) => diffId) },
      history: [{ created_by: 'COPY app /app' }, { created_by: PATCH_STEP }],
      ...more,
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.image,
      config: { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length },
      layers: packed.map(({ bytes, digest }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest,
        size: bytes.length,
      })),
    }),
  );
  return { config, layers: packed, manifest, digest: digestOf(manifest) };
}

export async function pushImage(registry: Registry, image: TestImage, tag?: string): Promise<string> {
  for (const bytes of [image.config, ...image.layers.map((layer) => layer.bytes)]) {
    await registry.putBlob(blobOf(bytes, digestOf(bytes)));
  }
  return (await registry.putManifest({ mediaType: MEDIA_TYPES.image, bytes: image.manifest }, tag)).digest;
}

/** An index of images that are in the registry. */
export async function pushIndex(
  registry: Registry,
  entries: readonly { readonly digest: string; readonly platform: string }[],
  tag?: string,
): Promise<string> {
  const manifests = await Promise.all(
    entries.map(async ({ digest, platform }) => {
      const { mediaType, bytes } = await registry.getManifest(digest);
      const [os, architecture] = platform.split('/');
      return { mediaType, digest, size: bytes.length, platform: { os, architecture } };
    }),
  );
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests }));
  return (await registry.putManifest({ mediaType: MEDIA_TYPES.index, bytes }, tag)).digest;
}

/** The normalised hash of an image in memory. */
export async function hashOf({ config, layers }: TestImage): Promise<string> {
  const { hash } = await normaliseImage(
    config,
    layers.map(({ bytes }) => ({ size: bytes.length, open: async () => piecesOf(bytes) })),
  );
  return hash.sha256;
}

/** The bytes in pieces, as a network gives them. */
export async function* piecesOf(bytes: Uint8Array, size = 700): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

/** A statement with its type, before it is signed. */
export interface TestStatement {
  readonly predicateType: string;
  readonly payload: Uint8Array;
}

export function markStatement(digest: string, mark: Pick<Mark, 'values'>, content?: string): TestStatement {
  const payload = writeMarkStatement(
    imageSubject('app', digest),
    mark.values,
    content === undefined ? undefined : { version: 1, sha256: content },
  );
  return { predicateType: PREDICATE.scai, payload };
}

export function plainStatement(digest: string, predicateType: string, predicate = '{}'): TestStatement {
  return { predicateType, payload: writeStatement([imageSubject('app', digest)], predicateType, predicate) };
}

export function signed({ payload }: TestStatement, key: SigningKey): Envelope {
  return signEnvelope(payload, STATEMENT_PAYLOAD, [key]);
}

export type Layout = 'att' | 'bundle' | 'both';

/** Attaches statements to a manifest, signed by a key, as a push with signing does. */
export async function attach(
  registry: Registry,
  digest: string,
  statements: readonly TestStatement[],
  key: SigningKey,
  layout: Layout = 'both',
): Promise<void> {
  const envelopes = statements.map((statement) => ({
    predicateType: statement.predicateType,
    envelope: signed(statement, key),
  }));
  if (layout !== 'bundle') {
    for (const { envelope, predicateType } of envelopes) {
      await attachBelowTag(registry, digest, envelope, predicateType);
    }
  }
  if (layout !== 'att') {
    const bundles = envelopes.map(({ envelope, predicateType }) => ({
      bundle: writeBundle(envelope, key.publicKey),
      predicateType,
    }));
    await attachBundles(registry, digest, bundles);
  }
}

export async function attachBelowTag(
  registry: Registry,
  digest: string,
  envelope: Envelope,
  predicateType: string,
): Promise<void> {
  const before = await registry.getManifest(attTag(digest)).catch(() => undefined);
  const artifact = attArtifact(before?.bytes, envelope, predicateType);
  await pushBlobs(registry, artifact);
  const { bytes, descriptor } = artifact.manifest;
  await registry.putManifest({ mediaType: descriptor.mediaType, bytes }, attTag(digest));
}

/** What is called a bundle may be anything; the digests of the manifests that refer to the image. */
export async function attachBundles(
  registry: Registry,
  digest: string,
  bundles: readonly { readonly bundle: Uint8Array; readonly predicateType: string }[],
): Promise<readonly string[]> {
  const { mediaType, bytes } = await registry.getManifest(digest);
  const subject = { mediaType, digest, size: bytes.length };
  const artifacts = bundles.map(({ bundle, predicateType }) =>
    bundleArtifact(bundle, subject, predicateType, 0),
  );
  for (const artifact of artifacts) await pushBlobs(registry, artifact);
  const stored = await Promise.all(
    artifacts.map(async ({ manifest }) =>
      registry.putManifest({ mediaType: manifest.descriptor.mediaType, bytes: manifest.bytes }),
    ),
  );
  // Nobody else writes to a test's repository: there is nothing to wait for.
  if (stored.some(({ subjectNoted }) => !subjectNoted)) {
    const before = await listReferrers(registry, digest);
    const added = stored.map((each) => ({ mediaType: each.mediaType, digest: each.digest, size: each.size }));
    await putReferrers(registry, digest, [...before, ...added]);
  }
  return stored.map((each) => each.digest);
}

/** Writes the list of referrers of a registry without an API for them. */
export async function putReferrers(
  registry: Registry,
  digest: string,
  manifests: readonly Pick<Descriptor, 'mediaType' | 'digest' | 'size'>[],
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests }));
  await registry.putManifest({ mediaType: MEDIA_TYPES.index, bytes }, referrersTag(digest));
}

async function pushBlobs(registry: Registry, { blobs }: Artifact): Promise<void> {
  for (const { bytes, descriptor } of blobs) await registry.putBlob(blobOf(bytes, descriptor.digest));
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
