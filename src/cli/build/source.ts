import { join, resolve } from 'node:path';
import { ChalkError } from '../../base/errors.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import type { BuildRequest } from '../../docker/build-request.ts';
import type { Builder } from '../../docker/builder.ts';
import { fetchDockerfile } from '../../docker/remote-dockerfile.ts';
import { SNIFFED_BYTES, sniffStdin } from '../../docker/stdin.ts';
import type { DockerTools } from '../../docker/tools.ts';
import { type Dockerfile, parseDockerfile, readSyntax } from '../../dockerfile/index.ts';
import type { Host } from '../../host/host.ts';
import { describeResult, outputOf } from '../../host/processes.ts';
import { pass, type PassPlan, understandsNamedContexts } from '../../plan/index.ts';

/** A build's Dockerfile, and how the edited one gets to the builder in its place. */
export interface BuildSource {
  readonly kind: 'source';
  readonly dockerfile: Dockerfile;
  /** On this machine where it is a file here, else as the user or the archive names it. */
  readonly path: string;
  /** A folder of this machine the build is about, where there is one. */
  readonly folder: string | undefined;
  readonly delivery: Delivery;
}

export type Delivery =
  /** A copy given with `-f`, with the ignore and policy files that stand beside the user's. */
  | { readonly kind: 'copy-beside' }
  /** A copy given with `-f`. */
  | { readonly kind: 'copy' }
  /** The same; the context, which was standard input, is an empty folder. */
  | { readonly kind: 'copy-without-context' }
  /**
   * The same; the context, which was an archive, is a folder with what was in it. Builders apply no `.dockerignore` to an
   * archive: an empty one beside the copy keeps it so.
   */
  | { readonly kind: 'copy-unpacked'; readonly context: string };

const UNPACK_TIMEOUT_MS = 600_000;

/**
 * Finds the Dockerfile a build reads. Throws `CONTEXT_UNREADABLE`, `DOCKERFILE_UNREADABLE` and `DOCKERFILE_SYNTAX`, all of
 * which docker will find too.
 *
 * @param input the file standard input was saved to, where the build reads it.
 */
export async function readSource(
  host: Host,
  tools: DockerTools,
  builder: Builder,
  command: DockerCommand,
  request: BuildRequest,
  input: string | undefined,
): Promise<BuildSource | PassPlan> {
  const found = await findSource(host, tools, builder, command, request, input);
  if (found.kind === 'pass') return found;
  const { bytes, ...place } = found;
  const frontend = request.buildArgs.get('BUILDKIT_SYNTAX') ?? readSyntax(bytes)?.reference;
  if (frontend !== undefined && !understandsNamedContexts(frontend)) {
    return pass('foreign-frontend', `${frontend} reads this file, and may know no named contexts`);
  }
  return { ...place, kind: 'source', dockerfile: parseDockerfile(bytes) };
}

type Found = Omit<BuildSource, 'kind' | 'dockerfile'> & {
  readonly kind: 'found';
  readonly bytes: Uint8Array;
};

async function findSource(
  host: Host,
  tools: DockerTools,
  builder: Builder,
  command: DockerCommand,
  request: BuildRequest,
  input: string | undefined,
): Promise<Found | PassPlan> {
  const { context, dockerfile } = request;
  if (context.kind === 'stdin') return inStdin(host, tools, builder, command, request, input);
  const folder = context.kind === 'folder' ? context.path : resolve(host.cwd, context.uri);
  // buildx asks first whether a folder of that name is there.
  if ((await host.files.stat(folder).catch(() => undefined))?.kind !== 'folder') {
    if (context.kind === 'folder') {
      throw new ChalkError('CONTEXT_UNREADABLE', `the build context ${folder} is no folder`);
    }
    if (dockerfile.kind === 'stdin') return { ...(await fromInput(host, input)), folder: undefined };
    if (dockerfile.kind === 'file' && dockerfile.absolute) return fromFile(host, dockerfile.path, undefined);
    const path = dockerfile.kind === 'file' ? dockerfile.word : 'Dockerfile';
    const bytes = await fetchDockerfile(host, tools, builder, command, input);
    const kind = (await isFileAlone(host, tools, builder, command, context.uri))
      ? 'copy-without-context'
      : 'copy';
    return { kind: 'found', bytes, path, folder: undefined, delivery: { kind } };
  }
  switch (dockerfile.kind) {
    case 'stdin':
      return { ...(await fromInput(host, input)), folder };
    case 'remote': {
      const bytes = await fetchDockerfile(host, tools, builder, command, input);
      return { kind: 'found', bytes, path: 'Dockerfile', folder, delivery: { kind: 'copy' } };
    }
    case 'file':
      return fromFile(host, dockerfile.path, folder);
    case 'default':
      return fromFile(host, await dockerfileIn(host, folder, undefined), folder);
  }
}

