import { normalizePlatform, parsePlatform, type Platform } from '../base/platform.ts';
import type { Host } from '../host/host.ts';

const SYSTEMS: ReadonlySet<string> = new Set(['linux', 'windows', 'darwin', 'macos', 'freebsd']);

const ARCHITECTURES: ReadonlySet<string> = new Set([
  'amd64',
  'x86_64',
  'x86-64',
  '386',
  'i386',
  'arm64',
  'aarch64',
  'arm',
  'armhf',
  'armel',
  'ppc64le',
  'riscv64',
  's390x',
]);

/** The platform of this machine, as buildx has it built in (containerd `platforms.DefaultSpec`). */
export function clientPlatform({ platform: os, system }: Pick<Host, 'platform' | 'system'>): Platform {
  const { machine } = system;
  const version = /^armv(\d)/.exec(machine)?.[1];
  if (version !== undefined) return { os, architecture: 'arm', variant: `v${version}` };
  return normalizePlatform({ os, architecture: machine === 'i686' ? '386' : machine });
}

/**
 * Reads a word of `--platform`. buildx completes short ones by the platform it runs on: `local` is that platform, and
 * `arm64` or `linux` is half of one (`platformutil.Parse`, containerd `platforms.Parse`). Undefined for what is none.
 */
export function readPlatform(word: string, here: Platform): Platform | undefined {
  const name = word.trim().toLowerCase();
  if (name === 'local') return here;
  if (SYSTEMS.has(name)) return normalizePlatform({ ...here, os: name });
  if (ARCHITECTURES.has(name)) return normalizePlatform({ os: here.os, architecture: name });
  return parsePlatform(word);
}
