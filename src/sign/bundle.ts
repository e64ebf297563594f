import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { readBase64 } from './base64.ts';
import { type Envelope, envelopeJson, envelopeOf } from './dsse.ts';
import type { PublicKey } from './keys.ts';

export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
/** The spelling before sigstore's protobuf-specs 0.3.1. */
const BUNDLE_MEDIA_TYPES: ReadonlySet<string> = new Set([
  BUNDLE_MEDIA_TYPE,
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
]);

/** A sigstore bundle: what was signed and what says by whom. Nothing in it is verified. */
export interface Bundle {
  readonly material:
    /** A key the verifier has; the hint is nobody's word and may be empty. */
    | { readonly kind: 'public-key'; readonly hint: string }
    /** Fulcio's certificate, DER. Chalk puts the DER of its bare public key there. */
    | { readonly kind: 'certificate'; readonly bytes: Uint8Array };
  readonly content:
    | { readonly kind: 'dsse'; readonly envelope: Envelope }
    /** A signature over a file, as `cosign sign-blob` makes it. */
    | { readonly kind: 'message'; readonly sha256: Uint8Array; readonly signature: Uint8Array };
}

const Bytes = z.string();
const BundleFile = z.object({
  mediaType: z.string(),
  verificationMaterial: z.object({
    publicKey: z.optional(z.object({ hint: z.optional(z.string()) })),
    certificate: z.optional(z.object({ rawBytes: Bytes })),
  }),
  dsseEnvelope: z.optional(z.unknown()),
  messageSignature: z.optional(
    z.object({
      messageDigest: z.object({ algorithm: z.string(), digest: Bytes }),
      signature: Bytes,
    }),
  ),
});

/** A bundle for an envelope with one signature, by this key. */
export function writeBundle(envelope: Envelope, key: PublicKey): Uint8Array {
  checkSignatures(envelope, 'the bundle');
  const bundle = {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint: key.hint } },
    dsseEnvelope: envelopeJson(envelope),
  };
  return Buffer.from(JSON.stringify(bundle), 'utf8');
}

/** Reads a bundle of version 0.3; `what` names it in messages. Throws `ATTESTATION_INVALID`. */
export function readBundle(bytes: Uint8Array, what: string): Bundle {
  const parsed = BundleFile.safeParse(parseJson(new TextDecoder().decode(bytes)));
  if (!parsed.success) throw invalid(what, 'it is no sigstore bundle');
  const { mediaType, verificationMaterial, dsseEnvelope, messageSignature } = parsed.data;
  if (!BUNDLE_MEDIA_TYPES.has(mediaType)) {
    throw invalid(what, `bundles of the type ${JSON.stringify(mediaType)} are not read, only version 0.3`);
  }
  const material = materialOf(verificationMaterial, what);
  if ((dsseEnvelope === undefined) === (messageSignature === undefined)) {
    throw invalid(what, 'a bundle holds either an envelope or a signature');
  }
  if (messageSignature === undefined) {
    const envelope = envelopeOf(dsseEnvelope, what);
    checkSignatures(envelope, what);
    return { material, content: { kind: 'dsse', envelope } };
  }
  const { algorithm, digest } = messageSignature.messageDigest;
  if (algorithm !== 'SHA2_256') throw invalid(what, `it was made with ${JSON.stringify(algorithm)}`);
  const [sha256, signature] = [digest, messageSignature.signature].map(readBase64);
  if (sha256?.length !== 32 || signature === undefined || signature.length === 0) {
    throw invalid(what, 'its digest or signature is damaged');
  }
  return { material, content: { kind: 'message', sha256, signature } };
}

function materialOf(
  { publicKey, certificate }: z.infer<typeof BundleFile>['verificationMaterial'],
  what: string,
): Bundle['material'] {
  if ((publicKey === undefined) === (certificate === undefined)) {
    throw invalid(what, 'it names neither one key nor one certificate');
  }
  if (certificate === undefined) return { kind: 'public-key', hint: publicKey?.hint ?? '' };
  const bytes = readBase64(certificate.rawBytes);
  if (bytes === undefined || bytes.length === 0) throw invalid(what, 'its certificate is not base64');
  return { kind: 'certificate', bytes };
}

/** With several, each verifier would take another one for the bundle's signer (sigstore bundle format, 0.3). */
function checkSignatures({ signatures }: Envelope, what: string): void {
  if (signatures.length !== 1) {
    throw invalid(what, `it has ${signatures.length} signatures, and a bundle has exactly one`);
  }
}

function invalid(what: string, why: string): ChalkError {
  return new ChalkError('ATTESTATION_INVALID', `${what}: ${why}`);
}
