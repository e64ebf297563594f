import * as z from 'zod/mini';
import { asChalkError, ChalkError, describeError } from '../base/errors.ts';
import { type ImageRef, parseImageRef } from '../base/image-ref.ts';
import { parseJson } from '../base/json.ts';
import { formatPlatform, parsePlatform, type Platform, platformOf, samePlatform } from '../base/platform.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { type Extraction, putsMarkIn } from '../image/extract.ts';
import { bareDigest } from '../image/image-facts.ts';
import type { MarkValue } from '../mark/index.ts';
import {
  connectRegistries,
  type Descriptor,
  insecureRegistries,
  isListedImage,
  type Manifest,
  type ManifestContent,
  MAX_CONFIG_BYTES,
  readLayerFile,
  readManifest,
  type Registry,
} from '../registry/index.ts';
import { type AttestedMark, attestedMark } from './attested-mark.ts';

/** Before the name of an image that shall be read from its registry, whatever the engine has. */
const SCHEME = 'registry://';

const MAX_PLATFORMS = 64;
/** The layer of a mark holds nothing else, and a mark is some kilobytes. */
const LIMITS = { maxFileBytes: 1024 * 1024, maxLayerBytes: 256 * 1024 * 1024 };
const MAX_PACKED_LAYER_BYTES = 64 * 1024 * 1024;

const Text = z.nullish(z.string());
const Words = z.nullish(z.array(z.string()));
const Named = z.nullish(z.record(z.string(), z.unknown()));
const Config = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: Text,
  created: Text,
  author: Text,
  config: z.nullish(
    z.object({
      User: Text,
      Entrypoint: Words,
      Cmd: Words,
      WorkingDir: Text,
      Labels: z.nullish(z.record(z.string(), z.string())),
      ExposedPorts: Named,
      Volumes: Named,
      OnBuild: Words,
      Shell: Words,
      StopSignal: Text,
    }),
  ),
  rootfs: z.nullish(z.object({ type: Text, diff_ids: Words })),
  history: z.nullish(
    z.array(z.object({ created_by: Text, comment: Text, empty_layer: z.nullish(z.boolean()) })),
  ),
});
type Config = z.infer<typeof Config>;

/** One image of one platform, as far as the registry describes it. */
interface RemoteImage {
  readonly registry: Registry;
  readonly manifest: Manifest;
  /** The digest of its config. */
  readonly id: string;
  readonly layers: readonly Descriptor[];
  readonly config: Config;
}

/** A place of the registry where a mark may stand: what was found there, or undefined where this place is not for it to say. */
type Place = (image: RemoteImage) => Promise<AttestedMark | Pick<AttestedMark, 'found'> | undefined>;

/** Asked in this order, which is Chalk's: a statement is about this very manifest, whatever its layers came from. */
const PLACES: readonly Place[] = [({ registry, manifest }) => attestedMark(registry, manifest), lastLayer];

export interface RemoteChoice {
  /** `--remote`: the engine is not asked. */
  readonly remote: boolean;
  /** `--platform`: that one alone; engines are not asked then, either. */
  readonly platform: string | undefined;
}

/**
 * Reads the marks of an image in its registry, one for each of its platforms; nothing is pulled but the layer with the
 * mark. Throws what the registry's client throws, and `IMAGE_NOT_FOUND` for a platform the image is not made for.
 */
export async function extractRemotely(
  host: Host,
  tools: DockerTools,
  name: string,
  platform: string | undefined,
  attempts?: number,
): Promise<readonly Extraction[]> {
  const text = name.startsWith(SCHEME) ? name.slice(SCHEME.length) : name;
  const ref = parseImageRef(text);
  if (ref === undefined)
    throw new ChalkError('ARGV_BAD_VALUE', `${text} is no name of an image in a registry`);
  const wanted = platform === undefined ? undefined : platformFrom(platform);
  const connect = connectRegistries(host, {
    configFolder: tools.config.folder,
    insecure: await insecureRegistries(host, tools, ref.registry),
    ...(attempts === undefined ? {} : { attempts }),
  });
  const registry = connect(ref);
  const top = await registry.getManifest(ref.digest ?? ref.tag ?? 'latest');
  const content = readManifest(top);
  const images = await imagesOf(registry, text, top, content, wanted);
  return Promise.all(
    images.map(async (image): Promise<Extraction> => {
      const own = formatPlatform(platformOf(image.config));
      const { found, ...rest } = await findMark(image);
      const facts = factsOf(ref, top, content, image);
      return {
        kind: 'image',
        name: content.kind === 'index' ? `${text} (${own})` : text,
        facts: 'signatures' in rest ? { ...facts, _SIGNATURES: rest.signatures } : facts,
        found,
      };
    }),
  );
}

