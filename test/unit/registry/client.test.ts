import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobOf, MAX_MANIFEST_BYTES, readManifest, referrersTag } from '../../../src/registry/index.ts';
import {
  Double,
  failureIn,
  fault,
  IMAGE,
  INDEX,
  reply,
  repositoryOf,
  sha256,
  times,
  matching,
} from './double.ts';

let double: Double;
beforeEach(async () => {
  double = await Double.open();
});
afterEach(() => double.close());

const EMPTY_IMAGE = {
  schemaVersion: 2,
  mediaType: IMAGE,
  config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256(Buffer.from('{}')), size: 2 },
  layers: [],
};

describe('manifests', () => {
  test('by tag and by digest; all types are asked for', async () => {
    const digest = double.addManifest(EMPTY_IMAGE, IMAGE, 'v1');
    const registry = repositoryOf(double);
    for (const reference of ['v1', digest]) {
      const manifest = await registry.getManifest(reference);
      expect(manifest).toMatchObject({ digest, mediaType: IMAGE });
      expect(readManifest(manifest)).toMatchObject({ kind: 'image', layers: [] });
    }
    const accept = double.seen.at(-1)?.headers.accept ?? '';
    for (const type of [IMAGE, INDEX]) expect(accept).toContain(type);
    expect(accept).toContain('manifest.list.v2+json');
    expect(await registry.headManifest('v1')).toEqual({
      mediaType: IMAGE,
      digest,
      size: JSON.stringify(EMPTY_IMAGE).length,
    });
    expect(await registry.headManifest('v2')).toBeUndefined();
  });

  test('what is stored is what comes back, byte for byte', async () => {
    const registry = repositoryOf(double);
    const bytes = Buffer.from(JSON.stringify(EMPTY_IMAGE, null, 3));
    const stored = await registry.putManifest({ mediaType: IMAGE, bytes }, 'v1');
    expect(stored).toEqual({
      mediaType: IMAGE,
      digest: sha256(bytes),
      size: bytes.length,
      subjectNoted: false,
    });
    expect((await registry.getManifest('v1')).bytes).toEqual(bytes);
    await registry.putManifest({ mediaType: IMAGE, bytes });
    expect(double.asked().at(-1)).toBe(`PUT manifests/${sha256(bytes)}`);
  });

  test('another content than the digest asked for is refused, by digest and by tag', async () => {
    const digest = double.addManifest(EMPTY_IMAGE, IMAGE, 'v1');
    double.intercept = ({ method }, response) => {
      if (method !== 'GET') return false;
      reply(response, 200, { 'content-type': IMAGE, 'docker-content-digest': digest }, '{"schemaVersion":2}');
      return true;
    };
    const registry = repositoryOf(double);
    for (const reference of [digest, 'v1']) {
      expect((await failureIn(registry.getManifest(reference))).code).toBe('DIGEST_MISMATCH');
    }
  });

  test('one of 5 MiB is refused before it is read, with and without its length, and before it is sent', async () => {
    const registry = repositoryOf(double);
    const huge = Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' ');
    double.intercept = (_, response) => {
      response.writeHead(200, { 'content-type': IMAGE }).end(huge);
      return true;
    };
    expect((await failureIn(registry.getManifest('v1'))).code).toBe('REGISTRY_TOO_LARGE');
    double.intercept = (_, response) => {
      reply(response, 200, { 'content-type': IMAGE }, huge);
      return true;
    };
    expect((await failureIn(registry.getManifest('v1'))).code).toBe('REGISTRY_TOO_LARGE');
    const asked = double.seen.length;
    expect((await failureIn(registry.putManifest({ mediaType: IMAGE, bytes: huge }))).code).toBe(
      'REGISTRY_TOO_LARGE',
    );
    expect(double.seen).toHaveLength(asked);
  });

  test('an HTML page, and types nobody knows', async () => {
    const registry = repositoryOf(double);
    double.addManifest('<html>Sign in</html>', 'text/html; charset=utf-8', 'page');
    expect(await failureIn(registry.getManifest('page'))).toMatchObject({
      code: 'RESPONSE_INVALID',
      message: matching(/HTML page/),
    });
    for (const type of ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'application/x-sh']) {
      double.addManifest({ schemaVersion: 1, x: type }, type, 'odd');
      const manifest = await registry.getManifest('odd');
      expect(() => readManifest(manifest)).toThrow(expect.objectContaining({ code: 'MEDIA_TYPE_UNKNOWN' }));
    }
  });

  test('a server that knows no types: the manifest says itself what it is', async () => {
    double.addManifest(EMPTY_IMAGE, 'application/octet-stream', 'v1');
    expect((await repositoryOf(double).getManifest('v1')).mediaType).toBe(IMAGE);
  });

  test.each([
    ['an image called an index', EMPTY_IMAGE, INDEX],
    ['both an image and an index', { ...EMPTY_IMAGE, manifests: [] }, IMAGE],
    ['an index with layers', { mediaType: INDEX, manifests: [], layers: [] }, INDEX],
    ['no object', [], IMAGE],
    ['no JSON', '{', IMAGE],
    [
      'a digest that is none',
      { ...EMPTY_IMAGE, layers: [{ mediaType: 'x', digest: 'sha256:../..', size: 1 }] },
      IMAGE,
    ],
    ['a negative size', { ...EMPTY_IMAGE, config: { ...EMPTY_IMAGE.config, size: -1 } }, IMAGE],
  ])('%s is refused', async (_, value, type) => {
    double.addManifest(value, type, 'v1');
    const manifest = await repositoryOf(double).getManifest('v1');
    expect(() => readManifest(manifest)).toThrow(expect.objectContaining({ code: 'RESPONSE_INVALID' }));
  });

  test('names and references that would change the address are never sent', async () => {
    const registry = repositoryOf(double);
    for (const reference of [
      '../x',
      'a/b',
      'a?b',
      '',
      'sha256:abc',
      `sha256:${'A'.repeat(64)}`,
      'a\nb',
      '%2e%2e',
    ]) {
      expect((await failureIn(registry.getManifest(reference))).code).toBe('ARGV_BAD_VALUE');
      expect((await failureIn(registry.readBlob(reference, 1))).code).toBe('RESPONSE_INVALID');
    }
    expect(double.seen).toEqual([]);
  });
});

