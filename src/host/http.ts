import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getCACertificates } from 'node:tls';
import type { Environment, HttpFailure, HttpRequest, HttpResult, TlsSettings } from './host.ts';
import { isLoopback } from './loopback.ts';

// An import reads every export there is, and one of them (WebSocket) loads a second client that nobody uses: 20 ms.
const { Agent: PlainAgent, request: plainRequest } = process.getBuiltinModule('node:http');

const DEFAULT_SILENCE_MS = 30_000;

/** Sends one request and resolves when the answer's head is here; whatever goes wrong before that is a value too. */
export type Send = (request: HttpRequest) => Promise<HttpResult>;

/**
 * Built on Node's own modules: `fetch` has no way to trust one more authority without a further package, follows redirects
 * on terms of its own, and hides which of several things went wrong. Connections are kept for the next request, and keep
 * nobody from leaving.
 */
export function httpSender(env: Environment): Send {
  const agents = new Map<string, Agent>();
  const agentFor = (url: URL, tls: TlsSettings): Agent => {
    const proxyEnv = isLoopback(url.hostname) ? {} : proxyVariables(env);
    const key = JSON.stringify([url.protocol, tls, proxyEnv]);
    const known = agents.get(key);
    if (known !== undefined) return known;
    const agent =
      url.protocol === 'https:'
        ? new SecureAgent({ keepAlive: true, proxyEnv, ...secureOptions(tls) })
        : new PlainAgent({ keepAlive: true, proxyEnv });
    agents.set(key, agent);
    return agent;
  };
  return (request) => {
    const url = new URL(request.url);
    return send(url, request, agentFor(url, request.tls ?? {}));
  };
}

function secureOptions({ verify = true, authorities, client }: TlsSettings) {
  return {
    // Reading all of them takes longer than most requests: not where nobody asks.
    ...(verify ? { ca: trusted(authorities) } : {}),
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    rejectUnauthorized: verify,
  };
}

/** docker's own authorities are the system's; Node alone would trust only those it was built with. */
function trusted(more: readonly string[] = []): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...more])];
}

function proxyVariables(env: Environment): Record<string, string> {
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy'];
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

async function send(url: URL, request: HttpRequest, agent: Agent): Promise<HttpResult> {
  const { promise, resolve } = Promise.withResolvers<HttpResult>();
  let outgoing: ClientRequest;
  try {
    outgoing = (url.protocol === 'https:' ? secureRequest : plainRequest)(url, {
      method: request.method,
      headers: headersOf(request),
      agent,
    });
  } catch (thrown) {
    return { kind: 'failed', failure: 'broken', cause: asError(thrown) };
  }
  let answer: IncomingMessage | undefined;
  const stop = (error: Error) => (answer ?? outgoing).destroy(error);
  const silenceMs = request.silenceMs ?? DEFAULT_SILENCE_MS;
  outgoing.setTimeout(silenceMs, () => stop(new TimedOut(`nothing was heard for ${silenceMs} ms`)));
  const { timeoutMs } = request;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => stop(new TimedOut(`it took more than ${timeoutMs} ms`)), timeoutMs);
  outgoing.on('close', () => clearTimeout(timer));
  let ownFault: Error | undefined;
  outgoing.on('error', (error) => {
    const cause = ownFault ?? error;
    resolve({ kind: 'failed', failure: failureOf(cause), cause });
  });
  outgoing.on('response', (response) => {
    answer = response;
    // Whoever reads the body sees the error; where nobody does, it is nobody's.
    response.on('error', () => undefined);
    resolve({
      kind: 'answered',
      status: response.statusCode ?? 0,
      headers: joined(response),
      body: response,
      discard: () => discard(response),
    });
  });
  if (request.body === undefined || request.body instanceof Uint8Array) outgoing.end(request.body);
  else {
    const source = Readable.from(request.body);
    // Where the content itself cannot be read, that is the reason, not the connection that ends of it.
    source.on('error', (error) => {
      ownFault = error;
    });
    pipeline(source, outgoing).catch((error: unknown) => {
      // An early answer, a refusal say, ends the upload; the answer is what counts then.
      if (answer === undefined) outgoing.destroy(asError(error));
    });
  }
  return promise;
}

/** Short rests are read, so that the connection can be used again; a long one is not worth waiting for. */
function discard(response: IncomingMessage): void {
  let left = 64 * 1024;
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) response.destroy();
  });
}

function headersOf({ headers, body }: HttpRequest): Record<string, string> {
  return {
    // What is asked for is hashed as it comes.
    'accept-encoding': 'identity',
    ...(body instanceof Uint8Array ? { 'content-length': String(body.length) } : {}),
    ...headers,
  };
}

function joined(response: IncomingMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(response.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  );
  return Object.fromEntries(entries);
}

class TimedOut extends Error {
  readonly code = 'CHALK_TIMED_OUT';
}

const FAILURES: readonly (readonly [RegExp, HttpFailure])[] = [
  [/^(?:CHALK_TIMED_OUT|ETIMEDOUT)$/, 'timed-out'],
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, 'no-name'],
  [/^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH)$/, 'refused'],
  [/^(?:EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|HPE_\w+)$/, 'other-protocol'],
  [/CERT|ALTNAME|SIGNATURE|^ERR_TLS|^CRL|ISSUER/, 'certificate'],
];

/** Which of the things that go wrong an error of Node's is; also for one that the body of an answer threw. */
export function failureOf(error: unknown): HttpFailure {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const codes = errors.map((each) => (each instanceof Error && 'code' in each ? String(each.code) : ''));
  return FAILURES.find(([pattern]) => codes.some((code) => pattern.test(code)))?.[1] ?? 'broken';
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
