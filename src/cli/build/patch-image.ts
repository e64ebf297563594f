import { isDeepStrictEqual, promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import * as z from 'zod/mini';
import { asChalkError, ChalkError } from '../../base/errors.ts';
import { parseImageRef, repositoryName } from '../../base/image-ref.ts';
import { formatPlatform, type Platform, platformOf } from '../../base/platform.ts';
import type { Builder } from '../../docker/builder.ts';
import {
  buildkitReader,
  digestOf,
  type DocumentReader,
  type EngineImage,
  engineHistory,
  findEngineImage,
  savedReader,
} from '../../docker/image-content.ts';
import { dockerHelper, type DockerTools } from '../../docker/tools.ts';
import type { Host } from '../../host/host.ts';
import { describeResult } from '../../host/processes.ts';
import {
  type Blob,
  type Listed,
  packDockerArchive,
  packLayer,
  packOciArchive,
  type PatchableConfig,
  patchConfig,
  patchManifest,
  readConfig,
  readListed,
  rebuildConfig,
  type Renamed,
} from '../../image/patch/index.ts';
import { readPrograms, timeOfText } from '../../image/payload.ts';
import { type Mark, type MarkValue, sealMark } from '../../mark/index.ts';
import { decideWrapping, programsFor, SHIM_PLATFORMS, type Wrap, type Wrapping } from '../../plan/index.ts';

/** Where the image of a build may be found, the surest first, and what its patch is made of. */
export interface PatchInput {
  readonly names: readonly string[];
  /** The names this build gave; a patched image takes those that still stand for the image it was made from. */
  readonly tags: readonly string[];
  readonly builder: Builder | undefined;
  readonly buildRef: string | undefined;
  readonly markKeys: Readonly<Record<string, MarkValue | undefined>>;
  readonly wrap: Wrap;
  readonly shimFolder: string;
  readonly runtimeConfig: string | undefined;
}

export interface PatchedImage {
  readonly before: EngineImage;
  readonly id: string;
  readonly renamed: Renamed;
  readonly mark: Mark;
  /** BuildKit's attestations of the image before the patch: they name it, and stay with it. */
  readonly droppedAttestations: number;
}

/** Fast enough to go unnoticed; the programs shrink to a third at any level. */
const COMPRESSION = { level: constants.Z_BEST_SPEED };

const LOAD_TIMEOUT_MS = 120_000;

/**
 * Puts the mark and the shim into an image of the engine with a `docker load` of what is new: one layer, a config, and
 * for the containerd store a manifest. The names move to the patched image in that one step.
 *
 * Throws a `ChalkError`; the image then is as docker built it, and has its names.
 */
export async function patchImage(host: Host, tools: DockerTools, input: PatchInput): Promise<PatchedImage> {
  const read = documentReader(host, tools, input);
  const [first = ''] = input.names;
  // What is most likely needed next comes along while the engine is asked.
  const early = input.buildRef === undefined ? undefined : read(first);
  const before = await findFirst(host, tools, input.names);
  await early;
  // Packing takes as long as reading, so it goes by what the engine shows until the original is there.
  const shown = shownImage(before);
  const packing =
    shown === undefined
      ? undefined
      : packPatch(host, before, shown, input).catch((thrown: unknown) => asChalkError(thrown));
  const content = await readContent(host, tools, before, read, input);
  const { config } = content;
  const described = describeConfig(config);
  const packed = isDeepStrictEqual(described, shown) ? await packing : undefined;
  if (packed instanceof ChalkError) throw packed;
  const {
    wrapping,
    mark,
    layer,
    blob: layerBlob,
  } = packed ?? (await packPatch(host, before, described, input));
  const newConfig = blob(
    patchConfig(config, {
      entrypoint: wrapping?.after,
      diffId: layer.digest,
      createdAt: new Date(host.clock.now()).toISOString(),
    }),
  );
  const tags = sharedTags(before.tags, input.tags);
  if (content.store === 'graph') {
    const archive = await packDockerArchive({ config: newConfig, layer, diffIds: config.diffIds, tags });
    await load(host, tools, archive, newConfig.digest, tags);
    const names = [before.id, newConfig.digest] as const;
    return {
      before,
      id: newConfig.digest,
      renamed: { digest: names, configDigest: names, descriptor: undefined },
      mark,
      droppedAttestations: 0,
    };
  }
  const { mediaType, configDigest } = content.manifest;
  const manifest = { ...blob(patchManifest(content.manifest, newConfig, layerBlob)), mediaType };
  const archive = await packOciArchive({ manifest, config: newConfig, layer: layerBlob, tags });
  await load(host, tools, archive, manifest.digest, tags);
  return {
    before,
    id: manifest.digest,
    renamed: {
      digest: [before.id, manifest.digest],
      configDigest: [configDigest, newConfig.digest],
      descriptor: { mediaType, size: manifest.bytes.length },
    },
    mark,
    droppedAttestations: content.attestations,
  };
}

/** What decides about the layer. */
interface Described {
  readonly platform: Platform;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

const Words = z.nullish(z.array(z.string()));
const Shown = z.object({
  Os: z.string(),
  Architecture: z.string(),
  Variant: z.nullish(z.string()),
  Config: z.nullish(z.object({ Entrypoint: Words, Cmd: Words })),
});

function shownImage({ inspected }: EngineImage): Described | undefined {
  const parsed = Shown.safeParse(inspected);
  if (!parsed.success) return undefined;
  const { Os, Architecture, Variant, Config } = parsed.data;
  return {
    platform: platformOf({ os: Os, architecture: Architecture, variant: Variant }),
    entrypoint: Config?.Entrypoint ?? [],
    cmd: Config?.Cmd ?? [],
  };
}

function describeConfig({ os, architecture, variant, entrypoint, cmd }: PatchableConfig): Described {
  return { platform: platformOf({ os, architecture, variant }), entrypoint, cmd };
}

/** The mark and the layer it is in. */
async function packPatch(
  host: Host,
  image: EngineImage,
  { platform, entrypoint, cmd }: Described,
  input: PatchInput,
): Promise<{
  readonly wrapping: Wrapping | undefined;
  readonly mark: Mark;
  /** Its digest is the layer's diff ID. */
  readonly layer: Blob;
  /** As the store keeps it: compressed in containerd's. */
  readonly blob: Blob;
}> {
  const name = formatPlatform(platform);
  if (platform.os !== 'linux') {
    throw new ChalkError('PROCESS_FAILED', `an image for ${name} cannot be patched`);
  }
  const programPlatform = programsFor(platform);
  const canWrap = input.wrap !== false && SHIM_PLATFORMS.has(formatPlatform(programPlatform));
  const decision = canWrap ? decideWrapping({ entrypoint, cmd }, input.wrap) : undefined;
  const wrapping = decision?.kind === 'wrap' ? decision.wrapping : undefined;
  const mark = sealMark({ DOCKER_PLATFORMS: [name], ...input.markKeys, DOCKER_PLATFORM: name });
  const { runtimeConfig } = input;
  const layer = blob(
    await packLayer({
      mark: mark.text,
      markTime: Math.floor(host.clock.now() / 1000),
      programs: wrapping === undefined ? [] : await readPrograms(host, input.shimFolder, programPlatform),
      runtimeConfig:
        runtimeConfig === undefined ? undefined : { text: runtimeConfig, time: timeOfText(runtimeConfig) },
    }),
  );
  if (image.store === 'graph') return { wrapping, mark, layer, blob: layer };
  return { wrapping, mark, layer, blob: blob(await promisify(gzip)(layer.bytes, COMPRESSION)) };
}

async function findFirst(host: Host, tools: DockerTools, names: readonly string[]): Promise<EngineImage> {
  for (const name of names) {
    const image = await findEngineImage(host, tools, name);
    if (image !== undefined) return image;
  }
  throw new ChalkError('IMAGE_NOT_FOUND', 'the image that was built is not in the engine');
}

type Content =
  | { readonly store: 'graph'; readonly config: PatchableConfig }
  | {
      readonly store: 'containerd';
      readonly config: PatchableConfig;
      readonly manifest: Extract<Listed, { kind: 'manifest' }>;
      readonly attestations: number;
    };

/** Where the engine's own BuildKit made the image, its build is a way in; it knows every image of a containerd store. */
function documentReader(host: Host, tools: DockerTools, { builder, buildRef }: PatchInput): DocumentReader {
  const { context } = tools.config;
  const ofEngine = { name: context, environment: { BUILDX_BUILDER: context }, driver: 'docker' };
  return buildkitReader(host, tools, builder ?? ofEngine, buildRef);
}

async function readContent(
  host: Host,
  tools: DockerTools,
  image: EngineImage,
  buildReader: DocumentReader,
  input: PatchInput,
): Promise<Content> {
  if (image.store === 'graph') {
    // Nothing but its own build leads to an image of a graph driver's.
    const original = input.buildRef === undefined ? undefined : await buildReader(image.id);
    const text = original ?? rebuildConfig(image.inspected, await engineHistory(host, tools, image.id));
    if (text === undefined)
      throw new ChalkError('RESPONSE_INVALID', 'the engine does not describe the image');
    return { store: 'graph', config: readConfig(text) };
  }
  let read = buildReader;
  let text = await read(image.id);
  if (text === undefined && input.builder !== undefined) {
    // A builder beside the engine does not have what the engine made of its image.
    read = documentReader(host, tools, { ...input, builder: undefined, buildRef: undefined });
    text = await read(image.id);
  }
  if (text === undefined) {
    read = await savedReader(host, tools, image.id);
    text = await read(image.id);
  }
  const top = readListed(text ?? '');
  const [only, ...others] = top.kind === 'index' ? top.images : [];
  if (others.length > 0) throw new ChalkError('PROCESS_FAILED', 'the image is one for several platforms');
  const manifest = only === undefined ? top : readListed((await read(only)) ?? '');
  if (manifest.kind !== 'manifest') throw new ChalkError('RESPONSE_INVALID', 'the image has no manifest');
  return {
    store: 'containerd',
    config: readConfig((await read(manifest.configDigest)) ?? ''),
    manifest,
    attestations: top.kind === 'index' ? top.attestations : 0,
  };
}

/** The engine is asked afterwards: what was loaded has to be there, under its names. */
async function load(
  host: Host,
  tools: DockerTools,
  archive: Uint8Array,
  id: string,
  tags: readonly string[],
): Promise<void> {
  const result = await dockerHelper(host, tools, ['image', 'load', '--quiet'], {
    input: archive,
    timeoutMs: LOAD_TIMEOUT_MS,
  });
  if (result.kind !== 'exited' || result.code !== 0) {
    throw new ChalkError('PROCESS_FAILED', describeResult('docker load', result));
  }
  const loaded = await findEngineImage(host, tools, id);
  if (loaded === undefined || sharedTags(loaded.tags, tags).length < tags.length) {
    throw new ChalkError('RESPONSE_INVALID', 'docker load did not bring the patched image under its names');
  }
}

function blob(content: Uint8Array | string): Blob {
  return { bytes: Buffer.from(content), digest: digestOf(content) };
}

/** Which of these names are among those, however either is written. */
function sharedTags(these: readonly string[], those: readonly string[]): string[] {
  const wanted = new Set(those.map(normalName));
  return these.filter((tag) => wanted.has(normalName(tag)));
}

function normalName(name: string): string {
  const ref = parseImageRef(name);
  return ref === undefined ? name : `${repositoryName(ref)}:${ref.tag ?? ''}`;
}
