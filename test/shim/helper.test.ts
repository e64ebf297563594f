/** The helper that stays behind: what the program notices of it (nothing), and what it keeps (nothing). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { getPriority, release } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  build,
  compilePrograms,
  hasAutoreap,
  isRoot,
  keepingShim,
  readText,
  Root,
  type Running,
  scratchFolder,
  type StartOptions,
  until,
  whyNotRoot,
} from './support.ts';

const observe = [...keepingShim, '/bin/observer'];
const toFile = { CHALK_REPORT_FILE: '/tmp/report' };

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

describe.skipIf(!isRoot)(`helper${whyNotRoot}`, () => {
  let programs = '';
  let root: Root;
  beforeAll(() => {
    build();
    programs = scratchFolder();
    compilePrograms(programs);
  });
  afterAll(() => {
    rmSync(programs, { recursive: true });
  });
  beforeEach(() => {
    root = new Root(programs);
  });
  afterEach(async () => root.remove());

  const keeperOf = async (running: Running): Promise<number> =>
    until('the keeper', () => running.descendant('chalk-keeper'));

  /** The reporter is gone: the keeper has reaped it, wiped its memory and sleeps for good. */
  const parked = async (keeper: number): Promise<void> => {
    await until('the keeper to park', () => {
      const fds = readdirSync(`/proc/${keeper}/fd`);
      const state = /^\d+ \(.*\) (\S)/.exec(readText(`/proc/${keeper}/stat`) ?? '')?.[1];
      const children = readText(`/proc/${keeper}/task/${keeper}/children`);
      return fds.length === 0 && state === 'S' && children === '' ? true : undefined;
    });
  };

  const settings: readonly [string, StartOptions][] = [
    ['PID 1', {}],
    ['not PID 1', { sharedPids: true }],
    ['PID 1, not root', { uid: 1000 }],
  ];

  test.each(settings)(
    '%s: no SIGCHLD, no zombie, nothing to wait for, once the report is out',
    async (_, options) => {
      const running = root.start(observe, { env: toFile, ...options });
      await root.reports('tmp/report');
      await parked(await keeperOf(running));
      const { code, stdout, stderr } = await running.finish();
      expect({ code, stdout, stderr }).toEqual({
        code: 7,
        stdout: 'ready\nsigchld=0 wait=-1 No child processes zombies=0\n',
        stderr: '',
      });
    },
  );

  test('no sink, or CHALK_SHIM=off: no helper', async () => {
    for (const env of [{}, { CHALK_REPORTS: '1' }, { ...toFile, CHALK_SHIM: 'off' }]) {
      const running = root.start(observe, { env });
      await until('the program', () => (running.stdout === 'ready\n' ? true : undefined));
      expect(running.descendant('chalk-keeper')).toBeUndefined();
      expect(await running.finish()).toMatchObject({ code: 7, stderr: '' });
      expect(readText(root.at('tmp/report'))).toBeUndefined();
    }
  });

  test.each([
    ['absent', (): void => rmSync(root.at('.chalk/reporter'))],
    ['not a program', (): void => root.write('.chalk/reporter', 'text', 0o555)],
    ['not executable', (): void => root.write('.chalk/reporter', 'text', 0o444)],
    ['a folder', (): void => (rmSync(root.at('.chalk/reporter')), mkdirSync(root.at('.chalk/reporter')))],
    ['killed', (): void => root.write('.chalk/reporter', '#!/bin/killed\n', 0o555)],
  ])('reporter %s: the program does not notice', async (_, spoil) => {
    spoil();
    const running = root.start(observe, { env: toFile });
    await parked(await keeperOf(running));
    expect((await running.finish()).stdout).toContain('sigchld=0 wait=-1 No child processes zombies=0');
  });

  test.each(settings)('%s: parked, it is small, meek, and remembers nothing', async (_, options) => {
    const secret = 'Canary-4711';
    const argv = [...observe, `--password=${secret}`, secret];
    const running = root.start(argv, {
      env: { ...toFile, DB_PASSWORD: secret, CHALK_REPORT_TOKEN: secret },
      ...options,
    });
    await root.reports('tmp/report');
    const keeper = await keeperOf(running);
    await parked(keeper);
    const file = (name: string): string => readText(`/proc/${keeper}/${name}`) ?? '';
    expect(file('environ').replaceAll('\0', '')).toBe('');
    expect(file('cmdline').replaceAll('\0', '')).toBe('');
    const fields = file('stat')
      .replace(/^.*\) /s, '')
      .split(' ');
    expect({ session: fields[3], terminal: fields[4], nice: fields[16] }).toEqual({
      session: String(keeper),
      terminal: '0',
      nice: String(Math.min(getPriority() + 5, 19)),
    });
    expect(file('oom_score_adj')).toBe('1000\n');
    expect(file('status')).toMatch(/^NoNewPrivs:\t1$/m);
    expect(file('status')).toMatch(/^SigBlk:\t0{16}$/m);
    expect(Number(/^VmRSS:\s+(\d+)/m.exec(file('status'))?.[1])).toBeLessThanOrEqual(64);
    await running.finish();
    await until('the keeper to end with the program', () => (file('stat') === '' ? true : undefined));
  });

  test('another user of its own number cannot look into it', async () => {
    const running = root.start(observe, { env: toFile, uid: 1000 });
    const keeper = await keeperOf(running);
    await parked(keeper);
    const look = (): string =>
      execFileSync(
        'setpriv',
        ['--reuid=1000', '--regid=1000', '--clear-groups', 'cat', `/proc/${keeper}/environ`],
        {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
    expect(look).toThrow(/Permission denied/);
    await running.finish();
  });

  test('not PID 1: it ends with a program that is killed', async () => {
    const running = root.start(observe, { env: toFile, sharedPids: true });
    const keeper = await keeperOf(running);
    process.kill(running.descendant('observer') ?? Number.NaN, 'SIGKILL');
    await running.finish();
    await until('the end of the keeper', () =>
      readText(`/proc/${keeper}/stat`) === undefined ? true : undefined,
    );
  });

  test('not PID 1: it ends with a program that cannot be run, however the race goes', async () => {
    for (let round = 0; round < 20; round++) {
      const { code } = await root.run(['/.chalk/shim', '--', '/missing'], { env: toFile, sharedPids: true });
      expect(code).toBe(127);
    }
    await until('the end of every keeper', () => (keepersIn(root.path) === 0 ? true : undefined));
    expect(readText(root.at('tmp/report'))).toBeUndefined();
  });

  test.each(['<&-', '>&-', '2>&-', '<&- >&-', '>&- 2>&-', '<&- >&- 2>&-'])(
    'closed streams (%s) do no harm',
    async (closed) => {
      const running = root.start(['/.chalk/shim', '--', '/bin/exit-codes', 'exit', '42'], {
        env: { ...toFile, CHALK_REPORT_URL: 'http://127.0.0.1:1/' },
        around: `"$@" ${closed}`,
      });
      expect(await running.finish()).toMatchObject({ code: 42, stdout: '', stderr: '' });
    },
  );

  test.each([
    'close_range',
    'clone3',
    'prctl',
    'setsid',
    'dup3',
    'chdir',
    'setpriority',
    'getpriority',
    'rt_sigprocmask',
    'uname',
  ])('where %s is denied, the program runs and the helper parks without descriptors', async (call) => {
    const running = root.start(['/bin/deny', call, ...observe], {
      env: toFile,
      around: 'exec 5<.; exec 9<.; exec "$@"',
    });
    await until('the program', () => (running.stdout === 'ready\n' ? true : undefined));
    // Where prctl is denied, it could not take its name.
    await parked(
      await until('the helper', () => running.descendant('chalk-keeper') ?? running.descendant('shim')),
    );
    expect(await running.finish()).toMatchObject({ code: 7, stderr: '' });
  });

  test.each(['clone', 'pipe2', 'faccessat', 'openat', 'socket', 'getppid'])(
    'where %s is denied, the program runs',
    async (call) => {
      const env = { CHALK_REPORT_URL: 'http://127.0.0.1:1/' };
      const { code, stdout } = await root.run(
        ['/bin/deny', call, '/.chalk/shim', '--', '/bin/exit-codes', 'exit', '7'],
        { env },
      );
      expect({ code, stdout }).toEqual({ code: 7, stdout: '' });
    },
  );

  test('where clone kills whoever calls it, nothing but CHALK_SHIM=off helps; clone3 is not called before Linux 7.1', async () => {
    const through = (call: string, env: Readonly<Record<string, string>>) =>
      root.run(['/bin/deny', call, '/.chalk/shim', '--', '/bin/exit-codes', 'exit', '7'], { env });
    expect(await through('!clone', toFile)).toMatchObject({ code: null, signal: 'SIGSYS' });
    expect(await through('!clone', { ...toFile, CHALK_SHIM: 'off' })).toMatchObject({ code: 7, stderr: '' });
    expect((await through('!clone3', toFile)).code === 7).toBe(!hasAutoreap);
  });

  test.skipIf(!hasAutoreap)(
    `Linux 7.1 and later: nothing of ours is left${hasAutoreap ? '' : ` (skipped: this is Linux ${release()})`}`,
    async () => {
      const running = root.start(['/.chalk/shim', '--', '/bin/observer'], { env: toFile });
      await root.reports('tmp/report');
      await until('the end of the helper', () => (keepersIn(root.path) === 0 ? true : undefined));
      expect((await running.finish()).stdout).toContain('sigchld=0 wait=-1 No child processes zombies=0');
    },
  );

  test('whoever waits for the end of the output does not wait for the helper', async () => {
    const { stdout } = await root.run(['/.chalk/shim', '--', '/bin/exit-codes', 'exit', '0'], {
      env: { CHALK_REPORT_URL: 'http://127.0.0.1:1/' },
      sharedPids: true,
      around: 'x=$("$@") && echo "<$x>"',
    });
    expect(stdout).toBe('<>\n');
  });
});

function keepersIn(root: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (readText(`/proc/${pid}/comm`) !== 'chalk-keeper\n') return false;
    try {
      return readlinkSync(`/proc/${pid}/root`) === root;
    } catch {
      return false; // ended while we looked
    }
  }).length;
}
