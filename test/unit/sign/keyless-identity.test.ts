import { describe, expect, test } from 'vitest';
import type { Command, Environment, ProcessResult } from '../../../src/host/host.ts';
import { addressesOf, ambientIdentity, type KeylessOptions } from '../../../src/sign/keyless/index.ts';
import { IdentityToken } from '../../../src/sign/keyless/token.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { ADA, type Handler, hostWith, NOW, tokenOf } from './keyless-double.ts';

const TOKEN = tokenOf(ADA);

describe('a token', () => {
  const read = (claims: Readonly<Record<string, unknown>>) =>
    IdentityToken.read(tokenOf(claims), 'the test', NOW);

  test('shows itself to nobody', () => {
    const token = read(ADA);
    const shown = [
      String(token),
      JSON.stringify({ token }),
      `${token.toString()} ${Object.values(token).join()}`,
    ];
    for (const text of shown) expect(text).not.toContain(TOKEN.split('.')[1]);
    expect(token.reveal()).toBe(TOKEN);
  });

  test('is for the e-mail address where there is one, else for the subject', () => {
    expect(read(ADA).subject).toBe('ada@example.com');
    expect(read({ sub: 'repo:acme/greet' }).subject).toBe('repo:acme/greet');
    expect(read({ ...ADA, email_verified: 'true' }).subject).toBe('ada@example.com');
  });

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['an address nobody verified', { ...ADA, email_verified: false }, 'did not verify the e-mail'],
    ['nobody', { iss: 'x' }, 'does not say who'],
    ['a time that is over', { ...ADA, exp: NOW / 1000 }, 'it was good until 2026-11-22T12:00:00.000Z'],
    ['an expiry that is none', { ...ADA, exp: 'soon' }, 'it is no JSON web token'],
  ])('with %s is refused', (_, claims, words) => {
    expect(() => read(claims)).toThrow(
      expect.objectContaining({
        code: 'IDENTITY_INVALID',
        message: expect.stringContaining(words) as unknown,
      }),
    );
  });

  test.each(['', 'secret', 'a.b', 'a.b.c', `${TOKEN} ${TOKEN}`, `e30.${'e'.repeat(70_000)}.e30`])(
    'that is none is not quoted',
    (text) => {
      const error = thrown(() => IdentityToken.read(text, 'the test', NOW));
      expect(error).toMatchObject({
        code: 'IDENTITY_INVALID',
        message: 'the test gives no identity to sign with: it is no JSON web token',
      });
    },
  );

  test('may end in a line break', () => {
    expect(IdentityToken.read(`${TOKEN}\n`, 'the test', NOW).reveal()).toBe(TOKEN);
  });
});

