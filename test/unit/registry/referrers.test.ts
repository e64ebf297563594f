import { afterEach, describe, expect, test } from 'vitest';
import {
  attachReferrers,
  listReferrers,
  type NewReferrer,
  referrersTag,
} from '../../../src/registry/index.ts';
import {
  Double,
  type DoubleOptions,
  failureIn,
  IMAGE,
  INDEX,
  reply,
  repositoryOf,
  sha256,
} from './double.ts';

let double: Double;
afterEach(() => double.close());

const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256(Buffer.from('{}')), size: 2 };
const TYPE = 'application/vnd.example.statement';

async function open(options: DoubleOptions = {}) {
  double = await Double.open(options);
  const digest = double.addManifest(
    { schemaVersion: 2, mediaType: IMAGE, config: EMPTY, layers: [] },
    IMAGE,
    'v1',
  );
  const referrer = (name: string): NewReferrer => {
    const value = {
      schemaVersion: 2,
      mediaType: IMAGE,
      artifactType: TYPE,
      config: EMPTY,
      layers: [],
      subject: { mediaType: IMAGE, digest, size: 1 },
      annotations: { name },
    };
    return {
      mediaType: IMAGE,
      bytes: Buffer.from(JSON.stringify(value)),
      artifactType: TYPE,
      annotations: { name },
    };
  };
  return { digest, referrer, registry: repositoryOf(double) };
}

test('with the API: it lists them, and no tag is written', async () => {
  const { digest, referrer, registry } = await open({ referrers: true });
  const stored = await attachReferrers(registry, digest, [referrer('a'), referrer('b')]);
  expect(stored.map(({ subjectNoted }) => subjectNoted)).toEqual([true, true]);
  const listed = await listReferrers(registry, digest);
  expect(new Set(listed.map((each) => each.digest))).toEqual(new Set(stored.map((each) => each.digest)));
  expect([...double.tags.keys()]).toEqual(['v1']);
});

test('without: the tag lists them, in one change', async () => {
  const { digest, referrer, registry } = await open();
  const stored = await attachReferrers(registry, digest, [referrer('a'), referrer('b')]);
  const manifest = await registry.getManifest(referrersTag(digest));
  expect(JSON.parse(manifest.bytes.toString())).toEqual({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: stored.map(({ digest: own, size }, place) => ({
      mediaType: IMAGE,
      digest: own,
      size,
      artifactType: TYPE,
      annotations: { name: ['a', 'b'][place] },
    })),
  });
  expect(double.asked().filter((line) => line === `PUT manifests/${referrersTag(digest)}`)).toHaveLength(1);
  expect(await listReferrers(registry, digest)).toHaveLength(2);
});

test('what others wrote there stays, also what we do not understand; the same again changes nothing', async () => {
  const { digest, referrer, registry } = await open();
  const other = {
    mediaType: IMAGE,
    digest: sha256(Buffer.from('o')),
    size: 1,
    artifactType: 'x',
    data: 'e30=',
    odd: [1],
  };
  const tag = referrersTag(digest);
  double.addManifest(
    { schemaVersion: 2, mediaType: INDEX, manifests: [other], annotations: { a: 'b' }, more: 1 },
    INDEX,
    tag,
  );
  await attachReferrers(registry, digest, [referrer('a')]);
  expect(JSON.parse((await registry.getManifest(tag)).bytes.toString())).toEqual({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [other, expect.objectContaining({ annotations: { name: 'a' } })],
    annotations: { a: 'b' },
    more: 1,
  });
  const before = double.tags.get(tag);
  double.seen.length = 0;
  await attachReferrers(registry, digest, [referrer('a')]);
  expect([double.tags.get(tag), double.asked().filter((line) => line === `PUT manifests/${tag}`)]).toEqual([
    before,
    [],
  ]);
});

test('nothing refers to it: no API, no tag', async () => {
  const { digest, registry } = await open();
  expect(await listReferrers(registry, digest)).toEqual([]);
});

test('somebody else’s image under the tag is not overwritten', async () => {
  const { digest, referrer, registry } = await open();
  const tag = referrersTag(digest);
  const own = double.tags.get('v1') ?? '';
  double.tags.set(tag, own);
  expect((await failureIn(attachReferrers(registry, digest, [referrer('a')]))).code).toBe('RESPONSE_INVALID');
  expect(double.tags.get(tag)).toBe(own);
});

test('50 at once lose none: in one process, and in fifty', async () => {
  for (const shared of [true, false]) {
    const { digest, referrer, registry } = await open();
    const names = Array.from({ length: 50 }, (_, index) => `n${index}`);
    await Promise.all(
      names.map(async (name) =>
        // A connection of its own knows nothing of the others' turns, as another process would not.
        attachReferrers(shared ? registry : repositoryOf(double), digest, [referrer(name)]),
      ),
    );
    const listed = await listReferrers(registry, digest);
    expect(new Set(listed.map(({ annotations }) => annotations?.['name'])), `shared: ${shared}`).toEqual(
      new Set(names),
    );
    double.close();
  }
}, 60_000);

describe('the API as registries have it', () => {
  test('pages are followed, within the registry', async () => {
    const { digest, registry } = await open();
    const entry = (name: string) => ({ mediaType: IMAGE, digest: sha256(Buffer.from(name)), size: 1 });
    double.intercept = ({ path, query }, response) => {
      if (!path.includes('/referrers/')) return false;
      const page = Number(query.get('page') ?? 1);
      const next =
        page < 3 ? `<${path}?page=${page + 1}>; rel="next"` : '<https://elsewhere.example/>; rel="next"';
      const text = JSON.stringify({ schemaVersion: 2, manifests: [entry(`p${page}`)] });
      reply(response, 200, { 'content-type': INDEX, link: next }, text);
      return true;
    };
    expect((await listReferrers(registry, digest)).map((each) => each.digest)).toEqual(
      ['p1', 'p2', 'p3'].map((name) => sha256(Buffer.from(name))),
    );
  });

  test.each([
    [404, 'text/plain', '404 page not found'],
    [404, 'application/json', '{"errors":[{"code":"NOT_FOUND"}]}'],
    [400, 'application/json', '{}'],
    [405, 'text/plain', ''],
    [501, 'text/plain', ''],
    [200, 'text/html', '<html></html>'],
  ])('%i %s means there is none', async (status, type, body) => {
    const { digest, registry } = await open();
    double.intercept = ({ path }, response) => {
      if (!path.includes('/referrers/')) return false;
      reply(response, status, { 'content-type': type }, body);
      return true;
    };
    expect(await registry.referrers(digest)).toBeUndefined();
  });

  test.each([
    [401, '', 'REGISTRY_UNAUTHORIZED'],
    [403, '', 'REGISTRY_FORBIDDEN'],
    [429, '', 'REGISTRY_THROTTLED'],
    [500, '', 'REGISTRY_FAILED'],
    [200, '{', 'RESPONSE_INVALID'],
    [200, '{"manifests":[{"digest":"x"}]}', 'RESPONSE_INVALID'],
  ])('%i %s is a failure, and nothing is written to the tag', async (status, body, code) => {
    const { digest, referrer, registry } = await open();
    double.intercept = ({ path }, response) => {
      if (!path.includes('/referrers/')) return false;
      reply(response, status, { 'content-type': INDEX }, body);
      return true;
    };
    expect((await failureIn(listReferrers(registry, digest))).code).toBe(code);
    expect((await failureIn(attachReferrers(registry, digest, [referrer('a')]))).code).toBe(code);
    expect([...double.tags.keys()]).toEqual(['v1']);
  });
});
