import { writeBundle } from './bundle.ts';
import { type Envelope, signEnvelope, verifyEnvelope } from './dsse.ts';
import type { SigningKey } from './keys.ts';
import { STATEMENT_PAYLOAD } from './statement.ts';

/** Signs statements, all of a run with one identity. */
export interface Signer {
  readonly kind: 'key' | 'keyless';
  /** Signs one in-toto statement (its exact bytes). */
  sign(statement: Uint8Array): Promise<SignedStatement>;
  /** Whether this signer signed an envelope; absent where every signature is by an identity of its own. */
  readonly signed?: (envelope: Envelope) => boolean;
}

export interface SignedStatement {
  /** With exactly one signature, as bundles have it. */
  readonly envelope: Envelope;
  /** A sigstore bundle v0.3, JSON. */
  readonly bundle: Uint8Array;
  /** Keyless: leaf certificate, chain, Rekor's answer, for the annotations of the `.att` layer (`dev.sigstore.cosign/…`). */
  readonly attAnnotations?: Readonly<Record<string, string>>;
}

/** A signer with an open key. */
export function keySigner(key: SigningKey): Signer {
  return {
    kind: 'key',
    sign: (statement) => {
      const envelope = signEnvelope(statement, STATEMENT_PAYLOAD, [key]);
      return Promise.resolve({ envelope, bundle: writeBundle(envelope, key.publicKey) });
    },
    signed: (envelope) => verifyEnvelope(envelope, [key.publicKey]).kind === 'verified',
  };
}
