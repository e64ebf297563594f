import type { Host, TlsSettings } from '../host/host.ts';
import { isLoopback } from '../host/loopback.ts';
import type { Authority } from './authority.ts';
import { readCertificates } from './certificates.ts';
import type { Endpoint } from './endpoint.ts';
import { failureOfConnection } from './failure.ts';
import type { Answer } from './answer.ts';
import { sendFollowing, type Trust } from './redirects.ts';

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** From `/v2/` on, or the address a registry gave for an upload. */
  readonly address: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: () => Uint8Array | AsyncIterable<Uint8Array>;
  readonly scopes: readonly string[];
  /** What is asked for, in words. */
  readonly what: string;
  readonly silenceMs?: number;
  readonly timeoutMs?: number;
}

/** Sends requests to one registry, logged in as far as it asks for it. Throws where no answer came; every status is one. */
export interface Transport {
  send(exchange: Exchange): Promise<Answer>;
}

export function trustOf(host: Host, configFolder: string, endpoint: Endpoint): Trust {
  const settings = new Map<string, Promise<TlsSettings>>();
  return {
    mayBePlain: (url) => url.protocol === 'http:' && endpoint.plainAllowed && isNear(url, endpoint),
    tlsFor: async (url) => {
      const own = url.host === hostOf(endpoint);
      let found = settings.get(url.host);
      if (found === undefined) {
        found = readCertificates(host, configFolder, own ? endpoint.host : url.host);
        settings.set(url.host, found);
      }
      return own && !endpoint.verify ? { ...(await found), verify: false } : found;
    },
  };
}

/** Plain HTTP reaches the registry's own host, by any port, and from this machine this machine. */
function isNear(url: URL, endpoint: Endpoint): boolean {
  const own = new URL(`http://${endpoint.host}`).hostname;
  return url.hostname === own || (isLoopback(url.hostname) && isLoopback(own));
}

/** As URLs write it: without the port that goes without saying. */
function hostOf(endpoint: Endpoint): string {
  return new URL(`https://${endpoint.host}`).host;
}

export function createTransport(
  host: Host,
  endpoint: Endpoint,
  trust: Trust,
  authority: Authority,
): Transport {
  let origin: Promise<URL> | undefined;
  return {
    send: async (exchange) => {
      origin ??= findOrigin(host, endpoint, trust);
      const base = await origin.catch((error: unknown) => {
        origin = undefined;
        throw error;
      });
      const url = addressIn(base, exchange.address);
      const own = url.origin === base.origin;
      const send = (authorization: string | undefined) =>
        sendFollowing(host.http, trust, {
          method: exchange.method,
          url,
          headers: { 'user-agent': 'docker-chalk', ...exchange.headers },
          authorization: own ? authorization : undefined,
          body: exchange.body,
          silenceMs: exchange.silenceMs,
          timeoutMs: exchange.timeoutMs,
          what: exchange.what,
        });
      const used = own ? await authority.header(exchange.scopes) : undefined;
      const answer = await send(used);
      // Only the registry itself may ask for its credentials, not where it redirects to.
      if (answer.status !== 401 || answer.url.origin !== base.origin) return answer;
      const better = await authority
        .learn(answer.headers['www-authenticate'] ?? '', exchange.scopes, used)
        .catch((error: unknown) => {
          answer.discard();
          throw error;
        });
      if (better === undefined) return answer;
      answer.discard();
      return send(better);
    },
  };
}

/** An address of an upload is taken as given, but for registries behind a proxy that think they are spoken to in plain. */
function addressIn(base: URL, address: string): URL {
  const url = new URL(address, base);
  if (base.protocol === 'https:' && url.protocol === 'http:' && url.hostname === base.hostname) {
    return new URL(`${url.pathname}${url.search}`, base);
  }
  return url;
}

/** TLS wherever it is there; where plain HTTP is allowed, that is found out by asking for nothing in particular. */
async function findOrigin(host: Host, endpoint: Endpoint, trust: Trust): Promise<URL> {
  const secure = new URL(`https://${endpoint.host}`);
  if (!endpoint.plainAllowed) return secure;
  const result = await host.http.send({
    method: 'GET',
    url: `${secure.origin}/v2/`,
    // Whose certificate it is matters once something is asked.
    tls: { ...(await trust.tlsFor(secure)), verify: false },
  });
  if (result.kind === 'answered') {
    result.discard();
    return secure;
  }
  switch (result.failure) {
    case 'other-protocol':
    case 'broken':
    case 'refused':
      return new URL(`http://${endpoint.host}`);
    case 'certificate':
    case 'no-name':
    case 'timed-out':
      throw failureOfConnection(result.cause, endpoint.registry);
  }
}
