import { isAbsolute, join } from 'node:path';
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };
import { type Fetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import * as z from 'zod/mini';
import { ChalkError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import type { Host } from '../../host/host.ts';
import type { Services } from './options.ts';
import { type TrustedRoot, trustedRootOf, unusable } from './trusted-root.ts';

/** A repository that hands out a trusted root, and the keys it is believed by at first. */
export interface Mirror {
  readonly url: string;
  /** `root.json`; later versions follow from it. */
  readonly root: Uint8Array;
}

const PUBLIC = 'https://tuf-repo-cdn.sigstore.dev';
const TRUSTED_ROOT = 'trusted_root.json';
const SIGNING_CONFIG = 'signing_config.v0.2.json';
const REQUEST_MS = 10_000;

/** Sigstore's own. The library ships the root its maintainers checked. */
export function publicMirror(): Mirror {
  return { url: PUBLIC, root: Buffer.from(seeds[PUBLIC]['root.json'], 'base64') };
}

/** The trusted root of a mirror, as of today. Throws `TRUSTED_ROOT_UNUSABLE`. */
export async function fetchTrustedRoot(host: Host, mirror = publicMirror()): Promise<TrustedRoot> {
  const targets = await openMirror(host, mirror);
  return trustedRootOf(await targets(TRUSTED_ROOT), mirror.url);
}

/** The servers that a mirror says to sign with today, and its trusted root. Throws `TRUSTED_ROOT_UNUSABLE`. */
export async function fetchPublic(
  host: Host,
  mirror = publicMirror(),
): Promise<{ readonly services: Services; readonly root: TrustedRoot }> {
  const targets = await openMirror(host, mirror);
  const root = trustedRootOf(await targets(TRUSTED_ROOT), mirror.url);
  return { root, services: servicesOf(await targets(SIGNING_CONFIG), mirror.url, host.clock.now()) };
}

/** Refreshes what is known of a mirror, and gives its files; each is checked against the signed list of them. */
async function openMirror(host: Host, mirror: Mirror): Promise<(name: string) => Promise<string>> {
  const folder = join(cacheFolder(host), encodeURIComponent(mirror.url));
  const targets = join(folder, 'targets');
  await host.files.makeFolder(targets, 0o700);
  try {
    const updater = await updaterOf(host, mirror, folder, targets);
    await updater.refresh();
    return (name) => target(host, updater, name, mirror.url);
  } catch (cause) {
    throw unusable(mirror.url, `its signed list of files could not be read (${wordsOf(cause)})`, cause);
  }
}

async function updaterOf(host: Host, mirror: Mirror, folder: string, targets: string): Promise<Updater> {
  const start = () =>
    new Updater({
      metadataBaseUrl: mirror.url,
      metadataDir: folder,
      targetBaseUrl: `${mirror.url}/targets`,
      targetDir: targets,
      fetcher: fetcherOf(host, folder),
    });
  try {
    return start();
  } catch {
    // There is no root in the cache yet, or one that was cut off while it was written.
    await host.files.write(join(folder, 'root.json'), mirror.root, 0o600);
    return start();
  }
}

async function target(host: Host, updater: Updater, name: string, mirror: string): Promise<string> {
  try {
    const info = await updater.getTargetInfo(name);
    if (info !== undefined) {
      const path = (await updater.findCachedTarget(info)) ?? (await updater.downloadTarget(info));
      return await host.files.readText(path);
    }
  } catch (cause) {
    throw unusable(mirror, `${name} could not be read (${wordsOf(cause)})`, cause);
  }
  throw unusable(mirror, `it has no ${name}`);
}

/** The library's own would go past the host: its proxies, its authorities, its limits. */
function fetcherOf(host: Host, folder: string): Fetcher {
  const downloadBytes = async (url: string, maxLength: number): Promise<Buffer> => {
    const answer = await host.http.send({ method: 'GET', url, timeoutMs: REQUEST_MS });
    if (answer.kind === 'failed') throw answer.cause;
    if (answer.status !== 200) {
      answer.discard();
      // With 403 and 404 the library knows that there is no newer root.
      throw new DownloadHTTPError(`${url} answered ${answer.status}`, answer.status);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body) {
      size += chunk.length;
      if (size > maxLength) throw new Error(`${url} is longer than ${maxLength} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  };
  return {
    downloadBytes,
    downloadFile: async (url, maxLength, handler) => {
      const bytes = await downloadBytes(url, maxLength);
      const path = join(folder, `.new-${Buffer.from(host.random.bytes(8)).toString('hex')}`);
      await host.files.write(path, bytes, 0o600);
      try {
        return await handler(path);
      } finally {
        await host.files.remove(path);
      }
    },
  };
}

/** `$XDG_CACHE_HOME/docker-chalk/tuf`. What is there is checked each time it is read. */
function cacheFolder({ env }: Host): string {
  const cache = env['XDG_CACHE_HOME'] ?? '';
  const home = env['HOME'] ?? '';
  if (!isAbsolute(cache) && !isAbsolute(home)) {
    throw new ChalkError('CONFIG_INVALID', 'there is no place for a cache: HOME is not set', {
      hint: 'set HOME or XDG_CACHE_HOME to an absolute path',
    });
  }
  return join(isAbsolute(cache) ? cache : join(home, '.cache'), 'docker-chalk', 'tuf');
}

const Service = z.object({
  url: z.url({ protocol: /^https?$/ }),
  majorApiVersion: z.number(),
  validFor: z.object({ start: z.optional(z.string()), end: z.optional(z.string()) }),
});
type Service = z.infer<typeof Service>;

const SigningConfig = z.object({
  mediaType: z.literal('application/vnd.dev.sigstore.signingconfig.v0.2+json'),
  caUrls: z.array(Service),
  rekorTlogUrls: z.optional(z.array(Service)),
  tsaUrls: z.optional(z.array(Service)),
});

/** Of each kind the newest version we speak, among those in use now. */
function servicesOf(text: string, name: string, now: number): Services {
  const config = SigningConfig.safeParse(parseJson(text));
  if (!config.success) throw unusable(name, `its ${SIGNING_CONFIG} is none`, config.error);
  const { caUrls, rekorTlogUrls = [], tsaUrls = [] } = config.data;
  const fulcio = best(caUrls, 1, now);
  const rekor = best(rekorTlogUrls, 2, now);
  const timestamp = best(tsaUrls, 1, now);
  if (fulcio === undefined) throw unusable(name, 'it names no Fulcio to sign with today');
  if (rekor === undefined) throw unusable(name, 'it names no log to sign with today');
  return {
    fulcio: trimmed(fulcio.url),
    rekor: { url: trimmed(rekor.url), version: rekor.majorApiVersion === 2 ? 2 : 1 },
    timestamp: timestamp === undefined ? undefined : trimmed(timestamp.url),
  };
}

function best(services: readonly Service[], newest: number, now: number): Service | undefined {
  return services
    .filter(
      ({ majorApiVersion, validFor: { start, end } }) =>
        majorApiVersion >= 1 &&
        majorApiVersion <= newest &&
        Date.parse(start ?? '') <= now &&
        (end === undefined || Date.parse(end) > now),
    )
    .sort((a, b) => b.majorApiVersion - a.majorApiVersion)
    .at(0);
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
