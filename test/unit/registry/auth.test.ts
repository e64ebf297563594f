import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobOf, connectRegistries } from '../../../src/registry/index.ts';
import {
  CONFIG,
  Double,
  failureIn,
  IMAGE,
  reply,
  repositoryOf,
  type Seen,
  sha256,
  wiredHost,
  matching,
} from './double.ts';

let double: Double;
beforeEach(async () => {
  double = await Double.open();
  double.addManifest({ schemaVersion: 2 }, IMAGE, 'v1');
});
afterEach(() => double.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ADA = { auth: base64('ada:lovelace') };
const BLOB = Buffer.from('blob');

interface Service {
  readonly scope?: string;
  readonly realm?: string;
  /** The answer of the token service; default: `token-N`. */
  readonly token?: (seen: Seen, count: number) => unknown;
  readonly status?: number;
  /** Which tokens the registry takes; default: all. */
  readonly takes?: (token: string) => boolean;
}

/** Makes the double ask for tokens, which it hands out at `/token` itself. */
function withTokens({ scope, realm, token, status = 200, takes = () => true }: Service = {}) {
  let count = 0;
  double.intercept = (seen, response) => {
    if (seen.path === '/token') {
      count += 1;
      const body = token?.(seen, count) ?? { token: `token-${count}`, expires_in: 300 };
      reply(response, status, { 'content-type': 'application/json' }, JSON.stringify(body));
      return true;
    }
    const bearer = /^Bearer (.*)$/.exec(seen.headers.authorization ?? '')?.[1];
    if (seen.path === '/v2/' || (bearer !== undefined && takes(bearer))) return false;
    const address = realm ?? `http://${double.host}/token`;
    const asked = scope === undefined ? '' : `,scope="${scope}"`;
    unauthorized(response, `Bearer realm="${address}",service="the service"${asked}`);
    return true;
  };
}

function unauthorized(response: ServerResponse, challenge: string): void {
  reply(response, 401, { 'www-authenticate': challenge });
}

const tokens = () => double.seen.filter(({ path }) => path === '/token');

describe('basic', () => {
  const guard = () => {
    double.intercept = (seen, response) => {
      if (seen.headers.authorization === `Basic ${ADA.auth}`) return false;
      unauthorized(response, 'Basic realm="Registry, with a comma"');
      return true;
    };
  };

  test('is sent when it was asked for, and then at once', async () => {
    guard();
    const registry = repositoryOf(double, ADA);
    await registry.getManifest('v1');
    await registry.getManifest('v1');
    const sent = double.seen
      .filter(({ path }) => path !== '/v2/')
      .map(({ headers }) => headers.authorization);
    expect(sent).toEqual([undefined, `Basic ${ADA.auth}`, `Basic ${ADA.auth}`]);
  });

  test('no credentials, wrong ones, and ones of no use: a login is asked for', async () => {
    guard();
    for (const auth of [undefined, { auth: base64('ada:wrong') }, { identitytoken: 'x' }]) {
      const failure = await failureIn(repositoryOf(double, auth).getManifest('v1'));
      expect(failure).toMatchObject({
        code: 'REGISTRY_UNAUTHORIZED',
        hint: matching(/docker login/),
      });
      expect(JSON.stringify(failure)).not.toMatch(/wrong|lovelace|YWRh/);
    }
  });

  test('a 401 that asks for nothing known', async () => {
    for (const challenge of ['Negotiate', 'Bearer service="no realm"', '', 'Digest realm="x"']) {
      double.intercept = (_, response) => {
        unauthorized(response, challenge);
        return true;
      };
      expect((await failureIn(repositoryOf(double, ADA).getManifest('v1'))).code).toBe(
        'REGISTRY_UNAUTHORIZED',
      );
    }
  });
});

describe('tokens', () => {
  test('anonymous: by service and scope, kept for the next request', async () => {
    withTokens({ scope: 'repository:team/app:pull' });
    const registry = repositoryOf(double);
    await registry.getManifest('v1');
    await registry.headManifest('v1');
    expect(tokens()).toHaveLength(1);
    const [asked] = tokens();
    expect(asked?.headers.authorization).toBeUndefined();
    expect(asked?.query.get('service')).toBe('the service');
    expect(asked?.query.getAll('scope')).toEqual(['repository:team/app:pull']);
  });

  test('with a password: the token service gets it, the registry never', async () => {
    withTokens();
    await repositoryOf(double, ADA).getManifest('v1');
    const [asked] = tokens();
    expect([asked?.headers.authorization, asked?.query.get('account')]).toEqual([`Basic ${ADA.auth}`, 'ada']);
    const others = double.seen
      .filter(({ path }) => path !== '/token')
      .map(({ headers }) => headers.authorization);
    expect(new Set(others)).toEqual(new Set([undefined, 'Bearer token-1']));
  });

  test('an identity token is exchanged by POST', async () => {
    withTokens({ token: () => ({ access_token: 'short' }) });
    await repositoryOf(double, { identitytoken: 'identity&1' }).getManifest('v1');
    const [asked] = tokens();
    expect(asked?.method).toBe('POST');
    expect(Object.fromEntries(new URLSearchParams(asked?.body.toString()))).toEqual({
      grant_type: 'refresh_token',
      client_id: 'docker-chalk',
      refresh_token: 'identity&1',
      scope: 'repository:team/app:pull',
      service: 'the service',
    });
    expect(double.seen.at(-1)?.headers.authorization).toBe('Bearer short');
  });

  test('a registry token is used as it is', async () => {
    withTokens();
    await repositoryOf(double, { registrytoken: 'given' }).getManifest('v1');
    expect([tokens().length, double.seen.at(-1)?.headers.authorization]).toEqual([0, 'Bearer given']);
    withTokens({ takes: () => false });
    const refused = repositoryOf(double, { registrytoken: 'given' }).getManifest('v1');
    expect((await failureIn(refused)).code).toBe('REGISTRY_UNAUTHORIZED');
  });

  test('one for each scope: pushing asks for more, mounting for two', async () => {
    withTokens();
    const registry = repositoryOf(double, ADA);
    await registry.getManifest('v1');
    await registry.putBlob(blobOf(BLOB, sha256(BLOB)), { mountFrom: 'team/base' });
    expect(tokens().map(({ query }) => query.getAll('scope'))).toEqual([
      ['repository:team/app:pull'],
      ['repository:team/app:pull,push'],
      ['repository:team/app:pull,push', 'repository:team/base:pull'],
    ]);
  });

  test.each([
    ['repository:user/image:pull', ['repository:team/app:pull']],
    ['aws', ['repository:team/app:pull', 'aws']],
    ['', ['repository:team/app:pull']],
  ])('a challenge that names %j', async (scope, expected) => {
    withTokens({ scope });
    await repositoryOf(double).getManifest('v1');
    expect(tokens()[0]?.query.getAll('scope')).toEqual(expected);
  });

  test('many requests at once fetch one', async () => {
    withTokens();
    const registry = repositoryOf(double);
    await registry.getManifest('v1').catch(() => undefined);
    double.seen.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => registry.headBlob(sha256(BLOB))));
    expect(tokens()).toHaveLength(0);
    const cold = repositoryOf(double);
    await Promise.all(Array.from({ length: 20 }, () => cold.headBlob(sha256(BLOB))));
    expect(tokens()).toHaveLength(1);
  });

  test('one that ran out is replaced before it is sent, one that was taken back after', async () => {
    let now = 0;
    withTokens();
    const host = wiredHost({}, { monotonic: () => now });
    const registry = connectRegistries(host, { configFolder: CONFIG, attempts: 1 })({
      registry: double.host,
      repository: 'team/app',
    });
    await registry.getManifest('v1');
    now = 280_000;
    await registry.getManifest('v1');
    expect(tokens()).toHaveLength(1);
    now = 291_000;
    await registry.getManifest('v1');
    expect(tokens()).toHaveLength(2);
    withTokens({ token: () => ({ token: 'fresh' }), takes: (token) => token === 'fresh' });
    await registry.getManifest('v1');
    expect(double.seen.at(-1)?.headers.authorization).toBe('Bearer fresh');
  });

  test('a token that is not taken is not fetched again and again', async () => {
    withTokens({ takes: () => false });
    expect((await failureIn(repositoryOf(double, ADA).getManifest('v1'))).code).toBe('REGISTRY_UNAUTHORIZED');
    expect(tokens()).toHaveLength(1);
  });

  test.each([
    ['refused', { status: 401 }, 'REGISTRY_UNAUTHORIZED'],
    ['forbidden', { status: 403 }, 'REGISTRY_FORBIDDEN'],
    ['throttled', { status: 429 }, 'REGISTRY_THROTTLED'],
    ['broken', { status: 500 }, 'REGISTRY_FAILED'],
    ['without a token', { token: () => ({}) }, 'RESPONSE_INVALID'],
    ['no JSON', { token: () => 'text' }, 'RESPONSE_INVALID'],
    ['a token that ends the header', { token: () => ({ token: 'a\r\nX: y' }) }, 'RESPONSE_INVALID'],
  ])('the token service is %s', async (_, service, code) => {
    withTokens(service);
    const failure = await failureIn(repositoryOf(double, ADA).getManifest('v1'));
    expect(failure.code).toBe(code);
    expect(JSON.stringify(failure)).not.toMatch(/lovelace|YWRh/);
  });

  test('one that failed is asked again for the next request', async () => {
    withTokens({ status: 500 });
    const registry = repositoryOf(double);
    await failureIn(registry.getManifest('v1'));
    withTokens();
    expect((await registry.getManifest('v1')).mediaType).toBe(IMAGE);
  });

  test.each(['http://token.example.com/', 'ftp://127.0.0.1/', 'file:///etc/passwd', '/token', 'no address'])(
    'a token service at %s gets nothing',
    async (realm) => {
      withTokens({ realm });
      const failure = await failureIn(repositoryOf(double, ADA).getManifest('v1'));
      expect(failure.code).toBe('RESPONSE_INVALID');
    },
  );
});

