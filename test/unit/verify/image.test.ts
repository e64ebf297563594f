import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type ImageDemands,
  registryStore,
  type Requirement,
  trustKeys,
  type Verification,
  verifyImage,
  unreadable,
} from '../../../src/verify/index.ts';
import { PREDICATE, signEnvelope, STATEMENT_PAYLOAD, writeBundle } from '../../../src/sign/index.ts';
import { MEDIA_TYPES, type Registry } from '../../../src/registry/index.ts';
import {
  attach,
  attachBelowTag,
  attachBundles,
  hashOf,
  type Layout,
  makeImage,
  markStatement,
  newKey,
  newMark,
  ownLayer,
  plainStatement,
  pushImage,
  pushIndex,
  RUN,
  sha256Hex,
} from '../../support/signed-image.ts';
import { Double, fault, repositoryOf } from '../registry/double.ts';
import { packTar } from '../../../src/image/patch/layer.ts';

const ada = newKey('ada.pub');
const eve = newKey('eve.pub');
const mark = newMark();
const APP = { tar: await packTar([{ name: 'app', mode: 0o755, time: 0, content: 'app' }]) };
const image = makeImage([APP, await ownLayer(mark)]);
const HASH = await hashOf(image);
const PROGRAMS = {
  'linux-amd64': {
    shim: sha256Hex(Buffer.from('shim')),
    reporter: sha256Hex(Buffer.from('reporter')),
  },
};
const EVERYTHING: readonly Requirement[] = ['mark', 'signature', 'content', 'provenance', 'sbom'];

function demands(required: readonly Requirement[] = ['mark', 'signature'], key = ada): ImageDemands {
  return {
    trust: trustKeys([key.publicKey]),
    required: new Set(required),
    platform: undefined,
    everyLayer: false,
    programs: PROGRAMS,
    openBase: undefined,
  };
}

async function verify(registry: Registry, ask = demands(), tag = 'v1'): Promise<Verification> {
  const ref = { registry: 'x', repository: 'team/app', tag };
  try {
    return await verifyImage(await registryStore(registry, ref), 'app', ask);
  } catch (error) {
    return unreadable('app', undefined, error, ask.required);
  }
}

/** The outcomes of one manifest; the only one where none is named. */
function outcomes({ manifests }: Verification, at = 0): Record<string, string> {
  return Object.fromEntries((manifests[at]?.checks ?? []).map(({ check, outcome }) => [check, outcome]));
}

const everyStatement = (digest: string, content = HASH) => [
  markStatement(digest, mark, content),
  plainStatement(digest, PREDICATE.provenance),
  plainStatement(digest, PREDICATE.spdx),
];

