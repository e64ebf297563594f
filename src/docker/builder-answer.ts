import { parsePlatform, type Platform } from '../base/platform.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import type { Builder } from './builder.ts';
import { dockerHelper, type DockerTools } from './tools.ts';

export interface BuilderAnswer {
  /** What a build is for when nobody names a platform; undefined when the builder does not answer. */
  readonly platform: Platform | undefined;
  /** Host keys of the report, as far as the answer holds them. */
  readonly facts: Readonly<Record<string, string>>;
}

const VERSIONS = '{{.Client.Version}} {{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}';

/** Asks what a builder builds for: the engine under the docker driver, else the builder's first platform. */
export async function askBuilder(host: Host, tools: DockerTools, builder: Builder): Promise<BuilderAnswer> {
  if (builder.driver !== 'docker') {
    const name = builder.name === undefined ? [] : [builder.name];
    const text = outputOf(await dockerHelper(host, tools, ['buildx', 'inspect', ...name]));
    const first = /^\s*Platforms:\s*([^\s,*]+)/m.exec(text ?? '')?.[1];
    return { platform: parsePlatform(first ?? ''), facts: {} };
  }
  const text = outputOf(await dockerHelper(host, tools, ['version', '--format', VERSIONS])) ?? '';
  const [client, server, platform] = text.trim().split(' ');
  if (!client || !server || !platform) return { platform: undefined, facts: {} };
  return {
    platform: parsePlatform(platform),
    facts: { _DOCKER_CLIENT_VERSION: client, _DOCKER_SERVER_VERSION: server },
  };
}
