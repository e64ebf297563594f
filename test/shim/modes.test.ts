/** The modes that were asked for: what comes when, and how the program still is as it would be alone. */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  build,
  chalkId,
  compilePrograms,
  isRoot,
  parseReport,
  readText,
  type Report,
  Root,
  scratchFolder,
  until,
  whyNotRoot,
} from './support.ts';

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

/** A reporter that never ends; no signal but SIGKILL stops it. */
const ENDLESS = '#!/bin/signals\n';
/** Milliseconds. Without the limit that is tested, the shim's own would end the wait after 6 s (`init.c`). */
const LONGEST_END = 5500;

describe.skipIf(!isRoot)(`modes${whyNotRoot}`, () => {
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

  const toFile = { CHALK_REPORT_FILE: '/tmp/report', PATH: '/bin' };
  const written = (): Report[] =>
    (readText(root.at('tmp/report')) ?? '')
      .split('\n')
      .slice(0, -1)
      .map((line) => parseReport(line));
  const short = (...options: string[]): string[] => [
    '/.chalk/shim',
    ...options,
    '--',
    'exit-codes',
    'exit',
    '7',
  ];

  describe('heartbeat', () => {
    test.each<[string, string[], Record<string, string>]>([
      ['by the image', ['--mode=heartbeat'], {}],
      ['by the environment', [], { CHALK_SHIM: 'heartbeat' }],
    ])(
      '%s: reports again and again, of one run, and the program does not notice',
      async (_, options, env) => {
        const running = root.start(['/.chalk/shim', ...options, '--', 'observer'], {
          env: {
            ...toFile,
            CHALK_REPORT_INTERVAL: '2',
            CHALK_REPORT_TOKEN: 'Canary-4711',
            DB_PASSWORD: 'Canary-4711',
            ...env,
          },
        });
        await until('two heartbeats', () => (written().length >= 3 ? true : undefined));
        const keeper = running.descendant('chalk-keeper') ?? Number.NaN;
        expect(readText(`/proc/${keeper}/environ`)).not.toContain('DB_PASSWORD');
        expect(
          Number(/^VmRSS:\s+(\d+)/m.exec(readText(`/proc/${keeper}/status`) ?? '')?.[1]),
        ).toBeLessThanOrEqual(64);
        expect((await running.finish()).stdout).toContain('sigchld=0 wait=-1 No child processes zombies=0');
        const reports = written();
        expect(reports.slice(0, 3).map(({ host }) => [host['_OPERATION'], host['_HEARTBEAT_COUNT']])).toEqual(
          [
            ['exec', undefined],
            ['heartbeat', 1],
            ['heartbeat', 2],
          ],
        );
        expect(new Set(reports.map(({ host }) => host['_EXEC_ID'])).size).toBe(1);
        expect(new Set(reports.map(({ host }) => host['_ACTION_ID'])).size).toBe(reports.length);
        expect(reports.every(({ chalk }) => chalk['CHALK_ID'] === chalkId)).toBe(true);
      },
    );

    test('a reporter that is killed is run again', async () => {
      root.write('.chalk/reporter', '#!/bin/killed\n', 0o555);
      const running = root.start(['/.chalk/shim', '--', 'observer'], {
        env: { ...toFile, CHALK_SHIM: 'heartbeat' },
      });
      await until('the keeper', () => running.descendant('chalk-keeper'));
      expect((await running.finish()).stdout).toContain('sigchld=0 wait=-1 No child processes zombies=0');
    });
  });

  describe.each(['sync', 'lambda'])('%s', (mode) => {
    test('the report of the shortest program is there when it has ended, 20 of 20', async () => {
      for (let round = 1; round <= 20; round++) {
        expect(await root.run(short(`--mode=${mode}`), { env: toFile })).toMatchObject({
          code: 7,
          stdout: '',
          stderr: '',
        });
        expect(written()).toHaveLength(round);
      }
      expect(written()[0]?.chalk).toMatchObject({
        _PROCESS_PID: 1,
        _PROCESS_ARGV: ['exit-codes', 'exit', '7'],
        _PROCESS_EXE_PATH: '/bin/exit-codes',
        _X_CHALK_PROCESS_EXE_SHA256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      });
    });

    test('a reporter that never ends costs a second, and the program then starts', async () => {
      root.write('.chalk/reporter', ENDLESS, 0o555);
      const started = performance.now();
      const env = { ...toFile, CHALK_SHIM: mode };
      expect(await root.run(short(), { env })).toMatchObject({ code: 7, stdout: '', stderr: '' });
      expect(performance.now() - started).toBeGreaterThan(900);
    });
  });

  describe('init', () => {
    const init = { ...toFile, CHALK_SHIM: 'init' };

    test('the shortest program: how it started and how it ended, 20 of 20', async () => {
      for (let round = 1; round <= 20; round++) {
        expect(await root.run(short(), { env: init })).toMatchObject({ code: 7, stdout: '', stderr: '' });
        expect(written()).toHaveLength(2 * round);
      }
      const start = written().find(({ host }) => host['_OPERATION'] === 'exec');
      expect(start?.chalk).toMatchObject({
        _PROCESS_ARGV: ['exit-codes', 'exit', '7'],
        _PROCESS_EXE_PATH: '/bin/exit-codes',
      });
      const end = written().find(({ host }) => host['_OPERATION'] === 'postexec');
      expect(end?.chalk).toMatchObject({ CHALK_ID: chalkId, _X_CHALK_PROCESS_EXIT_CODE: 7 });
    });

    test('a death by a signal is 128 and its number, for the report too', async () => {
      expect(
        await root.run(['/.chalk/shim', '--', 'exit-codes', 'signal', '15'], { env: init }),
      ).toMatchObject({ code: 143 });
      const end = written().find(({ host }) => host['_OPERATION'] === 'postexec');
      expect(end?.chalk).toMatchObject({ _X_CHALK_PROCESS_EXIT_CODE: 143, _X_CHALK_PROCESS_EXIT_SIGNAL: 15 });
    });

    test('orphans are reaped', async () => {
      expect((await root.run(['/.chalk/shim', '--', 'signals', 'orphans'], { env: init })).stdout).toBe(
        'zombies=0\n',
      );
    });

    test('missing and not executable: as in every mode', async () => {
      root.write('bin/text', 'text', 0o644);
      expect(await root.run(['/.chalk/shim', '--', 'nothing'], { env: init })).toMatchObject({
        code: 127,
        stderr: 'chalk-shim: cannot run nothing: not found\n',
      });
      expect(await root.run(['/.chalk/shim', '--', '/bin/text'], { env: init })).toMatchObject({ code: 126 });
    });

    test('no sink: the shim does not stay', async () => {
      const running = root.start(['/.chalk/shim', '--mode=init', '--', 'observer'], {
        env: { PATH: '/bin' },
      });
      await until('the program', () => (running.stdout === 'ready\n' ? true : undefined));
      expect(running.descendant('shim')).toBeUndefined();
      await running.finish();
    });

    test('a sink that never answers: the end waits for the last report as long as it was told, and a second for the first', async () => {
      const server = createServer(() => undefined);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      const env = {
        ...init,
        CHALK_REPORT_URL: `http://127.0.0.1:${address.port}/`,
        CHALK_REPORT_WAIT: '300',
      };
      const started = performance.now();
      expect(await root.run(short(), { env })).toMatchObject({ code: 7, stdout: '', stderr: '' });
      const took = performance.now() - started;
      server.close();
      expect(took).toBeGreaterThan(300);
      expect(took).toBeLessThan(LONGEST_END);
    });

    test('on standard output: both reports, a line each; the last one, too, has no stream of the program', async () => {
      const env = { ...init, CHALK_REPORT_FILE: '-' };
      const { code, stdout, stderr } = await root.run(short(), { env, around: '"$@" | cat' });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' }); // cat's
      const operations = stdout
        .trimEnd()
        .split('\n')
        .map((line) => parseReport(line).host['_OPERATION']);
      expect(operations).toHaveLength(2);
      expect(new Set(operations)).toEqual(new Set(['exec', 'postexec']));
      root.write('.chalk/reporter', '#!/bin/streams\n', 0o555);
      await root.run(short(), { env: init, around: '"$@" 2> "$root/tmp/errors"' });
      expect(readText(root.at('tmp/errors'))).toBe('');
    });

    test('a reporter that never ends: the container ends all the same', async () => {
      root.write('.chalk/reporter', ENDLESS, 0o555);
      expect(await root.run(short(), { env: init })).toMatchObject({ code: 7, stdout: '', stderr: '' });
    });

    test('a SIGTERM ends that wait at once', async () => {
      root.write('.chalk/reporter', ENDLESS, 0o555);
      const running = root.start(['/.chalk/shim', '--', 'observer'], { env: init });
      await until('the program', () => (running.stdout === 'ready\n' ? true : undefined));
      const shim = running.descendant('shim') ?? Number.NaN;
      running.child.stdin?.end();
      await until('the end of the program', () =>
        running.descendant('observer') === undefined ? true : undefined,
      );
      const asked = performance.now();
      process.kill(shim, 'SIGTERM');
      expect(await running.finish()).toMatchObject({ code: 7 });
      expect(performance.now() - asked).toBeLessThan(LONGEST_END);
    });
  });

  test.each([
    ['exec', 'signals'],
    ['heartbeat', 'signals'],
    ['sync', 'signals'],
    ['init', 'shim'],
    ['off', 'signals'],
  ])(
    '%s: every signal that can be caught reaches the program, and its exit code comes back',
    async (mode, first) => {
      const running = root.start(['/.chalk/shim', '--', 'signals'], { env: { ...toFile, CHALK_SHIM: mode } });
      await until('the program', () => (running.stdout === 'ready\n' ? true : undefined));
      const receiver = running.descendant(first) ?? Number.NaN;
      // 9 and 19 cannot be caught, 15 ends it, 32 and 33 belong to libc, 17 is also what children send.
      const numbers = Array.from({ length: 64 }, (_, index) => index + 1).filter(
        (number) => ![9, 15, 17, 19, 32, 33].includes(number),
      );
      let expected = 'ready\n';
      for (const number of numbers) {
        process.kill(receiver, number);
        expected += `${number}\n`;
        await until(`signal ${number}`, () => (running.stdout === expected ? true : undefined));
      }
      process.kill(receiver, 'SIGTERM');
      expect(await running.finish()).toMatchObject({ code: 3, stdout: expected, stderr: '' });
    },
  );

  test('the environment is stronger than the image, and what neither knows is mode exec', async () => {
    const running = root.start(['/.chalk/shim', '--mode=init', '--', 'observer'], {
      env: { ...toFile, CHALK_SHIM: 'exec' },
    });
    await root.reports('tmp/report');
    expect(running.descendant('shim')).toBeUndefined();
    expect((await running.finish()).stdout).toContain('sigchld=0 wait=-1 No child processes zombies=0');
    const other = root.start(['/.chalk/shim', '--mode=later', '--', 'observer'], {
      env: { ...toFile, CHALK_SHIM: 'on' },
    });
    await until('the helper', () => other.descendant('chalk-keeper'));
    await other.finish();
  });
});
