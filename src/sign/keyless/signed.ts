import { writeBase64 } from '../base64.ts';
import { BUNDLE_MEDIA_TYPE } from '../bundle.ts';
import { type Envelope, envelopeJson } from '../dsse.ts';
import type { SignedStatement } from '../signer.ts';
import type { Certified } from './certificate.ts';
import type { LogEntry } from './rekor.ts';

/** Everything there is about one signature. */
export interface Evidence {
  readonly envelope: Envelope;
  readonly certified: Certified;
  readonly entry: LogEntry | undefined;
  readonly timestamps: Timestamps | undefined;
}

/** TimeStampResp, DER. */
export interface Timestamps {
  readonly ofSignature: Uint8Array;
  /** The older layout has the whole envelope timestamped. */
  readonly ofEnvelope: Uint8Array;
}

/** The bundle, version 0.3: the leaf certificate alone, because the trusted root has the rest. */
export function signedStatement(evidence: Evidence): SignedStatement {
  const { envelope, certified, entry, timestamps } = evidence;
  const bundle = {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: {
      certificate: { rawBytes: writeBase64(certified.leaf.raw) },
      ...(entry === undefined ? {} : { tlogEntries: [entry.entry] }),
      ...(timestamps === undefined
        ? {}
        : {
            timestampVerificationData: {
              rfc3161Timestamps: [{ signedTimestamp: writeBase64(timestamps.ofSignature) }],
            },
          }),
    },
    dsseEnvelope: envelopeJson(envelope),
  };
  return {
    envelope,
    bundle: Buffer.from(JSON.stringify(bundle), 'utf8'),
    attAnnotations: annotations(evidence),
  };
}

/**
 * The same as annotations of a layer below the `.att` tag. That layout has no place for an entry of Rekor 2; cosign takes such
 * a layer by its timestamp, where it is told not to ask for a log.
 */
function annotations({ certified, entry, timestamps }: Evidence): Readonly<Record<string, string>> {
  const [leaf, ...others] = certified.chain;
  const place = 'dev.sigstore.cosign';
  return {
    [`${place}/certificate`]: leaf,
    ...(others.length === 0 ? {} : { [`${place}/chain`]: others.join('') }),
    ...(entry?.promise === undefined ? {} : { [`${place}/bundle`]: entry.promise }),
    ...(timestamps === undefined
      ? {}
      : {
          [`${place}/rfc3161timestamp`]: JSON.stringify({
            SignedRFC3161Timestamp: writeBase64(timestamps.ofEnvelope),
          }),
        }),
  };
}
