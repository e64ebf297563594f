import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import type { Host } from '../../../src/host/host.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { connectRegistries, type Registry, type RegistrySettings } from '../../../src/registry/index.ts';
import { fakeHost, type World } from '../../support/fake-host.ts';

export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const IMAGE = 'application/vnd.oci.image.manifest.v1+json';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Answers a request in the registry's place; false leaves it to the registry. */
export type Intercept = (seen: Seen, response: ServerResponse) => boolean;

export interface DoubleOptions {
  /** OCI 1.1: the referrers API, and `OCI-Subject`. */
  readonly referrers?: boolean;
}

/** A registry in this process, spoken to over loopback as any other; `intercept` makes it fail in the ways registries do. */
export class Double {
  readonly seen: Seen[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { readonly bytes: Buffer; readonly type: string }>();
  readonly tags = new Map<string, string>();
  readonly uploads = new Map<string, Buffer>();
  intercept: Intercept = () => false;
  readonly #server: Server;
  readonly #options: DoubleOptions;

  private constructor(options: DoubleOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', () => undefined);
      request.on('end', () => this.#answer(request, Buffer.concat(chunks), response));
    });
  }

  static async open(options: DoubleOptions = {}): Promise<Double> {
    const double = new Double(options);
    await new Promise<void>((resolve) => {
      double.#server.listen(0, '127.0.0.1', resolve);
    });
    return double;
  }

  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the double has no port');
    return `127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  addBlob(bytes: Buffer): string {
    this.blobs.set(sha256(bytes), bytes);
    return sha256(bytes);
  }

  addManifest(value: unknown, type: string, tag?: string): string {
    const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    this.manifests.set(sha256(bytes), { bytes, type });
    if (tag !== undefined) this.tags.set(tag, sha256(bytes));
    return sha256(bytes);
  }

  /** What was asked, without the search for a scheme. */
  asked(): string[] {
    return this.seen
      .filter(({ path }) => path !== '/v2/')
      .map(
        ({ method, path }) =>
          `${method} ${path.replace(/^\/v2\/[\w/]*?\/(?=manifests|blobs|referrers)/, '')}`,
      );
  }

  #answer(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', `http://${this.host}`);
    const method = request.method ?? '';
    const seen = { method, path: url.pathname, query: url.searchParams, headers: request.headers, body };
    this.seen.push(seen);
    if (!this.intercept(seen, response)) this.#serve(seen, response);
  }

  #serve({ method, path, query, headers, body }: Seen, response: ServerResponse): void {
    if (path === '/v2/') return reply(response, 200);
    const [, , kind, rest = ''] =
      /^\/v2\/(.+?)\/(manifests|referrers|blobs\/uploads|blobs)\/(.*)$/.exec(path) ?? [];
    if (kind === 'manifests') {
      if (method === 'PUT') return this.#store(rest, body, headers['content-type'] ?? '', response);
      const digest = rest.includes(':') ? rest : (this.tags.get(rest) ?? '');
      const found = this.manifests.get(digest);
      if (found === undefined) return fault(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
      return reply(
        response,
        200,
        { 'content-type': found.type, 'docker-content-digest': digest },
        found.bytes,
        method,
      );
    }
    if (kind === 'referrers' && this.#options.referrers === true) {
      const manifests = [...this.manifests].flatMap(([digest, { bytes, type }]) => {
        const value = Stored.parse(JSON.parse(bytes.toString()));
        return value.subject?.digest === rest
          ? [{ mediaType: type, digest, size: bytes.length, artifactType: value.artifactType }]
          : [];
      });
      const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
      return reply(response, 200, { 'content-type': INDEX }, Buffer.from(text));
    }
    if (kind === 'blobs') {
      const blob = this.blobs.get(rest);
      if (blob === undefined) return fault(response, 404, 'BLOB_UNKNOWN', 'blob unknown');
      return reply(response, 200, { 'docker-content-digest': rest }, blob, method);
    }
    if (kind === 'blobs/uploads') return this.#upload({ method, path, query, rest, body }, response);
    response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
  }

  #store(reference: string, body: Buffer, type: string, response: ServerResponse): void {
    const digest = this.addManifest(body.toString(), type, reference.includes(':') ? undefined : reference);
    const { subject } = Stored.parse(JSON.parse(body.toString()));
    reply(response, 201, {
      'docker-content-digest': digest,
      ...(this.#options.referrers === true && subject?.digest ? { 'oci-subject': subject.digest } : {}),
    });
  }

  #upload(
    { method, path, query, rest, body }: Pick<Seen, 'method' | 'path' | 'query' | 'body'> & { rest: string },
    response: ServerResponse,
  ): void {
    if (method === 'POST') {
      const mount = query.get('mount') ?? '';
      if (this.blobs.has(mount)) return reply(response, 201, { location: `/v2/x/blobs/${mount}` });
      const id = randomUUID();
      this.uploads.set(id, Buffer.alloc(0));
      return reply(response, 202, { location: `${path}${id}?_state=a%2Fb%3D` });
    }
    const session = this.uploads.get(rest);
    if (session === undefined || (method !== 'DELETE' && query.get('_state') !== 'a/b=')) {
      return fault(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
    }
    const whole = Buffer.concat([session, body]);
    if (method === 'DELETE') {
      this.uploads.delete(rest);
      return reply(response, 204);
    }
    if (method === 'PATCH') {
      this.uploads.set(rest, whole);
      return reply(response, 202, { location: `${path}?_state=a%2Fb%3D` });
    }
    if (sha256(whole) !== query.get('digest')) {
      return fault(response, 400, 'DIGEST_INVALID', 'provided digest did not match');
    }
    this.uploads.delete(rest);
    this.addBlob(whole);
    reply(response, 201, { 'docker-content-digest': sha256(whole) });
  }
}

