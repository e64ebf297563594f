import { join } from 'node:path';
import type { ChalkError } from '../../base/errors.ts';
import { formatPlatform, normalizePlatform } from '../../base/platform.ts';
import { collectCi, collectGit, gitContextFacts, pathWithinRepository } from '../../collect/index.ts';
import { dockerFacts } from '../../collect/docker-facts.ts';
import type { BuildRequest } from '../../docker/build-request.ts';
import { parseDockerfile, type ResolvedStages, resolveStages } from '../../dockerfile/index.ts';
import type { Host } from '../../host/host.ts';
import type { Learned } from './mark-keys.ts';

/** What is known of a build whose Dockerfile we do not edit, and may not even have. */
export interface LearnedBuild {
  readonly learned: Learned;
  /** The folder of this machine the build is about, where there is one. */
  readonly folder: string | undefined;
  readonly errors: readonly ChalkError[];
}

/** Collects it. Rejects never; what cannot be read is left out. */
export async function learnAboutBuild(host: Host, request: BuildRequest): Promise<LearnedBuild> {
  const { context } = request;
  const folder = context.kind === 'folder' ? context.path : undefined;
  const remote = context.kind === 'remote' ? gitContextFacts(context.uri) : {};
  const [git, ci, file] = await Promise.all([
    folder === undefined ? { facts: remote, errors: [] } : collectGit(host, folder),
    collectCi(host),
    readDockerfile(host, request, folder),
  ]);
  const inRepository = file !== undefined && git.facts['VCS_DIR_WHEN_CHALKED'] !== undefined;
  const docker = dockerFacts({
    request,
    dockerfile: file,
    dockerfilePath: file?.path,
    dockerfilePathInRepository: inRepository ? await pathWithinRepository(host, file.path) : undefined,
    config: file?.stages === undefined ? undefined : { stages: file.stages },
    baseImage: undefined,
    platforms: request.platforms.map(formatPlatform),
  });
  return { learned: { git: git.facts, ci: ci.facts, docker }, folder, errors: [...git.errors, ...ci.errors] };
}

interface LocalDockerfile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Undefined where our own parser refuses it. */
  readonly stages: ResolvedStages | undefined;
}

async function readDockerfile(
  host: Host,
  request: BuildRequest,
  folder: string | undefined,
): Promise<LocalDockerfile | undefined> {
  const { dockerfile } = request;
  try {
    if (folder === undefined || dockerfile.kind === 'stdin' || dockerfile.kind === 'remote') return undefined;
    const path = dockerfile.kind === 'file' ? dockerfile.path : join(folder, await defaultName(host, folder));
    const bytes = await host.files.read(path);
    return { path, bytes, stages: stagesOf(host, request, bytes) };
  } catch {
    return undefined;
  }
}

async function defaultName(host: Host, folder: string): Promise<string> {
  const names = await host.files.list(folder);
  return names.includes('dockerfile') && !names.includes('Dockerfile') ? 'dockerfile' : 'Dockerfile';
}

function stagesOf(host: Host, request: BuildRequest, bytes: Uint8Array): ResolvedStages | undefined {
  const here = normalizePlatform({ os: 'linux', architecture: host.system.machine });
  try {
    return resolveStages(parseDockerfile(bytes), {
      ...(request.target === undefined ? {} : { target: request.target }),
      buildArgs: request.buildArgs,
      namedContexts: request.namedContexts,
      targetPlatform: request.platforms[0] ?? here,
      buildPlatform: here,
    });
  } catch {
    return undefined;
  }
}