describe.each([{ referrers: true }, { referrers: false }])('an image in a registry (%j)', (options) => {
  let double: Double;
  let registry: Registry;
  beforeEach(async () => {
    double = await Double.open(options);
    registry = repositoryOf(double);
    await pushImage(registry, image, 'v1');
  });
  afterEach(() => double.close());

  test.each<Layout>(['att', 'bundle', 'both'])(
    'everything there and signed (%s): verified',
    async (layout) => {
      await attach(registry, image.digest, everyStatement(image.digest), ada, layout);
      const verification = await verify(registry, { ...demands(EVERYTHING), everyLayer: true });
      expect(verification).toMatchObject({ verdict: 'verified' });
      expect(outcomes(verification)).toEqual({
        image: 'ok',
        layers: 'ok',
        mark: 'ok',
        signature: 'ok',
        subject: 'ok',
        'attested-mark': 'ok',
        content: 'ok',
        provenance: 'ok',
        sbom: 'ok',
        shim: 'ok',
        base: 'skipped',
      });
      // In both layouts it is the same statement, told once.
      expect(verification.manifests[0]?.attestations).toHaveLength(3);
    },
  );

  test('not signed, or by somebody else: not verified; nobody named: could not tell', async () => {
    expect(outcomes(await verify(registry))).toMatchObject({ signature: 'failed', mark: 'ok' });
    await attach(registry, image.digest, everyStatement(image.digest), eve);
    const foreign = await verify(registry, demands(EVERYTHING));
    expect(foreign.verdict).toBe('not-verified');
    expect(outcomes(foreign)).toMatchObject({
      signature: 'failed',
      subject: 'skipped',
      content: 'failed',
      provenance: 'failed',
      sbom: 'failed',
    });
    expect((await verify(registry, { ...demands(), trust: undefined })).verdict).toBe('unknown');
    const asked = { ...demands(['mark']), trust: undefined };
    expect((await verify(registry, asked)).verdict).toBe('verified');
  });

  test('one good statement is enough, and the others are told', async () => {
    await attach(registry, image.digest, [markStatement(image.digest, newMark())], eve);
    await attach(registry, image.digest, [markStatement(image.digest, mark, HASH)], ada);
    const verification = await verify(registry, demands(['mark', 'signature', 'content']));
    expect(verification.verdict).toBe('verified');
    expect(verification.manifests[0]?.attestations.map(({ kind }) => kind).sort()).toEqual([
      'foreign',
      'good',
    ]);
  });

  test('a statement of another kind by a named key signs nothing', async () => {
    const scan = plainStatement(image.digest, 'https://cosign.sigstore.dev/attestation/vuln/v1');
    await attach(registry, image.digest, [scan, plainStatement(image.digest, PREDICATE.provenance)], ada);
    expect(outcomes(await verify(registry))).toMatchObject({ signature: 'failed', provenance: 'ok' });
    await attach(registry, image.digest, [plainStatement(image.digest, PREDICATE.signature)], ada);
    expect((await verify(registry)).verdict).toBe('verified');
  });

  test('a statement about another image', async () => {
    const other = `sha256:${'0'.repeat(64)}`;
    await attach(registry, image.digest, [markStatement(other, mark)], ada);
    const verification = await verify(registry);
    expect(verification.verdict).toBe('not-verified');
    expect(outcomes(verification)).toMatchObject({ signature: 'failed', subject: 'failed' });
  });

  test('another mark, or another content, signed for this very image', async () => {
    await attach(registry, image.digest, [markStatement(image.digest, newMark(), HASH)], ada);
    expect(outcomes(await verify(registry))).toMatchObject({
      signature: 'ok',
      'attested-mark': 'failed',
      content: 'ok',
    });
    const again = makeImage([APP, await ownLayer(mark)], { ...RUN, User: 'x' });
    await pushImage(registry, again, 'v2');
    await attach(registry, again.digest, everyStatement(again.digest, 'f'.repeat(64)), ada);
    expect(outcomes(await verify(registry, demands(), 'v2'))).toMatchObject({
      'attested-mark': 'ok',
      content: 'failed',
    });
  });

  test('several signatures: fine below the tag, and no bundle', async () => {
    const { payload } = markStatement(image.digest, mark);
    const twice = signEnvelope(payload, STATEMENT_PAYLOAD, [eve, ada]);
    await attachBelowTag(registry, image.digest, twice, PREDICATE.scai);
    expect((await verify(registry)).verdict).toBe('verified');
    const bundle = Buffer.from(writeBundle(signEnvelope(payload, STATEMENT_PAYLOAD, [ada]), ada.publicKey));
    const doubled = bundle.toString().replace(/("signatures":\[)(\{[^}]*\})/, '$1$2,$2');
    expect(doubled).not.toBe(bundle.toString());
    const other = makeImage([APP, await ownLayer(mark)], RUN, { author: 'x' });
    await pushImage(registry, other, 'v2');
    await attachBundles(registry, other.digest, [
      { bundle: Buffer.from(doubled), predicateType: PREDICATE.scai },
    ]);
    const verification = await verify(registry, demands(), 'v2');
    expect(verification.manifests[0]?.checks).toContainEqual(
      expect.objectContaining({ check: 'signature', outcome: 'failed', code: 'ATTESTATION_INVALID' }),
    );
  });

  test('an envelope of another type, and one that holds no statement', async () => {
    const { payload } = markStatement(image.digest, mark);
    const typed = signEnvelope(payload, 'application/json', [ada]);
    await attachBelowTag(registry, image.digest, typed, PREDICATE.scai);
    await attachBundles(registry, image.digest, [
      { bundle: writeBundle(typed, ada.publicKey), predicateType: PREDICATE.scai },
    ]);
    const empty = signEnvelope(Buffer.from('{}'), STATEMENT_PAYLOAD, [ada]);
    await attachBelowTag(registry, image.digest, empty, PREDICATE.scai);
    expect(outcomes(await verify(registry))).toMatchObject({ signature: 'failed' });
  });

  test('an index: it is signed as well, or one image is chosen', async () => {
    const arm = makeImage([APP, await ownLayer(mark)], RUN, { architecture: 'arm64' });
    await pushImage(registry, arm);
    const both = [
      { digest: image.digest, platform: 'linux/amd64' },
      { digest: arm.digest, platform: 'linux/arm64' },
    ];
    const top = await pushIndex(registry, both, 'all');
    for (const digest of [image.digest, arm.digest]) {
      await attach(registry, digest, [markStatement(digest, mark)], ada);
    }
    const unsigned = await verify(registry, demands(), 'all');
    expect(unsigned.verdict).toBe('not-verified');
    expect(unsigned.manifests.map(({ verdict }) => verdict)).toEqual([
      'not-verified',
      'verified',
      'verified',
    ]);
    const platform = { os: 'linux', architecture: 'arm64' };
    expect((await verify(registry, { ...demands(), platform }, 'all')).verdict).toBe('verified');
    await attach(registry, top, [markStatement(top, mark)], ada);
    expect((await verify(registry, demands(), 'all')).verdict).toBe('verified');
    const other = { os: 'linux', architecture: 's390x' };
    expect(await verify(registry, { ...demands(), platform: other }, 'all')).toMatchObject({
      verdict: 'unknown',
      manifests: [{ checks: [{ check: 'image', code: 'IMAGE_NOT_FOUND' }] }],
    });
    const swapped = await pushIndex(registry, [{ digest: arm.digest, platform: 'linux/amd64' }], 'swapped');
    await attach(registry, swapped, [markStatement(swapped, mark)], ada);
    expect(outcomes(await verify(registry, demands(), 'swapped'), 1)).toMatchObject({ image: 'failed' });
  });

  test.each<[number, string]>([
    [401, 'REGISTRY_UNAUTHORIZED'],
    [403, 'REGISTRY_FORBIDDEN'],
    [404, 'REGISTRY_NOT_FOUND'],
    [429, 'REGISTRY_THROTTLED'],
    [500, 'REGISTRY_FAILED'],
    [503, 'REGISTRY_FAILED'],
  ])('a registry that answers %i: could not tell', async (status, code) => {
    double.intercept = ({ path }, response) => {
      if (!path.includes('/manifests/v1')) return false;
      fault(response, status, 'X', 'no');
      return true;
    };
    expect(await verify(registry)).toMatchObject({
      verdict: 'unknown',
      manifests: [{ checks: [{ check: 'image', outcome: 'unknown', code }] }],
    });
  });

  test.each([401, 403, 429, 500])(
    'attestations it does not give out (%i): could not tell',
    async (status) => {
      await attach(registry, image.digest, everyStatement(image.digest), ada);
      double.intercept = ({ path }, response) => {
        if (!/\/referrers\/|\/manifests\/sha256-/.test(path)) return false;
        fault(response, status, 'X', 'no');
        return true;
      };
      const verification = await verify(registry, demands(EVERYTHING));
      expect(verification.verdict).toBe('unknown');
      expect(outcomes(verification)).toMatchObject({ signature: 'unknown', mark: 'ok', sbom: 'unknown' });
    },
  );

  test('manifests of another kind', async () => {
    double.addManifest(
      { schemaVersion: 1, name: 'x' },
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'old',
    );
    expect(await verify(registry, demands(), 'old')).toMatchObject({
      verdict: 'unknown',
      manifests: [{ checks: [{ check: 'image', code: 'MEDIA_TYPE_UNKNOWN' }] }],
    });
    double.addManifest({ manifests: [], layers: [], config: {} }, MEDIA_TYPES.index, 'both');
    expect(await verify(registry, demands(), 'both')).toMatchObject({
      verdict: 'not-verified',
      manifests: [{ checks: [{ check: 'image', code: 'RESPONSE_INVALID' }] }],
    });
    const inner = await pushIndex(registry, [{ digest: image.digest, platform: 'linux/amd64' }]);
    await pushIndex(registry, [{ digest: inner, platform: 'linux/amd64' }], 'nested');
    expect(outcomes(await verify(registry, demands(), 'nested'), 1)).toMatchObject({ image: 'unknown' });
  });

  test('more attestations than anybody has', async () => {
    const many = Array.from({ length: 300 }, () => ({
      mediaType: MEDIA_TYPES.image,
      digest: image.digest,
      size: 1,
    }));
    double.addManifest(
      { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: many },
      MEDIA_TYPES.index,
      image.digest.replace(':', '-'),
    );
    if (options.referrers) return;
    const { verdict, manifests } = await verify(registry);
    expect(verdict).toBe('unknown');
    expect(manifests[0]?.checks.find(({ check }) => check === 'signature')?.code).toBe('REGISTRY_TOO_LARGE');
  });
});

