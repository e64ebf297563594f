import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { PREDICATE, readBundle, writeStatement } from '../../../src/sign/index.ts';
import { keylessSigner, type KeylessVerdict, verifyKeyless } from '../../../src/sign/keyless/index.ts';
import { trustedRootOf } from '../../../src/sign/keyless/trusted-root.ts';
import {
  ADA,
  Authority,
  bodyOf,
  type DoubleHost,
  FirstRekor,
  fulcio,
  FULCIO,
  type Handler,
  hostWith,
  ISSUER,
  NOW,
  REKOR,
  TIMESTAMP,
  tokenOf,
  trustedRootText,
} from './keyless-double.ts';

// Servers are asked again after a while, and nothing here depends on how busy the machine is.
vi.setConfig({ testTimeout: 60_000 });

const Json = z.record(z.string(), z.unknown());
const STATEMENT = writeStatement([{ digest: { sha256: 'a'.repeat(64) } }], PREDICATE.provenance, '{}');
const OPTIONS = { fulcioUrl: FULCIO, rekorUrl: REKOR };
const POLICY = { identity: ADA.email, issuer: ISSUER };

const authority = new Authority();
const rekor = new FirstRekor();
const root = trustedRootOf(trustedRootText(authority, rekor), 'the trusted root');

const signWith = async (handlers: readonly Handler[], options: object = {}) => {
  const signer = await keylessSigner(hostWith(handlers), { ...OPTIONS, ...options });
  return signer.sign(STATEMENT);
};

const reasonOf = (verdict: KeylessVerdict) => (verdict.kind === 'verified' ? 'it was verified' : verdict.why);

describe('with Rekor 1 and a log of certificates', () => {
  test('what is signed verifies', async () => {
    const { bundle, envelope } = await signWith([fulcio(authority), rekor.handler]);
    expect(await verifyKeyless(bundle, root, POLICY)).toEqual({
      kind: 'verified',
      identity: ADA.email,
      issuer: ISSUER,
    });
    expect(Buffer.from(envelope.payload)).toEqual(Buffer.from(STATEMENT));
    expect(readBundle(bundle, 'the bundle').material.kind).toBe('certificate');
  });

  test('the older layout has certificate, chain and the promise of the log', async () => {
    const { attAnnotations = {} } = await signWith([fulcio(authority), rekor.handler]);
    const place = 'dev.sigstore.cosign';
    expect(Object.keys(attAnnotations)).toEqual([
      `${place}/certificate`,
      `${place}/chain`,
      `${place}/bundle`,
    ]);
    expect(attAnnotations[`${place}/certificate`]?.match(/BEGIN/g)).toHaveLength(1);
    expect(JSON.parse(attAnnotations[`${place}/bundle`] ?? '')).toMatchObject({
      SignedEntryTimestamp: expect.any(String) as unknown,
      Payload: { integratedTime: NOW / 1000, logIndex: 1 },
    });
  });

  test('a URI is an identity too', async () => {
    const uri = 'https://github.com/acme/greet/.github/workflows/build.yml@refs/heads/main';
    const { bundle } = await signWith([fulcio(authority, { uri }), rekor.handler]);
    expect(await verifyKeyless(bundle, root, { identity: uri, issuer: ISSUER })).toMatchObject({
      kind: 'verified',
      identity: uri,
    });
    const pattern = /https:\/\/github\.com\/acme\/.*/;
    expect(await verifyKeyless(bundle, root, { identity: pattern, issuer: ISSUER })).toMatchObject({
      kind: 'verified',
    });
  });

  test('one certificate serves all statements, those signed at once with it', async () => {
    const host = hostWith([fulcio(authority), rekor.handler]);
    const signer = await keylessSigner(host, OPTIONS);
    await Promise.all([signer.sign(STATEMENT), signer.sign(STATEMENT), signer.sign(STATEMENT)]);
    await signer.sign(STATEMENT);
    expect(requestsTo(host, FULCIO)).toBe(1);
    // Its life ends within the minute.
    host.at = NOW + 8.5 * 60_000;
    await Promise.all([signer.sign(STATEMENT), signer.sign(STATEMENT)]);
    expect(requestsTo(host, FULCIO)).toBe(2);
  });

  test('a signature is verified at once where there is a trusted root', async () => {
    const other = trustedRootText(new Authority(), rekor);
    const host = hostWith([fulcio(authority), rekor.handler]);
    await host.files.write('/root.json', other, 0o644);
    const signer = await keylessSigner(host, { ...OPTIONS, trustedRoot: '/root.json' });
    await expect(signer.sign(STATEMENT)).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
      message: expect.stringContaining('does not verify with /root.json') as unknown,
    });
  });
});

describe('before the first signature', () => {
  test('nobody is asked anything', async () => {
    const host = hostWith([]);
    await keylessSigner(host, OPTIONS);
    await keylessSigner(host, {});
    expect(host.sent).toEqual([]);
  });

  test('what is configured is checked', async () => {
    await expect(keylessSigner(hostWith([]), { fulcioUrl: FULCIO })).rejects.toMatchObject({
      code: 'ARGV_USAGE',
    });
    const trustedRoot = '/nowhere/root.json';
    await expect(keylessSigner(hostWith([]), { ...OPTIONS, trustedRoot })).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_UNUSABLE',
    });
  });
});