describe('answers that are refusals', () => {
  test.each([
    [401, 'REGISTRY_UNAUTHORIZED'],
    [403, 'REGISTRY_FORBIDDEN'],
    [404, 'REGISTRY_NOT_FOUND'],
    [429, 'REGISTRY_THROTTLED'],
    [500, 'REGISTRY_FAILED'],
    [503, 'REGISTRY_FAILED'],
    [400, 'REGISTRY_REFUSED'],
    [412, 'REGISTRY_REFUSED'],
    [418, 'REGISTRY_REFUSED'],
  ])('%i is %s, with what the registry says', async (status, code) => {
    double.intercept = ({ path }, response) => {
      if (path === '/v2/') return false;
      fault(response, status, 'SOME_CODE', 'in words\u001b[31m');
      return true;
    };
    const registry = repositoryOf(double);
    for (const work of [
      registry.getManifest('v1'),
      registry.readBlob(sha256(Buffer.from('x')), 10),
      registry.putManifest({ mediaType: IMAGE, bytes: Buffer.from('{}') }, 'v1'),
      registry.putBlob(blobOf(Buffer.from('x'), sha256(Buffer.from('x')))),
    ]) {
      const failure = await failureIn(work);
      expect(failure).toMatchObject({ code, message: matching(/SOME_CODE in words/) });
      expect(failure.message).toContain(`${double.host}/team/app`);
      expect(failure.message).not.toContain('\u001b');
    }
  });

  test('a page with the refusal is not printed', async () => {
    double.intercept = (_, response) => {
      reply(response, 502, { 'content-type': 'text/html' }, '<html>secret</html>');
      return true;
    };
    const { code, message } = await failureIn(repositoryOf(double).getManifest('v1'));
    expect([code, message.includes('secret'), message.includes('HTML')]).toEqual([
      'REGISTRY_FAILED',
      false,
      true,
    ]);
  });

  test('an immutable tag', async () => {
    double.intercept = times(
      1,
      ({ method }) => method === 'PUT',
      (response) =>
        fault(response, 400, 'TAG_INVALID', 'The image tag "v1" already exists and cannot be overwritten'),
    );
    const failure = await failureIn(
      repositoryOf(double).putManifest({ mediaType: IMAGE, bytes: Buffer.from('{}') }, 'v1'),
    );
    expect(failure).toMatchObject({
      code: 'REGISTRY_REFUSED',
      message: matching(/already exists and cannot be overwritten/),
    });
  });

  test('nobody there', async () => {
    const registry = repositoryOf(double);
    double.close();
    expect((await failureIn(registry.getManifest('v1'))).code).toBe('REGISTRY_UNREACHABLE');
  });
});