describe('base images', async () => {
  let double: Double;
  let registry: Registry;
  beforeEach(async () => {
    double = await Double.open({ referrers: true });
    registry = repositoryOf(double);
  });
  afterEach(() => double.close());

  const OWN = { tar: await packTar([{ name: 'own', mode: 0o644, time: 0, content: 'own' }]) };
  const chain = async (baseMark = newMark()) => {
    const base = makeImage([APP, await ownLayer(baseMark)]);
    await pushImage(registry, base, 'base');
    const own = newMark({
      DOCKER_BASE_IMAGE_REPO: `${double.host}/team/app`,
      DOCKER_BASE_IMAGE_DIGEST: base.digest.replace('sha256:', ''),
    });
    const child = makeImage([APP, await ownLayer(baseMark), OWN, await ownLayer(own)]);
    await pushImage(registry, child, 'v1');
    await attach(registry, child.digest, [markStatement(child.digest, own)], ada);
    return { base, baseMark, child, own };
  };
  const ask = (required: readonly Requirement[] = ['mark', 'signature', 'base']) => ({
    ...demands(required),
    openBase: async (ref: Parameters<typeof registryStore>[1]) => registryStore(registry, ref),
  });

  test('marked and signed: ok', async () => {
    const { base, baseMark } = await chain();
    await attach(registry, base.digest, [markStatement(base.digest, baseMark)], ada);
    const verification = await verify(registry, ask());
    expect(verification.verdict).toBe('verified');
    expect(outcomes(verification)).toMatchObject({ base: 'ok' });
    expect(outcomes(await verify(registry, demands()))).toMatchObject({ base: 'unknown' });
  });

  test('not signed, or with a broken mark, or not the base at all', async () => {
    await chain();
    expect(outcomes(await verify(registry, ask()))).toMatchObject({ base: 'failed' });
    expect(await verify(registry, ask(['mark', 'signature']))).toMatchObject({ verdict: 'verified' });
    const { base } = await chain();
    const liar = newMark({
      DOCKER_BASE_IMAGE_REPO: `${double.host}/team/app`,
      DOCKER_BASE_IMAGE_DIGEST: base.digest.replace('sha256:', ''),
    });
    const other = makeImage([OWN, await ownLayer(liar)]);
    await pushImage(registry, other, 'v2');
    await attach(registry, other.digest, [markStatement(other.digest, liar)], ada);
    expect(outcomes(await verify(registry, ask(), 'v2'))).toMatchObject({ base: 'failed' });
  });

  test('an unsigned mark sends us nowhere', async () => {
    const { child } = await chain();
    const asked: unknown[] = [];
    const open = {
      ...demands(['mark'], eve),
      openBase: async () => {
        asked.push(1);
        throw new Error('asked');
      },
    };
    expect(outcomes(await verify(registry, open))).toMatchObject({ base: 'unknown' });
    expect([asked, child.digest.length]).toEqual([[], 71]);
  });
});
