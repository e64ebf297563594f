import * as z from 'zod/mini';
import { ChalkError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';

/** The audience Sigstore's own Fulcio wants; a private one may want another. */
export const AUDIENCE = 'sigstore';

const MAX_TOKEN = 64 * 1024;
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

const Claims = z.object({
  sub: z.optional(z.string()),
  email: z.optional(z.string()),
  email_verified: z.optional(z.union([z.boolean(), z.string()])),
  exp: z.optional(z.number()),
});

/** An OIDC token that says who signs. It shows itself to nobody who prints, logs or serialises it. */
export class IdentityToken {
  /** For messages: where it came from. */
  readonly source: string;
  /** What Fulcio wants signed, to see that the key is ours: the claim it names the signer by. */
  readonly subject: string;
  readonly #text: string;

  private constructor(text: string, source: string, subject: string) {
    this.#text = text;
    this.source = source;
    this.subject = subject;
  }

  /**
   * Takes a JSON web token apart, without verifying it: that is Fulcio's part. `now` in milliseconds since the epoch. Throws
   * `IDENTITY_INVALID` for what is none, has no subject or an unverified e-mail address, or is past its time.
   */
  static read(text: string, source: string, now: number): IdentityToken {
    const trimmed = text.trim();
    const payload = trimmed.length > MAX_TOKEN ? undefined : JWT.exec(trimmed)?.[1];
    const claims = Claims.safeParse(parseJson(Buffer.from(payload ?? '', 'base64url').toString('utf8')));
    // What it is instead is not quoted: it may be a secret in the wrong place.
    if (payload === undefined || !claims.success) throw invalid(source, 'it is no JSON web token');
    const { exp } = claims.data;
    if (exp !== undefined && exp * 1000 <= now) {
      throw invalid(source, `it was good until ${timeOf(exp)}`, 'such tokens last minutes: ask for it late');
    }
    return new IdentityToken(trimmed, source, subjectOf(claims.data, source));
  }

  /** The token itself, for Fulcio alone. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[identity token]';
  }

  toJSON(): string {
    return '[identity token]';
  }
}

/** The e-mail address where there is one, else the subject (Fulcio, `docs/oidc.md`). */
function subjectOf({ sub, email, email_verified }: z.infer<typeof Claims>, source: string): string {
  if (email) {
    if (String(email_verified) === 'true') return email;
    throw invalid(source, 'its issuer did not verify the e-mail address in it');
  }
  if (!sub) throw invalid(source, 'it does not say who it is for');
  return sub;
}

function timeOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}

function invalid(source: string, why: string, hint?: string): ChalkError {
  const message = `${source} gives no identity to sign with: ${why}`;
  return new ChalkError('IDENTITY_INVALID', message, hint === undefined ? {} : { hint });
}