describe('what does not verify, and why', () => {
  test('another identity, another issuer', async () => {
    const { bundle } = await signWith([fulcio(authority), rekor.handler]);
    const check = async (policy: object) =>
      reasonOf(await verifyKeyless(bundle, root, { ...POLICY, ...policy }));
    expect(await check({ identity: 'eve@example.com' })).toBe(
      'it is signed by "ada@example.com", not by "eve@example.com"',
    );
    expect(await check({ identity: /ada/ })).toBe('it is signed by "ada@example.com", not by /ada/');
    expect(await check({ issuer: 'https://other.example.com' })).toBe(
      `its issuer is "${ISSUER}", not "https://other.example.com"`,
    );
  });

  test('a signature of a time when the certificate had ended', async () => {
    const late = new FirstRekor(NOW + 3_600_000);
    const { bundle } = await signWith([fulcio(authority), late.handler]);
    const trusted = trustedRootOf(trustedRootText(authority, late), 'x');
    expect(reasonOf(await verifyKeyless(bundle, trusted, POLICY))).toBe(
      'its certificate was good from 2026-11-22T11:59:00.000Z to 2026-11-22T12:09:00.000Z, and it was signed at 2026-11-22T13:00:00.000Z',
    );
  });

  test('an authority that is not trusted', async () => {
    const { bundle } = await signWith([fulcio(new Authority()), rekor.handler]);
    expect(reasonOf(await verifyKeyless(bundle, root, POLICY))).toContain(
      'its certificate is not one of the trusted root',
    );
  });

  test('a log that is not trusted', async () => {
    const { bundle } = await signWith([fulcio(authority), new FirstRekor().handler]);
    expect(reasonOf(await verifyKeyless(bundle, root, POLICY))).toContain(
      'its log entry is not one of the trusted root',
    );
  });

  test('a certificate that is in no log of certificates', async () => {
    const { bundle } = await signWith([fulcio(authority, { logged: false }), rekor.handler]);
    expect(reasonOf(await verifyKeyless(bundle, root, POLICY))).toContain('expected 1 SCTs, got 0');
  });

  test('a certificate for another use', async () => {
    const { bundle } = await signWith([fulcio(authority, { codeSigning: false }), rekor.handler]);
    expect(reasonOf(await verifyKeyless(bundle, root, POLICY))).toBe(
      'its certificate is not made for signing',
    );
  });

  test('what is no bundle, or signed with a key', async () => {
    expect(reasonOf(await verifyKeyless(Buffer.from('{}'), root, POLICY))).toContain('damaged');
    const { bundle } = await signWith([fulcio(authority), rekor.handler]);
    const json = Json.parse(JSON.parse(Buffer.from(bundle).toString()));
    const keyed = { ...json, verificationMaterial: { publicKey: { hint: '' } } };
    expect(reasonOf(await verifyKeyless(Buffer.from(JSON.stringify(keyed)), root, POLICY))).toBe(
      'it is signed with a key, not with a certificate',
    );
  });

  test('a bundle that two readers would read differently', async () => {
    const { bundle } = await signWith([fulcio(authority), rekor.handler]);
    const { bundle: other } = await signWith([fulcio(authority), rekor.handler]);
    const json = Json.parse(JSON.parse(Buffer.from(bundle).toString()));
    const foreign = Json.parse(JSON.parse(Buffer.from(other).toString()))['dsseEnvelope'];
    const two = { ...json, dsse_envelope: foreign };
    // The name that we do not read changes nothing.
    expect(await verifyKeyless(Buffer.from(JSON.stringify(two)), root, POLICY)).toMatchObject({
      kind: 'verified',
    });
  });
});

