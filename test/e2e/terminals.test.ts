/** Terminals and pipes: what a build does when the person or the program that looks at it goes away, or interrupts it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LAUNCHER, Sandbox, until } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

/** util-linux's `script` gives a program a terminal. */
const hasScript = spawnSync('script', ['--version']).status === 0;

describeWithEngine('terminals and pipes', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  let bin = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    bin = join(sandbox.root, 'bin');
    mkdirSync(bin);
    await sandbox.chalk(['install', '--wrapper', bin]);
  });
  afterAll(async () => sandbox.close());

  const wrapped = () => ({ env: { PATH: `${bin}:${sandbox.env['PATH'] ?? ''}` } });
  const isClean = () => !readdirSync(sandbox.temporary).some((name) => name.startsWith('docker-chalk'));

  test.each([
    ['a reader of progress that goes away', '$BUILD --progress=plain . 2>&1 | head -n 1 >/dev/null'],
    ['a reader of the ID that has gone', '$BUILD -q . | true'],
    ['a closed standard output', '$BUILD -q . >&-'],
    ['a closed standard error', '$BUILD --progress=plain . 2>&-'],
    ['a closed standard input', '$BUILD -q . <&-'],
    ['a full disk as standard output', '$BUILD -q . >/dev/full'],
    ['a full disk as standard error', '$BUILD --progress=plain . 2>/dev/full'],
  ])('%s: docker’s exit status', async (_, line) => {
    const statusOf = async (build: string, options = {}) => {
      const script = `${line.replace('$BUILD', build)}\necho "status \${PIPESTATUS[0]}" >&9`;
      const { stdout } = await sandbox.run('bash', ['-c', `exec 9>&1\n${script}`], {
        cwd: folder,
        ...options,
      });
      return /^status \d+$/m.exec(stdout)?.[0];
    };
    const plain = await statusOf('docker build');
    expect(plain).toBeDefined();
    expect(await statusOf('docker chalk build')).toBe(plain);
    expect(await statusOf('docker build', wrapped())).toBe(plain);
  });

  describe.runIf(hasScript)('at a terminal', () => {
    /** A build whose step does not end, at a terminal of its own, once the step has begun. */
    const begin = async (words: string, options = {}) => {
      const step = `started-${sandbox.name()}`;
      const context = sandbox.project({
        Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo ${step}; sleep 300\n`,
      });
      const child = sandbox.start('script', ['-qefc', `${words} --progress=plain ${context}`, '/dev/null'], {
        input: '',
        ...options,
      });
      const seen = { output: '' };
      child.stdout?.on('data', (chunk: Buffer) => (seen.output += chunk.toString()));
      const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
      await until('the long step', () =>
        new RegExp(`^#\\d+ [\\d.]+ ${step}`, 'm').test(seen.output) ? true : undefined,
      );
      return { child, seen, ended, context };
    };
    const running = (context: string) =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .filter((pid) => {
          try {
            return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(context);
          } catch {
            return false;
          }
        });

    test.each([1, 2, 3])('Ctrl-C, %i times', async (times) => {
      for (const [words, options] of [
        ['docker build', {}],
        ['docker chalk build', {}],
        ['docker build', wrapped()],
      ] as const) {
        const { child, seen, ended, context } = await begin(words, options);
        child.stdin?.write('\u0003'.repeat(times));
        const code = await ended;
        child.stdin?.end();
        // Pressed once the build is cancelled; whether it can still clean up after that is a race docker has as well.
        expect(times === 1 ? [130] : [130, 1, 2]).toContain(code);
        expect(seen.output.match(/building with/g)).toHaveLength(1);
        expect(seen.output).not.toContain('docker chalk:');
        await until('every process to end', () => (running(context).length === 0 ? true : undefined));
        await until('our folders to go', () => (isClean() ? true : undefined));
      }
    });

    test('a terminal that is closed takes the build with it', async () => {
      for (const [words, options] of [
        ['docker build', {}],
        ['docker chalk build', {}],
        ['docker build', wrapped()],
      ] as const) {
        const { child, context, ended } = await begin(words, options);
        child.kill('SIGKILL');
        await ended;
        await until('every process to end', () => (running(context).length === 0 ? true : undefined));
        await until('our folders to go', () => (isClean() ? true : undefined));
      }
    });

    test('progress is a terminal’s', async () => {
      const output = async (words: string) => {
        const line = `${words} ${folder}`;
        const { stdout, code } = await sandbox.run('script', ['-qefc', line, '/dev/null'], { input: '' });
        expect(code).toBe(0);
        return stdout;
      };
      for (const words of ['docker build', 'docker chalk build']) {
        expect(await output(words)).toContain('\u001b[?25l');
      }
    });
  });

  describe('modes whose standard error a program reads', () => {
    const MODES: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ['--progress=rawjson', {}],
      ['--progress rawjson', {}],
      ['-q', {}],
      ['--quiet', {}],
      ['--progress=quiet', {}],
      ['', { BUILDKIT_PROGRESS: 'rawjson' }],
      ['', { BUILDKIT_PROGRESS: 'quiet' }],
    ];
    const STATES: readonly (readonly [string, (lib: string) => void])[] = [
      ['as installed', () => undefined],
      ['without the programs for images', (lib) => rmSync(join(lib, 'shim'), { recursive: true })],
      ['without the program', (lib) => rmSync(join(lib, 'chalk.mjs'))],
      ['with an empty program', (lib) => writeFileSync(join(lib, 'chalk.mjs'), '')],
      [
        'broken',
        (lib) => {
          for (const part of readdirSync(lib).filter((name) => name.startsWith('part-'))) {
            writeFileSync(join(lib, part), 'this is no program');
          }
        },
      ],
    ];

    test.each(STATES)('have no word of ours: %s', async (_, harm) => {
      const plugin = sandbox.project({});
      cpSync(join(LAUNCHER, '..'), plugin, { recursive: true, verbatimSymlinks: true });
      harm(join(plugin, 'lib'));
      const link = join(sandbox.config, 'cli-plugins', 'docker-chalk');
      rmSync(link);
      symlinkSync(join(plugin, 'docker-chalk'), link);
      try {
        for (const [mode, env] of MODES) {
          const words = ['build', ...mode.split(' ').filter(Boolean), folder];
          const { code, stdout, stderr } = await sandbox.chalk(words, { env });
          expect(code, stderr).toBe(0);
          expect(stdout).toMatch(mode.includes('q') ? /^(sha256:[0-9a-f]{64}\n)?$/ : /^$/);
          expect(stderr, words.join(' ')).not.toMatch(/^docker chalk|chalk: /m);
        }
      } finally {
        rmSync(link);
        symlinkSync(LAUNCHER, link);
      }
    });
  });
});
