import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import type { Host } from '../host/host.ts';
import type { Maker, SbomFormat, SbomLimits, Target } from './sbom.ts';

/** What the cache may hold; the oldest go first. */
export interface CacheBounds {
  readonly files: number;
  readonly bytes: number;
}

const BOUNDS: CacheBounds = { files: 64, bytes: 512 * 1024 * 1024 };

/** `$XDG_CACHE_HOME/docker-chalk`, default `~/.cache/docker-chalk`; undefined where there is neither. */
export function cacheFolder(host: Host): string | undefined {
  const cache = host.env['XDG_CACHE_HOME'] ?? '';
  const home = host.env['HOME'] ?? '';
  if (isAbsolute(cache)) return join(cache, 'docker-chalk');
  return isAbsolute(home) ? join(home, '.cache', 'docker-chalk') : undefined;
}

/**
 * Remembers what a program wrote, by the image's digest, the program with its version, and the format. A file's name has
 * the hash of its content, so that one cut short by a full disk is no SBOM, and the time it was made. Only this user can
 * read or write the folder, because what is in it gets signed. Whatever goes wrong with it, the SBOM is made.
 */
export function cached(host: Host, maker: Maker, limits: SbomLimits, bounds = BOUNDS): Maker {
  const base = cacheFolder(host);
  if (base === undefined) return maker;
  const folder = join(base, 'sbom');
  return {
    tool: maker.tool,
    make: async (target, format) => {
      const key = keyOf(maker, target, format);
      const known = await read(host, folder, key, limits).catch(() => undefined);
      if (known !== undefined) return known;
      const text = await maker.make(target, format);
      await keep(host, folder, key, text, bounds).catch(() => undefined);
      return text;
    },
  };
}

interface Entry {
  readonly name: string;
  readonly key: string;
  readonly hash: string;
  readonly madeAt: number;
}

function keyOf({ tool }: Maker, { name, digest, platform }: Target, format: SbomFormat): string {
  return hashOf(JSON.stringify([tool.name, tool.version, format, name, digest, platform ?? '']));
}

async function read(
  host: Host,
  folder: string,
  key: string,
  limits: SbomLimits,
): Promise<string | undefined> {
  const entry = (await entries(host, folder)).find((each) => each.key === key);
  if (entry === undefined) return undefined;
  const text = await host.files.readText(join(folder, entry.name), limits.maxBytes);
  return hashOf(text) === entry.hash ? text : undefined;
}

async function keep(
  host: Host,
  folder: string,
  key: string,
  text: string,
  bounds: CacheBounds,
): Promise<void> {
  const bytes = Buffer.byteLength(text);
  if (bytes > bounds.bytes) return;
  await host.files.makeFolder(folder, 0o700);
  const name = `${key}-${hashOf(text)}-${host.clock.now()}.json`;
  const staged = join(folder, `.${name}-${Buffer.from(host.random.bytes(4)).toString('hex')}`);
  await host.files.write(staged, text, 0o600);
  await host.files.rename(staged, join(folder, name));
  const old = (await entries(host, folder)).filter((each) => each.name !== name);
  let room = { files: bounds.files - 1, bytes: bounds.bytes - bytes };
  for (const entry of old.toSorted((a, b) => b.madeAt - a.madeAt)) {
    const size = (await host.files.stat(join(folder, entry.name)))?.size ?? 0;
    room = { files: room.files - 1, bytes: room.bytes - size };
    const fits = room.files >= 0 && room.bytes >= 0 && entry.key !== key;
    if (!fits) await host.files.remove(join(folder, entry.name));
  }
}

/** Newest first. */
async function entries(host: Host, folder: string): Promise<readonly Entry[]> {
  const names = await host.files.list(folder);
  const found = names.flatMap((name): Entry[] => {
    const [, key, hash, time] = /^([0-9a-f]{32})-([0-9a-f]{32})-(\d{1,16})\.json$/.exec(name) ?? [];
    return key === undefined || hash === undefined ? [] : [{ name, key, hash, madeAt: Number(time) }];
  });
  return found.toSorted((a, b) => b.madeAt - a.madeAt);
}

/** 128 bits are enough against accidents; nobody but the user writes here. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
