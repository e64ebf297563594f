import { X509Certificate } from 'node:crypto';
import {
  bundleFromJSON,
  type BundleWithDsseEnvelope,
  isBundleWithDsseEnvelope,
  ValidationError,
} from '@sigstore/bundle';
import { type SignedEntity, toSignedEntity, VerificationError, Verifier } from '@sigstore/verify';
import { parseJson } from '../../base/json.ts';
import { readBundle } from '../bundle.ts';
import { STATEMENT_PAYLOAD } from '../statement.ts';
import type { TrustedRoot } from './trusted-root.ts';

type Timestamp = SignedEntity['timestamps'][number];

/** Extended key usage: what certificates of Fulcio are for, and those of other services are not. */
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

/** Who must have signed. Both are needed: an identity means nothing without who vouches for it. */
export interface IdentityPolicy {
  /** The e-mail address or URI in the certificate; a pattern must fit the whole of it. */
  readonly identity: string | RegExp;
  /** The OIDC issuer, likewise. */
  readonly issuer: string | RegExp;
}

export type KeylessVerdict =
  | { readonly kind: 'verified'; readonly identity: string; readonly issuer: string }
  | { readonly kind: 'unverified'; readonly why: string };

/**
 * Verifies a sigstore bundle that a certificate signed: envelope, certificate, the log's proof, the time, and who it was. What
 * the trusted root names is required: an entry in a log where it knows a log, and the certificate in a log where it knows one
 * for certificates. The signature must be of a time when the certificate was good, by a timestamp authority or Rekor 1.
 *
 * What the statement inside says, and about which image, the caller reads with `readBundle` and `readStatement`.
 */
export async function verifyKeyless(
  bundle: Uint8Array,
  root: TrustedRoot,
  policy: IdentityPolicy,
): Promise<KeylessVerdict> {
  const verdict = verifyBundle(bundle, root);
  if (verdict.kind === 'unverified') return verdict;
  if (!fits(verdict.issuer, policy.issuer)) {
    return unverified(`its issuer is ${JSON.stringify(verdict.issuer)}, not ${shown(policy.issuer)}`);
  }
  if (!fits(verdict.identity, policy.identity)) {
    const by = `it is signed by ${JSON.stringify(verdict.identity)}`;
    return unverified(`${by}, not by ${shown(policy.identity)}`);
  }
  return verdict;
}

function shown(wanted: string | RegExp): string {
  return typeof wanted === 'string' ? JSON.stringify(wanted) : String(wanted);
}

function fits(found: string, wanted: string | RegExp): boolean {
  if (typeof wanted === 'string') return found === wanted;
  const whole = new RegExp(`^(?:${wanted.source})$`, wanted.flags.replace(/[gy]/g, ''));
  return whole.test(found);
}

/** Whoever it was that signed. */
export function verifyBundle(bytes: Uint8Array, root: TrustedRoot): KeylessVerdict {
  try {
    const { material, content } = readBundle(bytes, 'the bundle');
    if (material.kind !== 'certificate') return unverified('it is signed with a key, not with a certificate');
    if (content.kind !== 'dsse' || content.envelope.payloadType !== STATEMENT_PAYLOAD) {
      return unverified('there is no statement in it');
    }
    const bundle = bundleFromJSON(parseJson(new TextDecoder().decode(bytes)));
    // What the caller reads and what is verified here must be one thing to both readers.
    if (!isBundleWithDsseEnvelope(bundle) || !readAlike(bundle, content.envelope.payload, material.bytes)) {
      return unverified('there are two readings of it');
    }
    return verdictOf(bundle, new X509Certificate(material.bytes), root);
  } catch (error) {
    // A promise alone says that it will be in the log, not that it is.
    if (error instanceof ValidationError && error.fields.some((field) => field.includes('inclusionProof'))) {
      return unverified('its log entry has no inclusion proof');
    }
    return unverified(`it is damaged: ${wordsOf(error)}`);
  }
}

function readAlike(
  { content: { dsseEnvelope }, verificationMaterial: { content } }: BundleWithDsseEnvelope,
  payload: Uint8Array,
  certificate: Uint8Array,
): boolean {
  return (
    dsseEnvelope.payloadType === STATEMENT_PAYLOAD &&
    dsseEnvelope.payload.equals(payload) &&
    content.$case === 'certificate' &&
    content.certificate.rawBytes.equals(certificate)
  );
}

function verdictOf(
  bundle: BundleWithDsseEnvelope,
  certificate: X509Certificate,
  { material }: TrustedRoot,
): KeylessVerdict {
  const { tlogEntries } = bundle.verificationMaterial;
  if (material.tlogs.length > 0 && tlogEntries.length === 0) return unverified('it is in no log');
  if (!certificate.keyUsage.includes(CODE_SIGNING)) {
    return unverified('its certificate is not made for signing');
  }
  const verifier = new Verifier(material, {
    tlogThreshold: material.tlogs.length > 0 ? 1 : 0,
    ctlogThreshold: material.ctlogs.length > 0 ? 1 : 0,
    timestampThreshold: 1,
  });
  const entity = toSignedEntity(bundle);
  try {
    const { identity } = verifier.verify(entity);
    const name = identity?.subjectAlternativeName;
    const issuer = identity?.extensions?.issuer;
    if (!name || !issuer) return unverified('its certificate names nobody, or no issuer');
    return { kind: 'verified', identity: name, issuer };
  } catch (error) {
    return unverified(reasonOf(error, certificate, entity));
  }
}

/** The library's error for a person who does not know the library. */
function reasonOf(error: unknown, certificate: X509Certificate, { timestamps }: SignedEntity): string {
  if (!(error instanceof VerificationError)) return `it is damaged: ${wordsOf(error)}`;
  switch (error.code) {
    case 'TIMESTAMP_ERROR':
      return timestamps.length === 0
        ? 'nobody says when it was signed'
        : `the time it was signed at cannot be trusted: ${error.message}`;
    case 'CERTIFICATE_ERROR': {
      // The times themselves are verified before the certificate is.
      const [from, to] = [certificate.validFromDate, certificate.validToDate];
      const outside = timestamps.map(timeOf).find((time) => time < from || time > to);
      if (outside !== undefined) {
        const span = `from ${from.toISOString()} to ${to.toISOString()}`;
        return `its certificate was good ${span}, and it was signed at ${outside.toISOString()}`;
      }
      return `its certificate is not one of the trusted root: ${causeOf(error)}`;
    }
    case 'TLOG_BODY_ERROR':
      return `the log has another statement: ${error.message}`;
    case 'TLOG_ERROR':
    case 'TLOG_INCLUSION_PROOF_ERROR':
    case 'TLOG_INCLUSION_PROMISE_ERROR':
    case 'TLOG_MISSING_INCLUSION_ERROR':
      return `its log entry is not one of the trusted root: ${error.message}`;
    case 'SIGNATURE_ERROR':
      return 'its signature is not by the key in its certificate';
    case 'PUBLIC_KEY_ERROR':
    case 'NOT_IMPLEMENTED_ERROR':
      return error.message;
  }
}

function timeOf(timestamp: Timestamp): Date {
  return timestamp.$case === 'timestamp-authority'
    ? timestamp.timestamp.signingTime
    : new Date(Number(timestamp.tlogEntry.integratedTime) * 1000);
}

function causeOf({ cause, message }: VerificationError): string {
  return cause instanceof Error ? cause.message : message;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unverified(why: string): KeylessVerdict {
  return { kind: 'unverified', why };
}
