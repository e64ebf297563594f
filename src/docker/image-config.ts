import * as z from 'zod/mini';
import { parseImageRef, repositoryName } from '../base/image-ref.ts';
import { parseJson } from '../base/json.ts';
import {
  formatPlatform,
  normalizePlatform,
  type Platform,
  platformOf,
  samePlatform,
} from '../base/platform.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import { dockerHelper, type DockerTools } from './tools.ts';

/** What an image is configured to run, whichever store told. */
export interface ImageConfig {
  readonly platform: Platform;
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly user: string;
  readonly shell: readonly string[] | undefined;
  readonly onbuild: readonly string[];
  /** `name=value` */
  readonly env: readonly string[];
  readonly os: string;
  /** `sha256:…`: the image's ID in the engine, absent when the config came from a registry. */
  readonly id?: string;
  /** `repository@sha256:…`, as far as known. */
  readonly repoDigests: readonly string[];
}

/** Where a builder finds base images: the engine's own store first (docker driver), or registries only. */
export type ImageLookup = 'engine-then-registry' | 'registry';

const Words = z.nullish(z.array(z.string()));
const RunConfig = z.object({
  Entrypoint: Words,
  Cmd: Words,
  User: z.nullish(z.string()),
  Shell: Words,
  OnBuild: Words,
  Env: Words,
});
const Inspected = z.object({
  Id: z.string(),
  RepoTags: Words,
  RepoDigests: Words,
  Os: z.string(),
  Architecture: z.string(),
  Variant: z.nullish(z.string()),
  Config: z.nullish(RunConfig),
});
const OciImage = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.nullish(z.string()),
  config: z.nullish(RunConfig),
});

/** An image a build starts from, and the platform it is needed for (undefined: whatever the builder's own is). */
export interface WantedImage {
  readonly ref: string;
  readonly platform: Platform | undefined;
}

/** Names one wanted image; the key of the map `lookUpImages` returns. */
export function wantedKey({ ref, platform }: WantedImage): string {
  return platform === undefined ? ref : `${ref} ${formatPlatform(normalizePlatform(platform))}`;
}

/**
 * The configs of base images as the builder of this build will find them. An image nobody can describe is missing in
 * the answer; what that means is for the plan to say.
 */
export async function lookUpImages(
  host: Host,
  tools: DockerTools,
  wanted: readonly WantedImage[],
  lookup: ImageLookup,
  builderArgs: readonly string[],
): Promise<ReadonlyMap<string, ImageConfig>> {
  const found = new Map<string, ImageConfig>();
  if (wanted.length === 0) return found;
  if (lookup === 'engine-then-registry') {
    const refs = [...new Set(wanted.map(({ ref }) => ref))];
    const local = await Promise.all(refs.map((ref) => inspectLocal(host, tools, ref)));
    for (const want of wanted) {
      const config = local[refs.indexOf(want.ref)];
      if (config !== undefined && (!want.platform || samePlatform(config.platform, want.platform))) {
        found.set(wantedKey(want), config);
      }
    }
  }
  await Promise.all(
    wanted
      .filter((want) => !found.has(wantedKey(want)))
      .map(async (want) => {
        const config =
          (lookup === 'engine-then-registry' && want.platform
            ? await inspectLocal(host, tools, want.ref, want.platform)
            : undefined) ?? (await inspectRegistry(host, tools, want, builderArgs));
        if (config !== undefined) found.set(wantedKey(want), config);
      }),
  );
  return found;
}

/** `docker image inspect`; with a platform only where the engine keeps several (API 1.49), else it refuses and we have nothing. */
async function inspectLocal(
  host: Host,
  tools: DockerTools,
  ref: string,
  platform?: Platform,
): Promise<ImageConfig | undefined> {
  const args = ['image', 'inspect', ...(platform ? ['--platform', formatPlatform(platform)] : []), '--', ref];
  const output = outputOf(await dockerHelper(host, tools, args));
  const parsed = z.array(Inspected).safeParse(parseJson(output ?? ''));
  const [image] = parsed.success ? parsed.data : [];
  if (image === undefined) return undefined;
  return {
    ...runConfig(image.Config),
    platform: platformOf({ os: image.Os, architecture: image.Architecture, variant: image.Variant }),
    os: image.Os,
    id: image.Id,
    repoDigests: image.RepoDigests ?? [],
  };
}

/** `docker buildx imagetools inspect`, which brings the user's credentials and the builder's mirrors along. */
async function inspectRegistry(
  host: Host,
  tools: DockerTools,
  want: WantedImage,
  builderArgs: readonly string[],
): Promise<ImageConfig | undefined> {
  const args = ['buildx', 'imagetools', 'inspect', ...builderArgs, '--format', '{{json .}}', want.ref];
  const answer = parseJson(outputOf(await dockerHelper(host, tools, args)) ?? '');
  const parsed = z
    .object({ manifest: z.object({ digest: z.string() }), image: z.unknown() })
    .safeParse(answer);
  if (!parsed.success) return undefined;
  const image = pickPlatform(parsed.data.image, want.platform);
  if (image === undefined) return undefined;
  const ref = parseImageRef(want.ref);
  const name = ref === undefined ? want.ref : repositoryName(ref);
  return {
    ...runConfig(image.config),
    platform: platformOf(image),
    os: image.os,
    repoDigests: [`${name}@${parsed.data.manifest.digest}`],
  };
}

/** One image, or a map from platform to image for an index. */
function pickPlatform(answer: unknown, wanted: Platform | undefined): z.infer<typeof OciImage> | undefined {
  const single = OciImage.safeParse(answer);
  if (single.success) {
    const { os, architecture, variant } = single.data;
    return !wanted || samePlatform(platformOf({ os, architecture, variant }), wanted)
      ? single.data
      : undefined;
  }
  const several = z.record(z.string(), OciImage).safeParse(answer);
  if (!several.success) return undefined;
  const images = Object.values(several.data);
  if (wanted === undefined) return images.length === 1 ? images[0] : undefined;
  return images.find(({ os, architecture, variant }) =>
    samePlatform(platformOf({ os, architecture, variant }), wanted),
  );
}

function runConfig(config: z.infer<typeof RunConfig> | null | undefined) {
  return {
    entrypoint: config?.Entrypoint ?? undefined,
    cmd: config?.Cmd ?? undefined,
    user: config?.User ?? '',
    shell: config?.Shell ?? undefined,
    onbuild: config?.OnBuild ?? [],
    env: config?.Env ?? [],
  };
}
