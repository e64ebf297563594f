import * as z from 'zod/mini';
import type { PushedImage } from '../attest/index.ts';
import { asChalkError, ChalkError } from '../base/errors.ts';
import { type ImageRef, parseImageRef, repositoryName } from '../base/image-ref.ts';
import { parseJson } from '../base/json.ts';
import { dockerHelper, type DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import {
  connectRegistries,
  type Manifest,
  MAX_CONFIG_BYTES,
  readManifest,
  type Registry,
  type RegistrySettings,
} from '../registry/index.ts';

/** The image each of some names was pushed as. */
export interface FoundNames {
  /** By name as it was typed: the digest that is in the registry, `sha256:…`. */
  readonly digests: ReadonlyMap<string, string>;
  /** Each once for every repository. What they were built from is not known, so that no provenance comes with them. */
  readonly images: readonly PushedImage[];
  readonly errors: readonly ChalkError[];
}

const TIME_LIMIT_MS = 30_000;

const Inspected = z.array(z.object({ Id: z.string(), RepoDigests: z.nullish(z.array(z.string())) }));
const Config = z.object({ os: z.string(), architecture: z.string(), variant: z.nullish(z.string()) });

/**
 * Finds the digests under which images that were just pushed are in their registries. docker prints one on standard output,
 * which is the user's and may be switched off; so the tag is asked for, and believed where the engine has that very image:
 * meanwhile somebody else may have pushed to the same tag, and nobody wants to have signed that.
 */
export async function findPushedNames(
  host: Host,
  tools: DockerTools,
  settings: Pick<RegistrySettings, 'configFolder' | 'insecure'>,
  names: readonly string[],
): Promise<FoundNames> {
  const deadline = host.clock.monotonic() + TIME_LIMIT_MS;
  const connect = connectRegistries(host, { ...settings, deadline });
  const found = await Promise.allSettled(
    names.map(async (name) => {
      const ref = parseImageRef(name);
      if (ref?.tag === undefined) throw new ChalkError('ARGV_BAD_VALUE', `${name} is no name of an image`);
      return { name, ref, digest: await pushedDigest(host, tools, connect(ref), ref, name) };
    }),
  );
  const digests = new Map<string, string>();
  const images = new Map<string, PushedImage>();
  const errors: ChalkError[] = [];
  for (const each of found) {
    if (each.status === 'rejected') {
      errors.push(asChalkError(each.reason));
      continue;
    }
    const { name, digest, ref } = each.value;
    const { registry, repository } = ref;
    digests.set(name, digest);
    images.set(`${repositoryName(ref)}@${digest}`, {
      repository: { registry, repository },
      digest,
      marks: [],
    });
  }
  return { digests, images: [...images.values()], errors };
}

async function pushedDigest(
  host: Host,
  tools: DockerTools,
  registry: Registry,
  ref: ImageRef,
  name: string,
): Promise<string> {
  const [manifest, known] = await Promise.all([
    registry.getManifest(ref.tag ?? 'latest'),
    engineDigests(host, tools, name, ref),
  ]);
  const { digest } = manifest;
  if (known.has(digest)) return digest;
  // One platform of several: by `--platform`, or because the engine has no more.
  const platform = await platformOf(registry, manifest);
  const own =
    platform === undefined ? new Set<string>() : await engineDigests(host, tools, name, ref, platform);
  if (own.has(digest)) return digest;
  throw new ChalkError(
    'DIGEST_MISMATCH',
    `${name} is ${digest} in its registry, which is not what this engine has`,
    {
      hint: 'somebody else has pushed to the same tag; push again to sign yours',
    },
  );
}

/** The digests the engine knows an image by: its own in the containerd store, and those it was pushed and pulled with. */
async function engineDigests(
  host: Host,
  tools: DockerTools,
  name: string,
  ref: ImageRef,
  platform?: string,
): Promise<ReadonlySet<string>> {
  const choice = platform === undefined ? [] : ['--platform', platform];
  const output = outputOf(await dockerHelper(host, tools, ['image', 'inspect', ...choice, '--', name]));
  const parsed = Inspected.safeParse(parseJson(output ?? ''));
  const [image] = parsed.success ? parsed.data : [];
  if (image === undefined) return new Set();
  const pushed = (image.RepoDigests ?? []).flatMap((text) => {
    const each = parseImageRef(text);
    const isHere = each?.registry === ref.registry && each.repository === ref.repository;
    return isHere && each.digest !== undefined ? [each.digest] : [];
  });
  return new Set([image.Id, ...pushed]);
}

async function platformOf(registry: Registry, manifest: Manifest): Promise<string | undefined> {
  const content = readManifest(manifest);
  if (content.kind === 'index') return undefined;
  const bytes = await registry.readBlob(content.config.digest, MAX_CONFIG_BYTES);
  const config = Config.safeParse(parseJson(bytes.toString('utf8')));
  if (!config.success) return undefined;
  const { os, architecture, variant } = config.data;
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}
