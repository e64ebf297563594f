import { ChalkError } from '../base/errors.ts';
import { readArtifact } from '../codec/index.ts';
import { encodingOfVersion, type MarkMap, memberOf, metadataIdentity, stringOf } from '../mark/index.ts';
import { readBase64 } from '../sign/base64.ts';
import { verify as verifySignature } from '../sign/index.ts';
import { type Finding, type Requirement, settle, verdictOf } from './checks.ts';
import { markFinding } from './content.ts';
import { findingOf } from './failures.ts';
import type { Trust } from './trust.ts';
import type { Verification } from './verify-image.ts';

/**
 * Verifies the mark in a file: that it agrees with itself and with the file's hash without it, and that one of the named
 * keys signed it. The public key in the mark itself is nobody's word.
 */
export function verifyArtifact(
  path: string,
  bytes: Uint8Array,
  trust: Trust | undefined,
  required: ReadonlySet<Requirement>,
): Verification {
  const findings = findingsOf(path, bytes, trust);
  const checks = findings.map((finding) => settle(finding, required));
  const verdict = verdictOf(checks, required);
  return {
    name: path,
    verdict,
    manifests: [{ name: path, digest: undefined, verdict, checks, attestations: [] }],
  };
}

function findingsOf(path: string, bytes: Uint8Array, trust: Trust | undefined): readonly Finding[] {
  try {
    const read = readArtifact({ path, bytes });
    if (read === undefined) {
      throw new ChalkError('FILE_UNREADABLE', `${path} is of no kind that holds a mark`, {
        hint: 'ELF programs, ZIP archives, Python bytecode and scripts do',
      });
    }
    const { mark, unchalkedHash, artifactType, problems } = read;
    const kind: Finding = { check: 'image', found: 'ok', why: `a file: ${artifactType}` };
    if (mark === undefined) {
      const why = ['it has no mark', ...problems.slice(0, 1)].join('; ');
      return [kind, { check: 'mark', found: 'absent', why }, { check: 'signature', found: 'absent', why }];
    }
    const content: Finding =
      problems.length === 0
        ? { check: 'content', found: 'ok', why: `${unchalkedHash}, without the mark` }
        : { check: 'content', found: 'unknown', why: problems.join('; ') };
    return [kind, markFinding(mark, unchalkedHash), signatureOf(mark, unchalkedHash, trust), content];
  } catch (error) {
    return [findingOf('image', error)];
  }
}

/** Chalk signs the file's hash without the mark, the mark's hash, and a line feed (`attestation_api.nim`, `signByHash`). */
function signatureOf(mark: MarkMap, unchalkedHash: string, trust: Trust | undefined): Finding {
  const check = 'signature';
  const text = stringOf(mark, 'SIGNATURE');
  if (text === undefined) return { check, found: 'absent', why: 'its mark is not signed' };
  if (trust === undefined) {
    return { check, found: 'unknown', why: 'no key or identity was named to verify it with' };
  }
  const signature = readBase64(text);
  if (signature === undefined || signature.length === 0) {
    return { check, found: 'failed', why: 'its SIGNATURE is no base64' };
  }
  if (trust.keys.length === 0) {
    return { check, found: 'unknown', why: 'files are signed by keys, and only identities were named' };
  }
  const { hash } = metadataIdentity(mark, encodingOfVersion(memberOf(mark, 'CHALK_VERSION')));
  const message = Buffer.from(`${unchalkedHash}${hash}\n`, 'ascii');
  const by = trust.keys.find((key) => verifySignature([message], signature, key));
  return by === undefined
    ? { check, found: 'failed', why: `its signature is not by ${trust.names}` }
    : { check, found: 'ok', why: `signed by ${by.name}` };
}
