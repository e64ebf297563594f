import { afterEach, beforeEach, expect, test } from 'vitest';
import { packTar } from '../../../src/image/patch/layer.ts';
import { digestOf, MEDIA_TYPES } from '../../../src/registry/index.ts';
import {
  archiveFiles,
  layoutStore,
  type Requirement,
  trustKeys,
  verifyImage,
} from '../../../src/verify/index.ts';
import {
  attach,
  hashOf,
  type Layout,
  makeImage,
  markStatement,
  newKey,
  newMark,
  ownLayer,
  pushImage,
} from '../../support/signed-image.ts';
import { Double, repositoryOf } from '../registry/double.ts';
import { codeOf } from '../sign/support.ts';

const ada = newKey('ada.pub');
const mark = newMark();
const APP = { tar: await packTar([{ name: 'app', mode: 0o755, time: 0, content: 'app' }]) };
const image = makeImage([APP, await ownLayer(mark)]);
const statements = [markStatement(image.digest, mark, await hashOf(image))];

let double: Double;
beforeEach(async () => {
  double = await Double.open({ referrers: true });
  await pushImage(repositoryOf(double), image, 'v1');
});
afterEach(() => double.close());

/** Everything the double has, as an archive; `change` is done to its files. */
async function archive(change: (files: Map<string, Buffer>) => void = () => undefined): Promise<Uint8Array> {
  const tags = new Map([...double.tags].map(([tag, digest]) => [digest, tag]));
  const manifests = [...double.manifests].map(([digest, { bytes, type }]) => ({
    mediaType: type,
    digest,
    size: bytes.length,
    annotations: { 'org.opencontainers.image.ref.name': tags.get(digest) ?? '' },
  }));
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests };
  const blobs = [...double.blobs.values(), ...[...double.manifests.values()].map(({ bytes }) => bytes)];
  const files = new Map([
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
    ['index.json', Buffer.from(JSON.stringify(index))],
    ...blobs.map((bytes): [string, Buffer] => [pathOf(digestOf(bytes)), bytes]),
  ]);
  change(files);
  return packTar([...files].map(([name, content]) => ({ name, mode: 0o644, time: 0, content })));
}

const pathOf = (digest: string) => `blobs/${digest.replace(':', '/')}`;

async function verify(bytes: Uint8Array, kind: 'layout' | 'engine' = 'layout') {
  const store = await layoutStore(await archiveFiles('saved.tar', bytes, 1 << 20), kind);
  const { verdict, manifests } = await verifyImage(store, 'saved.tar', {
    trust: trustKeys([ada.publicKey]),
    required: new Set<Requirement>(['mark', 'signature', 'content']),
    platform: undefined,
    everyLayer: true,
    programs: {},
    openBase: undefined,
  });
  const [only] = manifests;
  return {
    verdict,
    ...Object.fromEntries((only?.checks ?? []).map(({ check, outcome }) => [check, outcome])),
  };
}

test.each<Layout>(['att', 'bundle', 'both'])(
  'a layout with its attestations (%s) is verified',
  async (layout) => {
    await attach(repositoryOf(double), image.digest, statements, ada, layout);
    expect(await verify(await archive())).toMatchObject({ verdict: 'verified', content: 'ok', layers: 'ok' });
  },
);

test('without them it is not; what an engine saves has none, and could not be told', async () => {
  expect(await verify(await archive())).toMatchObject({ verdict: 'not-verified', signature: 'failed' });
  expect(await verify(await archive(), 'engine')).toMatchObject({ verdict: 'unknown', mark: 'ok' });
});

test('files that are not what their names say', async () => {
  await attach(repositoryOf(double), image.digest, statements, ada);
  const [app] = image.layers;
  const cases: readonly [string, string][] = [
    [digestOf(image.config), 'image'],
    [app?.digest ?? '', 'layers'],
    [image.layers[1]?.digest ?? '', 'layers'],
  ];
  for (const [digest, check] of cases) {
    const changed = await archive((files) => {
      const bytes = Buffer.from(files.get(pathOf(digest)) ?? []);
      bytes[9] = (bytes[9] ?? 0) ^ 1;
      files.set(pathOf(digest), bytes);
    });
    expect(await verify(changed), check).toMatchObject({ verdict: 'not-verified', [check]: 'failed' });
    const gone = await archive((files) => files.delete(pathOf(digest)));
    expect((await verify(gone)).verdict, check).not.toBe('verified');
  }
  const envelope = await archive((files) => {
    for (const [name, bytes] of files) if (bytes.includes('payloadType')) files.set(name, Buffer.from('{}'));
  });
  expect((await verify(envelope)).verdict).toBe('not-verified');
});

test('what is no layout, and a layout of several images', async () => {
  const open = async (bytes: Uint8Array) =>
    layoutStore(await archiveFiles('a.tar', bytes, 1 << 20), 'layout');
  expect(await codeOf(open(await archive((files) => files.delete('index.json'))))).toBe('IMAGE_NOT_FOUND');
  expect(await codeOf(open(await archive((files) => files.set('index.json', Buffer.from('[]')))))).toBe(
    'RESPONSE_INVALID',
  );
  expect(await codeOf(open((await archive()).subarray(0, 700)))).toBe('RESPONSE_INVALID');
  expect(
    await codeOf(open(await archive((files) => files.set(pathOf(image.digest), Buffer.from('{}'))))),
  ).toBe('DIGEST_MISMATCH');
  await pushImage(repositoryOf(double), makeImage([APP]), 'v2');
  expect(await codeOf(open(await archive()))).toBe('IMAGE_NOT_FOUND');
});
