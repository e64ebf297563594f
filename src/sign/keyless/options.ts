import { ChalkError } from '../../base/errors.ts';
import { withoutCredentials } from '../../base/url.ts';
import type { Environment } from '../../host/host.ts';
import { isLoopback } from '../../host/loopback.ts';

/** What the user asked for; everything else comes from the environment. */
export interface KeylessOptions {
  /** `--fulcio-url`: who gives certificates. */
  readonly fulcioUrl?: string | undefined;
  /** `--rekor-url`: the log of signatures, version 1 or 2. */
  readonly rekorUrl?: string | undefined;
  /** `--timestamp-url`: an RFC 3161 timestamp authority, the whole address. */
  readonly timestampUrl?: string | undefined;
  /** `--trusted-root FILE`: what is signed is verified with it at once. */
  readonly trustedRoot?: string | undefined;
}

/** Where to sign. */
export type Addresses =
  /** Sigstore's public servers, as its signed list names them. */
  | { readonly kind: 'public' }
  | {
      readonly kind: 'own';
      readonly services: Services;
      /** A file. */
      readonly trustedRoot: string | undefined;
    };

export interface Services {
  readonly fulcio: string;
  readonly rekor: Rekor | undefined;
  readonly timestamp: string | undefined;
}

export interface Rekor {
  readonly url: string;
  /** Undefined where only the server knows. */
  readonly version: 1 | 2 | undefined;
}

const SETTINGS = {
  fulcioUrl: ['--fulcio-url', 'CHALK_FULCIO_URL', 'SIGSTORE_FULCIO_URL'],
  rekorUrl: ['--rekor-url', 'CHALK_REKOR_URL', 'SIGSTORE_REKOR_URL'],
  timestampUrl: ['--timestamp-url', 'CHALK_TIMESTAMP_URL', 'SIGSTORE_TIMESTAMP_URL'],
  trustedRoot: ['--trusted-root', 'CHALK_TRUSTED_ROOT', 'SIGSTORE_TRUSTED_ROOT'],
} as const satisfies Record<keyof KeylessOptions, readonly string[]>;

/**
 * Which servers keyless signing uses. The public ones only where nothing at all is configured: whoever has servers of his own
 * and forgot to name one of them must not publish what he builds. Throws `ARGV_USAGE` for an incomplete set, `ARGV_BAD_VALUE`
 * for an address that is none.
 */
export function addressesOf(options: KeylessOptions, env: Environment): Addresses {
  const fulcio = setting('fulcioUrl', options, env);
  const rekor = setting('rekorUrl', options, env);
  const timestamp = setting('timestampUrl', options, env);
  const trustedRoot = setting('trustedRoot', options, env);
  if ([fulcio, rekor, timestamp, trustedRoot].every((each) => each === undefined)) return { kind: 'public' };
  if (fulcio === undefined) {
    throw new ChalkError('ARGV_USAGE', 'keyless signing has servers of its own configured, but no Fulcio', {
      hint: 'name it with --fulcio-url or CHALK_FULCIO_URL, or configure nothing to use the public servers',
    });
  }
  if (rekor === undefined && timestamp === undefined) {
    throw new ChalkError(
      'ARGV_USAGE',
      'keyless signing has neither a log nor a timestamp authority: nobody could tell later that the certificate was good',
      { hint: 'name one with --rekor-url or --timestamp-url' },
    );
  }
  return {
    kind: 'own',
    trustedRoot: trustedRoot?.text,
    services: {
      fulcio: address(fulcio, 'secret'),
      rekor: rekor === undefined ? undefined : { url: address(rekor, 'public'), version: undefined },
      timestamp: timestamp === undefined ? undefined : address(timestamp, 'public'),
    },
  };
}

interface Setting {
  readonly text: string;
  /** Where it was found. */
  readonly name: string;
}

/** The option, else the first variable with something in it. */
function setting(key: keyof KeylessOptions, options: KeylessOptions, env: Environment): Setting | undefined {
  const [option, ...variables] = SETTINGS[key];
  const given = options[key];
  if (given !== undefined) return { text: given, name: option };
  const name = variables.find((each) => env[each]);
  return name === undefined ? undefined : { text: env[name] ?? '', name };
}

/** An http(s) address without the slash at its end. Fulcio is sent a token, which no plain HTTP may carry over a network. */
function address({ text, name }: Setting, what: 'secret' | 'public'): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const shown = withoutCredentials(text);
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new ChalkError('ARGV_BAD_VALUE', `${name} is no http(s) address: ${shown}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new ChalkError('ARGV_BAD_VALUE', `${name} has a user or password in it: ${shown}`);
  }
  if (what === 'secret' && url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new ChalkError('ARGV_BAD_VALUE', `${name} is not encrypted: ${shown}`, {
      hint: 'an identity token is sent there: use an https address',
    });
  }
  return url.href.replace(/\/+$/, '');
}
