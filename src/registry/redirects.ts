import { ChalkError } from '../base/errors.ts';
import type { Http, TlsSettings } from '../host/host.ts';
import type { Answer } from './answer.ts';
import { failureOfConnection, RegistryFailure } from './failure.ts';

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent to the origin of `url`, and nowhere else. */
  readonly authorization: string | undefined;
  /** Called once for every time it is sent. */
  readonly body?: (() => Uint8Array | AsyncIterable<Uint8Array>) | undefined;
  readonly silenceMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** What is asked for, in words. */
  readonly what: string;
}

/** What may be spoken to, and how. */
export interface Trust {
  mayBePlain(url: URL): boolean;
  tlsFor(url: URL): Promise<TlsSettings>;
}

const MAX_REDIRECTS = 5;

/**
 * Sends a request and follows redirects by hand: credentials stay with the origin they were meant for, also when a later
 * redirect leads back there; nothing goes over plain HTTP that may not; a body is only sent on where 307 or 308 say so.
 */
export async function sendFollowing(http: Http, trust: Trust, outgoing: Outgoing): Promise<Answer> {
  const { method, what, body } = outgoing;
  let { url, authorization } = outgoing;
  for (let redirects = 0; ; redirects += 1) {
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && trust.mayBePlain(url))) {
      throw new RegistryFailure('REGISTRY_REFUSED', `${what}: ${url.host} is not spoken to without TLS`, {
        hint: 'plain HTTP is for this machine, and for registries configured as insecure',
      });
    }
    const content = body?.();
    const result = await http.send({
      method,
      url: url.href,
      headers: authorization === undefined ? outgoing.headers : { ...outgoing.headers, authorization },
      tls: url.protocol === 'https:' ? await trust.tlsFor(url) : {},
      ...(content === undefined ? {} : { body: content }),
      ...(outgoing.silenceMs === undefined ? {} : { silenceMs: outgoing.silenceMs }),
      ...(outgoing.timeoutMs === undefined ? {} : { timeoutMs: outgoing.timeoutMs }),
    });
    if (result.kind === 'failed') throw failureOfConnection(result.cause, `${what} (${url.host})`);
    const { status, headers } = result;
    const location = headers['location'];
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined) {
      return { status, headers, body: result.body, discard: () => result.discard(), url };
    }
    result.discard();
    if (redirects === MAX_REDIRECTS)
      throw new RegistryFailure('REGISTRY_REFUSED', `${what}: redirected too often`);
    if (status < 307 && method !== 'GET' && method !== 'HEAD') {
      throw new RegistryFailure('REGISTRY_REFUSED', `${what}: an answer of ${status} to ${method}`);
    }
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next === undefined) throw new ChalkError('RESPONSE_INVALID', `${what}: redirected to no address`);
    next.username = '';
    next.password = '';
    if (next.origin !== url.origin) authorization = undefined;
    url = next;
  }
}
