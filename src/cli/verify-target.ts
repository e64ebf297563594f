import { join, resolve } from 'node:path';
import { asChalkError, ChalkError, describeError } from '../base/errors.ts';
import { type ImageRef, parseImageRef, repositoryName } from '../base/image-ref.ts';
import { findEngineImage } from '../docker/image-content.ts';
import { dockerHelper, type DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { describeResult } from '../host/processes.ts';
import { connectRegistries, insecureRegistries, type Registry } from '../registry/index.ts';
import { archiveFiles, folderFiles, type ImageStore, layoutStore, registryStore } from '../verify/index.ts';

/** What a word on the command line stands for. */
export type Target = {
  /** What a policy's rules are compared with. */
  readonly repository: string;
} & (
  | {
      readonly kind: 'image';
      readonly name: string;
      readonly ref: ImageRef;
      readonly where: 'any' | 'registry' | 'engine';
    }
  /** An ID, which only an engine knows. */
  | { readonly kind: 'id'; readonly name: string }
  | { readonly kind: 'file' | 'folder'; readonly path: string }
);

export type Opened =
  | { readonly kind: 'store'; readonly store: ImageStore; readonly note: string | undefined }
  | { readonly kind: 'artifact'; readonly path: string; readonly bytes: Uint8Array };

const MAX_ARCHIVE_BYTES = 1024 * 1024 * 1024;
const MAX_SAVED_BYTES = 512 * 1024 * 1024;
/** Of an archive, larger layers are not kept in memory: ours are smaller. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
const MAX_ARTIFACT_BYTES = 512 * 1024 * 1024;
const SAVE_TIMEOUT_MS = 120_000;
const ATTEMPTS = 3;

/**
 * A path is what looks like one (`/…`, `./…`, `../…`), or is that of a file or an OCI layout; everything else is a name. Names
 * are looked up in their registry and then in the engine; `registry://NAME` and `docker-daemon:NAME` say which.
 */
export async function targetOf(host: Host, word: string): Promise<Target> {
  const [, scheme, rest = ''] = /^(registry:\/\/|docker-daemon:)(.*)$/s.exec(word) ?? [];
  if (scheme === undefined) {
    const path = await pathOf(host, word);
    if (path !== undefined) return path;
  }
  const name = scheme === undefined ? word : rest;
  if (/^(?:sha256:)?[a-f0-9]{12,64}$/.test(name) && scheme !== 'registry://') {
    return { kind: 'id', name, repository: name };
  }
  const ref = parseImageRef(name);
  if (ref === undefined) {
    throw new ChalkError('ARGV_BAD_VALUE', `${word} is no file, and no name of an image`);
  }
  const where = scheme === undefined ? 'any' : scheme === 'registry://' ? 'registry' : 'engine';
  return { kind: 'image', name, ref, where, repository: repositoryName(ref) };
}

async function pathOf(host: Host, word: string): Promise<Target | undefined> {
  const path = resolve(host.cwd, word);
  const stat = await host.files.stat(path).catch(() => undefined);
  const repository = `file://${path}`;
  const isPath = /^\.{0,2}\//.test(word);
  if (stat?.kind === 'file') return { kind: 'file', path, repository };
  if (
    stat?.kind === 'folder' &&
    (isPath || (await host.files.stat(join(path, 'oci-layout'))) !== undefined)
  ) {
    return { kind: 'folder', path, repository };
  }
  if (isPath) throw new ChalkError('IMAGE_NOT_FOUND', `there is no file or folder ${path}`);
  return undefined;
}

/** Opens it for reading. Throws what reading throws. */
export async function openTarget(
  host: Host,
  tools: DockerTools,
  target: Target,
  offline: boolean,
): Promise<Opened> {
  switch (target.kind) {
    case 'file': {
      const head = Buffer.from(await host.files.readHead(target.path, 262));
      if (head.toString('latin1', 257, 262) !== 'ustar') {
        const bytes = await host.files.read(target.path, MAX_ARTIFACT_BYTES);
        return { kind: 'artifact', path: target.path, bytes };
      }
      const archive = await host.files.read(target.path, MAX_ARCHIVE_BYTES);
      const files = await archiveFiles(target.path, archive, MAX_KEPT_BYTES);
      return storeOf(await layoutStore(files, 'layout'));
    }
    case 'folder':
      return storeOf(await layoutStore(folderFiles(host, target.path), 'layout'));
    case 'id':
      return storeOf(await engineStore(host, tools, target.name));
    case 'image':
      break;
  }
  const { name, ref, where } = target;
  if (where === 'engine' || (offline && where === 'any'))
    return storeOf(await engineStore(host, tools, name));
  if (offline) throw new ChalkError('ARGV_USAGE', 'registry:// and --offline exclude each other');
  const registry = await connect(host, tools, ref);
  if (where === 'registry') return storeOf(await registryStore(registry, ref));
  try {
    return storeOf(await registryStore(registry, ref));
  } catch (thrown) {
    const error = asChalkError(thrown);
    const there = await findEngineImage(host, tools, name);
    if (there === undefined || error.code === 'DIGEST_MISMATCH') throw thrown;
    const note = `this is what the engine has; its registry: ${describeError(error)}`;
    return storeOf(await engineStore(host, tools, name), note);
  }
}

/** Opens base images, in their registries alone. */
export function baseOpener(host: Host, tools: DockerTools): (ref: ImageRef) => Promise<ImageStore> {
  const opened = new Map<string, Promise<Registry>>();
  return async (ref) => {
    const name = repositoryName(ref);
    // Nobody may have asked for them: one try is enough.
    const registry = opened.get(name) ?? connect(host, tools, ref, 1);
    opened.set(name, registry);
    return registryStore(await registry, ref);
  };
}

async function connect(
  host: Host,
  tools: DockerTools,
  ref: ImageRef,
  attempts = ATTEMPTS,
): Promise<Registry> {
  const insecure = await insecureRegistries(host, tools, ref.registry);
  return connectRegistries(host, { configFolder: tools.config.folder, insecure, attempts })(ref);
}

/** What the engine saves of an image: everything but its attestations. */
async function engineStore(host: Host, tools: DockerTools, name: string): Promise<ImageStore> {
  if ((await findEngineImage(host, tools, name)) === undefined) {
    throw new ChalkError('IMAGE_NOT_FOUND', `there is no image named ${name} in this engine`, {
      hint: 'docker pull it, or see docker images',
    });
  }
  const result = await dockerHelper(host, tools, ['image', 'save', '--', name], {
    maxOutputBytes: MAX_SAVED_BYTES,
    timeoutMs: SAVE_TIMEOUT_MS,
  });
  if (result.kind === 'overflow') {
    throw new ChalkError('REGISTRY_TOO_LARGE', `${name} has more than ${MAX_SAVED_BYTES} bytes`, {
      hint: 'push it and verify it there, or save it as an OCI layout in a folder',
    });
  }
  if (result.kind !== 'exited' || result.code !== 0) {
    throw new ChalkError('PROCESS_FAILED', describeResult('docker save', result));
  }
  const files = await archiveFiles(`docker save ${name}`, result.stdout, MAX_KEPT_BYTES);
  return layoutStore(files, 'engine');
}

function storeOf(store: ImageStore, note?: string): Opened {
  return { kind: 'store', store, note };
}