describe('where the identity comes from', () => {
  const alone = { SIGSTORE_ID_TOKEN: undefined };
  const GITHUB = {
    ...alone,
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token.example.com/get?api-version=2.0',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'the-secret-of-the-job',
  };

  test('SIGSTORE_ID_TOKEN comes first, without a request', async () => {
    const host = hostWith([], { ...GITHUB, SIGSTORE_ID_TOKEN: TOKEN });
    const token = await ambientIdentity(host);
    expect([token.source, token.reveal()]).toEqual(['SIGSTORE_ID_TOKEN', TOKEN]);
    expect(host.sent).toEqual([]);
  });

  test('GitHub Actions', async () => {
    const github: Handler = ({ url }) =>
      url === 'https://token.example.com/get?api-version=2.0&audience=sigstore'
        ? { status: 200, body: JSON.stringify({ value: TOKEN }) }
        : undefined;
    const host = hostWith([github], GITHUB);
    expect((await ambientIdentity(host)).reveal()).toBe(TOKEN);
    expect(host.sent[0]?.headers).toMatchObject({ authorization: 'bearer the-secret-of-the-job' });
  });

  test('GitHub Actions that refuses or answers nonsense, with the secret in no message', async () => {
    const says =
      (status: number, body: string): Handler =>
      () => ({ status, body });
    const host = hostWith([says(401, 'not the-secret-of-the-job')], GITHUB);
    const refused: unknown = await ambientIdentity(host).catch((failure: unknown) => failure);
    expect(String(refused)).toContain('answered 401: not [secret]');
    await expect(ambientIdentity(hostWith([says(200, '{}')], GITHUB))).rejects.toMatchObject({
      code: 'SIGNING_SERVICE_FAILED',
    });
  });

  test('GitHub Actions sends its secret nowhere without encryption', async () => {
    const host = hostWith([], { ...GITHUB, ACTIONS_ID_TOKEN_REQUEST_URL: 'http://token.example.com/' });
    await expect(ambientIdentity(host)).rejects.toMatchObject({ code: 'IDENTITY_MISSING' });
    expect(host.sent).toEqual([]);
  });

  test('GitHub Actions without the permission says what to add', async () => {
    await expect(ambientIdentity(fakeHost({ env: { GITHUB_ACTIONS: 'true' } }))).rejects.toMatchObject({
      code: 'IDENTITY_MISSING',
      hint: 'the job needs `permissions: id-token: write`',
    });
  });

  test.each<[string, Environment, string]>([
    ['Buildkite', { BUILDKITE: 'true' }, 'buildkite-agent oidc request-token --audience sigstore'],
    ['CircleCI', { CIRCLECI: 'true' }, 'circleci run oidc get --claims {"aud":"sigstore"}'],
  ])('%s', async (name, env, line) => {
    const run = ({ file, args }: Command): ProcessResult =>
      [file, ...args].join(' ') === line ? exited(`${TOKEN}\n`) : exited('', 1);
    const host = { ...hostWith([], { ...alone, ...env }), processes: fakeHost({ run }).processes };
    const token = await ambientIdentity(host);
    expect([token.source, token.reveal()]).toEqual([name, TOKEN]);
  });

  test.each<[string, ProcessResult]>([
    ['exits with 1', { kind: 'exited', code: 1, stdout: new TextEncoder().encode(TOKEN), stderr: TOKEN }],
    ['hangs', { kind: 'timed-out', afterMs: 10_000, stderr: TOKEN }],
    ['is not there', { kind: 'not-started', cause: new Error('ENOENT') }],
    ['is killed', { kind: 'killed', signal: 'SIGKILL', stderr: TOKEN }],
    ['prints without end', { kind: 'overflow', maxOutputBytes: 1 }],
  ])('a program that %s gives none, and is not quoted', async (_, result) => {
    const host = fakeHost({ env: { BUILDKITE: 'true' }, run: () => result });
    const error: unknown = await ambientIdentity(host).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'IDENTITY_MISSING' });
    expect(String(error)).not.toContain(TOKEN);
  });

  describe('Google Cloud', () => {
    const address =
      '/computeMetadata/v1/instance/service-accounts/default/identity?audience=sigstore&format=full';
    const metadata =
      (server: string, flavor = 'Google'): Handler =>
      ({ url, headers }) =>
        url === `http://${server}${address}` && headers?.['metadata-flavor'] === 'Google'
          ? { status: 200, body: TOKEN, headers: { 'metadata-flavor': flavor } }
          : undefined;

    test('is asked on its machines, and where it says so', async () => {
      const machine = hostWith([metadata('metadata.google.internal')], alone);
      await machine.files.write('/sys/class/dmi/id/product_name', 'Google Compute Engine\n', 0o444);
      expect((await ambientIdentity(machine)).reveal()).toBe(TOKEN);
      const run = hostWith([metadata('metadata.google.internal')], { ...alone, K_SERVICE: 'greet' });
      expect((await ambientIdentity(run)).source).toBe('Google Cloud');
      const named = hostWith([metadata('127.0.0.1:8000')], { ...alone, GCE_METADATA_HOST: '127.0.0.1:8000' });
      expect((await ambientIdentity(named)).source).toBe('Google Cloud');
    });

    test('is not believed where somebody else answers', async () => {
      const host = hostWith([metadata('metadata.google.internal', 'Portal')], { ...alone, K_SERVICE: 'x' });
      await expect(ambientIdentity(host)).rejects.toMatchObject({ code: 'SIGNING_SERVICE_FAILED' });
    });

    test('does not sign for a job of GitHub or GitLab that happens to run there', async () => {
      for (const env of [{ GITHUB_ACTIONS: 'true' }, { GITLAB_CI: 'true' }]) {
        const host = hostWith([metadata('metadata.google.internal')], { ...alone, ...env, K_SERVICE: 'x' });
        await expect(ambientIdentity(host)).rejects.toMatchObject({ code: 'IDENTITY_MISSING' });
        expect(host.sent).toEqual([]);
      }
    });
  });

  test('from nowhere', async () => {
    await expect(ambientIdentity(fakeHost())).rejects.toMatchObject({
      code: 'IDENTITY_MISSING',
      message: expect.stringContaining('SIGSTORE_ID_TOKEN, GitHub Actions, Buildkite') as unknown,
    });
  });
});

