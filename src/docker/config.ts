import { join } from 'node:path';
import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import { type Item, lastValueOf } from './argv/parse.ts';

/** The part of docker's `config.json` that decides which programs and which engine a command line means. */
export interface DockerConfig {
  readonly folder: string;
  readonly pluginFolders: readonly string[];
  /** The context the command runs in; `default` when none was chosen. */
  readonly context: string;
}

const ConfigFile = z.object({
  cliPluginsExtraDirs: z.nullish(z.array(z.string())),
  currentContext: z.nullish(z.string()),
});

/** Where docker looks for plugins on Unix besides its configuration (docker/cli `manager_unix.go`). */
const SYSTEM_PLUGIN_FOLDERS = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
];

/** Reads docker's configuration as this command line and environment choose it. A broken file counts as an empty one: docker itself says so. */
export async function readDockerConfig(host: Host, globals: readonly Item[]): Promise<DockerConfig> {
  const folder = configFolder(host, globals);
  const text = await host.files.readText(join(folder, 'config.json')).catch(() => '{}');
  const parsed = ConfigFile.safeParse(parseJson(text));
  const file = parsed.success ? parsed.data : {};
  return {
    folder,
    pluginFolders: [
      ...(file.cliPluginsExtraDirs ?? []),
      join(folder, 'cli-plugins'),
      ...SYSTEM_PLUGIN_FOLDERS,
    ],
    context: contextName(host, globals, file.currentContext),
  };
}

/** `--config`, else `DOCKER_CONFIG`, else `~/.docker`. */
export function configFolder(host: Host, globals: readonly Item[]): string {
  return (
    lastValueOf(globals, 'config') ?? (host.env['DOCKER_CONFIG'] || join(host.env['HOME'] ?? '/', '.docker'))
  );
}

/** docker/cli `resolveContextName`: an endpoint given by hand beats a context, a flag beats the environment. */
function contextName(host: Host, globals: readonly Item[], configured: string | null | undefined): string {
  const asked = lastValueOf(globals, 'context');
  if (asked) return asked;
  if (lastValueOf(globals, 'host') !== undefined || host.env['DOCKER_HOST']) return 'default';
  return host.env['DOCKER_CONTEXT'] || configured || 'default';
}