/** The same for a name the engine does not know: where the registry has no answer either, both are told. */
export async function extractRemotelyInstead(
  host: Host,
  tools: DockerTools,
  name: string,
  missing: ChalkError,
): Promise<readonly Extraction[]> {
  const ref = parseImageRef(name);
  // An ID is no name, and nobody else's business.
  if (ref === undefined || /^(?:sha256:)?[a-f0-9]{12,64}$/.test(name)) throw missing;
  try {
    return await extractRemotely(host, tools, name, undefined, 2);
  } catch (thrown) {
    const error = asChalkError(thrown);
    const tail =
      error.code === 'REGISTRY_NOT_FOUND'
        ? `nor is there one in ${ref.registry}`
        : `and ${ref.registry} gave none: ${describeError(error)}`;
    throw new ChalkError('IMAGE_NOT_FOUND', `${missing.message}, ${tail}`, {
      ...(missing.hint === undefined ? {} : { hint: missing.hint }),
      cause: thrown,
    });
  }
}

function platformFrom(text: string): Platform {
  const platform = parsePlatform(text);
  if (platform === undefined) {
    throw new ChalkError('ARGV_BAD_VALUE', `--platform ${text} is not like linux/amd64`);
  }
  return platform;
}

async function imagesOf(
  registry: Registry,
  name: string,
  top: Manifest,
  content: ManifestContent,
  wanted: Platform | undefined,
): Promise<readonly RemoteImage[]> {
  if (content.kind === 'image') {
    const image = await describe(registry, top, content);
    const own = platformOf(image.config);
    if (wanted !== undefined && !samePlatform(own, wanted)) throw otherPlatforms(name, wanted, [own]);
    return [image];
  }
  const listed = content.manifests.filter(isListedImage);
  if (listed.length > MAX_PLATFORMS) {
    throw new ChalkError(
      'REGISTRY_TOO_LARGE',
      `${name} lists ${listed.length} images; --platform chooses one`,
    );
  }
  const chosen = listed.filter(
    ({ platform }) => wanted === undefined || (platform && samePlatform(platformOf(platform), wanted)),
  );
  if (chosen.length === 0) {
    throw otherPlatforms(
      name,
      wanted,
      listed.flatMap(({ platform }) => (platform ? [platformOf(platform)] : [])),
    );
  }
  return Promise.all(
    chosen.map(async ({ digest }) => {
      const manifest = await registry.getManifest(digest);
      return describe(registry, manifest, readManifest(manifest));
    }),
  );
}

async function describe(
  registry: Registry,
  manifest: Manifest,
  content: ManifestContent,
): Promise<RemoteImage> {
  const what = `${registry.name}@${manifest.digest}`;
  if (content.kind === 'index') throw new ChalkError('MEDIA_TYPE_UNKNOWN', `${what} is an index in an index`);
  const bytes = await registry.readBlob(content.config.digest, MAX_CONFIG_BYTES);
  const config = Config.safeParse(parseJson(bytes.toString('utf8')));
  if (!config.success) {
    const type = JSON.stringify((content.artifactType || content.config.mediaType).slice(0, 120));
    throw new ChalkError('MEDIA_TYPE_UNKNOWN', `${what} is no container image, but ${type}`);
  }
  return { registry, manifest, id: content.config.digest, layers: content.layers, config: config.data };
}

async function findMark(image: RemoteImage): Promise<AttestedMark | Pick<AttestedMark, 'found'>> {
  for (const place of PLACES) {
    const found = await place(image);
    if (found !== undefined) return found;
  }
  return none('no step of its history put a mark there');
}

function none(why: string): Pick<AttestedMark, 'found'> {
  return { found: { kind: 'none', why } };
}

