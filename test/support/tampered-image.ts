import { gunzipSync, gzipSync } from 'node:zlib';
import { extract as untar, type Header, pack } from 'tar-stream';
import {
  blobOf,
  digestOf,
  listReferrers,
  type ManifestContent,
  MEDIA_TYPES,
  orNothing,
  readManifest,
  type Registry,
} from '../../src/registry/index.ts';
import { attTag } from '../../src/sign/index.ts';
import { putReferrers } from './signed-image.ts';

/** An entry of a layer. */
export interface TarEntry {
  readonly header: Pick<Header, 'name' | 'mode' | 'uid' | 'gid' | 'type'> &
    Partial<Pick<Header, 'mtime' | 'linkname'>>;
  readonly content: Buffer;
}

type ImageContent = Extract<ManifestContent, { kind: 'image' }>;
export type Json = Record<string, unknown>;

/** One image of an index, as a stranger with access to the registry would take it apart. */
export interface Parts {
  readonly config: Json;
  /** Unpacked. */
  readonly layers: readonly Buffer[];
}

export async function imageAt(registry: Registry, digest: string): Promise<ImageContent> {
  const content = readManifest(await registry.getManifest(digest));
  if (content.kind !== 'image') throw new Error(`${digest} is an index`);
  return content;
}

const known = new Map<string, Promise<Parts>>();
/** Packing programs of some megabytes takes longer than all else. */
const packed = new Map<string, Buffer>();

export function partsOf(registry: Registry, digest: string): Promise<Parts> {
  const parts = known.get(digest) ?? readParts(registry, digest);
  known.set(digest, parts);
  return parts;
}

async function readParts(registry: Registry, digest: string): Promise<Parts> {
  const image = await imageAt(registry, digest);
  const config = await registry.readBlob(image.config.digest, 1 << 24);
  const layers = await Promise.all(
    image.layers.map(async (layer) => {
      const bytes = await registry.readBlob(layer.digest, 1 << 28);
      const tar = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
      packed.set(digestOf(tar), bytes);
      return tar;
    }),
  );
  return { config: jsonOf(config), layers };
}

export function jsonOf(bytes: Buffer): Json {
  const value: unknown = JSON.parse(bytes.toString());
  if (typeof value !== 'object' || value === null) throw new Error('no object');
  return { ...value };
}

/** Puts an image of these parts into a registry: everything fits together, as a builder would leave it. */
export async function putParts(
  registry: Registry,
  { config, layers }: Parts,
  changes: {
    readonly text?: (config: string) => string;
    readonly manifest?: (manifest: Json) => Json;
    /** Whether the config names the layers as they are now. */
    readonly keepDiffIds?: boolean;
  } = {},
): Promise<string> {
  const diffIds = layers.map((tar) => digestOf(tar));
  const stored = layers.map((tar, at) => packed.get(diffIds[at] ?? '') ?? gzipSync(tar, { level: 1 }));
  const rootfs = { type: 'layers', diff_ids: diffIds };
  const whole = changes.keepDiffIds === true ? config : { ...config, rootfs };
  const text = JSON.stringify(whole);
  const configBytes = Buffer.from(changes.text?.(text) ?? text);
  for (const bytes of [...stored, configBytes]) await registry.putBlob(blobOf(bytes, digestOf(bytes)));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.image,
    config: { mediaType: MEDIA_TYPES.config, digest: digestOf(configBytes), size: configBytes.length },
    layers: stored.map((bytes) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: digestOf(bytes),
      size: bytes.length,
    })),
  };
  const bytes = Buffer.from(JSON.stringify(changes.manifest?.(manifest) ?? manifest));
  return (await registry.putManifest({ mediaType: MEDIA_TYPES.image, bytes })).digest;
}

/** The same index with other entries, under a tag. */
export async function putIndex(
  registry: Registry,
  from: string,
  change: (manifests: readonly Json[]) => readonly Json[],
  tag: string,
): Promise<string> {
  const { bytes, mediaType } = await registry.getManifest(from);
  const index = jsonOf(bytes);
  const manifests: readonly Json[] = Array.isArray(index['manifests']) ? index['manifests'] : [];
  const text = JSON.stringify({ ...index, manifests: change(manifests) });
  return (await registry.putManifest({ mediaType, bytes: Buffer.from(text) }, tag)).digest;
}

/** Everything a tag leads to, and what is attached to it, into another repository; blobs are mounted. */
export async function copyAll(from: Registry, repository: string, to: Registry, tag: string): Promise<void> {
  const top = await from.getManifest(tag);
  await copyManifest(from, repository, to, top.digest, tag);
}

async function copyManifest(
  from: Registry,
  repository: string,
  to: Registry,
  digest: string,
  tag?: string,
): Promise<void> {
  const manifest = await from.getManifest(digest);
  const content = readManifest(manifest);
  if (content.kind === 'image') {
    const blobs = [content.config, ...content.layers];
    await Promise.all(
      blobs.map(async (blob) => {
        const never = (): never => {
          throw new Error(`${blob.digest} was not mounted`);
        };
        await to.putBlob({ digest: blob.digest, size: blob.size, open: never }, { mountFrom: repository });
      }),
    );
  } else {
    for (const each of content.manifests) await copyManifest(from, repository, to, each.digest);
  }
  await to.putManifest({ mediaType: manifest.mediaType, bytes: manifest.bytes }, tag);
  const att = await orNothing(from.getManifest(attTag(digest)));
  if (att !== undefined) await copyManifest(from, repository, to, att.digest, attTag(digest));
  const referrers = await listReferrers(from, digest);
  for (const each of referrers) await copyManifest(from, repository, to, each.digest);
  if (referrers.length > 0) await putReferrers(to, digest, referrers);
}

/** A layer with other entries. */
export async function editTar(
  tar: Buffer,
  change: (entries: readonly TarEntry[]) => readonly TarEntry[],
): Promise<Buffer> {
  const reader = untar();
  reader.end(tar);
  const entries: TarEntry[] = [];
  for await (const entry of reader) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    entries.push({ header: entry.header, content: Buffer.concat(chunks) });
  }
  const archive = pack();
  for (const { header, content } of change(entries)) {
    const { name, mode, uid, gid, mtime, type, linkname } = header;
    const time = mtime === undefined ? {} : { mtime };
    const kept = { name, mode, uid, gid, type, ...time, ...(linkname ? { linkname } : {}) };
    if (type === 'file') archive.entry(kept, content);
    else archive.entry(kept);
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}
