import { describe, expect, test } from 'vitest';
import { findCredentials } from '../../../src/registry/credentials.ts';
import { endpointOf } from '../../../src/registry/endpoint.ts';
import { exited, fakeHost, type World } from '../../support/fake-host.ts';
import { failureIn } from './double.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const find = (registry: string, config: unknown, world: World = {}) => {
  const host = fakeHost({ files: { '/docker/config.json': JSON.stringify(config) }, ...world });
  return { host, found: findCredentials(host, '/docker', endpointOf(registry)) };
};
const inFile = async (registry: string, config: unknown) => find(registry, config).found;

describe('auths', () => {
  test.each([
    ['ghcr.io', 'ghcr.io'],
    ['ghcr.io', 'https://ghcr.io'],
    ['ghcr.io', 'https://ghcr.io/v2/'],
    ['docker.io', 'https://index.docker.io/v1/'],
    ['docker.io', 'index.docker.io'],
    ['docker.io', 'docker.io'],
    ['registry.example.com:5000', 'http://registry.example.com:5000'],
  ])('%s finds %s', async (registry, key) => {
    expect(await inFile(registry, { auths: { [key]: { auth: base64('ada:a:b') } } })).toMatchObject({
      kind: 'password',
      username: 'ada',
      password: 'a:b',
    });
  });

  test('the very key is better than another address of the host', async () => {
    const auths = { 'https://ghcr.io/v1/': { auth: base64('a:1') }, 'ghcr.io': { auth: base64('b:2') } };
    expect(await inFile('ghcr.io', { auths })).toMatchObject({ username: 'b' });
  });

  test.each(['io', 'ghcr.io.example.com', 'xghcr.io', 'ghcr.io:443', 'evil.com/ghcr.io'])(
    'ghcr.io does not find %s',
    async (key) => {
      expect(await inFile('ghcr.io', { auths: { [key]: { auth: base64('ada:x') } } })).toEqual({
        kind: 'none',
      });
    },
  );

  test('tokens, names written out, and old padding', async () => {
    const one = (entry: unknown) => inFile('ghcr.io', { auths: { 'ghcr.io': entry } });
    expect(await one({ identitytoken: 't' })).toMatchObject({ kind: 'identity-token', token: 't' });
    expect(await one({ registrytoken: 't' })).toMatchObject({ kind: 'registry-token', token: 't' });
    expect(await one({ username: 'ada', password: 'x' })).toMatchObject({ kind: 'password', password: 'x' });
    expect(await one({ auth: base64('ada:x\0\0') })).toMatchObject({ password: 'x' });
    expect(await one({})).toEqual({ kind: 'none' });
  });

  test.each([{ auth: '!!!' }, { auth: base64('no-colon') }, { auth: 7 }, 'text', null])(
    'an entry that cannot be read is said so, without what it holds: %j',
    async (entry) => {
      const failure = await failureIn(inFile('ghcr.io', { auths: { 'ghcr.io': entry } }));
      expect(failure).toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
      expect(failure.message).not.toMatch(/no-colon|bm8t/);
    },
  );

  test('a missing, broken or other file has none', async () => {
    expect(await findCredentials(fakeHost(), '/docker', endpointOf('ghcr.io'))).toEqual({ kind: 'none' });
    for (const config of ['{', '[]', '{"auths":[]}', '{"auths":null}']) {
      const host = fakeHost({ files: { '/docker/config.json': config } });
      expect(await findCredentials(host, '/docker', endpointOf('ghcr.io'))).toEqual({ kind: 'none' });
    }
  });

  test('DOCKER_AUTH_CONFIG comes first, for whom it names', async () => {
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'ghcr.io': { auth: base64('env:x') } } }) };
    const config = {
      auths: { 'ghcr.io': { auth: base64('file:x') }, 'quay.io': { auth: base64('file:x') } },
    };
    expect(await find('ghcr.io', config, { env }).found).toMatchObject({ username: 'env' });
    expect(await find('quay.io', config, { env }).found).toMatchObject({ username: 'file' });
  });
});

describe('helpers', () => {
  const answer = (value: unknown) => ({ run: () => exited(JSON.stringify(value)) });
  const auths = { 'ghcr.io': { auth: base64('file:x') } };

  test('are asked by their names, with the registry on standard input, and the file is not', async () => {
    const config = { auths, credsStore: 'desktop', credHelpers: { 'quay.io': 'quay' } };
    const { host, found } = find(
      'ghcr.io',
      config,
      answer({ ServerURL: 'ghcr.io', Username: 'h', Secret: 's' }),
    );
    expect(await found).toMatchObject({
      kind: 'password',
      username: 'h',
      password: 's',
      keeper: 'docker-credential-desktop',
    });
    expect(host.ran).toMatchObject([{ file: 'docker-credential-desktop', args: ['get'], input: 'ghcr.io' }]);
  });

  test('one for the registry comes before the general one', async () => {
    const config = { credsStore: 'desktop', credHelpers: { 'quay.io': 'quay' } };
    const { host, found } = find('quay.io', config, answer({ Username: 'h', Secret: 's' }));
    await found;
    expect(host.ran).toMatchObject([{ file: 'docker-credential-quay' }]);
  });

  test.each(['https://index.docker.io/v1/', 'index.docker.io', 'docker.io'])(
    'Docker Hub by %s',
    async (key) => {
      const config = { credHelpers: { [key]: 'hub' } };
      const { host, found } = find('docker.io', config, answer({ Username: 'h', Secret: 's' }));
      await found;
      expect(host.ran).toMatchObject([
        { file: 'docker-credential-hub', input: 'https://index.docker.io/v1/' },
      ]);
    },
  );

  test('a token in place of a user', async () => {
    const { found } = find('ghcr.io', { credsStore: 'x' }, answer({ Username: '<token>', Secret: 's' }));
    expect(await found).toMatchObject({ kind: 'identity-token', token: 's' });
  });

  test('one that knows nobody means nobody, also where the file knows one', async () => {
    const run = () => exited('credentials not found in native keychain\n', 1);
    expect(await find('ghcr.io', { auths, credsStore: 'x' }, { run }).found).toEqual({ kind: 'none' });
  });

  test('what they print when they fail stays secret', async () => {
    for (const run of [
      () => exited('hunter2', 1),
      () => exited('hunter2'),
      () => exited('{"Secret":["hunter2"]}'),
      () => ({ kind: 'killed', signal: 'SIGKILL', stderr: 'hunter2' }) as const,
      () => ({ kind: 'not-started', cause: new Error('hunter2') }) as const,
    ]) {
      const failure = await failureIn(find('ghcr.io', { credsStore: 'x' }, { run }).found);
      expect(failure.code).toBe('CREDENTIALS_UNREADABLE');
      expect(JSON.stringify(failure)).not.toContain('hunter2');
    }
  });

  test('a name that is a path is not run', async () => {
    const { host, found } = find('ghcr.io', { credsStore: '../../tmp/x' });
    expect((await failureIn(found)).code).toBe('CREDENTIALS_UNREADABLE');
    expect(host.ran).toEqual([]);
  });
});
