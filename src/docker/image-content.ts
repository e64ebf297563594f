import { createHash } from 'node:crypto';
import { extract as untar } from 'tar-stream';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import { describeResult, outputOf } from '../host/processes.ts';
import { type Builder, builderFlags } from './builder.ts';
import { dockerHelper, type DockerTools, helperEnvironment } from './tools.ts';

/** An image of the engine, as `docker image inspect` shows it. */
export interface EngineImage {
  /** `sha256:…`: the config in a graph driver's store, the manifest or index in the containerd store. */
  readonly id: string;
  readonly tags: readonly string[];
  readonly store: 'graph' | 'containerd';
  /** The whole answer. */
  readonly inspected: unknown;
}

/** Reads one of the JSON documents an image is made of, by digest; undefined where the engine does not give it out. */
export type DocumentReader = (digest: string) => Promise<string | undefined>;

const Words = z.nullish(z.array(z.string()));
const Inspected = z.object({
  Id: z.string(),
  RepoTags: Words,
  RepoDigests: Words,
  Descriptor: z.optional(z.unknown()),
});
const Listed = z.object({ ref: z.string() });

/** Configs and manifests are some kilobytes; layers are not. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** `docker save` copies the layers as well, so it is for small images alone. */
const MAX_SAVED_BYTES = 256 * 1024 * 1024;

/** Describes the image a name or ID stands for; undefined when the engine has none. */
export async function findEngineImage(
  host: Host,
  tools: DockerTools,
  name: string,
): Promise<EngineImage | undefined> {
  const output = outputOf(await dockerHelper(host, tools, ['image', 'inspect', '--', name]));
  const answer = parseJson(output ?? '');
  const parsed = z.array(Inspected).safeParse(answer);
  const [image] = parsed.success ? parsed.data : [];
  if (image === undefined || !Array.isArray(answer)) return undefined;
  const inspected: unknown = answer[0];
  // Only the containerd store has a digest for an image nobody pushed or pulled, and it is the ID.
  const ownDigest = image.RepoDigests?.some((digest) => digest.endsWith(`@${image.Id}`)) ?? false;
  return {
    id: image.Id,
    tags: image.RepoTags ?? [],
    store: image.Descriptor !== undefined || ownDigest ? 'containerd' : 'graph',
    inspected,
  };
}

/**
 * Reads through BuildKit (`buildx history inspect attachment`, buildx 0.20), which shares the containerd store with the
 * engine and keeps what it exported to a graph driver's. Any build it remembers is a way in; `buildRef` saves looking
 * for one. Nothing is asked for twice.
 *
 * @param maxBytes of one document.
 */
export function buildkitReader(
  host: Host,
  tools: DockerTools,
  builder: Builder | undefined,
  buildRef: string | undefined,
  maxBytes = MAX_DOCUMENT_BYTES,
): DocumentReader {
  const history = async (...args: readonly string[]): Promise<string | undefined> => {
    if (tools.buildx === undefined) return undefined;
    const result = await host.processes.run({
      file: tools.buildx,
      args: [
        ...tools.globals,
        'buildx',
        ...(builder === undefined ? [] : builderFlags(builder)),
        'history',
        ...args,
      ],
      env: {
        ...helperEnvironment(host.env),
        ...builder?.environment,
        DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: tools.docker,
      },
      maxOutputBytes: maxBytes,
    });
    return outputOf(result);
  };
  const anyRef = async (): Promise<string | undefined> => {
    const [newest = ''] = ((await history('ls', '--no-trunc', '--format', 'json')) ?? '').split('\n');
    const row = Listed.safeParse(parseJson(newest));
    return row.success ? row.data.ref.split('/').at(-1) : undefined;
  };
  let ref: Promise<string | undefined> | undefined;
  const read = async (digest: string): Promise<string | undefined> => {
    ref ??= buildRef === undefined ? anyRef() : Promise.resolve(buildRef.split('/').at(-1));
    const known = await ref;
    if (known === undefined) return undefined;
    const text = await history('inspect', 'attachment', known, digest);
    // Printed as it is, or else it is not what was asked for.
    return text !== undefined && digestOf(text) === digest ? text : undefined;
  };
  const asked = new Map<string, Promise<string | undefined>>();
  return (digest) => {
    const answer = asked.get(digest) ?? read(digest);
    asked.set(digest, answer);
    return answer;
  };
}

/**
 * Reads what `docker save` writes: the way to an image's manifest where there is no BuildKit to ask.
 *
 * @param maxBytes of one document.
 */
export async function savedReader(
  host: Host,
  tools: DockerTools,
  id: string,
  maxBytes = MAX_DOCUMENT_BYTES,
): Promise<DocumentReader> {
  const result = await dockerHelper(host, tools, ['image', 'save', '--', id], {
    maxOutputBytes: MAX_SAVED_BYTES,
    timeoutMs: 60_000,
  });
  if (result.kind !== 'exited' || result.code !== 0) {
    throw new ChalkError('PROCESS_FAILED', describeResult('docker save', result));
  }
  const documents = new Map<string, string>();
  const reader = untar();
  reader.end(result.stdout);
  for await (const entry of reader) {
    const { name, size } = entry.header;
    const digest = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
    if (digest === undefined || (size ?? 0) > maxBytes) {
      entry.resume();
      continue;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    documents.set(`sha256:${digest}`, Buffer.concat(chunks).toString('utf8'));
  }
  return async (digest) => documents.get(digest);
}

/** `docker history`, for `rebuildConfig`. */
export async function engineHistory(host: Host, tools: DockerTools, id: string): Promise<string> {
  const args = ['history', '--no-trunc', '--human=false', '--format', '{{json .}}', id];
  return outputOf(await dockerHelper(host, tools, args)) ?? '';
}

/** The IDs of all images of the engine, untagged ones too; undefined when it does not say. */
export async function engineImageIds(
  host: Host,
  tools: DockerTools,
): Promise<ReadonlySet<string> | undefined> {
  const args = ['image', 'ls', '--all', '--quiet', '--no-trunc'];
  const output = outputOf(await dockerHelper(host, tools, args));
  return output === undefined ? undefined : new Set(output.split('\n').filter((line) => line !== ''));
}

/** `sha256:…` of some content. */
export function digestOf(content: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
