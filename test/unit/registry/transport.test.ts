/** Which addresses are spoken to, and in which way: nothing of this leaves the process. */
import { describe, expect, test } from 'vitest';
import type { HttpRequest, HttpResult } from '../../../src/host/host.ts';
import { connectRegistries } from '../../../src/registry/index.ts';
import { fakeHost, type World } from '../../support/fake-host.ts';
import { CONFIG, failureIn } from './double.ts';

type Answer = (request: HttpRequest) => HttpResult;

const failed = (failure: 'refused' | 'other-protocol' | 'certificate' | 'broken'): HttpResult => ({
  kind: 'failed',
  failure,
  cause: Object.assign(new Error(failure), { code: failure === 'certificate' ? 'CERT_HAS_EXPIRED' : '' }),
});
const answered = (status: number, headers: Readonly<Record<string, string>> = {}): HttpResult => ({
  kind: 'answered',
  status,
  headers,
  body: (async function* () {})(),
  discard: () => {},
});

/** Asks a registry for a manifest's head; what was sent, in order, and the code of the failure. */
async function ask(registry: string, answer: Answer, insecure: readonly string[] = [], world: World = {}) {
  const sent: HttpRequest[] = [];
  const host = {
    ...fakeHost({ env: { HOME: '/home' }, ...world }),
    http: {
      send: async (request: HttpRequest) => {
        sent.push(request);
        return answer(request);
      },
    },
  };
  const connect = connectRegistries(host, { configFolder: CONFIG, insecure, attempts: 1 });
  const work = connect({ registry, repository: 'team/app' }).headManifest('v1');
  const code = await work.then(
    () => 'no failure',
    async () => (await failureIn(work)).code,
  );
  return { sent, addresses: sent.map(({ url }) => url), code };
}

const plainOnly: Answer = ({ url }) => (url.startsWith('https:') ? failed('other-protocol') : answered(404));

describe('TLS', () => {
  test.each(['ghcr.io', 'registry.example.com:5000', 'docker.io', '10.1.2.3:5000'])(
    '%s: always, whatever it answers',
    async (registry) => {
      const { addresses, code } = await ask(registry, plainOnly, ['other.example.com', '10.9.0.0/16']);
      expect(addresses.every((address) => address.startsWith('https://'))).toBe(true);
      expect(code).toBe('REGISTRY_UNREACHABLE');
    },
  );

  test('a registry the user calls insecure: TLS with any certificate, else plain', async () => {
    const secure = await ask('registry.lan:5000', () => answered(404), ['registry.lan:5000']);
    expect(secure.addresses.at(-1)).toBe('https://registry.lan:5000/v2/team/app/manifests/v1');
    expect(secure.sent.every(({ tls }) => tls?.verify === false)).toBe(true);
    const plain = await ask('registry.lan:5000', plainOnly, ['registry.lan:5000']);
    expect(plain).toMatchObject({ code: 'no failure' });
    expect(plain.addresses).toEqual([
      'https://registry.lan:5000/v2/',
      'http://registry.lan:5000/v2/team/app/manifests/v1',
    ]);
  });

  test('this machine: plain where there is no TLS; a wrong certificate is no reason for it', async () => {
    for (const failure of ['other-protocol', 'broken', 'refused'] as const) {
      const { addresses } = await ask('localhost:5000', ({ url }) =>
        url.startsWith('https:') ? failed(failure) : answered(404),
      );
      expect(addresses.at(-1)).toBe('http://localhost:5000/v2/team/app/manifests/v1');
    }
    // Looking for TLS looks at nobody's certificate; asking something does.
    const wrong = await ask(
      'localhost:5000',
      ({ tls }) => (tls?.verify === false ? answered(200) : failed('certificate')),
      ['127.0.0.0/8'],
    );
    expect([wrong.addresses, wrong.code]).toEqual([
      ['https://localhost:5000/v2/', 'https://localhost:5000/v2/team/app/manifests/v1'],
      'REGISTRY_CERTIFICATE',
    ]);
  });

  test('a registry is no way to plain HTTP for its storage, and none to the insecure one’s settings', async () => {
    const redirecting: Answer = ({ url }) =>
      url.includes('/v2/team/') ? answered(307, { location: 'http://storage.example.com/x' }) : answered(200);
    expect((await ask('ghcr.io', redirecting)).code).toBe('REGISTRY_REFUSED');
    const elsewhere: Answer = ({ url }) =>
      url.includes('/v2/team/')
        ? answered(307, { location: 'https://storage.example.com/x' })
        : answered(200);
    const { sent } = await ask('registry.lan:5000', elsewhere, ['registry.lan:5000']);
    expect(sent.at(-1)).toMatchObject({ url: 'https://storage.example.com/x', tls: {} });
    expect(sent.at(-1)?.tls?.verify).toBeUndefined();
  });
});

describe('certs.d', () => {
  const folder = (root: string, host: string) => `${root}/certs.d/${host}`;
  const files = {
    [`${folder('/docker', 'ghcr.io')}/a.crt`]: 'A',
    [`${folder('/docker', 'ghcr.io')}/own.cert`]: 'CERT',
    [`${folder('/docker', 'ghcr.io')}/own.key`]: 'KEY',
    [`${folder('/docker', 'ghcr.io')}/lone.cert`]: 'X',
    [`${folder('/home/.config/docker', 'ghcr.io')}/b.crt`]: 'B',
    [`${folder('/etc/docker', 'ghcr.io')}/c.crt`]: 'C',
    [`${folder('/etc/docker', 'ghcr.io:443')}/d.crt`]: 'D',
  };

  test('authorities of all three folders, and who we are; for that registry alone', async () => {
    const { sent } = await ask('ghcr.io', () => answered(404), [], { files });
    expect(sent[0]?.tls).toEqual({
      authorities: ['A', 'B', 'C'],
      client: { certificate: 'CERT', key: 'KEY' },
    });
    const other = await ask('quay.io', () => answered(404), [], { files });
    expect(other.sent[0]?.tls).toEqual({});
    const port = await ask('ghcr.io:443', () => answered(404), [], { files });
    expect(port.sent[0]?.tls).toEqual({ authorities: ['D'] });
  });
});

describe('uploads behind a proxy that ends TLS', () => {
  test('an address in plain HTTP on the same host is taken for its TLS one', async () => {
    const { blobOf, digestOf } = await import('../../../src/registry/index.ts');
    const sent: string[] = [];
    const host = {
      ...fakeHost({ env: {} }),
      http: {
        send: async ({ method, url }: HttpRequest) => {
          sent.push(`${method} ${url.replace(/digest=.*/, 'digest=…')}`);
          if (method === 'POST')
            return answered(202, { location: 'http://ghcr.io/v2/team/app/blobs/uploads/1?s=2' });
          return answered(method === 'PUT' ? 201 : 404);
        },
      },
    };
    const registry = connectRegistries(host, { configFolder: CONFIG, attempts: 1 })({
      registry: 'ghcr.io',
      repository: 'team/app',
    });
    const bytes = Buffer.from('x');
    expect(await registry.putBlob(blobOf(bytes, digestOf(bytes)))).toBe('uploaded');
    expect(sent.at(-1)).toBe('PUT https://ghcr.io/v2/team/app/blobs/uploads/1?s=2&digest=…');
  });
});
