import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { readBase64, writeBase64 } from './base64.ts';
import { type PublicKey, sign, type SigningKey, verify } from './keys.ts';

/** A signed payload (DSSE v1), decoded. What is in it is believed by nobody before `verifyEnvelope` said who signed it. */
export interface Envelope {
  readonly payload: Uint8Array;
  readonly payloadType: string;
  readonly signatures: readonly EnvelopeSignature[];
}

export interface EnvelopeSignature {
  /** DER. */
  readonly sig: Uint8Array;
  /** A hint nobody signed. Ours have none: cosign skips signatures whose keyid it does not expect. */
  readonly keyid: string;
}

/** The envelope as JSON, also in a bundle and in `_SIGNATURES`. */
export interface EnvelopeJson {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid?: string }[];
}

export type EnvelopeVerdict =
  /** The names of the keys that signed, and how many signatures were by none of the keys. */
  | { readonly kind: 'verified'; readonly by: readonly string[]; readonly others: number }
  | { readonly kind: 'unverified'; readonly why: string };

/** Nobody signs a statement this often; every signature costs a verification for every key. */
const MAX_SIGNATURES = 32;

const EnvelopeFile = z.object({
  payload: z.string(),
  payloadType: z.string(),
  signatures: z.array(z.object({ sig: z.string(), keyid: z.nullish(z.string()) })),
});

/** The pre-authentication encoding, what is signed: lengths are of bytes, in decimal (DSSE v1 protocol). */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat(paeParts(payloadType, payload));
}

/** The same without copying the payload, which may be an SBOM of hundreds of megabytes. */
function paeParts(payloadType: string, payload: Uint8Array): [Uint8Array, Uint8Array] {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return [Buffer.from(head, 'utf8'), payload];
}

/** Signs a payload with each of these keys. A bundle takes an envelope with one signature only. */
export function signEnvelope(
  payload: Uint8Array,
  payloadType: string,
  keys: readonly [SigningKey, ...SigningKey[]],
): Envelope {
  const signed = paeParts(payloadType, payload);
  return { payload, payloadType, signatures: keys.map((key) => ({ sig: sign(signed, key), keyid: '' })) };
}

/** Which of these keys signed the envelope. One good signature verifies it, whatever the others are. */
export function verifyEnvelope(envelope: Envelope, keys: readonly PublicKey[]): EnvelopeVerdict {
  const { payload, payloadType, signatures } = envelope;
  if (keys.length === 0) return { kind: 'unverified', why: 'no key was given to verify it with' };
  const signed = paeParts(payloadType, payload);
  const signers = signatures.map(({ sig }) => keys.find((key) => verify(signed, sig, key)));
  const by = [...new Set(signers.flatMap((key) => (key === undefined ? [] : [key.name])))];
  if (by.length > 0) {
    return { kind: 'verified', by, others: signers.filter((key) => key === undefined).length };
  }
  const names = keys.map(({ name }) => name).join(', ');
  const which =
    signatures.length === 1 ? 'its signature is not' : `none of its ${signatures.length} signatures is`;
  return { kind: 'unverified', why: `${which} by ${keys.length === 1 ? '' : 'any of '}${names}` };
}

export function envelopeJson({ payload, payloadType, signatures }: Envelope): EnvelopeJson {
  return {
    payload: writeBase64(payload),
    payloadType,
    signatures: signatures.map(({ sig, keyid }) => ({
      sig: writeBase64(sig),
      ...(keyid === '' ? {} : { keyid }),
    })),
  };
}

export function writeEnvelope(envelope: Envelope): Uint8Array {
  return Buffer.from(JSON.stringify(envelopeJson(envelope)), 'utf8');
}

/** Reads an envelope's JSON; `what` names it in messages. Throws `ATTESTATION_INVALID`. */
export function readEnvelope(bytes: Uint8Array, what: string): Envelope {
  return envelopeOf(parseJson(new TextDecoder().decode(bytes)), what);
}

/** The same for JSON that was parsed with what is around it. */
export function envelopeOf(json: unknown, what: string): Envelope {
  const parsed = EnvelopeFile.safeParse(json);
  if (!parsed.success) throw invalid(what, 'it is no DSSE envelope');
  const payload = readBase64(parsed.data.payload);
  if (payload === undefined) throw invalid(what, 'its payload is not base64');
  const signatures = parsed.data.signatures.map((signature): EnvelopeSignature => {
    const sig = readBase64(signature.sig);
    if (sig === undefined || sig.length === 0) throw invalid(what, 'a signature is not base64');
    return { sig, keyid: signature.keyid ?? '' };
  });
  if (signatures.length === 0) throw invalid(what, 'it is not signed');
  if (signatures.length > MAX_SIGNATURES) throw invalid(what, `it has ${signatures.length} signatures`);
  return { payload, payloadType: parsed.data.payloadType, signatures };
}

function invalid(what: string, why: string): ChalkError {
  return new ChalkError('ATTESTATION_INVALID', `${what}: ${why}`);
}
