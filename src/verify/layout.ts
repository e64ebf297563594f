import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extract as untar } from 'tar-stream';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import {
  type Descriptor,
  digestOf,
  type Manifest,
  MEDIA_TYPES,
  readManifest,
  referrersTag,
} from '../registry/index.ts';
import { attTag } from '../sign/index.ts';
import type { ImageStore } from './store.ts';

/** The files of an OCI layout, by their paths in it. */
export interface LayoutFiles {
  readonly name: string;
  /** Undefined where there is no such file. Throws `REGISTRY_TOO_LARGE` beyond `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  size(path: string): Promise<number | undefined>;
}

const MAX_JSON_BYTES = 4 * 1024 * 1024;
const MAX_REFERRING = 1024;
const REF_NAME = 'org.opencontainers.image.ref.name';
const Subject = z.object({ subject: z.nullish(z.object({ digest: z.string() })) });

/** An OCI layout in a folder. */
export function folderFiles(host: Host, folder: string): LayoutFiles {
  return {
    name: folder,
    read: async (path, maxBytes) => {
      const at = join(folder, path);
      const stat = await host.files.stat(at);
      if (stat === undefined) return undefined;
      if (stat.size > maxBytes) throw tooLarge(at, maxBytes);
      return host.files.read(at, maxBytes);
    },
    size: async (path) => (await host.files.stat(join(folder, path)))?.size,
  };
}

/** An OCI layout in an archive, as `docker save` writes it; layers over `maxBytes` are left in it. */
export async function archiveFiles(
  name: string,
  archive: Uint8Array,
  maxBytes: number,
): Promise<LayoutFiles> {
  const files = new Map<string, Uint8Array>();
  const sizes = new Map<string, number>();
  const reader = untar();
  const filled = fill();
  try {
    Readable.from([archive]).pipe(reader);
    await filled;
  } catch (cause) {
    throw new ChalkError('RESPONSE_INVALID', `${name} is no archive that can be read`, { cause });
  }

  async function fill(): Promise<void> {
    for await (const entry of reader) {
      const path = entry.header.name.replace(/^\.\//, '');
      const size = entry.header.size ?? 0;
      if (entry.header.type !== 'file') {
        entry.resume();
        continue;
      }
      sizes.set(path, size);
      if (size > maxBytes) {
        entry.resume();
        continue;
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
      files.set(path, Buffer.concat(chunks));
    }
  }

  return {
    name,
    read: async (path, most) => {
      const size = sizes.get(path);
      if (size === undefined) return undefined;
      const bytes = files.get(path);
      if (bytes === undefined || size > most) throw tooLarge(`${name}: ${path}`, Math.min(most, maxBytes));
      return bytes;
    },
    size: async (path) => sizes.get(path),
  };
}

/**
 * The one image of an OCI layout (image-spec 1.1, `image-layout.md`). What is attached to it is found by the names
 * registries have for it, and by the subject of every manifest the layout's index lists. An archive that an engine saved
 * has no attestations: `kind` is `engine` then.
 *
 * Throws `IMAGE_NOT_FOUND` where it holds no image or several, and what reading throws.
 */
export async function layoutStore(files: LayoutFiles, kind: 'layout' | 'engine'): Promise<ImageStore> {
  const index = await files.read('index.json', MAX_JSON_BYTES);
  if (index === undefined) {
    throw new ChalkError('IMAGE_NOT_FOUND', `${files.name} has no index.json: it is no OCI layout`, {
      hint: kind === 'engine' ? 'docker before 25 saves images in another form' : 'docker save makes one',
    });
  }
  const listing = { mediaType: MEDIA_TYPES.index, digest: digestOf(index), bytes: Buffer.from(index) };
  const content = readManifest(listing);
  const listed = content.kind === 'index' ? content.manifests : [];
  if (listed.length > MAX_REFERRING) throw tooLarge(`${files.name}/index.json`, MAX_JSON_BYTES);

  const readBlob = async (digest: string, maxBytes: number): Promise<Buffer> => {
    const bytes = await files.read(pathOf(digest), maxBytes);
    if (bytes === undefined) throw new ChalkError('IMAGE_NOT_FOUND', `${files.name} lacks ${digest}`);
    const found = digestOf(bytes, digest.split(':', 1)[0]);
    if (found !== digest) {
      throw new ChalkError('DIGEST_MISMATCH', `${files.name}: the file of ${digest} has the digest ${found}`);
    }
    return Buffer.from(bytes);
  };
  const getManifest = async (digest: string): Promise<Manifest> => {
    const bytes = await readBlob(digest, MAX_JSON_BYTES);
    return { mediaType: ownMediaType(bytes), digest, bytes };
  };

  const manifests = await Promise.all(
    listed.map(async (descriptor) => {
      const manifest = await getManifest(descriptor.digest).catch((error: unknown) => {
        // Of an index, engines save only what they have.
        if (error instanceof ChalkError && error.code === 'IMAGE_NOT_FOUND') return undefined;
        throw error;
      });
      const subject = Subject.safeParse(parseJson(manifest?.bytes.toString('utf8') ?? ''));
      return {
        descriptor,
        manifest,
        name: descriptor.annotations?.[REF_NAME],
        subject: subject.success ? subject.data.subject?.digest : undefined,
      };
    }),
  );
  const images = manifests.filter(
    ({ name, subject, manifest }) =>
      manifest !== undefined && subject === undefined && !/^sha256-[0-9a-f]{64}(?:\.\w+)?$/.test(name ?? ''),
  );
  const tops = new Map(images.flatMap(({ manifest }) => (manifest ? [[manifest.digest, manifest]] : [])));
  const [top, ...others] = tops.values();
  if (top === undefined || others.length > 0) {
    throw new ChalkError('IMAGE_NOT_FOUND', `${files.name} holds ${tops.size} images, not one`);
  }
  return {
    kind,
    name: files.name,
    top,
    getManifest,
    readBlob,
    streamBlob: async (digest, maxBytes) => Readable.from([await readBlob(digest, maxBytes)]),
    blobSize: (digest) => files.size(pathOf(digest)),
    attached: async (digest) => {
      if (kind === 'engine') return undefined;
      const named = (wanted: string) => manifests.find(({ name }) => name === wanted)?.manifest;
      const tagged = named(referrersTag(digest));
      const fallback = tagged === undefined ? undefined : readManifest(tagged);
      const referrers: Descriptor[] = manifests
        .filter(({ subject }) => subject === digest)
        .map(({ descriptor }) => descriptor);
      return {
        att: named(attTag(digest)),
        referrers: [...referrers, ...(fallback?.kind === 'index' ? fallback.manifests : [])],
      };
    },
  };
}

/** Throws for what is no digest: it becomes part of a path. */
function pathOf(digest: string): string {
  const [, algorithm, hex] = /^(sha256|sha512):([0-9a-f]+)$/.exec(digest) ?? [];
  if (algorithm === undefined || hex === undefined) {
    throw new ChalkError('RESPONSE_INVALID', `${JSON.stringify(digest.slice(0, 80))} is no digest`);
  }
  return `blobs/${algorithm}/${hex}`;
}

/** Manifests name their type themselves; the descriptor that leads to one is nobody's word. */
function ownMediaType(bytes: Uint8Array): string {
  const parsed = z
    .object({ mediaType: z.optional(z.string()), manifests: z.optional(z.unknown()) })
    .safeParse(parseJson(Buffer.from(bytes).toString('utf8')));
  if (!parsed.success) return '';
  return (
    parsed.data.mediaType ?? (parsed.data.manifests === undefined ? MEDIA_TYPES.image : MEDIA_TYPES.index)
  );
}

function tooLarge(what: string, maxBytes: number): ChalkError {
  return new ChalkError('REGISTRY_TOO_LARGE', `${what} has more than the ${maxBytes} bytes allowed`);
}
