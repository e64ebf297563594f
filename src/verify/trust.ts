import { type Envelope, type PublicKey, verifyEnvelope } from '../sign/index.ts';

/** An attestation as it was found; nothing in it is verified. */
export interface Signed {
  readonly envelope: Envelope;
  /** The sigstore bundle it came in, which alone has what a keyless signature is verified by. */
  readonly bundle: Uint8Array | undefined;
}

export type TrustVerdict =
  { readonly kind: 'verified'; readonly by: string } | { readonly kind: 'unverified'; readonly why: string };

/**
 * Whom the verifier believes. It was named by the user: no key and no identity ever comes out of a mark, an attestation or
 * a registry.
 */
export interface Trust {
  /** For messages: `chalk.pub`. */
  readonly names: string;
  /** For the signatures of files, which have no envelope. */
  readonly keys: readonly PublicKey[];
  verify(signed: Signed): Promise<TrustVerdict>;
}

/** Who signed without a key: exactly this identity, by the word of this issuer. */
export interface Identity {
  readonly identity: string | RegExp;
  readonly issuer: string | RegExp;
}

/** Verifies a sigstore bundle by certificate and transparency log. */
export type KeylessVerifier = (bundle: Uint8Array, identity: Identity) => Promise<TrustVerdict>;

/** One of these keys. */
export function trustKeys(keys: readonly PublicKey[]): Trust {
  return {
    names: keys.map(({ name }) => name).join(', '),
    keys,
    verify: async ({ envelope }) => {
      const verdict = verifyEnvelope(envelope, keys);
      return verdict.kind === 'verified' ? { kind: 'verified', by: verdict.by.join(', ') } : verdict;
    },
  };
}

/** One of these identities. */
export function trustIdentities(identities: readonly Identity[], verifier: KeylessVerifier): Trust {
  return {
    names: identities.map(({ identity }) => String(identity)).join(', '),
    keys: [],
    verify: async ({ bundle }) => {
      if (bundle === undefined) return { kind: 'unverified', why: 'it is in no sigstore bundle' };
      let why = 'no identity was named';
      for (const identity of identities) {
        const verdict = await verifier(bundle, identity);
        if (verdict.kind === 'verified') return verdict;
        why = verdict.why;
      }
      return { kind: 'unverified', why };
    },
  };
}

/** Any of these; undefined for none. */
export function trustAny(trusts: readonly Trust[]): Trust | undefined {
  const [first, ...others] = trusts;
  if (first === undefined || others.length === 0) return first;
  return {
    names: trusts.map(({ names }) => names).join(', '),
    keys: trusts.flatMap(({ keys }) => keys),
    verify: async (signed) => {
      const reasons: string[] = [];
      for (const trust of trusts) {
        const verdict = await trust.verify(signed);
        if (verdict.kind === 'verified') return verdict;
        reasons.push(verdict.why);
      }
      return { kind: 'unverified', why: reasons.join('; ') };
    },
  };
}
