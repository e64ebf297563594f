import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { ChalkError } from '../../base/errors.ts';
import { parseImageRef } from '../../base/image-ref.ts';
import { formatPlatform, normalizePlatform } from '../../base/platform.ts';
import type { Builder } from '../../docker/builder.ts';
import {
  buildkitReader,
  digestOf,
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
import { decideWrapping, SHIM_PLATFORMS } from '../../plan/index.ts';

/** Where the image of a build may be found, the surest first, and what its patch is made of. */
export interface PatchInput {
  readonly names: readonly string[];
  /** The names this build gave; a patched image takes those that still stand for the image it was made from. */
  readonly tags: readonly string[];
  readonly builder: Builder | undefined;
  readonly buildRef: string | undefined;
  readonly markKeys: Readonly<Record<string, MarkValue | undefined>>;
  readonly wrap: boolean;
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
  const before = await findFirst(host, tools, input.names);
  const content = await readContent(host, tools, before, input);
  const { config } = content;
  const platform = normalizePlatform({
    os: config.os,
    architecture: config.architecture,
    ...(config.variant === undefined ? {} : { variant: config.variant }),
  });
  if (platform.os !== 'linux') {
    throw new ChalkError('PROCESS_FAILED', `an image for ${formatPlatform(platform)} cannot be patched`);
  }
  const programPlatform = { os: platform.os, architecture: platform.architecture };
  const canWrap = input.wrap && SHIM_PLATFORMS.has(formatPlatform(programPlatform));
  const decision = canWrap ? decideWrapping(config) : undefined;
  const wrapping = decision?.kind === 'wrap' ? decision.wrapping : undefined;
  const name = formatPlatform(platform);
  const mark = sealMark({ DOCKER_PLATFORMS: [name], ...input.markKeys, DOCKER_PLATFORM: name });
  const now = host.clock.now();
  const { runtimeConfig } = input;
  const layer = blob(
    await packLayer({
      mark: mark.text,
      markTime: Math.floor(now / 1000),
      programs: wrapping === undefined ? [] : await readPrograms(host, input.shimFolder, programPlatform),
      runtimeConfig:
        runtimeConfig === undefined ? undefined : { text: runtimeConfig, time: timeOfText(runtimeConfig) },
    }),
  );
  const newConfig = blob(
    patchConfig(config, {
      entrypoint: wrapping?.after,
      diffId: layer.digest,
      createdAt: new Date(now).toISOString(),
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
  const packed = blob(await promisify(gzip)(layer.bytes, COMPRESSION));
  const { mediaType, configDigest } = content.manifest;
  const manifest = { ...blob(patchManifest(content.manifest, newConfig, packed)), mediaType };
  const archive = await packOciArchive({ manifest, config: newConfig, layer: packed, tags });
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

async function readContent(
  host: Host,
  tools: DockerTools,
  image: EngineImage,
  input: PatchInput,
): Promise<Content> {
  if (image.store === 'graph') {
    const original =
      input.buildRef === undefined
        ? undefined
        : await buildkitReader(host, tools, input.builder, input.buildRef)(image.id);
    const text = original ?? rebuildConfig(image.inspected, await engineHistory(host, tools, image.id));
    if (text === undefined)
      throw new ChalkError('RESPONSE_INVALID', 'the engine does not describe the image');
    return { store: 'graph', config: readConfig(text) };
  }
  // The engine's own BuildKit sees every image of this store, whichever builder made it.
  const { context } = tools.config;
  const engineBuilder = { name: context, environment: { BUILDX_BUILDER: context }, driver: 'docker' };
  const buildRef = input.builder?.driver === 'docker' ? input.buildRef : undefined;
  let read = buildkitReader(host, tools, engineBuilder, buildRef);
  let text = await read(image.id);
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
  return ref === undefined ? name : `${ref.registry}/${ref.repository}:${ref.tag ?? ''}`;
}
