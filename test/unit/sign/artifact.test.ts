import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import {
  attArtifact,
  attHolds,
  attLayers,
  attTag,
  bundleArtifact,
  bundleIn,
  type Content,
  generateSigningKey,
  PREDICATE,
  signEnvelope,
  STATEMENT_PAYLOAD,
  writeBundle,
  writeEnvelope,
} from '../../../src/sign/index.ts';
import { RANDOM, thrownBy } from './support.ts';

const key = generateSigningKey(RANDOM, 'k');
const envelope = signEnvelope(Buffer.from('{}'), STATEMENT_PAYLOAD, [key]);
const bundle = writeBundle(envelope, key.publicKey);
const SUBJECT = {
  mediaType: 'application/vnd.oci.image.index.v1+json',
  digest: `sha256:${'ab'.repeat(32)}`,
  size: 401,
  annotations: { not: 'repeated' },
};
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const json = ({ bytes }: Content) => JSON.parse(Buffer.from(bytes).toString()) as unknown;
const Manifest = z.looseObject({ layers: z.array(z.looseObject({})) });
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Bytes and descriptors belong together, and everything a manifest names is among the blobs. */
function expectComplete({ blobs, manifest }: ReturnType<typeof bundleArtifact>): void {
  for (const { bytes, descriptor } of [...blobs, manifest]) {
    expect(descriptor).toMatchObject({ digest: sha256(bytes), size: bytes.length });
  }
}

describe('a bundle as referrer', () => {
  const artifact = bundleArtifact(
    bundle,
    SUBJECT,
    PREDICATE.provenance,
    Date.UTC(2026, 10, 21, 23, 18, 47, 900),
  );

  test('has the form cosign 3 gives it', () => {
    expectComplete(artifact);
    const annotations = {
      'org.opencontainers.image.created': '2026-11-21T23:18:47Z',
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1',
    };
    const type = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    expect(json(artifact.manifest)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: type,
      config: {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        size: 2,
      },
      layers: [{ mediaType: type, digest: sha256(bundle), size: bundle.length }],
      subject: { mediaType: SUBJECT.mediaType, digest: SUBJECT.digest, size: 401 },
      annotations,
    });
    expect(artifact.manifest.descriptor).toMatchObject({ artifactType: type, annotations });
  });

  test('of a mark is annotated so that Chalk looks at it', () => {
    const { manifest } = bundleArtifact(bundle, SUBJECT, PREDICATE.scai, 0);
    expect(manifest.descriptor.annotations).toMatchObject({
      'org.opencontainers.image.created': '1970-01-01T00:00:00Z',
      'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
    });
  });

  test('is found by its manifest, for its own subject alone', () => {
    const layer = { digest: sha256(bundle), size: bundle.length };
    expect(bundleIn(artifact.manifest.bytes, SUBJECT.digest)).toMatchObject(layer);
    expect(bundleIn(artifact.manifest.bytes, `sha256:${'cd'.repeat(32)}`)).toBeUndefined();
    const manifest = Manifest.parse(json(artifact.manifest));
    for (const other of [
      {},
      { ...manifest, layers: [] },
      { ...manifest, layers: [...manifest.layers, ...manifest.layers] },
      { ...manifest, layers: [{ ...manifest.layers[0], mediaType: 'application/vnd.in-toto+json' }] },
      { ...manifest, layers: [{ ...manifest.layers[0], digest: 'sha256:../x' }] },
      { ...manifest, subject: undefined },
    ]) {
      expect(bundleIn(bytesOf(other), SUBJECT.digest)).toBeUndefined();
    }
    expect(bundleIn(Buffer.from('{'), SUBJECT.digest)).toBeUndefined();
  });
});

describe('the .att layout', () => {
  const first = attArtifact(undefined, envelope, PREDICATE.provenance);

  test('has the form cosign gives it', () => {
    expect(attTag(SUBJECT.digest)).toBe(`sha256-${'ab'.repeat(32)}.att`);
    expectComplete(first);
    const digest = sha256(writeEnvelope(envelope));
    const [, config] = first.blobs;
    expect(config && json(config)).toEqual({
      architecture: '',
      created: '0001-01-01T00:00:00Z',
      history: [{ created: '0001-01-01T00:00:00Z' }],
      os: '',
      rootfs: { type: 'layers', diff_ids: [digest] },
      config: {},
    });
    expect(json(first.manifest)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: config?.descriptor,
      layers: [
        {
          mediaType: 'application/vnd.dsse.envelope.v1+json',
          size: writeEnvelope(envelope).length,
          digest,
          annotations: {
            'dev.cosignproject.cosign/signature': '',
            predicateType: 'https://slsa.dev/provenance/v1',
          },
        },
      ],
    });
  });

  test('takes another attestation and leaves those of others as they are', () => {
    const manifest = Manifest.parse(json(first.manifest));
    const theirs = {
      ...manifest.layers[0],
      annotations: { 'dev.sigstore.cosign/certificate': 'PEM' },
      urls: ['u'],
    };
    const previous = bytesOf({ ...manifest, layers: [theirs] });
    const second = attArtifact(previous, envelope, PREDICATE.spdx);
    expectComplete(second);
    expect(json(second.manifest)).toMatchObject({
      layers: [theirs, { annotations: { predicateType: PREDICATE.spdx } }],
    });
    const config = second.blobs[1] && json(second.blobs[1]);
    const digest = sha256(writeEnvelope(envelope));
    expect(config).toMatchObject({ history: [{}, {}], rootfs: { diff_ids: [digest, digest] } });
    expect(attLayers(second.manifest.bytes, 'it')).toEqual([
      {
        descriptor: expect.objectContaining({ digest }) as unknown,
        predicateType: undefined,
        certificate: 'PEM',
      },
      {
        descriptor: expect.objectContaining({ digest }) as unknown,
        predicateType: PREDICATE.spdx,
        certificate: undefined,
      },
    ]);
  });

  test('is asked whether an envelope is in it', () => {
    expect(attHolds(first.manifest.bytes, envelope)).toBe(true);
    const again = signEnvelope(envelope.payload, STATEMENT_PAYLOAD, [key]);
    expect(attHolds(first.manifest.bytes, again)).toBe(false);
  });

  test('is never put over something else', () => {
    for (const other of [
      Buffer.from('x'),
      bytesOf({ manifests: [] }),
      bytesOf({ layers: [{ digest: 'x' }] }),
    ]) {
      expect(thrownBy(() => attArtifact(other, envelope, 'x')).code).toBe('ATTESTATION_INVALID');
      expect(thrownBy(() => attHolds(other, envelope)).code).toBe('ATTESTATION_INVALID');
      expect(thrownBy(() => attLayers(other, 'it')).code).toBe('ATTESTATION_INVALID');
    }
  });
});