describe('redirects', () => {
  let storage: Double;
  beforeEach(async () => {
    storage = await Double.open();
  });
  afterEach(() => storage.close());

  const digest = sha256(BLOB);
  const redirect = (to: () => string, status = 307) => {
    const inner = double.intercept;
    double.intercept = (seen, response) => {
      if (inner(seen, response)) return true;
      if (!seen.path.includes('/blobs/')) return false;
      reply(response, status, { location: to() });
      return true;
    };
  };

  test.each([301, 302, 303, 307, 308])('%i to another origin: no credentials go along', async (status) => {
    withTokens();
    redirect(() => `http://${storage.host}/bucket/x?signature=secret`, status);
    storage.intercept = (_, response) => {
      reply(response, 200, {}, BLOB);
      return true;
    };
    expect(await repositoryOf(double, ADA).readBlob(digest, 10)).toEqual(BLOB);
    expect(storage.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(double.seen.some(({ headers }) => headers.authorization === 'Bearer token-1')).toBe(true);
  });

  test('back to the first origin: they do not come back', async () => {
    withTokens();
    redirect(() => `http://${storage.host}/x`);
    storage.intercept = (_, response) => {
      reply(response, 302, { location: `http://${double.host}/v2/team/app/manifests/v1` });
      return true;
    };
    const failure = await failureIn(repositoryOf(double, ADA).readBlob(digest, 10));
    expect(failure.code).toBe('REGISTRY_UNAUTHORIZED');
    const last = double.seen.filter(({ path }) => path.endsWith('/manifests/v1'));
    expect(last[0]?.headers.authorization).toBeUndefined();
  });

  test('within the origin they stay', async () => {
    withTokens();
    double.addBlob(BLOB);
    const inner = double.intercept;
    double.intercept = (seen, response) => {
      if (inner(seen, response)) return true;
      if (!seen.path.startsWith('/v2/team/app/blobs/')) return false;
      reply(response, 307, { location: `/v2/elsewhere/blobs/${digest}` });
      return true;
    };
    expect(await repositoryOf(double, ADA).readBlob(digest, 10)).toEqual(BLOB);
    expect(double.seen.at(-1)?.headers.authorization).toBe('Bearer token-1');
  });

  test('storage that asks for a login gets none', async () => {
    redirect(() => `http://${storage.host}/x`);
    storage.intercept = (_, response) => {
      unauthorized(response, 'Basic realm="storage"');
      return true;
    };
    const failure = await failureIn(repositoryOf(double, ADA).readBlob(digest, 10));
    expect(failure.code).toBe('REGISTRY_UNAUTHORIZED');
    expect(storage.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test('what storage sends is checked as well, and its address is not printed', async () => {
    redirect(() => `http://${storage.host}/x?signature=secret`);
    storage.intercept = (_, response) => {
      reply(response, 200, {}, 'other');
      return true;
    };
    expect((await failureIn(repositoryOf(double).readBlob(digest, 10))).code).toBe('DIGEST_MISMATCH');
    storage.intercept = (_, response) => {
      reply(response, 403, { 'content-type': 'application/xml' }, '<Error>secret</Error>');
      return true;
    };
    const failure = await failureIn(repositoryOf(double).readBlob(digest, 10));
    expect(failure.code).toBe('REGISTRY_FORBIDDEN');
    expect(JSON.stringify(failure)).not.toContain('secret');
  });

  test.each([
    ['without end', () => `/v2/team/app/blobs/${digest}`, 'REGISTRY_REFUSED'],
    ['to a host in plain HTTP', () => 'http://storage.example.com/x', 'REGISTRY_REFUSED'],
    ['to a file', () => 'file:///etc/passwd', 'REGISTRY_REFUSED'],
    ['to nothing', () => 'http://', 'RESPONSE_INVALID'],
  ])('%s', async (_, to, code) => {
    redirect(to);
    expect((await failureIn(repositoryOf(double).readBlob(digest, 10))).code).toBe(code);
  });

  test('an upload goes where the registry says; elsewhere without credentials', async () => {
    withTokens();
    const inner = double.intercept;
    double.intercept = (seen, response) => {
      if (inner(seen, response)) return true;
      if (seen.method !== 'POST') return false;
      storage.uploads.set('1', Buffer.alloc(0));
      reply(response, 202, { location: `http://${storage.host}/v2/x/blobs/uploads/1?_state=a%2Fb%3D` });
      return true;
    };
    expect(await repositoryOf(double, ADA).putBlob(blobOf(BLOB, digest))).toBe('uploaded');
    expect(storage.blobs.get(digest)).toEqual(BLOB);
    expect(storage.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test('an upload redirected with 307 is sent again, with 302 it is not', async () => {
    const target = `http://${storage.host}/v2/x/blobs/uploads/1?_state=a%2Fb%3D&digest=${digest}`;
    for (const [status, outcome] of [
      [307, 'uploaded'],
      [302, 'REGISTRY_REFUSED'],
    ] as const) {
      storage.uploads.set('1', Buffer.alloc(0));
      double.intercept = (seen, response) => {
        if (seen.method !== 'PUT') return false;
        reply(response, status, { location: target });
        return true;
      };
      const work = repositoryOf(double).putBlob(blobOf(BLOB, digest));
      expect(await work.catch(async () => (await failureIn(work)).code)).toBe(outcome);
    }
  });

  test('an identity token is not carried on', async () => {
    double.intercept = (seen, response) => {
      if (seen.path === '/v2/') return false;
      if (seen.path === '/token') reply(response, 307, { location: `http://${storage.host}/token` });
      else unauthorized(response, `Bearer realm="http://${double.host}/token"`);
      return true;
    };
    const failure = await failureIn(repositoryOf(double, { identitytoken: 'x' }).getManifest('v1'));
    expect([failure.code, storage.seen.length]).toEqual(['RESPONSE_INVALID', 0]);
  });

  test('a password for the token service is not, either', async () => {
    double.intercept = (seen, response) => {
      if (seen.path === '/v2/' || seen.headers.authorization === 'Bearer far') return false;
      if (seen.path === '/token') reply(response, 307, { location: `http://${storage.host}/token` });
      else unauthorized(response, `Bearer realm="http://${double.host}/token"`);
      return true;
    };
    storage.intercept = (_, response) => {
      reply(response, 200, {}, '{"token":"far"}');
      return true;
    };
    await repositoryOf(double, ADA).getManifest('v1');
    expect(storage.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
