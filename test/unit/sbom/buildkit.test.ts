import { pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { digestOf, type ManifestContent, MEDIA_TYPES, readManifest } from '../../../src/registry/index.ts';
import { buildkitSource } from '../../../src/sbom/buildkit.ts';
import type { Target } from '../../../src/sbom/sbom.ts';
import type { Command, ProcessResult } from '../../../src/host/host.ts';
import { exited, type FakeHost, fakeHost } from '../../support/fake-host.ts';
import { DIGEST, IN_ENGINE, inRegistry, matching, SPDX, TOOLS } from './support.ts';

const SPDX_TYPE = 'https://spdx.dev/Document';
const STATEMENT = { _type: 'https://in-toto.io/Statement/v0.1', predicateType: SPDX_TYPE };
const subjectOf = (digest: string) => [
  { name: 'pkg:docker/x', digest: { sha256: digest.slice('sha256:'.length) } },
];
const SBOM = JSON.stringify(SPDX, undefined, 1);

/** A registry that has an image and what BuildKit attests of it. */
class Store {
  readonly #bytes = new Map<string, Buffer>();
  readonly listed: object[] = [];
  hasReferrersApi = false;

  put(value: object | string): { digest: string; size: number } {
    const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    this.#bytes.set(digestOf(bytes), bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  }

  /** An attestation manifest of these statements. */
  attest(statements: readonly (readonly [type: string, text: string])[]): { digest: string; size: number } {
    const layers = statements.map(([type, text]) => ({
      mediaType: 'application/vnd.in-toto+json',
      ...this.put(text),
      annotations: { 'in-toto.io/predicate-type': type },
    }));
    const config = { mediaType: MEDIA_TYPES.config, ...this.put('{}') };
    return this.put({ schemaVersion: 2, mediaType: MEDIA_TYPES.image, config, layers });
  }

  bytesOf(digest: string): Uint8Array {
    return this.#bytes.get(digest) ?? new Uint8Array();
  }

  /** What `docker save` writes of it all. */
  async archive(): Promise<Buffer> {
    const archive = pack();
    for (const [digest, bytes] of this.#bytes) {
      archive.entry({ name: `blobs/sha256/${digest.slice('sha256:'.length)}` }, bytes);
    }
    archive.finalize();
    const chunks: Uint8Array[] = [];
    for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  target(manifests: readonly object[] | undefined): Target {
    const target = inRegistry();
    if (target.place.kind !== 'registry') throw new Error('it is in a registry');
    const blob = (digest: string) => {
      const bytes = this.#bytes.get(digest);
      if (bytes === undefined) throw new ChalkError('REGISTRY_NOT_FOUND', digest);
      return bytes;
    };
    const registry = {
      ...target.place.registry,
      getManifest: async (digest: string) => ({ mediaType: MEDIA_TYPES.image, digest, bytes: blob(digest) }),
      readBlob: async (digest: string) => blob(digest),
      referrers: async () => (this.hasReferrersApi ? listOf(this.listed) : undefined),
    };
    const index = manifests === undefined ? undefined : indexOf(manifests);
    return { ...target, place: { ...target.place, registry, index } };
  }
}

function indexOf(manifests: readonly object[]): Extract<ManifestContent, { kind: 'index' }> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests }));
  const content = readManifest({ mediaType: MEDIA_TYPES.index, digest: digestOf(bytes), bytes });
  if (content.kind !== 'index') throw new Error('it is an index');
  return content;
}
const listOf = (manifests: readonly object[]) => indexOf(manifests).manifests;

const image = (digest: string) => ({
  mediaType: MEDIA_TYPES.image,
  digest,
  size: 1,
  platform: { os: 'linux', architecture: 'amd64' },
});
const attestation = (of: string, entry: { digest: string; size: number }) => ({
  mediaType: MEDIA_TYPES.image,
  ...entry,
  platform: { os: 'unknown', architecture: 'unknown' },
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': of },
});
const statement = (about: string, predicate = SBOM) =>
  `${JSON.stringify({ ...STATEMENT, subject: subjectOf(about) }).slice(0, -1)},"predicate":${predicate}}`;

const make = (target: Target, format: 'spdx' | 'cyclonedx' = 'spdx') =>
  buildkitSource(fakeHost(), TOOLS).make(target, format);

test('the first SPDX beside the image in its index, byte for byte', async () => {
  const store = new Store();
  const other = `sha256:${'cd'.repeat(32)}`;
  const manifests = [
    image(other),
    image(DIGEST),
    attestation(other, store.attest([[SPDX_TYPE, statement(other, '{}')]])),
    attestation(
      DIGEST,
      store.attest([
        ['https://slsa.dev/provenance/v1', '{}'],
        [SPDX_TYPE, statement(DIGEST)],
        [SPDX_TYPE, statement(DIGEST, '{}')],
      ]),
    ),
  ];
  await expect(make(store.target(manifests))).resolves.toEqual({
    kind: 'made',
    sbom: {
      format: 'spdx',
      predicateType: SPDX_TYPE,
      text: SBOM,
      tool: { name: 'syft', version: '1.18.1' },
      origin: 'buildkit',
    },
  });
});

