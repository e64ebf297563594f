/** A program started through the shim cannot tell, and neither can whoever started it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  build,
  compilePrograms,
  type Finished,
  isRoot,
  Root,
  scratchFolder,
  shimPath,
  type StartOptions,
  whyNotRoot,
} from './support.ts';

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

let folder = '';
const program = (name: string): string => join(folder, 'programs', name);

beforeAll(() => {
  build();
  folder = scratchFolder();
  compilePrograms(join(folder, 'programs'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function shim(args: readonly string[], env: Readonly<Record<string, string>> = {}, argv0?: string): Result {
  return spawnSync(shimPath(), args, { encoding: 'utf8', env, cwd: folder, argv0 });
}

describe.each([
  ['without a sink', {}],
  ['with the helper', { CHALK_REPORT_FILE: '/dev/null/report' }],
  ['with heartbeats', { CHALK_REPORT_FILE: '/dev/null/report', CHALK_SHIM: 'heartbeat' }],
  ['reporting first', { CHALK_REPORT_FILE: '/dev/null/report', CHALK_SHIM: 'sync' }],
  ['in mode init', { CHALK_REPORT_FILE: '/dev/null/report', CHALK_SHIM: 'init' }],
  ['switched off', { CHALK_REPORT_FILE: '/dev/null/report', CHALK_SHIM: 'off' }],
])('%s', (_, env) => {
  test('all 256 exit codes and death by every signal that can end a program come back', () => {
    const result = spawnSync(program('exit-codes'), [shimPath()], { encoding: 'utf8', env });
    expect(result.stdout).toBe('256 codes, 54 signals, 0 wrong\n');
  });
});

describe('programs that cannot be run', () => {
  beforeAll(() => {
    mkdirSync(join(folder, 'one/folder'), { recursive: true });
    mkdirSync(join(folder, 'two'));
    const put = (name: string, text: string, mode: number): void => {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), mode);
    };
    put('one/plain', 'text', 0o644);
    put('one/twice', 'text', 0o644);
    put('two/twice', '#!/bin/sh\necho two\n', 0o755);
    put('one/no-shebang', 'exit 9\n', 0o755);
    put('two/no-shebang', '#!/bin/sh\nexit 8\n', 0o755);
    put('one/bad-interpreter', `#!${join(folder, 'no-such-shell')}\n`, 0o755);
    put('two/bad-interpreter', '#!/bin/sh\nexit 8\n', 0o755);
  });
  const paths = (): Record<string, string> => ({
    PATH: `${join(folder, 'missing')}:${join(folder, 'one')}:${join(folder, 'two')}`,
  });

  test.each([
    ['missing', 127, 'not found'],
    ['plain', 127, 'not found'], // as runc: a file that is not executable is passed over
    ['folder', 127, 'not found'],
    ['no-shebang', 126, 'exec format error'], // never given to /bin/sh, nor looked for further on
    ['bad-interpreter', 127, 'not found'],
    ['', 127, 'not found'],
    ['./missing', 127, 'not found'],
    ['one/plain', 126, 'permission denied'],
    ['one/folder', 126, 'permission denied'],
    ['one/no-shebang', 126, 'exec format error'],
    ['one/plain/x', 127, 'not executable'],
  ])('%s: exit code %i, %s', (name, status, reason) => {
    expect(shim(['--', name], paths())).toMatchObject({
      status,
      stdout: '',
      stderr: `chalk-shim: cannot run ${name}: ${reason}\n`,
    });
  });

  test('the first executable on PATH runs', () => {
    expect(shim(['--', 'twice'], paths())).toMatchObject({ status: 0, stdout: 'two\n' });
  });

  test('an empty part of PATH is the working folder, an empty PATH nothing, no PATH the usual one', () => {
    writeFileSync(join(folder, 'here'), '#!/bin/sh\necho here\n', { mode: 0o755 });
    expect(shim(['--', 'here'], { PATH: '/nonexistent::/x' })).toMatchObject({ stdout: 'here\n' });
    expect(shim(['--', 'here'], { PATH: '/nonexistent:' })).toMatchObject({ stdout: 'here\n' });
    expect(shim(['--', 'here'], { PATH: '' })).toMatchObject({ status: 127 });
    expect(shim(['--', 'sh', '-c', 'exit 5'])).toMatchObject({ status: 5 });
  });

  test('PATH of any length is survived', () => {
    const long = `${'/x'.repeat(5000)}:${'y:'.repeat(3000)}${join(folder, 'two')}`;
    expect(shim(['--', 'twice'], { PATH: long })).toMatchObject({ status: 0, stdout: 'two\n' });
    expect(shim(['--', 'z'.repeat(5000)], { PATH: long })).toMatchObject({ status: 127 });
  });

  test('no program at all', () => {
    for (const args of [[], ['--'], ['--later-option']])
      expect(shim(args)).toMatchObject({ status: 127, stdout: '' });
  });
});

test('options before -- are passed over, a -- of the program stays', () => {
  expect(shim(['--later', 'x', '--', 'sh', '-c', 'echo "$@"', 'sh', 'a', '--', 'b'])).toMatchObject({
    stdout: 'a -- b\n',
  });
  expect(shim(['sh', '-c', 'echo "$@"', 'sh', '--', 'b'])).toMatchObject({ stdout: '-- b\n' });
});

test('a copy with the set-user-id bit only executes', () => {
  const copy = join(folder, 'suid-shim');
  copyFileSync(shimPath(), copy);
  chmodSync(copy, 0o4755);
  const env = { CHALK_REPORT_FILE: '/dev/null/report', PATH: '/usr/bin:/bin' };
  const traced = (path: string): string =>
    spawnSync(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', path, '--', 'sh', '-c', 'ps -o comm= --ppid $$'],
      {
        encoding: 'utf8',
        env,
      },
    ).stdout;
  chmodSync(folder, 0o755);
  expect(traced(shimPath())).toContain('chalk-keeper');
  expect(isRoot ? traced(copy) : '').not.toContain('chalk-keeper');
});

describe.skipIf(!isRoot)(`state of the program${whyNotRoot}`, () => {
  let root: Root;
  beforeAll(() => {
    root = new Root(join(folder, 'programs'));
    symlinkSync('/bin/probe', root.at('bin/other-name'));
  });
  afterAll(async () => root.remove());

  const secrets = {
    PATH: '/nope:/bin',
    A: 'b c',
    EMPTY: '',
    QUOTED: `'"$x`,
    CHALK_REPORT_FILE: '/tmp/report',
  };
  const cases: readonly [string, readonly string[], StartOptions][] = [
    ['plain', ['/bin/probe', 'a', '', 'b c'], {}],
    ['argv[0] is the name given, not the path found', ['other-name', 'x'], {}],
    ['another user', ['probe'], { uid: 65_534 }],
    ['not PID 1', ['probe'], { sharedPids: true }],
    [
      'unusual state, every byte in argument and environment',
      ['/bin/odd-state', 'WRAP', '/bin/probe', 'x'],
      {},
    ],
    ['no standard input and error', ['/bin/probe'], { around: '"$@" <&- 2>&-' }],
    ['a pipe', ['/bin/probe'], { around: '"$@" | cat' }],
    ['no new privileges', ['probe'], { uid: 1000, around: 'exec setpriv --no-new-privs "$@"' }],
  ];

  test.each(cases)('%s', async (_, argv, options) => {
    const wrapped = ['/.chalk/shim', '--'];
    const direct = argv
      .filter((argument) => argument !== 'WRAP')
      .map((name) => (name === 'probe' || name === 'other-name' ? `/bin/${name}` : name));
    const through = argv.includes('WRAP')
      ? argv.flatMap((argument) => (argument === 'WRAP' ? wrapped : [argument]))
      : [...wrapped, ...direct];
    const without: Finished = await root.run(direct, { env: secrets, ...options });
    const withShim: Finished = await root.run(through, { env: secrets, ...options });
    expect(without.stdout.split('\n').length).toBeGreaterThan(40);
    expect(withShim).toEqual(without);
    expect(await root.run(through, { env: { ...secrets, CHALK_SHIM: 'on' }, ...options })).toMatchObject({
      code: 0,
    });
  });

  test('a name found on PATH starts as runc would start it', async () => {
    const result = await root.run(['/.chalk/shim', '--', 'other-name', 'x'], { env: secrets });
    expect(result.stdout).toContain('\narg other-name\narg x\n');
    expect(result.stdout).toContain('\nexecfn /bin/other-name\n');
  });
});

test('the toolchain that tests use is the one that builds', () => {
  expect(execFileSync(program('probe'), ['x'], { encoding: 'utf8' })).toContain('arg x');
});
