import { afterEach, beforeEach, expect, test } from 'vitest';
import { packTar } from '../../../src/image/patch/layer.ts';
import type { Registry } from '../../../src/registry/index.ts';
import { PREDICATE } from '../../../src/sign/index.ts';
import { keylessSigner, verifyKeyless } from '../../../src/sign/keyless/index.ts';
import { trustedRootOf } from '../../../src/sign/keyless/trusted-root.ts';
import {
  registryStore,
  type Trust,
  trustAny,
  trustIdentities,
  trustKeys,
  verifyImage,
} from '../../../src/verify/index.ts';
import {
  attachBelowTag,
  attachBundles,
  makeImage,
  markStatement,
  newKey,
  newMark,
  ownLayer,
  pushImage,
} from '../../support/signed-image.ts';
import { Double, repositoryOf } from '../registry/double.ts';
import {
  ADA,
  Authority,
  FirstRekor,
  fulcio,
  FULCIO,
  hostWith,
  ISSUER,
  REKOR,
  tokenOf,
  trustedRootText,
} from '../sign/keyless-double.ts';

const authority = new Authority();
const rekor = new FirstRekor();
const mark = newMark();
const APP = { tar: await packTar([{ name: 'app', mode: 0o755, time: 0, content: 'app' }]) };
const image = makeImage([APP, await ownLayer(mark)]);

const trustIn = (identity: string | RegExp, issuer = ISSUER, root = authority): Trust => {
  const trusted = trustedRootOf(trustedRootText(root, rekor), 'the trusted root');
  return trustIdentities([{ identity, issuer }], (bundle, policy) => verifyAs(bundle, policy));
  async function verifyAs(bundle: Uint8Array, policy: Parameters<typeof verifyKeyless>[2]) {
    const verdict = await verifyKeyless(bundle, trusted, policy);
    return verdict.kind === 'verified' ? { kind: 'verified' as const, by: verdict.identity } : verdict;
  }
};

let double: Double;
let registry: Registry;
beforeEach(async () => {
  double = await Double.open({ referrers: true });
  registry = repositoryOf(double);
  await pushImage(registry, image, 'v1');
});
afterEach(() => double.close());

async function verify(trust: Trust | undefined) {
  const store = await registryStore(registry, { registry: 'x', repository: 'team/app', tag: 'v1' });
  const { verdict, manifests } = await verifyImage(store, 'app', {
    trust,
    required: new Set(['mark', 'signature']),
    platform: undefined,
    everyLayer: false,
    programs: {},
    openBase: undefined,
  });
  return { verdict, signature: manifests[0]?.checks.find(({ check }) => check === 'signature')?.why };
}

async function signedBundle() {
  const host = hostWith([fulcio(authority), rekor.handler], { SIGSTORE_ID_TOKEN: tokenOf(ADA) });
  const signer = await keylessSigner(host, { fulcioUrl: FULCIO, rekorUrl: REKOR });
  return signer.sign(markStatement(image.digest, mark).payload);
}

test('an image signed by an identity: by that one and its issuer alone', async () => {
  const { bundle } = await signedBundle();
  await attachBundles(registry, image.digest, [{ bundle, predicateType: PREDICATE.scai }]);
  expect(await verify(trustIn(ADA.email))).toEqual({
    verdict: 'verified',
    signature: `signed by ${ADA.email}`,
  });
  expect(await verify(trustIn(/ada@.*/))).toMatchObject({ verdict: 'verified' });
  expect(await verify(trustIn('eve@example.com'))).toMatchObject({ verdict: 'not-verified' });
  expect(await verify(trustIn(ADA.email, 'https://other.example.com'))).toMatchObject({
    verdict: 'not-verified',
  });
  // The certificate of another authority.
  expect(await verify(trustIn(ADA.email, ISSUER, new Authority()))).toMatchObject({
    verdict: 'not-verified',
  });
  // A key beside it changes nothing, and is not enough.
  const key = trustKeys([newKey('ada.pub').publicKey]);
  expect(await verify(trustAny([key, trustIn(ADA.email)]))).toMatchObject({ verdict: 'verified' });
  expect(await verify(key)).toMatchObject({ verdict: 'not-verified' });
});

test('a certificate that had expired when it was used', async () => {
  const { bundle } = await signedBundle();
  const text = Buffer.from(bundle).toString();
  const aged = text.replace(
    /("integratedTime":\s*"?)(\d+)/,
    (_, head: string, time: string) => `${head}${Number(time) + 86_400}`,
  );
  expect(aged).not.toBe(text);
  await attachBundles(registry, image.digest, [{ bundle: Buffer.from(aged), predicateType: PREDICATE.scai }]);
  expect(await verify(trustIn(ADA.email))).toMatchObject({ verdict: 'not-verified' });
});

test('below the tag alone there is nothing to verify an identity by', async () => {
  const { envelope } = await signedBundle();
  await attachBelowTag(registry, image.digest, envelope, PREDICATE.scai);
  const { verdict, signature } = await verify(trustIn(ADA.email));
  expect(verdict).toBe('not-verified');
  expect(signature).toContain('it is in no sigstore bundle');
});