/** An image is marked itself when putting the mark in was the last thing that happened to it (`image/extract.ts`). */
async function lastLayer({
  registry,
  layers,
  config,
}: RemoteImage): Promise<Pick<AttestedMark, 'found'> | undefined> {
  const history = config.history ?? [];
  const newest = history.at(-1);
  const layer = layers.at(-1);
  if (newest === undefined || layer === undefined || newest.empty_layer === true || !putsMark(newest)) {
    const why = 'its /chalk.json came with a base image; it was itself built without a mark';
    return history.some(putsMark) ? none(why) : undefined;
  }
  if (layer.size > MAX_PACKED_LAYER_BYTES) return none('its last layer is too large for a mark');
  const stream = await registry.streamBlob(layer.digest, MAX_PACKED_LAYER_BYTES);
  const file = await readLayerFile(stream, 'chalk.json', LIMITS);
  switch (file.kind) {
    case 'file':
      return { found: { kind: 'mark', bytes: file.bytes } };
    case 'other':
      return none(`its /chalk.json is a ${file.type}, not a file`);
    case 'too-large':
      return none('/chalk.json is too large to be a mark');
    case 'absent':
      return none('its last layer has no /chalk.json');
  }
}

function putsMark({ created_by: step }: { readonly created_by?: string | null | undefined }): boolean {
  return putsMarkIn(step ?? '');
}

function factsOf(
  ref: ImageRef,
  top: Manifest,
  content: ManifestContent,
  { manifest, id, config }: RemoteImage,
): Readonly<Record<string, MarkValue>> {
  const here = (value: MarkValue): MarkValue => ({ [ref.registry]: { [ref.repository]: value } });
  const run = config.config;
  const known: Readonly<Record<string, MarkValue | undefined>> = {
    _OP_ARTIFACT_TYPE: 'Docker Image',
    _CURRENT_HASH: bareDigest(id),
    _IMAGE_CREATION_DATETIME: config.created ?? undefined,
    _IMAGE_AUTHOR: config.author ?? undefined,
    // Engines keep no comment of their own: it is that of the last step.
    _IMAGE_COMMENT: config.history?.at(-1)?.comment ?? undefined,
    _IMAGE_OS: config.os,
    _IMAGE_ARCHITECTURE: config.architecture,
    _IMAGE_VARIANT: config.variant ?? undefined,
    _IMAGE_ROOT_FS_TYPE: config.rootfs?.type ?? undefined,
    _IMAGE_ROOT_FS_LAYERS: config.rootfs?.diff_ids ?? undefined,
    _IMAGE_USER: run?.User ?? undefined,
    _IMAGE_ENTRYPOINT: run?.Entrypoint ?? undefined,
    _IMAGE_CMD: run?.Cmd ?? undefined,
    _IMAGE_WORKINGDIR: run?.WorkingDir ?? undefined,
    _IMAGE_LABELS: run?.Labels ?? undefined,
    _IMAGE_EXPOSED_PORTS: Object.keys(run?.ExposedPorts ?? {}),
    _IMAGE_MOUNTS: Object.keys(run?.Volumes ?? {}),
    _IMAGE_ONBUILD: run?.OnBuild ?? undefined,
    _IMAGE_SHELL: run?.Shell?.join(' '),
    _IMAGE_STOP_SIGNAL: run?.StopSignal ?? undefined,
    _REPO_DIGESTS: here([bareDigest(manifest.digest)]),
    _REPO_LIST_DIGESTS: content.kind === 'index' ? here([bareDigest(top.digest)]) : undefined,
    _REPO_TAGS:
      ref.tag === undefined || ref.digest !== undefined
        ? undefined
        : here({ [ref.tag]: bareDigest(top.digest) }),
  };
  return Object.fromEntries(
    Object.entries(known).filter((entry): entry is [string, MarkValue] => !isEmpty(entry[1])),
  );
}

function isEmpty(value: MarkValue | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function otherPlatforms(name: string, wanted: Platform | undefined, there: readonly Platform[]): ChalkError {
  const list = there.map(formatPlatform).join(', ') || 'no image';
  return new ChalkError(
    'IMAGE_NOT_FOUND',
    wanted === undefined ? `${name} lists no image` : `${name} has no ${formatPlatform(wanted)}, but ${list}`,
  );
}
