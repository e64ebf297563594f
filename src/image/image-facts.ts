import * as z from 'zod/mini';
import { parseImageRef } from '../base/image-ref.ts';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import { dockerHelper, type DockerTools } from '../docker/tools.ts';
import type { MarkValue } from '../mark/index.ts';

const Words = z.nullish(z.array(z.string()));
const Named = z.nullish(z.record(z.string(), z.unknown()));
const Inspected = z.object({
  Id: z.string(),
  RepoTags: Words,
  RepoDigests: Words,
  Created: z.nullish(z.string()),
  Author: z.nullish(z.string()),
  Comment: z.nullish(z.string()),
  Os: z.nullish(z.string()),
  Architecture: z.nullish(z.string()),
  Variant: z.nullish(z.string()),
  Size: z.nullish(z.number()),
  RootFS: z.nullish(z.object({ Type: z.nullish(z.string()), Layers: Words })),
  Config: z.nullish(
    z.object({
      User: z.nullish(z.string()),
      Entrypoint: Words,
      Cmd: Words,
      WorkingDir: z.nullish(z.string()),
      Labels: z.nullish(z.record(z.string(), z.string())),
      ExposedPorts: Named,
      Volumes: Named,
      OnBuild: Words,
      Shell: Words,
      StopSignal: z.nullish(z.string()),
    }),
  ),
});

export interface LocalImage {
  readonly id: string;
  /** Run-time keys of the image (`_IMAGE_*`, `_REPO_*`, `_CURRENT_HASH`). Environment variables are left out: they may hold secrets. */
  readonly facts: Readonly<Record<string, MarkValue>>;
}

/** Describes an image the engine holds, by name or ID; undefined when there is none. */
export async function inspectImage(
  host: Host,
  tools: DockerTools,
  ref: string,
): Promise<LocalImage | undefined> {
  const output = outputOf(await dockerHelper(host, tools, ['image', 'inspect', '--', ref]));
  const parsed = z.array(Inspected).safeParse(parseJson(output ?? ''));
  const [image] = parsed.success ? parsed.data : [];
  if (image === undefined) return undefined;
  const config = image.Config;
  const facts = {
    _CURRENT_HASH: bareDigest(image.Id),
    _IMAGE_CREATION_DATETIME: image.Created,
    _IMAGE_AUTHOR: image.Author,
    _IMAGE_COMMENT: image.Comment,
    _IMAGE_OS: image.Os,
    _IMAGE_ARCHITECTURE: image.Architecture,
    _IMAGE_VARIANT: image.Variant,
    _IMAGE_SIZE: image.Size,
    _IMAGE_ROOT_FS_TYPE: image.RootFS?.Type,
    _IMAGE_ROOT_FS_LAYERS: image.RootFS?.Layers,
    _IMAGE_USER: config?.User,
    _IMAGE_ENTRYPOINT: config?.Entrypoint,
    _IMAGE_CMD: config?.Cmd,
    _IMAGE_WORKINGDIR: config?.WorkingDir,
    _IMAGE_LABELS: config?.Labels,
    _IMAGE_EXPOSED_PORTS: Object.keys(config?.ExposedPorts ?? {}),
    _IMAGE_MOUNTS: Object.keys(config?.Volumes ?? {}),
    _IMAGE_ONBUILD: config?.OnBuild,
    _IMAGE_SHELL: config?.Shell?.join(' '),
    _IMAGE_STOP_SIGNAL: config?.StopSignal,
    _REPO_TAGS: tagTable(image.RepoTags ?? [], image.RepoDigests ?? []),
    _REPO_DIGESTS: digestTable(image.RepoDigests ?? []),
  };
  return { id: image.Id, facts: withoutEmpty(facts) };
}

/** `sha256:abc` is written `abc` in every key of Chalk's. */
export function bareDigest(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

/** Chalk's `_REPO_DIGESTS`: registry to repository to digests. */
export function digestTable(repoDigests: readonly string[]): Readonly<Record<string, MarkValue>> {
  const table: Record<string, Record<string, string[]>> = {};
  for (const entry of repoDigests) {
    const ref = parseImageRef(entry);
    if (ref?.digest === undefined) continue;
    const digests = ((table[ref.registry] ??= {})[ref.repository] ??= []);
    digests.push(bareDigest(ref.digest));
  }
  return table;
}

/** Chalk's `_REPO_TAGS`: registry to repository to tag to digest; the digest is empty while the image was never pushed. */
export function tagTable(
  tags: readonly string[],
  repoDigests: readonly string[],
): Readonly<Record<string, MarkValue>> {
  const table: Record<string, Record<string, Record<string, string>>> = {};
  for (const entry of tags) {
    const ref = parseImageRef(entry);
    if (ref?.tag === undefined) continue;
    const digests = repoDigests
      .map((text) => parseImageRef(text))
      .filter((known) => known?.registry === ref.registry && known.repository === ref.repository);
    const digest = digests.length === 1 ? (digests[0]?.digest ?? '') : '';
    ((table[ref.registry] ??= {})[ref.repository] ??= {})[ref.tag] = bareDigest(digest);
  }
  return table;
}

function withoutEmpty(
  values: Readonly<Record<string, MarkValue | undefined>>,
): Readonly<Record<string, MarkValue>> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, MarkValue] => !isEmpty(entry[1])),
  );
}

function isEmpty(value: MarkValue | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
