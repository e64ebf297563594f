import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import {
  type Attestation,
  attestImages,
  type PushedImage,
  type Provenance,
} from '../../../src/attest/index.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { sealMark } from '../../../src/mark/index.ts';
import {
  attHolds,
  attLayers,
  attTag,
  generateSigningKey,
  keySigner,
  PREDICATE,
  readMarkStatement,
  readStatement,
  type Signer,
  type SigningKey,
} from '../../../src/sign/index.ts';
import {
  CONFIG,
  Double,
  type DoubleOptions,
  fault,
  IMAGE,
  INDEX,
  sha256,
  wiredHost,
} from '../registry/double.ts';
import { RANDOM } from '../sign/support.ts';

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const key: SigningKey = generateSigningKey(RANDOM, 'ours');
const signer = keySigner(key);

let double: Double;
afterEach(() => double.close());

const host = wiredHost({}, nodeHost().clock);
const settings = { configFolder: CONFIG };

/** An image with one layer of somebody's; its descriptor. */
function addImage(architecture: string, tag?: string) {
  const layer = Buffer.from(`a layer for ${architecture}, which is no archive`);
  const diffId = sha256(layer);
  const config = Buffer.from(
    JSON.stringify({ architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diffId] } }),
  );
  const descriptor = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: double.addBlob(bytes),
    size: bytes.length,
  });
  const value = {
    schemaVersion: 2,
    mediaType: IMAGE,
    config: descriptor(CONFIG_TYPE, config),
    layers: [descriptor(LAYER_TYPE, layer)],
  };
  const digest = double.addManifest(value, IMAGE, tag);
  return {
    mediaType: IMAGE,
    digest,
    size: JSON.stringify(value).length,
    platform: { os: 'linux', architecture },
  };
}

/** An index of images for these, with BuildKit's attestation beside the first. */
function addIndex(architectures: readonly string[]): {
  digest: string;
  images: readonly { digest: string }[];
} {
  const images = architectures.map((each) => addImage(each));
  const materials = [{ uri: 'pkg:docker/base@1', digest: { sha256: 'cd'.repeat(32) } }];
  const layer = Buffer.from(
    JSON.stringify({ predicateType: PREDICATE.provenance, predicate: { materials } }),
  );
  const attestation = {
    schemaVersion: 2,
    mediaType: IMAGE,
    config: { mediaType: CONFIG_TYPE, digest: double.addBlob(Buffer.from('{}')), size: 2 },
    layers: [
      {
        mediaType: 'application/vnd.in-toto+json',
        digest: double.addBlob(layer),
        size: layer.length,
        annotations: { 'in-toto.io/predicate-type': PREDICATE.provenance },
      },
    ],
  };
  const entry = {
    mediaType: IMAGE,
    digest: double.addManifest(attestation, IMAGE),
    size: JSON.stringify(attestation).length,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': images[0]?.digest ?? '',
    },
  };
  const digest = double.addManifest(
    { schemaVersion: 2, mediaType: INDEX, manifests: [...images, entry] },
    INDEX,
  );
  return { digest, images };
}

function markFor(platform?: string) {
  const id = { CHALK_ID: 'A1B2C3-D4E5-F6G7-H8J9K0', CHALK_VERSION: '1.1.3' };
  return sealMark({ ...id, ...(platform === undefined ? {} : { DOCKER_PLATFORM: platform }) }).values;
}

const PROVENANCE: Provenance = {
  parameters: { command: ['docker', 'build'] },
  internal: {},
  dependencies: [{ name: 'source', digest: { gitCommit: 'ab'.repeat(20) } }],
  builder: 'ci',
  versions: {},
  invocation: 'id',
  started: 0,
  finished: 1000,
};

function imageOf(digest: string, more: Partial<PushedImage> = {}): PushedImage {
  const repository = { registry: double.host, repository: 'team/app' };
  return { repository, digest, marks: [{ mark: markFor() }], ...more };
}

async function attest(image: PushedImage, by: Signer = signer): Promise<Attestation> {
  const [attestation] = await attestImages(host, settings, by, [image]);
  if (attestation === undefined) throw new Error('no attestation');
  return attestation;
}

/** `state kind`, by subject. */
function statesOf({ statements }: Attestation, subject: string): string[] {
  return statements.filter((each) => each.subject === subject).map(({ state, kind }) => `${state} ${kind}`);
}

function payloadsOf({ statements }: Attestation, kind: string): Buffer[] {
  return statements
    .filter((each) => each.kind === kind)
    .map(({ envelope }) => Buffer.from(envelope?.payload ?? '', 'base64'));
}

