/** The client against distribution itself, which has no referrers API and no token service. */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { nodeHost } from '../../../src/host/node.ts';
import {
  attachReferrers,
  blobOf,
  connectRegistries,
  digestOf,
  listReferrers,
  MEDIA_TYPES,
  readManifest,
  type Registry,
  referrersTag,
} from '../../../src/registry/index.ts';
import { describeWithEngine } from '../../support/engine.ts';
import { PASSWORD, RealRegistry, USER } from './real-registry.ts';

const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'no failure',
    (error: unknown) => (error instanceof ChalkError ? error.code : String(error)),
  );
const AUTH = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');

describeWithEngine('distribution', (engine) => {
  const repository = `chalk-registry-${process.pid}-${Math.floor(performance.now())}`;
  const connect = (name = repository) =>
    connectRegistries(nodeHost(), { configFolder: '/nonexistent' })({
      registry: engine.registry,
      repository: name,
    });
  const registry = connect();

  const pushImage = async (to: Registry, content = randomBytes(100)) => {
    const config = Buffer.from(
      '{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}',
    );
    for (const blob of [config, content]) await to.putBlob(blobOf(blob, digestOf(blob)));
    const value = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.image,
      config: { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: 'application/octet-stream', digest: digestOf(content), size: content.length }],
    };
    return { mediaType: value.mediaType, bytes: Buffer.from(JSON.stringify(value)) };
  };

  test('blobs: in one piece, in several, mounted, read back', async () => {
    const bytes = randomBytes(1_500_000);
    const digest = digestOf(bytes);
    expect(await registry.headBlob(digest)).toBeUndefined();
    expect(await registry.putBlob(blobOf(bytes, digest))).toBe('uploaded');
    expect(await registry.putBlob(blobOf(bytes, digest))).toBe('there-already');
    expect(await registry.headBlob(digest)).toBe(bytes.length);
    expect((await registry.readBlob(digest, 2_000_000)).equals(bytes)).toBe(true);
    expect(await connect(`${repository}/b`).putBlob(blobOf(bytes, digest), { mountFrom: repository })).toBe(
      'mounted',
    );
    const other = randomBytes(1_500_000);
    const chunked = connect(`${repository}/c`);
    expect(await chunked.putBlob(blobOf(other, digestOf(other)), { chunkBytes: 400_000 })).toBe('uploaded');
    expect((await chunked.readBlob(digestOf(other), 2_000_000)).equals(other)).toBe(true);
    const unknown = { mountFrom: `${repository}/nobody` };
    const third = randomBytes(10);
    expect(await chunked.putBlob(blobOf(third, digestOf(third)), unknown)).toBe('uploaded');
  });

  test('a blob of 256 MiB from a stream, in and out, is never whole in memory', async () => {
    const real = await RealRegistry.open(engine);
    try {
      const own = connectRegistries(nodeHost(), { configFolder: real.config })({
        registry: real.host,
        repository: 'large',
      });
      const piece = randomBytes(1 << 20);
      const pieces = async function* () {
        for (let count = 0; count < 256; count += 1) yield piece;
      };
      const hash = createHash('sha256');
      for await (const each of pieces()) hash.update(each);
      const digest = `sha256:${hash.digest('hex')}`;
      const size = 256 * piece.length;
      const before = process.memoryUsage().rss;
      expect(await own.putBlob({ digest, size, open: pieces })).toBe('uploaded');
      let read = 0;
      for await (const chunk of await own.streamBlob(digest, size)) read += chunk.length;
      expect(read).toBe(size);
      expect(process.memoryUsage().rss - before).toBeLessThan(size * 0.75);
    } finally {
      real.close();
    }
  });

  test('manifests: images and indexes, by tag and digest', async () => {
    const image = await pushImage(registry);
    const stored = await registry.putManifest(image, 'v1');
    expect(stored).toMatchObject({ digest: digestOf(image.bytes), subjectNoted: false });
    for (const reference of ['v1', stored.digest]) {
      expect((await registry.getManifest(reference)).bytes.equals(image.bytes)).toBe(true);
      expect(await registry.headManifest(reference)).toEqual({
        mediaType: MEDIA_TYPES.image,
        digest: stored.digest,
        size: image.bytes.length,
      });
    }
    const value = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.index,
      manifests: [{ ...stored, subjectNoted: undefined }],
    };
    const index = { mediaType: MEDIA_TYPES.index, bytes: Buffer.from(JSON.stringify(value)) };
    const { digest } = await registry.putManifest(index);
    expect(readManifest(await registry.getManifest(digest))).toMatchObject({
      kind: 'index',
      manifests: [{ digest: stored.digest }],
    });
  });

  test('what it refuses', async () => {
    expect(await codeOf(registry.getManifest('none'))).toBe('REGISTRY_NOT_FOUND');
    expect(await registry.headManifest('none')).toBeUndefined();
    expect(await codeOf(connect(`${repository}/none`).getManifest('v1'))).toBe('REGISTRY_NOT_FOUND');
    expect(await codeOf(registry.readBlob(digestOf(randomBytes(5)), 9))).toBe('REGISTRY_NOT_FOUND');
    const bytes = randomBytes(50);
    expect(await codeOf(registry.putBlob(blobOf(bytes, digestOf(randomBytes(5)))))).toBe('REGISTRY_REFUSED');
    const lacking = { mediaType: MEDIA_TYPES.image, bytes: Buffer.from('{"schemaVersion":2}') };
    expect(await codeOf(registry.putManifest(lacking, 'v9'))).toBe('REGISTRY_REFUSED');
    expect(await registry.headManifest('v9')).toBeUndefined();
  });

  test('50 referrers from 50 clients at once: all are listed under the tag', async () => {
    const subject = await registry.putManifest(await pushImage(registry), 'subject');
    expect(await registry.referrers(subject.digest)).toBeUndefined();
    const { bytes } = await pushImage(registry);
    const referrers = Array.from({ length: 50 }, (_, index) => {
      const value: unknown = JSON.parse(bytes.toString());
      const name = `n${index}`;
      const text = JSON.stringify({
        ...Object(value),
        artifactType: 'x/y',
        subject: { ...subject, subjectNoted: undefined },
        annotations: { name },
      });
      return {
        mediaType: MEDIA_TYPES.image,
        bytes: Buffer.from(text),
        artifactType: 'x/y',
        annotations: { name },
      };
    });
    await Promise.all(referrers.map((referrer) => attachReferrers(connect(), subject.digest, [referrer])));
    const listed = await listReferrers(registry, subject.digest);
    expect(new Set(listed.map(({ digest }) => digest))).toEqual(
      new Set(referrers.map((each) => digestOf(each.bytes))),
    );
    expect(listed).toHaveLength(50);
    expect(await registry.headManifest(referrersTag(subject.digest))).toMatchObject({
      mediaType: MEDIA_TYPES.index,
    });
  }, 60_000);

  describe('behind a login', () => {
    let real: RealRegistry;
    beforeAll(async () => {
      real = await RealRegistry.open(engine, { login: true });
    });
    afterAll(() => real.close());
    const open = (host = real.hostWith()) =>
      connectRegistries(host, { configFolder: real.config })({ registry: real.host, repository: 'team/app' });

    test('with the file: everything', async () => {
      real.configure({ auths: { [real.host]: { auth: AUTH } } });
      const own = open();
      await own.putManifest(await pushImage(own), 'v1');
      expect((await own.getManifest('v1')).mediaType).toBe(MEDIA_TYPES.image);
    });

    test('with nothing, and with a wrong password', async () => {
      for (const auths of [{}, { [real.host]: { auth: Buffer.from('ada:x').toString('base64') } }]) {
        real.configure({ auths });
        expect(await codeOf(open().getManifest('v1'))).toBe('REGISTRY_UNAUTHORIZED');
        expect(await codeOf(open().putBlob(blobOf(Buffer.from('x'), digestOf(Buffer.from('x')))))).toBe(
          'REGISTRY_UNAUTHORIZED',
        );
      }
    });

    test('with a helper program', async () => {
      const programs = join(real.folder, 'bin');
      mkdirSync(programs, { recursive: true });
      const helper = (name: string, script: string) => {
        const file = join(programs, `docker-credential-${name}`);
        writeFileSync(file, `#!/bin/sh\n${script}\n`);
        chmodSync(file, 0o755);
      };
      helper(
        'known',
        `read -r server; [ "$1 $server" = "get ${real.host}" ] && echo '{"Username":"${USER}","Secret":"${PASSWORD}"}'`,
      );
      helper('unknown', 'echo credentials not found in native keychain; exit 1');
      helper('broken', `echo ${PASSWORD}; echo ${PASSWORD} >&2; exit 3`);
      const ask = async (config: unknown) => {
        real.configure(config);
        return codeOf(open(real.hostWith(programs)).headManifest('v1'));
      };
      expect(await ask({ credsStore: 'known' })).toBe('no failure');
      expect(await ask({ credsStore: 'broken', credHelpers: { [real.host]: 'known' } })).toBe('no failure');
      expect(await ask({ credsStore: 'unknown', auths: { [real.host]: { auth: AUTH } } })).toBe(
        'REGISTRY_UNAUTHORIZED',
      );
      expect(await ask({ credsStore: 'broken' })).toBe('CREDENTIALS_UNREADABLE');
      expect(await ask({ credsStore: 'absent' })).toBe('CREDENTIALS_UNREADABLE');
    });
  });

  describe('with TLS by an authority nobody knows', () => {
    let real: RealRegistry;
    beforeAll(async () => {
      real = await RealRegistry.open(engine, { tls: true, login: true });
      real.configure({ auths: { [real.host]: { auth: AUTH } } });
    });
    afterAll(() => real.close());
    const open = (insecure: readonly string[] = []) =>
      connectRegistries(real.hostWith(), { configFolder: real.config, insecure })({
        registry: real.host,
        repository: 'team/app',
      });

    test('it is refused, also where plain HTTP would do, until certs.d has the authority', async () => {
      expect(await codeOf(open().getManifest('v1'))).toBe('REGISTRY_CERTIFICATE');
      expect(await codeOf(open(['127.0.0.0/8']).getManifest('v1'))).toBe('REGISTRY_CERTIFICATE');
      real.trust({ 'ca.crt': 'ca.crt' });
      expect(await codeOf(open().getManifest('v1'))).toBe('REGISTRY_NOT_FOUND');
      const own = open();
      await own.putManifest(await pushImage(own), 'v1');
      expect((await own.getManifest('v1')).mediaType).toBe(MEDIA_TYPES.image);
    });
  });

  describe('that asks for a certificate', () => {
    let real: RealRegistry;
    beforeAll(async () => {
      real = await RealRegistry.open(engine, { tls: true, clientCertificates: true });
    });
    afterAll(() => real.close());
    const head = () =>
      codeOf(
        connectRegistries(real.hostWith(), { configFolder: real.config, attempts: 1 })({
          registry: real.host,
          repository: 'team/app',
        }).headManifest('v1'),
      );

    test('without one it is unreachable, with the one in certs.d it answers', async () => {
      real.trust({ 'ca.crt': 'ca.crt' });
      expect(await head()).toMatch(/^REGISTRY_(?:UNREACHABLE|CERTIFICATE)$/);
      real.trust({ 'own.cert': 'client.crt', 'own.key': 'client.key' });
      expect(await head()).toBe('no failure');
    });
  });
});