export function reply(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: Buffer | string = '',
  method = 'GET',
): void {
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers });
  response.end(method === 'HEAD' ? '' : body);
}

export function fault(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ errors: [{ code, message }] });
  reply(response, status, { 'content-type': 'application/json' }, body);
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The first so many requests that fit are answered by `answer`. */
export function times(
  count: number,
  fits: (seen: Seen) => boolean,
  answer: (response: ServerResponse) => void,
): Intercept {
  let left = count;
  return (seen, response) => {
    if (left === 0 || !fits(seen)) return false;
    left -= 1;
    answer(response);
    return true;
  };
}

export const CONFIG = '/docker';

/** A host whose files are the test's, and whose network is real. */
export function wiredHost(world: World = {}, clock: Partial<Host['clock']> = {}): Host & { ran: unknown[] } {
  const host = fakeHost({ env: { HOME: '/home' }, ...world });
  return { ...host, clock: { ...host.clock, ...clock }, http: nodeHost().http };
}

/** The repository `team/app` of a double, logged in by what `auths` has for it. */
export function repositoryOf(
  double: Double,
  auth?: Readonly<Record<string, string>>,
  settings: Partial<RegistrySettings> = {},
): Registry {
  const files = {
    [`${CONFIG}/config.json`]: JSON.stringify({ auths: auth === undefined ? {} : { [double.host]: auth } }),
  };
  const connect = connectRegistries(wiredHost({ files }), {
    configFolder: CONFIG,
    attempts: 1,
    firstWaitMs: 1,
    ...settings,
  });
  return connect({ registry: double.host, repository: 'team/app' });
}

/** For places in an expected object where a pattern must fit. */
export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

const Stored = z.object({
  subject: z.optional(z.object({ digest: z.string() })),
  artifactType: z.optional(z.string()),
});

/** What went wrong with a promise: its code and message. */
export async function failureIn(
  work: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) {
      return {
        code: 'code' in error ? String(error.code) : error.name,
        message: error.message,
        hint: 'hint' in error ? String(error.hint) : '',
      };
    }
  }
  throw new Error('it did not fail');
}
