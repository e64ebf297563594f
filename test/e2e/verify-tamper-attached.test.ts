/** The same for what is attached to an image, what leads to it, and what the registry keeps on its disk. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MEDIA_TYPES, readManifest, referrersTag } from '../../src/registry/index.ts';
import {
  attTag,
  PREDICATE,
  readEnvelope,
  signEnvelope,
  STATEMENT_PAYLOAD,
  writeBundle,
} from '../../src/sign/index.ts';
import type { Verification } from '../../src/verify/index.ts';
import { describeWithEngine } from '../support/engine.ts';
import {
  attach,
  attachBelowTag,
  attachBundles,
  markStatement,
  plainStatement,
  putReferrers,
} from '../support/signed-image.ts';
import {
  ada,
  type Copy,
  eve,
  expectFound,
  flipped,
  goodStatements,
  TamperBench,
} from '../support/tamper-bench.ts';
import { imageAt, type Json, partsOf, putIndex, putParts } from '../support/tampered-image.ts';

describeWithEngine('verify of tampered attestations, indexes and blobs', (engine) => {
  let bench: TamperBench;
  beforeAll(async () => {
    if (engine.store === 'containerd') bench = await TamperBench.open(engine);
  });
  afterAll(async () => {
    if (engine.store === 'containerd') await bench.close();
  });

  // Graph drivers make no index of several platforms.
  describe.skipIf(engine.store !== 'containerd')('', () => {
    describe('attestations', () => {
      const empty = async ({ registry, image }: Copy) => {
        await putReferrers(registry, image, []);
        const bytes = Buffer.from(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: MEDIA_TYPES.image,
            config: {
              mediaType: MEDIA_TYPES.config,
              digest: (await imageAt(registry, image)).config.digest,
              size: (await registry.headBlob((await imageAt(registry, image)).config.digest)) ?? 0,
            },
            layers: [],
          }),
        );
        await registry.putManifest({ mediaType: MEDIA_TYPES.image, bytes }, attTag(image));
      };
      /** The attestations of the image for linux/amd64 are replaced by these. */
      const tamperAttestations = async (change: (copy: Copy) => Promise<void>): Promise<Verification> => {
        const copy = await bench.fresh();
        await empty(copy);
        await change(copy);
        return bench.verify(copy);
      };

      test('none', async () => {
        const found = await tamperAttestations(async () => undefined);
        expectFound(found, 'not-verified', ['signature', 'provenance', 'sbom']);
      });

      test('the same once more: verified', async () => {
        const again = await tamperAttestations(async (copy) =>
          attach(copy.registry, copy.image, goodStatements(copy), ada),
        );
        expect(again).toMatchObject({ verdict: 'verified' });
      });

      test('by another key', async () => {
        const found = await tamperAttestations(async (copy) =>
          attach(copy.registry, copy.image, goodStatements(copy), eve),
        );
        expectFound(found, 'not-verified', ['signature', 'provenance', 'sbom', 'content']);
      });

      test('by another key, which the mark names', async () => {
        const found = await tamperAttestations(async (copy) => {
          const values = new Map([...copy.mark, ['INJECTOR_PUBLIC_KEY', eve.publicKey.pem] as const]);
          const own = [markStatement(copy.image, { values }), ...goodStatements(copy).slice(1)];
          await attach(copy.registry, copy.image, own, eve);
        });
        expectFound(found, 'not-verified', ['signature']);
      });

      test.each([0, 1, 2])('statement %i by another key', async (at) => {
        const found = await tamperAttestations(async (copy) => {
          await attach(copy.registry, copy.image, goodStatements(copy).toSpliced(at, 1), ada);
          await attach(copy.registry, copy.image, goodStatements(copy).slice(at, at + 1), eve);
        });
        expectFound(found, 'not-verified', [['signature', 'provenance', 'sbom'][at] ?? '']);
      });

      test.each([0, 1, 2])('statement %i is gone', async (at) => {
        const found = await tamperAttestations(async (copy) =>
          attach(copy.registry, copy.image, goodStatements(copy).toSpliced(at, 1), ada),
        );
        expectFound(found, 'not-verified', [['signature', 'provenance', 'sbom'][at] ?? '']);
      });

      test('all about another image', async () => {
        const found = await tamperAttestations(async (copy) =>
          attach(copy.registry, copy.image, goodStatements({ ...copy, image: copy.other }), ada),
        );
        expectFound(found, 'not-verified', ['signature', 'subject']);
      });

      test('a scan in place of the mark', async () => {
        const found = await tamperAttestations(async (copy) => {
          const scan = plainStatement(copy.image, 'https://cosign.sigstore.dev/attestation/vuln/v1');
          await attach(copy.registry, copy.image, [scan, ...goodStatements(copy).slice(1)], ada);
        });
        expectFound(found, 'not-verified', ['signature']);
      });

      type Change = (envelope: ReturnType<typeof signEnvelope>) => ReturnType<typeof signEnvelope>;
      test.each<[string, Change]>([
        [
          'a payload that was changed',
          (each) => ({
            ...each,
            payload: Buffer.from(Buffer.from(each.payload).toString().replace('app', 'APP')),
          }),
        ],
        [
          'a signature that was changed',
          (each) => ({
            ...each,
            signatures: each.signatures.map(({ sig, keyid }) => ({ keyid, sig: flipped(sig, 12) })),
          }),
        ],
        ['another payload type', (each) => ({ ...each, payloadType: 'application/json' })],
        ['an empty payload', (each) => ({ ...each, payload: Buffer.from('{}') })],
        [
          'the signature of another statement',
          (each) => ({
            ...each,
            signatures: signEnvelope(Buffer.from('{}'), STATEMENT_PAYLOAD, [ada]).signatures,
          }),
        ],
      ])('%s', async (_, change) => {
        const found = await tamperAttestations(async (copy) => {
          for (const { payload, predicateType } of goodStatements(copy)) {
            const envelope = change(signEnvelope(payload, STATEMENT_PAYLOAD, [ada]));
            await attachBelowTag(copy.registry, copy.image, envelope, predicateType);
            const bundle = writeBundle(envelope, ada.publicKey);
            await attachBundles(copy.registry, copy.image, [{ bundle, predicateType }]);
          }
        });
        expectFound(found, 'not-verified', ['signature']);
      });

      test('bundles that are none', async () => {
        const found = await tamperAttestations(async (copy) => {
          const texts = [
            '',
            '{}',
            '[]',
            'evil',
            '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.9+json"}',
          ];
          const bundles = texts.map((text) => ({ bundle: Buffer.from(text), predicateType: PREDICATE.scai }));
          await attachBundles(copy.registry, copy.image, bundles.slice(1));
        });
        expectFound(found, 'not-verified', ['signature']);
      });

      test('something else where they are listed', async () => {
        const found = await tamperAttestations(async (copy) => {
          const { bytes, mediaType } = await copy.registry.getManifest(copy.image);
          await copy.registry.putManifest({ bytes, mediaType }, referrersTag(copy.image));
          await copy.registry.putManifest({ bytes, mediaType }, attTag(copy.image));
        });
        expectFound(found, 'not-verified', ['signature']);
      });

      test('of the index: none, and by another key', async () => {
        const copy = await bench.fresh();
        const index = await putIndex(copy.registry, copy.index, (entries) => entries.toReversed(), 'v1');
        expectFound(await bench.verify(copy), 'not-verified', ['index']);
        await attach(copy.registry, index, [markStatement(index, { values: copy.mark })], eve);
        expectFound(await bench.verify(copy), 'not-verified', ['index']);
      });
    });

    describe('indexes and tags', () => {
      test.each<[string, (entries: readonly Json[]) => readonly Json[]]>([
        ['an image less', (entries) => entries.slice(1)],
        ['images in another order', (entries) => entries.toReversed()],
        ['an annotation more', (entries) => entries.map((each) => ({ ...each, annotations: { evil: 'x' } }))],
        ['an image twice', (entries) => [...entries, ...entries.slice(0, 1)]],
      ])('%s: nobody signed that index', async (_, change) => {
        const copy = await bench.fresh();
        await putIndex(copy.registry, copy.index, change, 'v1');
        expectFound(await bench.verify(copy), 'not-verified', ['index']);
      });

      test('platforms that were swapped, signed without looking', async () => {
        const copy = await bench.fresh();
        const index = await putIndex(
          copy.registry,
          copy.index,
          (entries) => {
            const [a, b, ...rest] = entries;
            return [{ ...a, platform: b?.['platform'] }, { ...b, platform: a?.['platform'] }, ...rest];
          },
          'v1',
        );
        await attach(copy.registry, index, [markStatement(index, { values: copy.mark })], ada);
        expectFound(await bench.verify(copy), 'not-verified', ['image']);
      });

      test('the tag leads to an image nobody signed, to no image, to nothing', async () => {
        const copy = await bench.fresh();
        const parts = await partsOf(copy.registry, copy.image);
        const changed = { ...parts, config: { ...parts.config, author: 'eve' } };
        const digest = await putParts(copy.registry, changed);
        const { bytes, mediaType } = await copy.registry.getManifest(digest);
        await copy.registry.putManifest({ bytes, mediaType }, 'v1');
        expectFound(await bench.verify(copy), 'not-verified', ['signature']);
        const attestation = await copy.registry.getManifest(attTag(copy.image));
        await copy.registry.putManifest({ bytes: attestation.bytes, mediaType: attestation.mediaType }, 'v1');
        expect((await bench.verify(copy)).verdict).not.toBe('verified');
        expectFound(await bench.verify(copy, 'v2'), 'unknown', ['image']);
      });
    });

    describe('the disk of the registry', () => {
      const blobs: readonly [string, (copy: Copy) => Promise<string>][] = [
        ['the config', async ({ registry, image }) => (await imageAt(registry, image)).config.digest],
        ...[0, -1, -2].map((at): [string, (copy: Copy) => Promise<string>] => [
          `layer ${at}`,
          async ({ registry, image }) => (await imageAt(registry, image)).layers.at(at)?.digest ?? '',
        ]),
        ['the image’s manifest', async ({ image }) => image],
        ['the index', async ({ index }) => index],
        [
          'a statement below the tag and its bundle',
          async ({ registry, image }) => {
            const att = await registry.getManifest(attTag(image));
            const content = readManifest(att);
            return content.kind === 'image' ? (content.layers[0]?.digest ?? '') : '';
          },
        ],
      ];
      test.each(blobs)('%s has other bytes, or fewer', async (name, find) => {
        const copy = await bench.fresh();
        const digest = await find(copy);
        const isManifest = digest === copy.image || digest === copy.index;
        const bytes = isManifest
          ? (await copy.registry.getManifest(digest)).bytes
          : await copy.registry.readBlob(digest, 1 << 28);
        if (name.startsWith('a statement')) {
          // Its other layout alone would do.
          expect(readEnvelope(bytes, 'x').signatures).toHaveLength(1);
          await putReferrers(copy.registry, copy.image, []);
        }
        for (const changed of [flipped(bytes, Math.floor(bytes.length / 2)), bytes.subarray(0, -7)]) {
          bench.real.overwriteBlob(digest, changed);
          const found = await bench.verify(copy);
          bench.real.overwriteBlob(digest, bytes);
          expect(found.verdict).not.toBe('verified');
        }
        // Nothing else was in the way.
        if (!name.startsWith('a statement')) expect((await bench.verify(copy)).verdict).toBe('verified');
      });
    });

    test('through the command: exit status 0, 1 and 2', async () => {
      const pub = join(bench.sandbox.root, 'ada.pub');
      writeFileSync(pub, ada.publicKey.pem);
      const copy = await bench.fresh();
      const name = `${copy.registry.name}:v1`;
      expect(await bench.sandbox.chalk(['verify', '--key', pub, '--layers', name])).toMatchObject({
        code: 0,
        stderr: '',
      });
      expect(await bench.sandbox.chalk(['verify', name])).toMatchObject({ code: 2 });
      await putIndex(copy.registry, copy.index, (entries) => entries.toReversed(), 'v1');
      expect(await bench.sandbox.chalk(['verify', '--key', pub, name])).toMatchObject({
        code: 1,
        stderr: '',
      });
      expect((await bench.sandbox.chalk(['verify', '--key', pub, `${copy.registry.name}:no`])).code).toBe(2);
    });
  });
});