describe('where to sign', () => {
  test('nothing configured is the public servers', () => {
    expect(addressesOf({}, {})).toEqual({ kind: 'public' });
  });

  test('options, then our variables, then those of others', () => {
    const env = {
      CHALK_FULCIO_URL: 'https://ours.example.com/',
      SIGSTORE_FULCIO_URL: 'https://theirs.example.com',
      SIGSTORE_REKOR_URL: 'https://rekor.example.com',
      CHALK_TRUSTED_ROOT: '/etc/root.json',
    };
    expect(addressesOf({}, env)).toEqual({
      kind: 'own',
      trustedRoot: '/etc/root.json',
      services: {
        fulcio: 'https://ours.example.com',
        rekor: { url: 'https://rekor.example.com', version: undefined },
        timestamp: undefined,
      },
    });
    expect(addressesOf({ fulcioUrl: 'https://given.example.com' }, env)).toMatchObject({
      services: { fulcio: 'https://given.example.com' },
    });
  });

  const own = { fulcioUrl: 'https://fulcio.example.com', rekorUrl: 'https://rekor.example.com' };
  test.each<[string, KeylessOptions, string]>([
    ['a log without Fulcio', { rekorUrl: own.rekorUrl }, 'ARGV_USAGE'],
    ['a trusted root alone', { trustedRoot: '/root.json' }, 'ARGV_USAGE'],
    ['neither log nor timestamps', { fulcioUrl: own.fulcioUrl }, 'ARGV_USAGE'],
    ['an empty address', { ...own, rekorUrl: '' }, 'ARGV_BAD_VALUE'],
    ['no address', { ...own, rekorUrl: 'rekor' }, 'ARGV_BAD_VALUE'],
    ['another scheme', { ...own, timestampUrl: 'ftp://tsa.example.com' }, 'ARGV_BAD_VALUE'],
    ['a query', { ...own, rekorUrl: 'https://rekor.example.com/?a=b' }, 'ARGV_BAD_VALUE'],
    ['a token to be sent in the clear', { ...own, fulcioUrl: 'http://fulcio.example.com' }, 'ARGV_BAD_VALUE'],
  ])('%s is refused', (_, options, code) => {
    expect(() => addressesOf(options, {})).toThrow(expect.objectContaining({ code }));
  });

  test('a password in an address is refused, and not repeated', () => {
    const error = thrown(() => addressesOf({ ...own, rekorUrl: 'https://ada:secret@rekor.example.com' }, {}));
    expect(error).toMatchObject({ code: 'ARGV_BAD_VALUE' });
    expect(String(error)).not.toContain('secret');
  });

  test('a log, or this machine, needs no encryption', () => {
    const options = { fulcioUrl: 'http://127.0.0.1:5555', rekorUrl: 'http://rekor.example.com' };
    expect(addressesOf(options, {})).toMatchObject({ kind: 'own' });
  });
});

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
