/** `docker chalk setup` on the real machine: permissions, the terminal, folders that cannot be written to. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Result } from '../../support/chalk.ts';
import { Bench } from './support.ts';

const PROGRAM = fileURLToPath(new URL('setup-program.ts', import.meta.url));
const NODE = process.execPath;
const benches: Bench[] = [];
let bench: Bench;
beforeEach(() => {
  bench = new Bench({ env: { PATH: process.env['PATH'] ?? '' }, registry: '', store: 'containerd' });
  benches.push(bench);
});
afterAll(() => {
  for (const { folder } of benches) rmSync(folder, { recursive: true, force: true });
});

const setup = (words: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
  bench.run(NODE, [PROGRAM, ...words], env);
const passwordIn = ({ stdout }: Result) => /^CHALK_PASSWORD=(\S+)\s*$/m.exec(stdout)?.[1] ?? '';
const keyFile = () => bench.path('config/docker-chalk/chalk.key');
const modeOf = (path: string) => statSync(path).mode & 0o777;

test('the folder is 0700, the private key 0600, the public one 0644, whatever the umask', async () => {
  const made = await bench.run('/bin/sh', ['-c', 'umask 077; exec "$@"', 'sh', NODE, PROGRAM]);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(modeOf(bench.path('config/docker-chalk'))).toBe(0o700);
  expect(modeOf(keyFile())).toBe(0o600);
  expect(modeOf(bench.path('config/docker-chalk/chalk.pub'))).toBe(0o644);
  const again = await setup([], { CHALK_PASSWORD: passwordIn(made) });
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toContain('Test sign successful.\nTest verify successful.\n');
});

test('a folder that cannot be written to', async () => {
  bench.write('file', '');
  const { code, stdout, stderr } = await setup([], { XDG_CONFIG_HOME: bench.path('file') });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^docker chalk: FILE_UNWRITABLE: cannot write .*\/file\/docker-chalk: ENOTDIR.*XDG_CONFIG_HOME/,
  );
});

test('a folder in the place of the key', async () => {
  mkdirSync(keyFile(), { recursive: true });
  bench.write('config/docker-chalk/chalk.pub', '');
  const { code, stderr } = await setup();
  expect(code).toBe(1);
  expect(stderr).toMatch(/^docker chalk: FILE_UNREADABLE: .*chalk\.key is not a regular file/);
});

describe.skipIf(process.platform !== 'linux')('at a terminal', () => {
  /** The program on a terminal of its own, whose user types this when asked. */
  const typing = async (typed: string, words: readonly string[] = []): Promise<Result> => {
    const command = ['exec', NODE, PROGRAM, ...words].join(' ');
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      cwd: bench.folder,
      env: {
        PATH: process.env['PATH'],
        HOME: bench.folder,
        XDG_CONFIG_HOME: bench.path('config'),
        SHELL: '/bin/sh',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    let seen = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const before = seen;
      seen += chunk.toString();
      const asked = /(?:chalk\.key: |\[y\/N\] )$/;
      if (asked.test(seen) && !asked.test(before)) child.stdin.write(typed);
    });
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.on('close', resolve);
    return { code: await promise, stdout: seen, stderr: '' };
  };

  test('the password is asked for and does not show', async () => {
    const password = passwordIn(await setup());
    const right = await typing(`${password}\n`);
    expect(right.code).toBe(0);
    expect(right.stdout).toContain('Test verify successful.');
    expect(right.stdout).not.toContain(password);
    const wrong = await typing('not the one\n');
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain('PASSWORD_WRONG');
    expect(wrong.stdout).not.toContain('not the one');
  });

  test('Ctrl-C ends the question', async () => {
    await setup();
    const { code, stdout } = await typing('\u0003');
    expect(code).toBe(1);
    expect(stdout).toMatch(/chalk\.key: (?:\^C)?\r\ndocker chalk: PASSWORD_MISSING/);
  });

  test('keys are replaced by who says yes', async () => {
    await setup();
    const before = readFileSync(keyFile(), 'utf8');
    expect(await typing('n\n', ['gen'])).toMatchObject({ code: 1 });
    expect(readFileSync(keyFile(), 'utf8')).toBe(before);
    const yes = await typing('y\n', ['gen']);
    expect(yes.code).toBe(0);
    expect(readFileSync(keyFile(), 'utf8')).not.toBe(before);
    expect(await setup([], { CHALK_PASSWORD: passwordIn(yes) })).toMatchObject({ code: 0 });
  });
});