test('of a manifest alone it is among the referrers, as BuildKit lists it since 0.32', async () => {
  const store = new Store();
  await expect(make(store.target(undefined))).resolves.toMatchObject({ kind: 'absent' });
  store.hasReferrersApi = true;
  const artifactType = 'application/vnd.docker.attestation.manifest.v1+json';
  const mediaType = MEDIA_TYPES.image;
  store.listed.push({ mediaType, ...store.attest([[SPDX_TYPE, '{}']]), artifactType: 'application/other' });
  store.listed.push({ mediaType, ...store.attest([['https://slsa.dev/provenance/v1', '{}']]), artifactType });
  await expect(make(store.target(undefined))).resolves.toMatchObject({ kind: 'absent' });
  store.listed.push({ mediaType, ...store.attest([[SPDX_TYPE, statement(DIGEST)]]), artifactType });
  await expect(make(store.target(undefined))).resolves.toMatchObject({ kind: 'made', sbom: { text: SBOM } });
});

test('there is none: no attestation, none of an SBOM, none of this image, another format', async () => {
  const store = new Store();
  const provenance = store.attest([['https://slsa.dev/provenance/v1', '{}']]);
  const elsewhere = store.attest([[SPDX_TYPE, statement(`sha256:${'cd'.repeat(32)}`)]]);
  for (const manifests of [
    [image(DIGEST)],
    [image(DIGEST), attestation(DIGEST, provenance)],
    [image(DIGEST), attestation(`sha256:${'cd'.repeat(32)}`, elsewhere)],
  ]) {
    await expect(make(store.target(manifests))).resolves.toMatchObject({ kind: 'absent' });
  }
  await expect(make(store.target([image(DIGEST)]), 'cyclonedx')).resolves.toEqual({
    kind: 'absent',
    why: 'BuildKit writes SPDX alone',
  });
});

describe('an image of the engine', () => {
  /** An SBOM larger than any config or manifest. */
  const LARGE = JSON.stringify({ ...SPDX, packages: ['x'.repeat(5 * 1024 * 1024)] });
  const store = new Store();
  const attested = attestation(DIGEST, store.attest([[SPDX_TYPE, statement(DIGEST, LARGE)]]));
  const index = store.put({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [image(DIGEST), attested],
  });
  const target: Target = {
    ...IN_ENGINE,
    digest: index.digest,
    place: { kind: 'engine', store: 'containerd', own: 'linux/amd64' },
  };
  /** Megabytes are not to be printed. */
  const isLarge = async (host: FakeHost) => {
    const attempt = await buildkitSource(host, tools).make(target, 'spdx');
    return attempt.kind === 'made' ? attempt.sbom.text === LARGE : attempt.why;
  };
  const tools = { ...TOOLS, buildx: '/usr/bin/buildx' };
  /** A program that prints so much, and is stopped where that is too much. */
  const prints = (content: Uint8Array, { maxOutputBytes = 0 }: Command): ProcessResult =>
    content.length > maxOutputBytes
      ? { kind: 'overflow', maxOutputBytes }
      : { kind: 'exited', code: 0, stdout: content, stderr: '' };

  test('a large SBOM, through BuildKit', async () => {
    const host = fakeHost({
      run: (command) =>
        command.args.includes('ls')
          ? exited('{"ref":"b/b/one"}')
          : prints(store.bytesOf(command.args.at(-1) ?? ''), command),
    });
    expect(await isLarge(host)).toBe(true);
    expect(host.ran.filter(({ args }) => args.includes('save'))).toEqual([]);
  });

  test('the same out of an archive, where BuildKit has no build on record', async () => {
    const archive = await store.archive();
    const host = fakeHost({
      run: (command) => (command.args.includes('save') ? prints(archive, command) : exited('', 1)),
    });
    expect(await isLarge(host)).toBe(true);
  });
});

describe('what is not believed', () => {
  test.each([
    [
      'about another image',
      statement(`sha256:${'cd'.repeat(32)}`),
      'ATTESTATION_INVALID',
      /about another image/,
    ],
    ['no statement', SBOM, 'ATTESTATION_INVALID', /no in-toto statement/],
    ['no JSON', 'SBOM', 'ATTESTATION_INVALID', /no in-toto statement/],
    ['no SBOM', statement(DIGEST, '{"a":1}'), 'SBOM_FAILED', /is no SPDX/],
    [
      'two predicates',
      statement(DIGEST).replace('{', `{"predicate":{},`),
      'ATTESTATION_INVALID',
      /names a member twice/,
    ],
  ])('%s', async (_, text, code, message) => {
    const store = new Store();
    const manifests = [image(DIGEST), attestation(DIGEST, store.attest([[SPDX_TYPE, text]]))];
    await expect(make(store.target(manifests))).rejects.toMatchObject({
      code,
      message: matching(message),
    });
  });
});
