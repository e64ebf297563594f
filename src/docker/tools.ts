import { basename, delimiter, isAbsolute, join } from 'node:path';
import type { Environment, FileStat, Host, ProcessResult } from '../host/host.ts';
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

/** Finds the real programs: a link of ours that stands in front of one is passed over. */
export async function findTools(host: Host, globals: readonly Item[]): Promise<DockerTools> {
  const [config, own] = await Promise.all([readDockerConfig(host, globals), ownLauncher(host)]);
  const [docker, buildx] = await Promise.all([
    findDocker(host, own),
    // docker takes the first file of that name, and complains when it cannot be run.
    firstFile(
      host,
      config.pluginFolders.map((folder) => join(folder, 'docker-buildx')),
      { mode: 0, except: own },
    ),
  ]);
  return { docker, buildx, config, globals: render(globals) };
}

/** The launcher says where it is; without one (in tests) nothing is passed over. */
async function ownLauncher(host: Host): Promise<FileStat | undefined> {
  const { launcher } = host.launch;
  return launcher === undefined ? undefined : host.files.stat(launcher).catch(() => undefined);
}

/**
 * The docker that called us, else the first on PATH. docker says how it was called in
 * DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND; during completion that names the plugin itself, which is no docker.
 */
async function findDocker(host: Host, own: FileStat | undefined): Promise<string | undefined> {
  const caller = host.env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND'] ?? '';
  const onPath = (host.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'docker'));
  const isDocker = isAbsolute(caller) && basename(caller) !== 'docker-chalk';
  return firstFile(host, isDocker ? [caller, ...onPath] : onPath, { mode: 0o111, except: own });
}

/** The first path with a file at it that has one of these permissions (0 asks for none) and is not the excepted one. */
async function firstFile(
  host: Host,
  paths: readonly string[],
  { mode, except }: { readonly mode: number; readonly except: FileStat | undefined },
): Promise<string | undefined> {
  for (const path of paths) {
    const stat = await host.files.stat(path).catch(() => undefined);
    const isOurs = except !== undefined && stat?.inode === except.inode && stat.device === except.device;
    if (stat?.kind === 'file' && !isOurs && (mode === 0 || (stat.mode & mode) !== 0)) return path;
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
  options: {
    readonly timeoutMs?: number;
    readonly maxOutputBytes?: number;
    readonly input?: Uint8Array;
  } = {},
): Promise<ProcessResult> {
  if (tools.docker === undefined) return { kind: 'not-started', cause: new Error('docker was not found') };
  return host.processes.run({
    file: tools.docker,
    args: [...tools.globals, ...args],
    env: helperEnvironment(host.env),
    ...options,
  });
}

/** Says that a program was started by us: the links of ours that stand before docker and buildx step aside for it. */
export const GUARD = { CHALK_GUARD: '1' } as const;

const WITHHELD: ReadonlySet<string> = new Set([
  'DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND',
  'DOCKER_CLI_PLUGIN_SOCKET',
]);

export function helperEnvironment(env: Environment): Environment {
  return { ...Object.fromEntries(Object.entries(env).filter(([name]) => !WITHHELD.has(name))), ...GUARD };
}
