import { createHash } from 'node:crypto';
import { extract } from 'tar-stream';
import * as z from 'zod/mini';

/** What two builds of the same must have in common, with our own edits of the image taken back. */
export type ImageView = {
  readonly platform: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: readonly string[];
};

/** The programs, their configuration, the mark. */
const MOST_ADDED = 3;

const Words = z.nullish(z.array(z.string()));
const Config = z.looseObject({
  Entrypoint: Words,
  Cmd: Words,
  Labels: z.nullish(z.record(z.string(), z.string())),
});
const Inspected = z.object({
  Id: z.string(),
  Os: z.string(),
  Architecture: z.string(),
  Variant: z.nullish(z.string()),
  RepoTags: Words,
  Config: z.nullish(Config),
  RootFS: z.object({ Layers: z.optional(z.array(z.string())) }),
});
const Stored = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.nullish(z.string()),
  config: z.nullish(Config),
  rootfs: z.object({ diff_ids: z.nullish(z.array(z.string())) }),
});
const Descriptor = z.object({
  digest: z.string(),
  annotations: z.nullish(z.record(z.string(), z.string())),
});
const Document = z.looseObject({
  mediaType: z.optional(z.string()),
  manifests: z.optional(z.array(Descriptor)),
  config: z.optional(Descriptor),
  annotations: z.nullish(z.record(z.string(), z.string())),
});

/** `docker image inspect`, by image: the ID, and what is to be compared. */
export function inspectedImages(
  text: string,
): { readonly id: string; readonly tags: readonly string[]; readonly view: ImageView }[] {
  return z
    .array(Inspected)
    .parse(JSON.parse(text))
    .map(({ Id, Os, Architecture, Variant, Config: config, RootFS, RepoTags }) => ({
      id: Id,
      tags: RepoTags ?? [],
      view: view([Os, Architecture, Variant], config ?? {}, RootFS.Layers ?? []),
    }));
}

/** The images below a manifest or an index, and what names, notes and attestations it has, through `read`. */
export async function storedImages(
  digest: string,
  read: (digest: string) => Promise<Uint8Array>,
): Promise<unknown> {
  const bytes = await read(digest);
  const document = Document.parse(JSON.parse(Buffer.from(bytes).toString()));
  if (document.manifests !== undefined) {
    const below = document.manifests.map(async (each) => ({
      notes: Object.keys(each.annotations ?? {}).sort(),
      image: await storedImages(each.digest, read),
    }));
    return { kind: 'index', notes: document.annotations, below: await Promise.all(below) };
  }
  if (document.config === undefined) return { kind: document.mediaType };
  const stored = Stored.safeParse(JSON.parse(Buffer.from(await read(document.config.digest)).toString()));
  if (!stored.success || stored.data.os === 'unknown') return { kind: 'attestation' };
  const { os, architecture, variant, config, rootfs } = stored.data;
  return {
    kind: 'manifest',
    mediaType: document.mediaType,
    notes: document.annotations,
    image: view([os, architecture, variant], config ?? {}, rootfs.diff_ids ?? []),
  };
}

/** The files of an archive by name; undefined where the bytes are none. */
export async function filesOfArchive(bytes: Uint8Array): Promise<ReadonlyMap<string, Buffer> | undefined> {
  const unpack = extract();
  const files = new Map<string, Buffer>();
  unpack.end(bytes);
  try {
    for await (const entry of unpack) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) {
        if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
      }
      files.set(entry.header.name, Buffer.concat(chunks));
    }
  } catch {
    return undefined;
  }
  return files;
}

/** What an archive of an image says, else a hash for every file in it. */
export async function archiveView(files: ReadonlyMap<string, Buffer>): Promise<unknown> {
  const index = files.get('index.json');
  if (index === undefined) {
    return Object.fromEntries([...files].map(([name, content]) => [name, hashOf(content)]));
  }
  const read = (digest: string) => {
    const found = digest === 'index' ? index : files.get(`blobs/${digest.replace(':', '/')}`);
    return found === undefined
      ? Promise.reject(new Error(`no ${digest} in the archive`))
      : Promise.resolve(found);
  };
  return storedImages('index', read);
}

/** The images a registry has under a name; undefined for a name it has not. */
export async function pushedImages(registry: string, repository: string, tag: string): Promise<unknown> {
  const headers = {
    accept:
      'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, ' +
      'application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json',
  };
  const get = async (path: string) => {
    const response = await fetch(`http://${registry}/v2/${repository}/${path}`, { headers });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  };
  const read = async (digest: string) => {
    const bytes = (await get(`manifests/${digest}`)) ?? (await get(`blobs/${digest}`));
    if (bytes === undefined) throw new Error(`no ${digest} in the registry`);
    return bytes;
  };
  return (await get(`manifests/${tag}`)) === undefined ? undefined : storedImages(tag, read);
}

/** Takes away, wherever layers are listed, those that stand behind the ones of `plain`: at most three, for ours are. */
export function withoutAddedLayers(ours: unknown, plain: unknown): unknown {
  if (typeof ours !== 'object' || typeof plain !== 'object' || ours === null || plain === null) return ours;
  if (Array.isArray(ours)) {
    return ours.map((each, index) =>
      withoutAddedLayers(each, Array.isArray(plain) ? plain[index] : undefined),
    );
  }
  const other = new Map<string, unknown>(Object.entries(plain));
  return Object.fromEntries(
    Object.entries(ours).map(([name, value]: [string, unknown]) => {
      const plainly = other.get(name);
      if (name !== 'layers' || !Array.isArray(value) || !Array.isArray(plainly)) {
        return [name, withoutAddedLayers(value, plainly)];
      }
      return [name, value.length - plainly.length <= MOST_ADDED ? value.slice(0, plainly.length) : value];
    }),
  );
}

function view(
  platform: readonly (string | null | undefined)[],
  config: z.infer<typeof Config>,
  layers: readonly string[],
): ImageView {
  const { Entrypoint: entrypoint, Labels: labels, ...others } = config;
  const isWrapped = entrypoint?.[0] === '/.chalk/shim';
  const own = isWrapped ? entrypoint.slice(entrypoint.indexOf('--') + 1) : (entrypoint ?? []);
  const kept = Object.entries(labels ?? {}).filter(([name]) => !name.startsWith('run.chalk.'));
  return {
    platform: platform.filter(Boolean).join('/'),
    config: { ...others, Entrypoint: own, Cmd: config.Cmd ?? [], Labels: Object.fromEntries(kept) },
    layers,
  };
}

/** What stands for bytes nobody reads. */
export function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
