import { X509Certificate } from 'node:crypto';
import * as z from 'zod/mini';
import { parseJson } from '../../base/json.ts';
import type { Host } from '../../host/host.ts';
import { writeBase64 } from '../base64.ts';
import { generateSigningKey, sign, type SigningKey } from '../keys.ts';
import { ask, nonsense } from './service.ts';
import type { IdentityToken } from './token.ts';

/** A key that lives as long as this process, and Fulcio's word for whose it is. */
export interface Certified {
  readonly key: SigningKey;
  readonly leaf: X509Certificate;
  /** PEM, the leaf first. */
  readonly chain: readonly [string, ...string[]];
  /** Milliseconds since the epoch. */
  readonly goodUntil: number;
}

const Chain = z.object({ chain: z.object({ certificates: z.array(z.string()).check(z.minLength(1)) }) });
/** Where there is a log of certificates, its word is usually part of the certificate. */
const Answer = z.object({
  signedCertificateEmbeddedSct: z.optional(Chain),
  signedCertificateDetachedSct: z.optional(Chain),
});

/**
 * Has a new key certified (Fulcio, `POST /api/v2/signingCert`). The token goes to Fulcio alone, in the body. Throws as `ask`
 * does, and `SIGNING_SERVICE_FAILED` for a certificate of another key.
 */
export async function certify(host: Host, fulcio: string, token: IdentityToken): Promise<Certified> {
  const key = generateSigningKey(host.random, 'the key of this run');
  const subject = Buffer.from(token.subject, 'utf8');
  const request = {
    credentials: { oidcIdentityToken: token.reveal() },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: key.publicKey.pem },
      proofOfPossession: writeBase64(sign([subject], key)),
    },
  };
  const answer = await ask(host, {
    name: 'Fulcio',
    method: 'POST',
    url: `${fulcio}/api/v2/signingCert`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: Buffer.from(JSON.stringify(request), 'utf8'),
    secrets: [token.reveal()],
  });
  const parsed = Answer.safeParse(parseJson(new TextDecoder().decode(answer.bytes)));
  const found = parsed.data?.signedCertificateEmbeddedSct ?? parsed.data?.signedCertificateDetachedSct;
  const [first, ...rest] = found?.chain.certificates ?? [];
  if (first === undefined) throw nonsense('Fulcio', 'there is no certificate in it');
  const leaf = certificateOf(first);
  if (!leaf.checkPrivateKey(key.privateKey)) throw nonsense('Fulcio', 'its certificate is of another key');
  return { key, leaf, chain: [first, ...rest], goodUntil: Date.parse(leaf.validTo) };
}

function certificateOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw nonsense('Fulcio', 'its certificate cannot be read', cause);
  }
}
