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

const Instance = z.object({ Driver: z.string() });
const Current = z.object({ Name: z.optional(z.string()) });

/**
 * Finds the builder without asking an engine: `--builder`, `BUILDX_BUILDER`, for `docker build` the current context
 * (docker/cli `builder.go` sets it), for `docker buildx build` what `buildx use` wrote.
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
  if (asked !== undefined)
    return { name: asked, environment: {}, driver: await driverOf(host, store, asked) };
  if (!command.throughBuildx) {
    return { name: config.context, environment: { BUILDX_BUILDER: config.context }, driver: 'docker' };
  }
  const current = await readJson(host, join(store, 'current'), Current);
  const name = current?.Name || (await defaultOf(host, store));
  const driver = name === undefined ? 'docker' : await driverOf(host, store, name);
  return { name, environment: {}, driver };
}

/** The same builder for a helper command of buildx. */
export function builderFlags({ name }: Builder): string[] {
  return name === undefined ? [] : ['--builder', name];
}

/** A builder without a file of its own is a context, and those have the docker driver. */
async function driverOf(host: Host, store: string, name: string): Promise<string> {
  return (await readJson(host, join(store, 'instances', name), Instance))?.Driver ?? 'docker';
}

/** `buildx use --default` keeps one builder name an endpoint; several endpoints leave the answer open. */
async function defaultOf(host: Host, store: string): Promise<string | undefined> {
  const folder = join(store, 'defaults');
  const files = await host.files.list(folder).catch(() => []);
  const [only] = files;
  if (only === undefined || files.length > 1) return undefined;
  const name = await host.files.readText(join(folder, only)).catch(() => '');
  return name.trim() || undefined;
}

async function readJson<T>(host: Host, path: string, schema: z.ZodMiniType<T>): Promise<T | undefined> {
  const text = await host.files.readText(path).catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}
