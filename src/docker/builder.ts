import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import type { DockerCommand } from './argv/command.ts';
import { lastValueOf } from './argv/parse.ts';
import type { DockerConfig } from './config.ts';

/** The builder a build runs in, as far as its name and buildx's own files tell. */
export interface Builder {
  /** Undefined: whatever buildx takes for the current one. */
  readonly name: string | undefined;
  /** What `BUILDX_BUILDER` must hold for the build, when the command line and environment leave it open. */
  readonly environment: Readonly<Record<string, string>>;
  /** The driver, which decides where base images are looked up: the engine's own store only under `docker`. */
  readonly driver: string;
}

const DEFAULT_ENDPOINT = 'unix:///var/run/docker.sock';

/** buildx names its files by the first digits of a hash (`store.toHash`). */
const ENDPOINT_HASH_LENGTH = 20;

const Instance = z.object({ Driver: z.string() });
const Current = z.object({
  Key: z.optional(z.string()),
  Name: z.optional(z.string()),
  Global: z.optional(z.boolean()),
});
const ContextMeta = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string() }) }) });

/**
 * Finds the builder without asking an engine: `--builder`, `BUILDX_BUILDER`, for `docker build` the current context
 * (docker/cli `builder.go` sets it), for `docker buildx build` what `buildx use` wrote. An empty `--builder` counts as
 * given, and means what `buildx use` wrote.
 */
export async function findBuilder(
  host: Host,
  config: DockerConfig,
  command: DockerCommand,
): Promise<Builder> {
  const store = host.env['BUILDX_CONFIG'] || join(config.folder, 'buildx');
  const asked =
    lastValueOf(command.items, 'builder') ??
    lastValueOf(command.pathItems, 'builder') ??
    (host.env['BUILDX_BUILDER'] || undefined);
  if (asked)
    return { name: asked, environment: {}, driver: (await driverOf(host, store, asked)) ?? 'docker' };
  if (asked === undefined && !command.throughBuildx) {
    return { name: config.context, environment: { BUILDX_BUILDER: config.context }, driver: 'docker' };
  }
  const name = await currentName(host, store, await endpointOf(host, config, command));
  const driver = name === undefined ? undefined : await driverOf(host, store, name);
  // buildx forgets a current builder that is gone, and takes the context's.
  return driver === undefined
    ? { name: undefined, environment: {}, driver: 'docker' }
    : { name, environment: {}, driver };
}

/** The same builder for a helper command of buildx. */
export function builderFlags({ name }: Builder): string[] {
  return name === undefined ? [] : ['--builder', name];
}

/** A builder without a file of its own is a context, and those have the docker driver. */
async function driverOf(host: Host, store: string, name: string): Promise<string | undefined> {
  return (await readJson(host, join(store, 'instances', name.toLowerCase()), Instance))?.Driver;
}

/** What `buildx use` chose: for all endpoints, or for the one in use (buildx `store.Txn.Current`). */
async function currentName(host: Host, store: string, endpoint: string): Promise<string | undefined> {
  const current = await readJson(host, join(store, 'current'), Current);
  if (current?.Name && (current.Global || current.Key === endpoint)) return current.Name;
  const hash = createHash('sha256').update(endpoint).digest('hex').slice(0, ENDPOINT_HASH_LENGTH);
  const name = await host.files.readText(join(store, 'defaults', hash)).catch(() => '');
  return name.trim() || undefined;
}

/** The address of the engine the command line means, in the form buildx keeps choices by. */
async function endpointOf(host: Host, config: DockerConfig, { globals }: DockerCommand): Promise<string> {
  if (config.context === 'default') {
    return lastValueOf(globals, 'host') || host.env['DOCKER_HOST'] || DEFAULT_ENDPOINT;
  }
  const folder = createHash('sha256').update(config.context).digest('hex');
  const meta = join(config.folder, 'contexts', 'meta', folder, 'meta.json');
  return (await readJson(host, meta, ContextMeta))?.Endpoints.docker.Host ?? '';
}

async function readJson<T>(host: Host, path: string, schema: z.ZodMiniType<T>): Promise<T | undefined> {
  const text = await host.files.readText(path).catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}