const Index = z.object({ manifests: z.array(z.object({ digest: z.string() })) });
/** Everything that refers to a manifest by the tag that stands in for the referrers API. */
function referrersTo(digest: string): string[] {
  const found = double.manifests.get(double.tags.get(digest.replace(':', '-')) ?? '');
  return found === undefined
    ? []
    : Index.parse(JSON.parse(found.bytes.toString())).manifests.map((each) => each.digest);
}

function attOf(digest: string): Buffer {
  return double.manifests.get(double.tags.get(attTag(digest)) ?? '')?.bytes ?? Buffer.alloc(0);
}

describe.each<[string, DoubleOptions]>([
  ['without the referrers API', {}],
  ['with the referrers API', { referrers: true }],
])('%s', (_, options) => {
  beforeEach(async () => {
    double = await Double.open(options);
  });

  test('an index: every image and the index itself have a mark and the provenance, in both layouts', async () => {
    const { digest, images } = addIndex(['amd64', 'arm64']);
    const marks = ['amd64', 'arm64'].map((architecture) => ({
      mark: markFor(`linux/${architecture}`),
      platform: { os: 'linux', architecture },
    }));
    const attestation = await attest(imageOf(digest, { marks, provenance: PROVENANCE }));
    expect(attestation.errors).toEqual([]);
    for (const subject of [digest, ...images.map((each) => each.digest)]) {
      expect(statesOf(attestation, subject)).toEqual(['attached mark', 'attached provenance']);
      const layers = attLayers(attOf(subject), 'att');
      expect(layers.map(({ predicateType }) => predicateType)).toEqual([
        PREDICATE.scai,
        PREDICATE.provenance,
      ]);
      if (options.referrers !== true) expect(referrersTo(subject)).toHaveLength(2);
    }
    const found = payloadsOf(attestation, 'mark').map((payload) => readMarkStatement(payload, 'it'));
    // The index has the first image's mark first.
    expect(found.map((mark) => mark?.get('DOCKER_PLATFORM'))).toEqual([
      'linux/amd64',
      'linux/amd64',
      'linux/arm64',
    ]);
    const [provenance = Buffer.alloc(0)] = payloadsOf(attestation, 'provenance');
    const statement = readStatement(
      { payload: provenance, payloadType: 'application/vnd.in-toto+json' },
      'it',
    );
    expect(statement.subjects).toHaveLength(3);
    expect(statement.predicate).toMatchObject({
      buildDefinition: { resolvedDependencies: [{ name: 'source' }, { uri: 'pkg:docker/base@1' }] },
    });
    // Nothing is about BuildKit's own attestation.
    expect(attestation.statements).toHaveLength(6);
  });

  test('the second time nothing is written; another key signs beside the first', async () => {
    const { digest } = addIndex(['amd64']);
    const image = imageOf(digest, { provenance: PROVENANCE });
    await attest(image);
    double.seen.length = 0;
    const again = await attest(image);
    expect(new Set(again.statements.map(({ state }) => state))).toEqual(new Set(['there-already']));
    expect(again.statements.every(({ envelope }) => envelope !== undefined)).toBe(true);
    expect(double.seen.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);

    const other = await attest(image, keySigner(generateSigningKey(RANDOM, 'other')));
    expect(new Set(other.statements.map(({ state }) => state))).toEqual(new Set(['attached']));
    expect(attLayers(attOf(digest), 'att')).toHaveLength(4);
  });

  test('what is missing in one layout alone is added there', async () => {
    const image = imageOf(addImage('amd64').digest);
    await attest(image);
    double.tags.delete(attTag(image.digest));
    const before = referrersTo(image.digest);
    expect(statesOf(await attest(image), image.digest)).toEqual(['attached mark']);
    expect(attLayers(attOf(image.digest), 'att')).toHaveLength(1);
    expect(referrersTo(image.digest)).toEqual(before);
  });

  test('several at once to one image: nobody’s is lost', async () => {
    const { digest } = addImage('amd64');
    const images = ['linux/amd64', 'linux/arm64', 'linux/s390x'].map((platform) =>
      imageOf(digest, { marks: [{ mark: markFor(platform) }] }),
    );
    const all = await attestImages(host, settings, signer, images);
    expect(all.flatMap(({ errors }) => errors)).toEqual([]);
    expect(attLayers(attOf(digest), 'att')).toHaveLength(3);
    if (options.referrers !== true) expect(referrersTo(digest)).toHaveLength(3);
  });
});

