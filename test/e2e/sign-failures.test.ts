/** Whatever goes wrong with signing, the push is docker's own; only strict mode calls it a failure. */
import type { ServerResponse } from 'node:http';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { expectSuccess, onlyChalk } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { RegistryProxy } from '../support/registry-proxy.ts';
import { manifestAt, SCAI, Signer, tagsOf } from './sign-support.ts';

// Each starts docker and cosign a dozen times, and the machine may be busy.
vi.setConfig({ testTimeout: 300_000 });

describeWithEngine('a push that cannot be signed', (engine) => {
  let signer: Signer;
  let folder = '';
  let proxy: RegistryProxy;
  beforeAll(async () => {
    signer = await Signer.open(engine);
    proxy = await RegistryProxy.open(engine.registry);
    folder = signer.sandbox.project({ Dockerfile: `FROM ${signer.sandbox.base('busybox')}\nCMD ["true"]\n` });
  });
  afterEach(() => {
    proxy.intercept = () => false;
    proxy.asked.length = 0;
  });
  afterAll(async () => {
    proxy.close();
    await signer.close();
  });

  const push = (name: string, options: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
    signer.chalk([...options, 'build', '--push', '--progress=plain', '-t', name, folder], env);
  const ours = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('docker chalk:'));
  const errors = () => signer.sandbox.lastReport()['_OP_ERRORS'] ?? [];
  const isSigned = async (repository: string) =>
    (await tagsOf(engine.registry, repository)).some((tag) => tag.startsWith('sha256-'));

  test('no key: nothing happens, and nobody is asked', async () => {
    const repository = signer.repository();
    const name = `${proxy.host}/${repository}:v1`;
    const config = join(signer.sandbox.root, 'no-keys');
    mkdirSync(config, { recursive: true });
    const { stderr } = expectSuccess(await push(name, [], { XDG_CONFIG_HOME: config }));
    expect(ours(stderr)).toEqual([]);
    expect(signer.sandbox.lastReport()).not.toHaveProperty('_X_CHALK_SIGNING');
    expect(onlyChalk(signer.sandbox.lastReport())).not.toHaveProperty('_SIGNATURES');
    expect(await isSigned(repository)).toBe(false);
    expect(proxy.asked.filter((line) => /referrers|sha256-/.test(line))).toEqual([]);

    const asked = await push(name, ['--sign'], { XDG_CONFIG_HOME: config });
    expect([asked.code, ours(asked.stderr)]).toEqual([0, [expect.stringContaining('KEY_NOT_FOUND')]]);
    expect((await push(name, ['--sign', '--strict'], { XDG_CONFIG_HOME: config })).code).toBe(1);
  });

  test('--no-sign: the keys stay where they are', async () => {
    const repository = signer.repository();
    expectSuccess(await push(`${proxy.host}/${repository}:v1`, ['--no-sign']));
    expectSuccess(await push(`${proxy.host}/${repository}:v1`, ['--sign=false']));
    expect(await isSigned(repository)).toBe(false);
  });

  test('keys without a password: the report says so; asked for by name, it is an error', async () => {
    const repository = signer.repository();
    const name = `${engine.registry}/${repository}:v1`;
    const { XDG_CONFIG_HOME: config = '' } = signer.env;
    const words = ['build', '--push', '--progress=plain', '-t', name, folder];
    const env = { XDG_CONFIG_HOME: config };
    const silent = expectSuccess(await signer.sandbox.chalk(words, { env }));
    expect(ours(silent.stderr)).toEqual([]);
    expect(signer.sandbox.lastReport()['_X_CHALK_SIGNING']).toMatch(/^off: there is no password for /);
    const asked = await signer.sandbox.chalk(['--key', signer.privateKeyFile, ...words], { env });
    expect([asked.code, ours(asked.stderr)]).toEqual([0, [expect.stringContaining('PASSWORD_MISSING')]]);
    expect(await isSigned(repository)).toBe(false);
  });

  test('a wrong password: the image is pushed, the error told once; strict mode exits with 1', async () => {
    const repository = signer.repository();
    const name = `${engine.registry}/${repository}:v1`;
    const wrong = { CHALK_PASSWORD: 'another' };
    const built = await push(name, [], wrong);
    expect([built.code, ours(built.stderr)]).toEqual([
      0,
      [expect.stringContaining('not signed: PASSWORD_WRONG')],
    ]);
    expect(signer.sandbox.lastReport()).toMatchObject({
      _X_CHALK_SIGNING: 'failed',
      _OP_EXIT_CODE: 0,
      _OP_ERRORS: [expect.stringContaining('PASSWORD_WRONG')],
    });
    expect(await manifestAt(engine.registry, repository, 'v1')).toBeDefined();
    expect(await isSigned(repository)).toBe(false);
    expect(JSON.stringify([built, signer.sandbox.lastReport()])).not.toContain('another"');

    expect((await push(name, ['--strict'], wrong)).code).toBe(1);
    const quiet = await signer.chalk(['build', '--push', '-q', '-t', name, folder], wrong);
    expect([quiet.code, quiet.stderr]).toEqual([0, '']);
    const pushed = await signer.chalk(['push', name], wrong);
    expect([pushed.code, ours(pushed.stderr)]).toEqual([0, [expect.stringContaining('PASSWORD_WRONG')]]);
    expect((await signer.chalk(['--strict', 'push', name], wrong)).code).toBe(1);
  });

  describe('by a registry that refuses', () => {
    const REFUSALS: readonly [number, string][] = [
      [401, 'REGISTRY_UNAUTHORIZED'],
      [403, 'REGISTRY_FORBIDDEN'],
      [429, 'REGISTRY_THROTTLED'],
      [500, 'REGISTRY_FAILED'],
    ];
    test.each(REFUSALS)('referrers with %i', async (status, code) => {
      const repository = signer.repository();
      const name = `${proxy.host}/${repository}:v1`;
      proxy.intercept = ({ url = '' }, response) => /\/referrers\//.test(url) && answered(response, status);
      const built = await push(name);
      expect([built.code, ours(built.stderr)]).toEqual([0, [expect.stringContaining(code)]]);
      expect(errors()).toEqual([expect.stringContaining(code)]);
      expect(await isSigned(repository)).toBe(false);

      // What is missing is added as soon as the registry lets us.
      proxy.intercept = () => false;
      expectSuccess(await signer.chalk(['push', '-q', name]));
      expectSuccess(await signer.verify(name, SCAI));
    });

    test('blobs: nothing is half published', async () => {
      const repository = signer.repository();
      const name = `${proxy.host}/${repository}:v1`;
      let begun = 0;
      proxy.intercept = (request, response) => {
        const isOurs = request.headers['user-agent'] === 'docker-chalk';
        const isUpload = isOurs && request.method === 'POST' && /\/blobs\/uploads\//.test(request.url ?? '');
        if (isUpload) begun += 1;
        return isUpload && begun > 2 && answered(response, 403);
      };
      const built = await push(name);
      expect([built.code, ours(built.stderr)]).toEqual([0, [expect.stringContaining('REGISTRY_FORBIDDEN')]]);
      expect(await isSigned(repository)).toBe(false);
    });

    test('tags that cannot change: the bundle is there, and which tags it is about is said', async () => {
      const repository = signer.repository();
      const name = `${proxy.host}/${repository}:v1`;
      proxy.intercept = ({ method, url = '' }, response) =>
        method === 'PUT' && url.endsWith('.att') && answered(response, 400);
      const built = await push(name);
      expect([built.code, ours(built.stderr)]).toEqual([
        0,
        [expect.stringMatching(/REGISTRY_REFUSED.*immutable/)],
      ]);
      expectSuccess(await signer.verify(name, SCAI));
    });

    test('a tag that somebody else moved meanwhile is not signed', async () => {
      const [mine, other] = [signer.repository(), signer.repository()];
      const theirs = `${engine.registry}/${other}:v1`;
      expectSuccess(await push(theirs, ['--no-sign']));
      const there = await manifestAt(engine.registry, other, 'v1');
      const name = `${proxy.host}/${mine}:v1`;
      expectSuccess(
        await signer.sandbox.chalk(['build', '-t', name, folder], { env: { CHALK_STRICT: '1' } }),
      );
      proxy.intercept = (request, response) => {
        const isOurs = request.headers['user-agent'] === 'docker-chalk';
        if (!isOurs || request.url?.endsWith('/manifests/v1') !== true) return false;
        response.writeHead(200, {
          'content-type': there?.manifest.mediaType ?? '',
          'docker-content-digest': there?.digest ?? '',
        });
        response.end(there?.bytes);
        return true;
      };
      const pushed = await signer.chalk(['push', name]);
      expect([pushed.code, ours(pushed.stderr)]).toEqual([0, [expect.stringContaining('DIGEST_MISMATCH')]]);
      expect(await isSigned(mine)).toBe(false);
      await signer.sandbox.docker(['image', 'rm', '--force', name]);
    });
  });
});

/** The registry's own form of a refusal. */
function answered(response: ServerResponse, status: number): boolean {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code: 'DENIED', message: 'no' }] }));
  return true;
}
