import { TrustedRoot as Specification } from '@sigstore/protobuf-specs';
import { toTrustMaterial, type TrustMaterial } from '@sigstore/verify';
import { asChalkError, ChalkError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import type { Host } from '../../host/host.ts';

/** Whose certificates, logs and timestamps are believed. */
export interface TrustedRoot {
  /** For messages: the file, or the mirror it is from. */
  readonly name: string;
  readonly material: TrustMaterial;
}

const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.trustedroot(?:\.v0\.[12]\+json|\+json;version=0\.[12])$/;
const MAX_BYTES = 4 * 1024 * 1024;

/** Reads `trusted_root.json`, as `cosign trusted-root create` writes it. Throws `TRUSTED_ROOT_UNUSABLE`. */
export async function readTrustedRoot(host: Host, path: string): Promise<TrustedRoot> {
  let text: string;
  try {
    text = await host.files.readText(path, MAX_BYTES);
  } catch (cause) {
    throw unusable(path, asChalkError(cause).message, cause);
  }
  return trustedRootOf(text, path);
}

/** The same for its text; `name` names it in messages. */
export function trustedRootOf(text: string, name: string): TrustedRoot {
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null || !('mediaType' in json)) {
    throw unusable(name, 'it is no trusted root of Sigstore');
  }
  if (typeof json.mediaType !== 'string' || !MEDIA_TYPE.test(json.mediaType)) {
    throw unusable(name, `trusted roots of the type ${JSON.stringify(json.mediaType)} are not read`);
  }
  let material: TrustMaterial;
  try {
    material = toTrustMaterial(Specification.fromJSON(json));
  } catch (cause) {
    throw unusable(name, 'what is in it is damaged', cause);
  }
  if (material.certificateAuthorities.length === 0) throw unusable(name, 'it has no certificate authority');
  return { name, material };
}

export function unusable(name: string, why: string, cause?: unknown): ChalkError {
  return new ChalkError('TRUSTED_ROOT_UNUSABLE', `${name} cannot be trusted: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'name a file with --trusted-root; `cosign trusted-root create` writes one',
  });
}