describe('an image', () => {
  beforeEach(async () => {
    double = await Double.open();
  });

  test('without a mark and of an unknown build has nothing to sign', async () => {
    const attestation = await attest(imageOf(addImage('amd64').digest, { marks: [] }));
    expect([attestation.statements, attestation.errors]).toEqual([[], []]);
    expect(double.tags.size).toBe(0);
  });

  test('has its SBOM, and says who made it; an index has those of its images', async () => {
    const { digest, images } = addIndex(['amd64', 'arm64']);
    const sboms = ['amd64', 'arm64'].map((architecture) => ({
      format: 'spdx' as const,
      predicateType: PREDICATE.spdx,
      text: JSON.stringify({ spdxVersion: 'SPDX-2.3', name: architecture }),
      tool: { name: 'syft', version: '1.18.1' },
      origin: 'buildkit',
      platform: { os: 'linux', architecture },
    }));
    const attestation = await attest(imageOf(digest, { marks: [], sboms }));
    expect(statesOf(attestation, digest)).toEqual(['attached sbom', 'attached sbom']);
    expect(statesOf(attestation, images[1]?.digest ?? '')).toEqual(['attached sbom']);
    const [first = Buffer.alloc(0)] = payloadsOf(attestation, 'sbom');
    expect(JSON.parse(first.toString())).toMatchObject({
      subject: [
        {
          digest: { sha256: images[0]?.digest.slice(7) },
          annotations: { 'run.chalk.sbom.tool': 'syft 1.18.1', 'run.chalk.sbom.origin': 'buildkit' },
        },
        { digest: { sha256: digest.slice(7) } },
      ],
      predicate: { name: 'amd64' },
    });
  });

  test('that has the .att tag for something else keeps it, and gets its bundle', async () => {
    const { digest } = addImage('amd64');
    const theirs = double.addManifest(
      { schemaVersion: 2, mediaType: INDEX, manifests: [] },
      INDEX,
      attTag(digest),
    );
    const attestation = await attest(imageOf(digest));
    expect(attestation.errors.map(({ code }) => code)).toEqual(['ATTESTATION_INVALID']);
    expect(double.tags.get(attTag(digest))).toBe(theirs);
    expect(referrersTo(digest)).toHaveLength(1);
  });

  test('whose other referrers are no attestations is signed all the same', async () => {
    const { digest } = addImage('amd64');
    const entries = [
      double.addManifest(
        {
          schemaVersion: 2,
          mediaType: IMAGE,
          config: { mediaType: CONFIG_TYPE, digest: double.addBlob(Buffer.from('{}')), size: 2 },
          layers: [],
          subject: { mediaType: IMAGE, digest, size: 1 },
        },
        IMAGE,
      ),
      // One that is gone.
      `sha256:${'ef'.repeat(32)}`,
    ].map((each) => ({ mediaType: IMAGE, digest: each, size: 1 }));
    double.addManifest(
      { schemaVersion: 2, mediaType: INDEX, manifests: entries },
      INDEX,
      digest.replace(':', '-'),
    );
    const attestation = await attest(imageOf(digest));
    expect(attestation.errors).toEqual([]);
    expect(referrersTo(digest)).toHaveLength(3);
  });

  test('that is not there: its registry’s own word, and no statement', async () => {
    const attestation = await attest(imageOf(`sha256:${'00'.repeat(32)}`));
    expect(attestation.errors.map(({ code }) => code)).toEqual(['REGISTRY_NOT_FOUND']);
    expect(attestation.subjects).toBeUndefined();
  });

  test('in a registry that never answers: the time limit ends it', async () => {
    const { digest } = addImage('amd64');
    double.intercept = ({ path }) => path.includes('/blobs/uploads/');
    const [attestation] = await attestImages(host, settings, signer, [imageOf(digest)], 500);
    expect(attestation?.errors.map(({ code, message }) => [code, /within/.test(message)])).toEqual([
      ['REGISTRY_UNREACHABLE', true],
    ]);
    expect(double.tags.size).toBe(0);
  });

  test('in a registry that refuses everything: one line, not one for each request', async () => {
    const { digest } = addIndex(['amd64', 'arm64', 's390x']);
    double.intercept = ({ method }, response) => {
      if (method !== 'POST') return false;
      fault(response, 403, 'DENIED', 'no');
      return true;
    };
    const { errors } = await attest(imageOf(digest, { provenance: PROVENANCE }));
    expect(errors.map(({ code }) => code)).toEqual(['REGISTRY_FORBIDDEN']);
    expect(double.tags.size).toBe(0);
  });
});

test('a keyless signature takes its certificate to the .att layer', async () => {
  double = await Double.open();
  const { digest } = addImage('amd64');
  const keyless: Signer = {
    kind: 'keyless',
    sign: async (statement) => ({
      ...(await signer.sign(statement)),
      attAnnotations: { 'dev.sigstore.cosign/certificate': 'PEM' },
    }),
  };
  await attest(imageOf(digest), keyless);
  expect(attLayers(attOf(digest), 'att').map(({ certificate }) => certificate)).toEqual(['PEM']);
  const again = await attest(imageOf(digest), keyless);
  expect(statesOf(again, digest)).toEqual(['attached mark']);
  const envelope = (await signer.sign(Buffer.from('{}'))).envelope;
  expect(attHolds(attOf(digest), envelope)).toBe(false);
});