/**
 * An address that is no repository holds an archive, or a Dockerfile and nothing else. Only the builder has seen it: with
 * the file alone it finds no other Dockerfile, not even one it is given (BuildKit `dockerui`, `detectHTTPContext`).
 */
async function isFileAlone(
  host: Host,
  tools: DockerTools,
  builder: Builder,
  command: DockerCommand,
  address: string,
): Promise<boolean> {
  if (!/^https?:/.test(address) || /\.git([?#]|$)/.test(address)) return false;
  const probe = join(await host.files.makeTemporary('docker-chalk-probe-'), 'Dockerfile');
  await host.files.write(probe, 'FROM scratch\n', 0o600);
  return fetchDockerfile(host, tools, builder, command, undefined, probe).then(
    () => false,
    () => true,
  );
}

async function fromFile(host: Host, path: string, folder: string | undefined): Promise<Found> {
  const bytes = await host.files.read(path).catch((cause: unknown) => {
    throw new ChalkError('DOCKERFILE_UNREADABLE', `cannot read the Dockerfile ${path}`, { cause });
  });
  return { kind: 'found', bytes, path, folder, delivery: { kind: 'copy-beside' } };
}

async function fromInput(host: Host, input: string | undefined): Promise<Found> {
  if (input === undefined) throw new ChalkError('INTERNAL', 'standard input was not saved');
  const bytes = await host.files.read(input);
  if (bytes.length === 0) throw new ChalkError('DOCKERFILE_UNREADABLE', 'standard input is empty');
  return { kind: 'found', bytes, path: 'Dockerfile', folder: undefined, delivery: { kind: 'copy' } };
}

/** `build -`: an archive is the context, anything else the Dockerfile of a build without one. */
async function inStdin(
  host: Host,
  tools: DockerTools,
  builder: Builder,
  command: DockerCommand,
  request: BuildRequest,
  input: string | undefined,
): Promise<Found | PassPlan> {
  if (input === undefined) throw new ChalkError('INTERNAL', 'standard input was not saved');
  const kind = sniffStdin(await host.files.readHead(input, SNIFFED_BYTES));
  const { dockerfile } = request;
  if (kind === 'dockerfile' || kind === 'empty') {
    // With -f as well, buildx refuses: two Dockerfiles.
    if (dockerfile.kind !== 'default') return pass('argv', 'standard input and -f both name a Dockerfile');
    return { ...(await fromInput(host, input)), delivery: { kind: 'copy-without-context' } };
  }
  if (dockerfile.kind === 'stdin')
    return pass('argv', 'context and Dockerfile cannot both be standard input');
  if (dockerfile.kind === 'remote') {
    const bytes = await fetchDockerfile(host, tools, builder, command, input);
    return { kind: 'found', bytes, path: 'Dockerfile', folder: undefined, delivery: { kind: 'copy' } };
  }
  return unpacked(host, input, dockerfile.kind === 'file' ? dockerfile.word : undefined);
}

/** `tar` knows every compression buildx sniffs for, and keeps modes and times, which layers hold. */
async function unpacked(host: Host, input: string, asked: string | undefined): Promise<Found | PassPlan> {
  const folder = `${input}.context`;
  await host.files.makeFolder(folder, 0o755);
  const result = await host.processes.run({
    file: 'tar',
    args: ['-xpf', input, '-C', folder],
    timeoutMs: UNPACK_TIMEOUT_MS,
  });
  if (outputOf(result) === undefined) {
    return pass('context-stdin', `the archive could not be unpacked: ${describeResult('tar', result)}`);
  }
  const path = await dockerfileIn(host, folder, asked);
  const [real, root] = await Promise.all([
    host.files.realPath(path).catch((cause: unknown) => {
      throw new ChalkError('DOCKERFILE_UNREADABLE', 'the archive has no Dockerfile of that name', { cause });
    }),
    host.files.realPath(folder),
  ]);
  // A link out of the archive is for the builder to judge, which has another root.
  if (!real.startsWith(`${root}/`))
    return pass('context-stdin', 'the Dockerfile is a link out of the archive');
  const found = await fromFile(host, path, undefined);
  return { ...found, delivery: { kind: 'copy-unpacked', context: folder } };
}

/** `dockerfile` where only that is there (buildx `build/opt.go`). */
async function dockerfileIn(host: Host, folder: string, asked: string | undefined): Promise<string> {
  if (asked !== undefined) return join(folder, asked);
  const names = await host.files.list(folder);
  const lower = names.includes('dockerfile') && !names.includes('Dockerfile');
  return join(folder, lower ? 'dockerfile' : 'Dockerfile');
}