describe('blobs', () => {
  test('streamed, whole, and asked for', async () => {
    const bytes = randomBytes(3_000_000);
    const digest = double.addBlob(bytes);
    const registry = repositoryOf(double);
    const chunks: Buffer[] = [];
    for await (const chunk of await registry.streamBlob(digest, bytes.length)) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(1);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect((await registry.readBlob(digest, bytes.length)).equals(bytes)).toBe(true);
    expect(await registry.headBlob(digest)).toBe(bytes.length);
    expect(await registry.headBlob(sha256(Buffer.from('other')))).toBeUndefined();
    expect((await failureIn(registry.readBlob(digest, bytes.length - 1))).code).toBe('REGISTRY_TOO_LARGE');
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['a flipped bit', (bytes) => Buffer.concat([Buffer.from([(bytes[0] ?? 0) ^ 1]), bytes.subarray(1)])],
    ['one byte less', (bytes) => bytes.subarray(1)],
    ['one byte more', (bytes) => Buffer.concat([bytes, Buffer.from('x')])],
    ['nothing', () => Buffer.alloc(0)],
  ])('%s is found', async (_, change) => {
    const bytes = randomBytes(100_000);
    const digest = double.addBlob(bytes);
    double.blobs.set(digest, change(bytes));
    expect((await failureIn(repositoryOf(double).readBlob(digest, 1_000_000))).code).toBe('DIGEST_MISMATCH');
  });

  test.each([
    ['with a length', { 'content-length': '1000000' }],
    ['in chunks', {}],
  ])('an answer cut off %s', async (_, headers) => {
    const bytes = randomBytes(1_000_000);
    const digest = double.addBlob(bytes);
    double.intercept = ({ path }, response) => {
      if (path === '/v2/') return false;
      response.writeHead(200, headers);
      response.write(bytes.subarray(0, 100_000), () => response.destroy());
      return true;
    };
    expect((await failureIn(repositoryOf(double).readBlob(digest, 2_000_000))).code).toBe(
      'REGISTRY_UNREACHABLE',
    );
  });

  test('SHA-512', async () => {
    const bytes = Buffer.from('content');
    const { digestOf } = await import('../../../src/registry/index.ts');
    const digest = digestOf(bytes, 'sha512');
    double.blobs.set(digest, bytes);
    expect(await repositoryOf(double).readBlob(digest, 10)).toEqual(bytes);
    double.blobs.set(digest, Buffer.from('CONTENT'));
    expect((await failureIn(repositoryOf(double).readBlob(digest, 10))).code).toBe('DIGEST_MISMATCH');
  });
});

