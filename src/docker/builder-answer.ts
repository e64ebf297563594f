import { parsePlatform, type Platform } from '../base/platform.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import type { Builder } from './builder.ts';
import { dockerHelper, type DockerTools } from './tools.ts';

export interface BuilderAnswer {
  /** What a build is for when nobody names a platform; undefined when the builder does not answer. */
  readonly platform: Platform | undefined;
  /** Whether its BuildKit knows named contexts, which our lines copy from; true where the builder does not tell. */
  readonly namedContexts: boolean;
  /** Host keys of the report, as far as the answer holds them. */
  readonly facts: Readonly<Record<string, string>>;
}

const VERSIONS = '{{.Client.Version}} {{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}';

/** The first BuildKit with named contexts is 0.10; the first engine with one of those is 23.0. */
const FIRST_BUILDKIT_WITH_CONTEXTS = 10;
const FIRST_ENGINE_WITH_CONTEXTS = 23;

/** A node that was not started says no more than where it will be. */
const NODE = /^\s*(Endpoint|Platforms):\s*([^\s,*]+)/gm;

const UNKNOWN: BuilderAnswer = { platform: undefined, namedContexts: true, facts: {} };

/** Asks what a builder builds for: the engine under the docker driver, else the builder's first platform. */
export async function askBuilder(host: Host, tools: DockerTools, builder: Builder): Promise<BuilderAnswer> {
  if (builder.driver === 'docker') return askEngine(host, tools);
  const name = builder.name === undefined ? [] : [builder.name];
  const text = outputOf(await dockerHelper(host, tools, ['buildx', 'inspect', ...name])) ?? '';
  const lines = new Map(
    [...text.matchAll(NODE)].toReversed().map(([, key = '', value = '']) => [key, value]),
  );
  const [platform, endpoint] = [lines.get('Platforms'), lines.get('Endpoint')];
  if (platform !== undefined) {
    return { platform: parsePlatform(platform), namedContexts: !isOldBuildkit(text), facts: {} };
  }
  // A container that is made for the build, as the first build of a new builder does, builds for the engine it is in.
  if (builder.driver !== 'docker-container' || endpoint === undefined) return UNKNOWN;
  const there = endpoint.includes('://') ? ['--host', endpoint] : ['--context', endpoint];
  const globals = ['--config', tools.config.folder, ...there];
  const { platform: engines } = await askEngine(host, { ...tools, globals });
  return { ...UNKNOWN, platform: engines };
}

async function askEngine(host: Host, tools: DockerTools): Promise<BuilderAnswer> {
  const text = outputOf(await dockerHelper(host, tools, ['version', '--format', VERSIONS])) ?? '';
  const [client, server, platform] = text.trim().split(' ');
  if (!client || !server || !platform) return UNKNOWN;
  return {
    platform: parsePlatform(platform),
    namedContexts: !(Number.parseInt(server, 10) < FIRST_ENGINE_WITH_CONTEXTS),
    facts: { _DOCKER_CLIENT_VERSION: client, _DOCKER_SERVER_VERSION: server },
  };
}

function isOldBuildkit(inspected: string): boolean {
  const [, major, minor] = /^\s*BuildKit(?: version)?:\s*v?(\d+)\.(\d+)\./im.exec(inspected) ?? [];
  // A BuildKit that was not built by its own release, such as a distribution's, calls itself 0.0.0.
  return major === '0' && Number(minor) > 0 && Number(minor) < FIRST_BUILDKIT_WITH_CONTEXTS;
}