describe('Fulcio', () => {
  const answers =
    (status: number, body: string): Handler =>
    ({ url }) =>
      url.startsWith(FULCIO) ? { status, body } : undefined;

  test('is sent the token in the body, and a proof of the key', async () => {
    const host = hostWith([fulcio(authority), rekor.handler]);
    await (await keylessSigner(host, OPTIONS)).sign(STATEMENT);
    const [first] = host.sent;
    expect(first?.headers).not.toHaveProperty('authorization');
    expect(bodyOf(first ?? { method: '', url: '' })).toMatchObject({
      credentials: { oidcIdentityToken: tokenOf(ADA) },
      publicKeyRequest: { publicKey: { algorithm: 'ECDSA' } },
    });
    expect(
      host.sent
        .slice(1)
        .map((request) => JSON.stringify(request))
        .join(),
    ).not.toContain(tokenOf(ADA));
  });

  test('that refuses is asked once, and what it repeats of the token is not in the message', async () => {
    const host = hostWith([answers(403, `{"message":"bad token ${tokenOf(ADA)}\u001b[31m"}`)]);
    const signer = await keylessSigner(host, OPTIONS);
    const error: unknown = await signer.sign(STATEMENT).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'SIGNING_SERVICE_REFUSED',
      message: `Fulcio (${FULCIO}/api/v2/signingCert) answered 403: {"message":"bad token [secret] [31m"}`,
    });
    expect(host.sent).toHaveLength(1);
    // The answer holds for the whole run.
    await expect(signer.sign(STATEMENT)).rejects.toBe(error);
    expect(host.sent).toHaveLength(1);
  });

  test('that fails is asked again', async () => {
    let failures = 1;
    const flaky: Handler = ({ url }) =>
      url.startsWith(FULCIO) && failures-- > 0 ? { status: 503, body: 'busy' } : undefined;
    await expect(signWith([flaky, fulcio(authority), rekor.handler])).resolves.toBeDefined();
  });

  test('that keeps failing, or is not there', async () => {
    const busy = hostWith([answers(503, 'busy')]);
    await expect((await keylessSigner(busy, OPTIONS)).sign(STATEMENT)).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
      message: expect.stringContaining('answered 503: busy') as unknown,
    });
    expect(busy.sent).toHaveLength(3);
    await expect(signWith([])).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
      message: expect.stringContaining('is not there') as unknown,
    });
  });

  test.each([
    ['no JSON', '<html>'],
    ['no certificate', '{"signedCertificateEmbeddedSct":{"chain":{"certificates":[]}}}'],
    ['no PEM', '{"signedCertificateEmbeddedSct":{"chain":{"certificates":["x"]}}}'],
    ['too much', 'x'.repeat(9 * 1024 * 1024)],
  ])('that answers with %s', async (_, body) => {
    await expect(signWith([answers(200, body)])).rejects.toMatchObject({ code: 'SIGNING_SERVICE_FAILED' });
  });

  test('whose certificate is of another key', async () => {
    let kept: ReturnType<Handler>;
    const same: Handler = (request) => {
      kept ??= fulcio(authority)(request);
      return request.url.startsWith(FULCIO) ? kept : undefined;
    };
    await signWith([same, rekor.handler]);
    await expect(signWith([same, rekor.handler])).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
      message: expect.stringContaining('of another key') as unknown,
    });
  });
});

describe('Rekor', () => {
  test('that has the entry already is asked for it', async () => {
    let proposed: unknown;
    const had: Handler = (request) => {
      if (!request.url.startsWith(`${REKOR}/api/v1/log/entries`)) return undefined;
      if (request.method === 'GET') return { status: 200, body: JSON.stringify(rekor.entryOf(proposed)) };
      proposed = bodyOf(request);
      return { status: 409, body: '', headers: { location: `/api/v1/log/entries/${'ab'.repeat(40)}` } };
    };
    const { bundle } = await signWith([fulcio(authority), had]);
    expect(await verifyKeyless(bundle, root, POLICY)).toMatchObject({ kind: 'verified' });
  });

  test('that logged something else', async () => {
    let first: ReturnType<Handler>;
    const stuck: Handler = (request) => {
      if (!request.url.endsWith('/api/v1/log/entries')) return undefined;
      first ??= rekor.handler(request);
      return first;
    };
    const signer = await keylessSigner(hostWith([fulcio(authority), stuck]), OPTIONS);
    await signer.sign(STATEMENT);
    await expect(signer.sign(Buffer.from('{}'))).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
      message: expect.stringContaining('it logged something else') as unknown,
    });
  });

  test('at an address that is none', async () => {
    const nothing: Handler = ({ url }) => (url.startsWith(REKOR) ? { status: 404, body: '' } : undefined);
    const timestampUrl = TIMESTAMP;
    await expect(signWith([fulcio(authority), nothing])).rejects.toMatchObject({
      code: 'ARGV_USAGE',
      message: expect.stringContaining(`${REKOR} is not Rekor 1`) as unknown,
    });
    const timestamps: Handler = ({ url }) => (url === TIMESTAMP ? { status: 400, body: '' } : undefined);
    const host = hostWith([fulcio(authority), nothing, timestamps]);
    const signer = await keylessSigner(host, { ...OPTIONS, timestampUrl });
    await expect(signer.sign(STATEMENT)).rejects.toMatchObject({ code: 'SIGNING_SERVICE_REFUSED' });
  });

  test.each(['{}', 'no JSON', '{"a":{"body":"e30="}}'])('that answers with %s', async (body) => {
    const garbage: Handler = ({ url }) => (url.startsWith(REKOR) ? { status: 201, body } : undefined);
    await expect(signWith([fulcio(authority), garbage])).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
    });
  });
});

describe('a timestamp authority', () => {
  test.each([
    ['no timestamp', Buffer.from('no')],
    // PKIStatus 2, rejection, and no token.
    ['a rejection', Buffer.from('30053003020102', 'hex')],
  ])('that answers with %s', async (_, body) => {
    const authorityOf: Handler = ({ url }) => (url === TIMESTAMP ? { status: 200, body } : undefined);
    await expect(
      signWith([fulcio(authority), rekor.handler, authorityOf], { timestampUrl: TIMESTAMP }),
    ).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
      message: expect.stringContaining('the timestamp authority') as unknown,
    });
  });
});

function requestsTo(host: DoubleHost, url: string): number {
  return host.sent.filter((request) => request.url.startsWith(url)).length;
}
