import { isAbsolute } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import { isLoopback } from '../host/loopback.ts';

/** Which Syft is meant: `CHALK_SYFT`. */
export type SyftChoice =
  /** The first `syft` on PATH. */
  | { readonly kind: 'path' }
  | { readonly kind: 'program'; readonly file: string }
  /** `docker://IMAGE@sha256:…`: run in a container without a network. */
  | { readonly kind: 'container'; readonly image: string }
  /** `https://…#sha256=HEX`: a program, or an archive with `syft` in it, fetched once. */
  | { readonly kind: 'download'; readonly url: string; readonly sha256: string };

/**
 * Reads `CHALK_SYFT`; empty or unset means PATH. What is fetched must be pinned: an image by its digest, a file by its
 * checksum. Throws `CONFIG_INVALID`.
 */
export function readSyftChoice(value: string | undefined): SyftChoice {
  if (value === undefined || value === '') return { kind: 'path' };
  if (isAbsolute(value)) return { kind: 'program', file: value };
  const [, image] = /^docker:\/\/(\S+@sha256:[0-9a-f]{64})$/.exec(value) ?? [];
  if (image !== undefined && !image.startsWith('-')) return { kind: 'container', image };
  const [, url, sha256] = /^(https?:\/\/[^#\s]+)#sha256=([0-9a-f]{64})$/.exec(value) ?? [];
  if (url !== undefined && sha256 !== undefined && mayFetch(url)) return { kind: 'download', url, sha256 };
  throw new ChalkError('CONFIG_INVALID', 'CHALK_SYFT is neither a program nor a pinned image or file', {
    hint: 'give /path/to/syft, docker://IMAGE@sha256:… or https://…#sha256=…',
  });
}

/** Over TLS, or from this machine. */
export function mayFetch(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}
