import { createHash } from 'node:crypto';
import { basename, isAbsolute, relative } from 'node:path';
import { type Dependency, imageUri, type Provenance, withoutPaths } from '../../attest/index.ts';
import { formatPlatform } from '../../base/platform.ts';
import { withoutCredentials } from '../../base/url.ts';
import { type Collected, collectGitStatus } from '../../collect/index.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import type { Route } from '../../docker/run-build.ts';
import type { Host } from '../../host/host.ts';
import type { MarkValue } from '../../mark/index.ts';
import { redactItems } from '../../report/index.ts';
import { PRODUCT_VERSION } from '../version.ts';
import type { ReportedBuild } from './report.ts';

/** One run of buildx, as far as every image it built has it in common. */
export interface BuildRun {
  readonly command: DockerCommand;
  readonly route: Route;
  /** Milliseconds since the epoch. */
  readonly started: number;
  readonly finished: number;
  readonly buildxVersion: string | undefined;
}

const INVOCATION_BYTES = 16;

/**
 * What is known of a build, as provenance. Nothing in it was looked up for it: it is what the mark and the report say, but for
 * paths of the machine and values of build arguments, and whether the working tree is the commit's.
 */
export async function provenanceOf(host: Host, run: BuildRun, build: ReportedBuild): Promise<Provenance> {
  const { request, folder, marks, hostFacts } = build;
  const fact = factsOf(build);
  const status = folder === undefined ? undefined : await collectGitStatus(host, folder);
  const ci = marks[0]?.values.get('BUILD_URI') ?? marks[0]?.values.get('BUILD_ID');
  const job = marks[0]?.values.get('BUILD_URI');
  const id = Buffer.from(host.random.bytes(INVOCATION_BYTES)).toString('hex');
  const { _X_CHALK_BAKE_TARGET: bakeTarget } = build.added;
  const { _DOCKER_SERVER_VERSION: engine } = hostFacts;
  return {
    parameters: {
      command: withoutPaths(['docker', ...run.command.path, ...redactItems(run.command.items)]),
      ...known({
        context: contextOf(build, fact('VCS_DIR_WHEN_CHALKED')),
        dockerfile: dockerfileOf(build, fact('DOCKERFILE_PATH_WITHIN_VCTL')),
        target: request.target,
        bakeTarget: typeof bakeTarget === 'string' ? bakeTarget : undefined,
      }),
      platforms: request.platforms.map(formatPlatform),
      buildArgs: [...request.buildArgs.keys()].sort(),
    },
    internal: known({ builderDriver: run.route.kind === 'buildx' ? run.route.builder.driver : undefined }),
    dependencies: [...source(fact, status), ...dockerfileContent(build), ...baseImage(fact)],
    builder: ci === undefined ? 'local' : 'ci',
    versions: known({
      'docker-chalk': PRODUCT_VERSION,
      'docker-buildx': run.buildxVersion,
      'docker-engine': typeof engine === 'string' ? engine : undefined,
    }),
    invocation: typeof job === 'string' ? `${job}#${id}` : id,
    started: run.started,
    finished: run.finished,
  };
}

type Fact = (key: string) => string | undefined;

function factsOf({ facts, marks }: ReportedBuild): Fact {
  return (key) => {
    const value: MarkValue | undefined = marks[0]?.values.get(key) ?? facts[key];
    return typeof value === 'string' ? value : undefined;
  };
}

/** From the top of its repository; a folder outside of one has no name that anybody else knows. */
function contextOf({ request }: ReportedBuild, top: string | undefined): string | undefined {
  const { context } = request;
  switch (context.kind) {
    case 'remote':
      return withoutCredentials(context.uri);
    case 'stdin':
      return '-';
    case 'folder': {
      const within = top === undefined ? '..' : relative(top, context.path);
      return within.startsWith('..') || isAbsolute(within) ? undefined : within || '.';
    }
  }
}

function dockerfileOf({ request }: ReportedBuild, within: string | undefined): string {
  const { dockerfile } = request;
  switch (dockerfile.kind) {
    case 'remote':
      return withoutCredentials(dockerfile.uri);
    case 'stdin':
      return '-';
    case 'default':
      return within ?? 'Dockerfile';
    case 'file':
      return within ?? (dockerfile.absolute ? basename(dockerfile.path) : dockerfile.word);
  }
}

/** The commit, and whether what was built may differ from it: then a verifier must not take it for the source. */
function source(fact: Fact, status: Collected | undefined): Dependency[] {
  const commit = fact('COMMIT_ID');
  if (commit === undefined) return [];
  const origin = gitAddress(fact('ORIGIN_URI'));
  const branch = fact('BRANCH');
  const changed = ['VCS_MODIFIED_FILES', 'VCS_MISSING_FILES', 'VCS_UNTRACKED_FILES'].some((key) => {
    const files = status?.facts[key];
    return Array.isArray(files) && files.length > 0;
  });
  const annotations = changed
    ? { uncommittedChanges: true }
    : (status?.errors.length ?? 0) > 0
      ? { uncommittedChanges: 'unknown' }
      : undefined;
  return [
    {
      name: 'source',
      ...(origin === undefined
        ? {}
        : { uri: `git+${origin}${branch === undefined ? '' : `@refs/heads/${branch}`}` }),
      digest: { gitCommit: commit },
      ...(annotations === undefined ? {} : { annotations }),
    },
  ];
}

/** `git@host:path` is an address as well; a folder of this machine is none for others. */
function gitAddress(origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  if (/^(?:https?|ssh|git):\/\//.test(origin)) return origin;
  const [, authority, path] = /^([\w.-]+@[\w.-]+):(?!\/\/)(.+)$/.exec(origin) ?? [];
  return path === undefined ? undefined : `ssh://${authority}/${path.replace(/^\/+/, '')}`;
}

function dockerfileContent({ dockerfile }: ReportedBuild): Dependency[] {
  if (dockerfile === undefined) return [];
  return [{ name: 'dockerfile', digest: { sha256: createHash('sha256').update(dockerfile).digest('hex') } }];
}

function baseImage(fact: Fact): Dependency[] {
  const [registry, name, digest] = [
    'DOCKER_BASE_IMAGE_REGISTRY',
    'DOCKER_BASE_IMAGE_NAME',
    'DOCKER_BASE_IMAGE_DIGEST',
  ].map(fact);
  if (registry === undefined || name === undefined || digest === undefined) return [];
  return [
    { uri: imageUri(registry, name, fact('DOCKER_BASE_IMAGE_TAG'), undefined), digest: { sha256: digest } },
  ];
}

function known(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
