import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseImageRef } from '../base/image-ref.ts';
import { parseJson } from '../base/json.ts';
import { formatPlatform, parsePlatform, platformOf, samePlatform } from '../base/platform.ts';
import { findEngineImage } from '../docker/image-content.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { endpointOf } from '../registry/endpoint.ts';
import {
  connectRegistries,
  type Descriptor,
  insecureRegistries,
  isListedImage,
  type ManifestContent,
  MAX_CONFIG_BYTES,
  readManifest,
  type Registry,
} from '../registry/index.ts';
import type { SbomImage, Target } from './sbom.ts';

/**
 * Looks an image up as far as an SBOM needs it: of an index in a registry the manifest of one platform. Throws what the
 * registry's client throws, `ARGV_BAD_VALUE` for a name or platform that is none, and `IMAGE_NOT_FOUND` where there is no such
 * image, the index has no such platform, or several and none was named.
 */
export async function resolveTarget(host: Host, tools: DockerTools, image: SbomImage): Promise<Target> {
  if (image.kind === 'engine') return inEngine(host, tools, image);
  const ref = parseImageRef(image.repository);
  if (ref === undefined) {
    throw new ChalkError('ARGV_BAD_VALUE', `${image.repository} is no name of a repository`);
  }
  const insecure = await insecureRegistries(host, tools, ref.registry);
  const registry = connectRegistries(host, { configFolder: tools.config.folder, insecure })(ref);
  const content = readManifest(await registry.getManifest(image.digest));
  const place = {
    kind: 'registry' as const,
    registry,
    asked: `${image.repository}@${image.digest}`,
    index: content.kind === 'index' ? content : undefined,
    endpoint: endpointOf(ref.registry, insecure),
  };
  const chosen = content.kind === 'index' ? choose(image, content.manifests) : undefined;
  const listed = chosen?.platform ? platformOf(chosen.platform) : undefined;
  // An index need not say it, and Syft would take this machine's.
  const own = listed ?? (content.kind === 'image' ? await platformIn(registry, content) : undefined);
  return {
    name: image.repository,
    digest: chosen?.digest ?? image.digest,
    platform: image.platform ?? (own === undefined ? undefined : formatPlatform(own)),
    place,
  };
}

const Config = z.object({ os: z.string(), architecture: z.string(), variant: z.nullish(z.string()) });

/** What the config of an image says it is for; undefined where it is none of a container image. */
async function platformIn(registry: Registry, { config }: Extract<ManifestContent, { kind: 'image' }>) {
  const bytes = await registry.readBlob(config.digest, MAX_CONFIG_BYTES);
  const parsed = Config.safeParse(parseJson(bytes.toString('utf8')));
  return parsed.success ? platformOf(parsed.data) : undefined;
}

const Inspected = z.object({ Os: z.string(), Architecture: z.string(), Variant: z.nullish(z.string()) });

async function inEngine(
  host: Host,
  tools: DockerTools,
  { id, platform }: Extract<SbomImage, { kind: 'engine' }>,
): Promise<Target> {
  const image = await findEngineImage(host, tools, id);
  if (image === undefined) throw new ChalkError('IMAGE_NOT_FOUND', `the engine has no image ${id}`);
  const parsed = Inspected.safeParse(image.inspected);
  const own = parsed.success
    ? platformOf({ os: parsed.data.Os, architecture: parsed.data.Architecture, variant: parsed.data.Variant })
    : undefined;
  const shown = own === undefined ? undefined : formatPlatform(own);
  return {
    name: image.id,
    digest: image.id,
    platform: platform ?? shown,
    place: { kind: 'engine', store: image.store, own: shown },
  };
}

function choose(
  { repository, digest, platform }: Extract<SbomImage, { kind: 'registry' }>,
  manifests: readonly Descriptor[],
): Descriptor {
  const images = manifests.filter(isListedImage);
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  if (platform !== undefined && wanted === undefined) {
    throw new ChalkError('ARGV_BAD_VALUE', `the platform ${platform} is not like linux/amd64`);
  }
  const fitting = images.filter(
    (each) => wanted === undefined || (each.platform && samePlatform(platformOf(each.platform), wanted)),
  );
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  const list = images.flatMap((each) => (each.platform ? [formatPlatform(platformOf(each.platform))] : []));
  const there = list.join(', ') || 'none';
  throw new ChalkError(
    'IMAGE_NOT_FOUND',
    wanted === undefined
      ? `${repository}@${digest} has several platforms: ${there}`
      : `${repository}@${digest} has no ${platform}, but ${there}`,
    { hint: '--platform chooses one' },
  );
}
