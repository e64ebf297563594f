import { describe, expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { type AskedSetup, setupCommand } from '../../../src/cli/setup-command.ts';
import type { Environment, Host } from '../../../src/host/host.ts';
import { keyPaths } from '../../../src/sign/index.ts';
import { type FakeHost, fakeHost, type World } from '../../support/fake-host.ts';
import { codeOf, failureOf, RANDOM } from '../../unit/sign/support.ts';
import { COSIGN } from '../../unit/sign/vectors.ts';

const ENV = { HOME: '/home/ada' };
const KEY = '/home/ada/.config/docker-chalk/chalk.key';
const PUB = '/home/ada/.config/docker-chalk/chalk.pub';
const PAIR = { [KEY]: COSIGN.key, [PUB]: COSIGN.pub };
const RIGHT = { ...ENV, CHALK_PASSWORD: COSIGN.password };
const PLAIN: AskedSetup = { generate: false, importFile: undefined, passwordFile: undefined, yes: false };
const GENERATE: AskedSetup = { ...PLAIN, generate: true };

/** Random numbers that differ, so that no two keys are the same. */
function world(options: World): FakeHost {
  return { ...fakeHost(options), random: RANDOM };
}

/** Somebody at the terminal who types this; undefined is Ctrl-C. */
function answering(host: FakeHost, typed: string | undefined): FakeHost {
  const attach: Host['processes']['attach'] = async (command) => {
    host.attached.push(command);
    return typed === undefined
      ? { kind: 'exited', code: 130, stdout: '' }
      : { kind: 'exited', code: 0, stdout: typed };
  };
  return {
    ...host,
    processes: { ...host.processes, attach },
    terminal: { ...host.terminal, stderrIsTerminal: true },
  };
}

const namesOn = (host: FakeHost) => [...host.disk.keys()].sort();
const shownPassword = (host: FakeHost) => /^CHALK_PASSWORD=(.*)$/m.exec(host.printed.out)?.[1];

describe('where keys are', () => {
  test.each<[Environment, string]>([
    [{ HOME: '/h' }, '/h/.config/docker-chalk/chalk.key'],
    [{ HOME: '/h', XDG_CONFIG_HOME: '/x' }, '/x/docker-chalk/chalk.key'],
    [{ XDG_CONFIG_HOME: '/x' }, '/x/docker-chalk/chalk.key'],
    [{ HOME: '/h', XDG_CONFIG_HOME: 'relative' }, '/h/.config/docker-chalk/chalk.key'],
    [{ HOME: '/h', XDG_CONFIG_HOME: '' }, '/h/.config/docker-chalk/chalk.key'],
  ])('%j', (env, key) => expect(keyPaths(fakeHost({ env })).key).toBe(key));

  test('nowhere without a home', async () => {
    expect(await codeOf(setupCommand(fakeHost({ env: {} }), PLAIN))).toBe('CONFIG_INVALID');
  });
});

describe('setup without keys', () => {
  test('makes them, tests them, and shows the password once, in the way of Chalk', async () => {
    const host = world({ env: ENV });
    expect(await setupCommand(host, PLAIN)).toBe(0);
    expect(host.printed.out).toMatch(
      new RegExp(
        [
          `^Public key written to: ${PUB}`,
          `Private key \\(encrypted\\) written to: ${KEY}`,
          'Test sign successful.',
          'Test verify successful.',
          '',
          '-{42}',
          'CHALK_PASSWORD=[A-Za-z0-9_-]{22}==',
          '-{42}',
          'Write this down. In future chalk commands, you will need',
          'to provide it via CHALK_PASSWORD environment variable.\n$',
        ].join('\n'),
      ),
    );
    expect(host.printed.error).toBe('');
    expect(namesOn(host)).toEqual([KEY, PUB]);
    expect(host.disk.get(KEY)).toMatchObject({ mode: 0o600 });
    expect(host.disk.get(PUB)).toMatchObject({ mode: 0o644 });
    const password = shownPassword(host) ?? '';
    expect([...host.disk.values()].filter(({ content }) => content.includes(password))).toEqual([]);

    const files = Object.fromEntries([...host.disk].map(([path, { content }]) => [path, content]));
    const again = world({ env: { ...ENV, CHALK_PASSWORD: password }, files });
    expect(await setupCommand(again, PLAIN)).toBe(0);
    expect(again.printed.out).toBe(
      `Keys found: ${KEY}, ${PUB}\nTest sign successful.\nTest verify successful.\n`,
    );
  });

  test('uses the password of a file that was named, and does not show it', async () => {
    const host = world({ env: ENV, files: { '/work/pw': 'of my own\n' } });
    expect(await setupCommand(host, { ...PLAIN, passwordFile: 'pw' })).toBe(0);
    expect(shownPassword(host)).toBeUndefined();
    expect(host.printed.out).not.toContain('of my own');
    expect(await setupCommand(host, { ...PLAIN, passwordFile: '/work/pw' })).toBe(0);
  });

  test('wants something in that file', async () => {
    const host = world({ env: ENV, files: { '/work/pw': '\n' } });
    expect(await codeOf(setupCommand(host, { ...PLAIN, passwordFile: 'pw' }))).toBe('PASSWORD_MISSING');
    expect(namesOn(host)).toEqual(['/work/pw']);
  });

  test('says that the password in the environment is not theirs', async () => {
    const host = world({ env: RIGHT });
    expect(await setupCommand(host, PLAIN)).toBe(0);
    expect(shownPassword(host)).not.toBe(COSIGN.password);
    expect(host.printed.error).toBe(
      'docker chalk: CHALK_PASSWORD in this environment is not that of the new keys\n',
    );
  });

  test('leaves nothing behind where the folder cannot be written to', async () => {
    const host = world({ env: ENV });
    const write: Host['files']['write'] = async (path, content, mode) => {
      if (path.includes('chalk.pub')) throw new ChalkError('FILE_UNWRITABLE', `cannot write ${path}: EROFS`);
      return host.files.write(path, content, mode);
    };
    const broken = { ...host, files: { ...host.files, write } };
    const error = await failureOf(setupCommand(broken, PLAIN));
    expect(error).toMatchObject({
      code: 'FILE_UNWRITABLE',
      hint: expect.stringContaining('/home/ada/.config/docker-chalk') as unknown,
    });
    expect(namesOn(host)).toEqual([]);
    expect(host.printed.out).toBe('');
  });
});

describe('setup with keys', () => {
  const sources: readonly [string, World, Partial<AskedSetup>][] = [
    ['CHALK_PASSWORD', { env: RIGHT }, {}],
    ['COSIGN_PASSWORD', { env: { ...ENV, COSIGN_PASSWORD: COSIGN.password } }, {}],
    ['a file, before the environment', { env: { ...ENV, CHALK_PASSWORD: 'x' } }, { passwordFile: '/pw' }],
  ];
  test.each(sources)('tests them with the password from %s', async (_, { env }, asked) => {
    const host = world({ env: env ?? {}, files: { ...PAIR, '/pw': `${COSIGN.password}\n` } });
    expect(await setupCommand(host, { ...PLAIN, ...asked })).toBe(0);
    expect(host.printed.out).toContain('Test verify successful.');
    expect(host.printed.out).not.toContain(COSIGN.password);
    expect(namesOn(host)).toEqual([KEY, PUB, '/pw']);
  });

  test('asks for the password at a terminal; no child sees another variable than PATH', async () => {
    const env = { ...ENV, PATH: '/bin', COSIGN_YES: '1' };
    const host = answering(world({ env, files: PAIR }), COSIGN.password);
    expect(await setupCommand(host, PLAIN)).toBe(0);
    expect(host.attached).toMatchObject([{ file: '/bin/sh', captureStdout: true }]);
    expect(host.attached[0]?.env).toEqual({ PATH: '/bin' });
    expect(host.attached[0]?.args).toEqual(['-c', expect.anything(), 'sh', `Password of ${KEY}: `, 'hidden']);
  });

  test('warns where others can read the private key', async () => {
    const host = world({ env: RIGHT, files: PAIR });
    await setupCommand(host, PLAIN);
    expect(host.printed.error).toBe(
      `docker chalk: others on this machine can read ${KEY} (chmod 600 ${KEY})\n`,
    );
  });

  test.each<[string, string, FakeHost, string]>([
    ['no password and nobody to ask', 'PASSWORD_MISSING', world({ env: ENV, files: PAIR }), KEY],
    ['Ctrl-C', 'PASSWORD_MISSING', answering(world({ env: ENV, files: PAIR }), undefined), KEY],
    ['a wrong one', 'PASSWORD_WRONG', world({ env: { ...ENV, CHALK_PASSWORD: 'not it' }, files: PAIR }), KEY],
    ['an empty one', 'PASSWORD_WRONG', world({ env: { ...ENV, CHALK_PASSWORD: '' }, files: PAIR }), 'empty'],
    ['a wrong one typed', 'PASSWORD_WRONG', answering(world({ env: ENV, files: PAIR }), 'not it'), KEY],
    ['half a pair: no chalk.pub', 'KEY_NOT_FOUND', world({ env: RIGHT, files: { [KEY]: COSIGN.key } }), PUB],
    ['half a pair: no chalk.key', 'KEY_NOT_FOUND', world({ env: RIGHT, files: { [PUB]: COSIGN.pub } }), KEY],
    ['a broken chalk.key', 'KEY_INVALID', world({ env: RIGHT, files: { ...PAIR, [KEY]: 'x' } }), KEY],
    ['a broken chalk.pub', 'KEY_INVALID', world({ env: RIGHT, files: { ...PAIR, [PUB]: '' } }), PUB],
  ])('%s', async (_, code, host, named) => {
    const error = await failureOf(setupCommand(host, PLAIN));
    expect(error.code).toBe(code);
    expect(error.message).toContain(named);
    expect(`${error.message} ${error.hint} ${host.printed.out} ${host.printed.error}`).not.toContain(
      'not it',
    );
    expect(host.printed.out).not.toContain('successful');
  });

  test("another pair's chalk.pub", async () => {
    const made = world({ env: ENV });
    await setupCommand(made, PLAIN);
    const files = { [KEY]: COSIGN.key, [PUB]: made.disk.get(PUB)?.content ?? '' };
    const error = await failureOf(setupCommand(world({ env: RIGHT, files }), PLAIN));
    expect(error).toMatchObject({ code: 'KEY_INVALID', message: `${PUB} is not the public key of ${KEY}` });
  });
});

describe('setup gen', () => {
  test.each([
    ['--yes', world({ env: ENV, files: PAIR }), { ...GENERATE, yes: true }],
    ['somebody says yes', answering(world({ env: ENV, files: PAIR }), 'Yes'), GENERATE],
    ['half a pair, with --yes', world({ env: ENV, files: { [PUB]: 'x' } }), { ...GENERATE, yes: true }],
    ['nothing to replace', world({ env: ENV }), GENERATE],
  ])('makes new keys: %s', async (_, host, asked) => {
    expect(await setupCommand(host, asked)).toBe(0);
    expect(namesOn(host)).toEqual([KEY, PUB]);
    expect(host.disk.get(PUB)?.content).not.toBe(COSIGN.pub);
    expect(shownPassword(host)).toHaveLength(24);
  });

  test.each([
    ['no', 'n'],
    ['nothing', ''],
    ['Ctrl-C', undefined],
  ])('changes nothing when the answer is %s', async (_, typed) => {
    const host = answering(world({ env: ENV, files: PAIR }), typed);
    expect(await setupCommand(host, GENERATE)).toBe(1);
    expect(host.disk.get(KEY)?.content).toBe(COSIGN.key);
    expect(host.printed).toEqual({ out: '', error: 'docker chalk: nothing was changed\n' });
    expect(host.attached[0]?.args.at(-1)).toBe('shown');
  });

  test('refuses where there is nobody to ask', async () => {
    const host = world({ env: ENV, files: PAIR });
    const error = await failureOf(setupCommand(host, GENERATE));
    expect(error).toMatchObject({ code: 'KEY_EXISTS', hint: '--yes replaces without asking' });
    expect(error.message).toContain(KEY);
    expect(host.disk.get(KEY)?.content).toBe(COSIGN.key);
  });
});

describe('setup --import', () => {
  const IMPORT: AskedSetup = { ...PLAIN, importFile: 'cosign.key' };
  const files = { '/work/cosign.key': COSIGN.key };
  const env = { ...ENV, COSIGN_PASSWORD: COSIGN.password, CHALK_PASSWORD: 'that of other keys' };

  test("takes cosign's key with its password, which goes on", async () => {
    const host = world({ env, files });
    expect(await setupCommand(host, IMPORT)).toBe(0);
    expect(host.disk.get(PUB)).toEqual({ content: COSIGN.pub, mode: 0o644 });
    expect(host.disk.get(KEY)).toMatchObject({ mode: 0o600 });
    expect(host.printed.out).toContain('Imported from /work/cosign.key.');
    expect(host.printed.out).not.toContain(COSIGN.password);
    expect(await setupCommand(host, { ...PLAIN, passwordFile: undefined }).catch(() => 'wrong')).toBe(
      'wrong',
    );
    expect(await setupCommand({ ...host, env: RIGHT }, PLAIN)).toBe(0);
  });

  test('makes a chalk.pub that was lost again', async () => {
    const host = world({ env: RIGHT, files: { [KEY]: COSIGN.key } });
    expect(await setupCommand(host, { ...PLAIN, importFile: KEY, yes: true })).toBe(0);
    expect(host.disk.get(PUB)?.content).toBe(COSIGN.pub);
    expect(await setupCommand(host, PLAIN)).toBe(0);
  });

  test('replaces keys only when told to', async () => {
    const host = world({ env, files: { ...files, ...PAIR } });
    expect(await codeOf(setupCommand(host, IMPORT))).toBe('KEY_EXISTS');
    expect(await setupCommand(host, { ...IMPORT, yes: true })).toBe(0);
  });

  test.each<[string, string, World, Partial<AskedSetup>]>([
    ['no such file', 'FILE_UNREADABLE', { env }, {}],
    ['no key', 'KEY_INVALID', { env, files: { '/work/cosign.key': '' } }, {}],
    ['a wrong password', 'PASSWORD_WRONG', { env: { ...ENV, COSIGN_PASSWORD: 'x' }, files }, {}],
    ['no password', 'PASSWORD_MISSING', { env: ENV, files }, {}],
    ['no file named', 'ARGV_USAGE', { env, files }, { importFile: '' }],
    ['no password file named', 'ARGV_USAGE', { env, files }, { passwordFile: '' }],
    ['together with gen', 'ARGV_USAGE', { env, files }, { generate: true }],
  ])('%s changes nothing', async (_, code, options, asked) => {
    const host = world(options);
    expect(await codeOf(setupCommand(host, { ...IMPORT, ...asked }))).toBe(code);
    expect(host.disk.has(KEY)).toBe(false);
  });
});
