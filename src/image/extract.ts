import { extract as untar } from 'tar-stream';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { dockerHelper, type DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { describeResult, outputOf } from '../host/processes.ts';
import type { MarkValue } from '../mark/index.ts';
import { bareDigest, inspectImage, type LocalImage } from './image-facts.ts';

/** Where a mark was looked for, and what stood there. */
export interface Extraction {
  readonly kind: 'image' | 'container';
  readonly name: string;
  readonly facts: Readonly<Record<string, MarkValue>>;
  readonly found: FoundText;
}

export type FoundText =
  /** `attested`: it stands in a statement attached to the image, and nobody has verified by whom. */
  | { readonly kind: 'mark'; readonly bytes: Uint8Array; readonly attested?: true }
  /** The file is there, but it came with a base image: this image itself was built without a mark. */
  | { readonly kind: 'inherited'; readonly bytes: Uint8Array }
  | { readonly kind: 'none'; readonly why: string };

/** Marks are some kilobytes; whoever puts more there wants to be read for long. */
const MAX_MARK_BYTES = 1024 * 1024;
const MARK_PATH = '/chalk.json';

const Container = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: z.nullish(z.string()),
  Image: z.string(),
  Config: z.nullish(z.object({ Image: z.nullish(z.string()) })),
});
const HistoryRow = z.object({ CreatedBy: z.string() });

/**
 * Reads the mark of a container or an image in the engine; nothing is run. Containers are looked for first, as
 * `docker inspect` does.
 *
 * Throws `IMAGE_NOT_FOUND`, `DOCKER_NOT_FOUND`, and `PROCESS_FAILED` when docker fails at it.
 */
export async function extractMark(host: Host, tools: DockerTools, name: string): Promise<Extraction> {
  if (tools.docker === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'no docker on this machine', { hint: 'put docker on PATH' });
  }
  const [containers, image] = await Promise.all([
    dockerHelper(host, tools, ['container', 'inspect', '--', name]),
    inspectImage(host, tools, name),
  ]);
  const parsed = z.array(Container).safeParse(parseJson(outputOf(containers) ?? ''));
  const [container] = parsed.success ? parsed.data : [];
  if (container !== undefined) {
    const facts = {
      _OP_ARTIFACT_TYPE: 'Docker Container',
      _INSTANCE_CONTAINER_ID: container.Id,
      _INSTANCE_NAME: container.Name.replace(/^\//, ''),
      ...(container.Created ? { _INSTANCE_CREATION_DATETIME: container.Created } : {}),
      _INSTANCE_IMAGE_ID: bareDigest(container.Image),
      ...(container.Config?.Image ? { _INSTANCE_CONFIG_IMAGE: container.Config.Image } : {}),
    };
    return { kind: 'container', name, facts, found: await copyOut(host, tools, container.Id) };
  }
  if (image !== undefined) return describeImage(host, tools, name, image);
  const failure =
    containers.kind === 'exited' ? containers.stderr.trim() : describeResult('docker', containers);
  const unreachable = /cannot connect|connection refused|permission denied/i.test(failure);
  throw new ChalkError(
    unreachable ? 'ENGINE_UNREACHABLE' : 'IMAGE_NOT_FOUND',
    unreachable ? failure : `there is no image or container named ${name} in this engine`,
    { hint: unreachable ? 'docker info tells more' : 'docker pull it, or see docker images' },
  );
}

/** The mark of an image, whatever containers have its name; undefined when the engine has no such image. */
export async function extractImageMark(
  host: Host,
  tools: DockerTools,
  name: string,
): Promise<Extraction | undefined> {
  const image = await inspectImage(host, tools, name);
  return image === undefined ? undefined : describeImage(host, tools, name, image);
}

async function describeImage(
  host: Host,
  tools: DockerTools,
  name: string,
  image: LocalImage,
): Promise<Extraction> {
  const facts = { _OP_ARTIFACT_TYPE: 'Docker Image', ...image.facts };
  return { kind: 'image', name, facts, found: await readFromImage(host, tools, image.id) };
}

/** A container is made from the image and never started: that gives the engine's own view of the file in milliseconds. */
async function readFromImage(host: Host, tools: DockerTools, id: string): Promise<FoundText> {
  const history = dockerHelper(host, tools, ['history', '--no-trunc', '--format', '{{json .}}', id]);
  const create = await dockerHelper(host, tools, ['create', '--pull=never', '--network=none', id, MARK_PATH]);
  const container = outputOf(create)?.trim();
  if (!container) throw new ChalkError('PROCESS_FAILED', describeResult('docker create', create));
  try {
    const found = await copyOut(host, tools, container);
    if (found.kind !== 'mark') return found;
    return lastStepIsTheMark(outputOf(await history)) ? found : { kind: 'inherited', bytes: found.bytes };
  } finally {
    // With its volumes: an image that declares some has got new ones.
    await dockerHelper(host, tools, ['rm', '--force', '--volumes', container]);
  }
}

/** An image is marked itself when putting the mark in was the last thing that happened to it; Chalk reads it so too. */
function lastStepIsTheMark(history: string | undefined): boolean {
  const newest = HistoryRow.safeParse(parseJson((history ?? '').split('\n')[0] ?? ''));
  return newest.success && putsMarkIn(newest.data.CreatedBy);
}

/** Whether a step of an image's history, as builders write it, is the one that copies the mark in. */
export function putsMarkIn(step: string): boolean {
  return /\b(COPY|ADD)\b.*\s\/chalk\.json(\s|$)/.test(step);
}

async function copyOut(host: Host, tools: DockerTools, container: string): Promise<FoundText> {
  const result = await dockerHelper(host, tools, ['cp', `${container}:${MARK_PATH}`, '-'], {
    maxOutputBytes: 2 * MAX_MARK_BYTES,
  });
  const archive = result.kind === 'exited' && result.code === 0 ? result.stdout : undefined;
  if (archive !== undefined) return firstFile(archive);
  if (result.kind === 'overflow') return { kind: 'none', why: `${MARK_PATH} is too large to be a mark` };
  if (result.kind === 'exited' && /could not find the file|no such file/i.test(result.stderr)) {
    return { kind: 'none', why: `it has no ${MARK_PATH}` };
  }
  throw new ChalkError('PROCESS_FAILED', describeResult('docker cp', result));
}

async function firstFile(archive: Uint8Array): Promise<FoundText> {
  const reader = untar();
  reader.end(archive);
  for await (const entry of reader) {
    const { type, size } = entry.header;
    if (type !== 'file') return { kind: 'none', why: `its ${MARK_PATH} is a ${type ?? 'thing'}, not a file` };
    if ((size ?? 0) > MAX_MARK_BYTES) return { kind: 'none', why: `${MARK_PATH} is too large to be a mark` };
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    return { kind: 'mark', bytes: Buffer.concat(chunks) };
  }
  return { kind: 'none', why: `it has no ${MARK_PATH}` };
}