describe('uploads', () => {
  const bytes = randomBytes(250_000);
  const digest = sha256(bytes);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
  }

  test('in one piece, once', async () => {
    const registry = repositoryOf(double);
    expect(await registry.putBlob(blobOf(bytes, digest))).toBe('uploaded');
    expect(await registry.putBlob(blobOf(bytes, digest))).toBe('there-already');
    expect(double.blobs.get(digest)?.equals(bytes)).toBe(true);
    expect(double.seen.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  test('from a stream, in one piece with its length', async () => {
    await repositoryOf(double).putBlob({ digest, size: bytes.length, open: pieces });
    expect(double.seen.at(-1)?.headers['content-length']).toBe(String(bytes.length));
    expect(double.blobs.get(digest)?.equals(bytes)).toBe(true);
  });

  test('in pieces of a size', async () => {
    await repositoryOf(double).putBlob({ digest, size: bytes.length, open: pieces }, { chunkBytes: 100_000 });
    const patches = double.seen.filter(({ method }) => method === 'PATCH');
    expect(patches.map(({ headers }) => headers['content-range'])).toEqual([
      '0-99999',
      '100000-199999',
      '200000-249999',
    ]);
    expect(double.blobs.get(digest)?.equals(bytes)).toBe(true);
  });

  test('not smaller than the registry wants them', async () => {
    double.intercept = ({ method }, response) => {
      if (method === 'POST') response.setHeader('oci-chunk-min-length', '200000');
      return false;
    };
    await repositoryOf(double).putBlob(blobOf(bytes, digest), { chunkBytes: 1000 });
    expect(double.seen.filter(({ method }) => method === 'PATCH')).toHaveLength(2);
  });

  test('mounted from another repository; where that is not granted, uploaded', async () => {
    const registry = repositoryOf(double);
    double.addBlob(bytes);
    double.intercept = times(
      1,
      ({ method }) => method === 'HEAD',
      (response) => reply(response, 404),
    );
    expect(await registry.putBlob(blobOf(bytes, digest), { mountFrom: 'team/base' })).toBe('mounted');
    const post = double.seen.find(({ method }) => method === 'POST');
    expect([post?.query.get('mount'), post?.query.get('from')]).toEqual([digest, 'team/base']);
    double.blobs.clear();
    expect(await registry.putBlob(blobOf(bytes, digest), { mountFrom: 'team/base' })).toBe('uploaded');
  });

  test('an upload that fails is called off', async () => {
    const registry = repositoryOf(double);
    const wrong = sha256(Buffer.from('other'));
    expect((await failureIn(registry.putBlob(blobOf(bytes, wrong)))).code).toBe('REGISTRY_REFUSED');
    expect([double.uploads.size, double.blobs.size]).toEqual([0, 0]);
    const failing = async function* () {
      yield bytes.subarray(0, 1000);
      throw new Error('the disk is gone');
    };
    await expect(registry.putBlob({ digest, size: bytes.length, open: failing })).rejects.toThrow(
      /disk is gone/,
    );
    expect([double.uploads.size, double.blobs.size]).toEqual([0, 0]);
  });

  test.each([bytes.length - 1, bytes.length + 1])('content of another size than said: %i', async (size) => {
    const work = repositoryOf(double).putBlob({ digest, size, open: pieces });
    expect((await failureIn(work)).code).toBe('FILE_UNREADABLE');
    expect([double.uploads.size, double.blobs.size]).toEqual([0, 0]);
  });

  test('a registry that names no place to upload to', async () => {
    double.intercept = times(
      1,
      ({ method }) => method === 'POST',
      (response) => reply(response, 202),
    );
    expect((await failureIn(repositoryOf(double).putBlob(blobOf(bytes, digest)))).code).toBe(
      'RESPONSE_INVALID',
    );
  });
});

test('slow answers: a limit on silence, and one on everything', async () => {
  const { nodeHost } = await import('../../../src/host/node.ts');
  const { http } = nodeHost();
  const url = `http://${double.host}/v2/`;
  double.intercept = () => true;
  const silent = await http.send({ method: 'GET', url, silenceMs: 30 });
  expect(silent).toMatchObject({ kind: 'failed', failure: 'timed-out' });
  double.intercept = (_, response) => {
    response.writeHead(200).write('x');
    return true;
  };
  for (const limit of [{ silenceMs: 30 }, { timeoutMs: 30 }]) {
    const result = await http.send({ method: 'GET', url, ...limit });
    if (result.kind !== 'answered') throw new Error('no answer');
    const drain = async () => {
      for await (const chunk of result.body) expect(chunk).toHaveLength(1);
    };
    await expect(drain()).rejects.toThrow(/30 ms/);
  }
});

test('a proxy of the environment is used, but not for this machine, and not for whom NO_PROXY names', async () => {
  const { httpSender } = await import('../../../src/host/http.ts');
  const send = httpSender({ HTTP_PROXY: `http://${double.host}`, NO_PROXY: 'direct.invalid' });
  const get = async (url: string) => {
    const result = await send({ method: 'GET', url });
    if (result.kind === 'answered') result.discard();
    return result.kind === 'answered' ? result.status : result.failure;
  };
  expect(await get('http://registry.invalid/v2/')).toBe(200);
  expect(double.seen.at(-1)?.headers.host).toBe('registry.invalid');
  expect(await get('http://direct.invalid/v2/')).toBe('no-name');
  const other = await Double.open();
  expect(await get(`http://${other.host}/v2/`)).toBe(200);
  expect([double.seen.length, other.seen.length]).toEqual([1, 1]);
  other.close();
});

test('the tag of referrers', () => {
  expect(referrersTag(`sha256:${'a'.repeat(64)}`)).toBe(`sha256-${'a'.repeat(64)}`);
  expect(referrersTag(`sha512:${'b'.repeat(128)}`)).toBe(`sha512-${'b'.repeat(64)}`);
});
