import { basename, delimiter, isAbsolute, join } from 'node:path';
import type { Environment, Host, ProcessResult } from '../host/host.ts';
import { type Item, render } from './argv/parse.ts';
import { type DockerConfig, readDockerConfig } from './config.ts';

/** The programs a command line is carried out with. */
export interface DockerTools {
  /** The real docker, by absolute path; undefined when there is none on this machine. */
  readonly docker: string | undefined;
  /** The buildx plugin docker would run. */
  readonly buildx: string | undefined;
  readonly config: DockerConfig;
  /** The global flags as words, repeated in every call. */
  readonly globals: readonly string[];
}

export async function findTools(host: Host, globals: readonly Item[]): Promise<DockerTools> {
  const config = await readDockerConfig(host, globals);
  const [docker, buildx] = await Promise.all([
    findDocker(host),
    firstFile(
      host,
      config.pluginFolders.map((folder) => join(folder, 'docker-buildx')),
      // docker takes the first file of that name, and complains when it cannot be run.
      0,
    ),
  ]);
  return { docker, buildx, config, globals: render(globals) };
}

/**
 * The docker that called us, else the first on PATH. docker says how it was called in
 * DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND; during completion that names the plugin itself, which is no docker.
 */
async function findDocker(host: Host): Promise<string | undefined> {
  const caller = host.env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND'] ?? '';
  const onPath = (host.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'docker'));
  const isDocker = isAbsolute(caller) && basename(caller) !== 'docker-chalk';
  return firstFile(host, isDocker ? [caller, ...onPath] : onPath, 0o111);
}

/** The first path with a file at it that has one of these permissions; 0 asks for none. */
async function firstFile(host: Host, paths: readonly string[], mode: number): Promise<string | undefined> {
  for (const path of paths) {
    const stat = await host.files.stat(path).catch(() => undefined);
    if (stat?.kind === 'file' && (mode === 0 || (stat.mode & mode) !== 0)) return path;
  }
  return undefined;
}

/**
 * Runs a docker helper command in the engine the user's command line chose. The variables docker gives its plugins are
 * left out: they say that docker runs this process on the user's behalf, which is true of the build alone.
 */
export async function dockerHelper(
  host: Host,
  tools: DockerTools,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly maxOutputBytes?: number } = {},
): Promise<ProcessResult> {
  if (tools.docker === undefined) return { kind: 'not-started', cause: new Error('docker was not found') };
  return host.processes.run({
    file: tools.docker,
    args: [...tools.globals, ...args],
    env: helperEnvironment(host.env),
    ...options,
  });
}

export function helperEnvironment(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        name !== 'DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND' &&
        name !== 'DOCKER_CLI_PLUGIN_SOCKET' &&
        name !== 'CHALK_PASSWORD' &&
        name !== 'COSIGN_PASSWORD',
    ),
  );
}
