import { formatPlatform, type Platform } from '../base/platform.ts';
import type { NormalisedImage } from '../image/normalised-hash.ts';
import type { Finding } from './checks.ts';

/** The programs this installation puts into images: platform folder to program to SHA-256. */
export type OwnPrograms = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Whether the entrypoint starts the shim, and the shim is a program we know. A mark does not say which one it came with,
 * so that a program of another version can only be told from ours, not from a stranger's: that is left to the signature.
 */
export function shimFinding(
  { ownLayers, wrapped }: NormalisedImage,
  platform: Platform,
  programs: OwnPrograms,
): Finding {
  const check = 'shim';
  const fileOf = (path: string) =>
    ownLayers.map(({ files }) => files.get(path)).findLast((file) => file !== undefined);
  const shim = fileOf('.chalk/shim');
  if (!wrapped) {
    return shim === undefined
      ? { check, found: 'absent', why: 'the entrypoint is not wrapped' }
      : { check, found: 'unknown', why: 'the image has a shim, and its entrypoint does not start it' };
  }
  if (shim === undefined) {
    return { check, found: 'unknown', why: 'the shim came with a base image, below other layers' };
  }
  const ours = programs[formatPlatform(platform).replaceAll('/', '-')] ?? {};
  const reporter = fileOf('.chalk/reporter');
  return shim.sha256 === ours['shim'] && (reporter === undefined || reporter.sha256 === ours['reporter'])
    ? { check, found: 'ok', why: 'the programs of this version' }
    : { check, found: 'unknown', why: `not the programs of this version: shim ${shim.sha256}` };
}
