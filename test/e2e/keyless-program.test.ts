import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSuccess, type Files, Sandbox } from '../support/chalk.ts';
import { engine } from '../support/engine.ts';
import { type Sigstore, sigstorePrograms, startSigstore } from '../support/engine/sigstore.ts';

const found = engine();
const programs = found === undefined ? undefined : await sigstorePrograms();

const ADA = { sub: '1815', email: 'ada@example.com', email_verified: true };
const TYPES = ['slsaprovenance1', 'https://in-toto.io/attestation/scai/v0.3'];

describe.skipIf(found === undefined || programs === undefined)('docker chalk --keyless', () => {
  let sigstore: Sigstore;
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    if (found === undefined) throw new Error('there is no engine');
    sigstore = await startSigstore(programs ?? '', found.env);
    sandbox = await Sandbox.open(found);
    const files: Files = { Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` };
    folder = sandbox.project(files);
  });
  afterAll(async () => {
    await sandbox.close();
    await sigstore.close();
  });

  const servers = () => [
    `--fulcio-url=${sigstore.fulcio}`,
    `--rekor-url=${sigstore.rekor}`,
    `--timestamp-url=${sigstore.timestamp}`,
    `--trusted-root=${sigstore.trustedRoot}`,
  ];
  const build = (name: string, options: readonly string[], env: Readonly<Record<string, string>>) =>
    sandbox.chalk([...options, 'build', '--push', '--progress=plain', '-t', name, folder], { env });
  const nameOf = () => `${sandbox.engine.registry}/${sandbox.name().replaceAll('.', '-')}:v1`;
  const cosignVerifies = (name: string, type: string, identity = ADA.email) =>
    sandbox.run('cosign', [
      'verify-attestation',
      '--insecure-ignore-sct',
      `--type=${type}`,
      `--trusted-root=${sigstore.trustedRoot}`,
      `--certificate-identity=${identity}`,
      `--certificate-oidc-issuer=${sigstore.issuer}`,
      name,
    ]);

  test('a pushed build is signed as the job, and cosign verifies every statement', async () => {
    const name = nameOf();
    const token = sigstore.token(ADA);
    const { stderr, stdout } = expectSuccess(
      await build(name, ['--keyless', ...servers()], { SIGSTORE_ID_TOKEN: token }),
    );
    expect(stderr).not.toContain('not signed');
    for (const type of TYPES) expectSuccess(await cosignVerifies(name, type));
    expect((await cosignVerifies(name, 'slsaprovenance1', 'eve@example.com')).code).not.toBe(0);
    expect(sandbox.lastReport()['_X_CHALK_SIGNING']).toBe('keyless');
    // The token is nobody's but Fulcio's.
    const [, payload = ''] = token.split('.');
    expect(`${stderr}${stdout}${JSON.stringify(sandbox.lastReport())}`).not.toContain(payload);
  });

  test('docker chalk verify takes it for that identity and no other', async () => {
    const name = nameOf();
    const env = {
      CHALK_KEYLESS: '1',
      CHALK_FULCIO_URL: sigstore.fulcio,
      CHALK_REKOR_URL: sigstore.rekor,
      CHALK_TIMESTAMP_URL: sigstore.timestamp,
      SIGSTORE_ID_TOKEN: sigstore.token(ADA),
    };
    expectSuccess(await build(name, [], env));
    const verify = (identity: string) =>
      sandbox.chalk([
        'verify',
        `--identity=${identity}`,
        `--issuer=${sigstore.issuer}`,
        `--trusted-root=${sigstore.trustedRoot}`,
        name,
      ]);
    expectSuccess(await verify(ADA.email));
    const { code, stdout, stderr } = await verify('eve@example.com');
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`).toContain(ADA.email);
  });

  describe('what cannot be signed is pushed, and the error told once', () => {
    const NOWHERE = 'http://127.0.0.1:9';
    test.each<[string, string, () => readonly string[], boolean]>([
      ['no identity', 'IDENTITY_MISSING', servers, false],
      [
        'no Fulcio there',
        'SIGNING_SERVICE_FAILED',
        () => [`--fulcio-url=${NOWHERE}`, `--rekor-url=${sigstore.rekor}`],
        true,
      ],
      ['a log without Fulcio', 'ARGV_USAGE', () => [`--rekor-url=${sigstore.rekor}`], true],
    ])('%s', async (_, code, options, hasToken) => {
      const name = nameOf();
      const env: Record<string, string> = hasToken ? { SIGSTORE_ID_TOKEN: sigstore.token(ADA) } : {};
      const built = await build(name, ['--keyless', ...options()], env);
      expect([built.code, ours(built.stderr)]).toEqual([
        0,
        [expect.stringContaining(`docker chalk: not signed: ${code}`)],
      ]);
      expect(sandbox.lastReport()).toMatchObject({
        _X_CHALK_SIGNING: 'failed',
        _OP_ERRORS: [expect.stringContaining(code)],
      });
    });

    test('and strict mode exits with 1', async () => {
      expect((await build(nameOf(), ['--keyless', '--strict', ...servers()], {})).code).toBe(1);
    });
  });
});

const ours = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('docker chalk:'));
