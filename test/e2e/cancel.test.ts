/** Ctrl-C and SIGTERM: the build stops, with docker's exit status, and is not started again. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finish, Sandbox, until } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

/** util-linux's `script` gives a program a terminal. */
const hasScript = spawnSync('script', ['--version']).status === 0;

describeWithEngine('cancelled builds', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  /** Starts a build in a process group of its own, waits for its long step, sends the signal, waits for its end. */
  const cancelled = async (words: readonly string[], signal: NodeJS.Signals, to: 'group' | 'docker') => {
    const folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo started-${sandbox.name()}; sleep 300\nCMD ["true"]\n`,
    });
    const child = sandbox.start('docker', [...words, '--progress=plain', folder], { group: true });
    let output = '';
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const end = finish(child);
    await until('the long step', () => (/^#\d+ [\d.]+ started-/m.test(output) ? true : undefined));
    const { pid } = child;
    if (pid === undefined) throw new Error('docker was not started');
    process.kill(to === 'group' ? -pid : pid, signal);
    const { code } = await end;
    return { code, signal: child.signalCode, output };
  };

  test.each([
    ['SIGINT to the process group', 'SIGINT', 'group'],
    ['SIGTERM to docker', 'SIGTERM', 'docker'],
    ['SIGTERM to the process group', 'SIGTERM', 'group'],
    ['SIGINT to docker', 'SIGINT', 'docker'],
  ] as const)('%s', async (_, signal, to) => {
    const plain = await cancelled(['build'], signal, to);
    const ours = await cancelled(['chalk', 'build'], signal, to);
    expect([ours.code, ours.signal]).toEqual([plain.code, plain.signal]);
    expect(ours.output).not.toContain('building without a mark');
    expect(ours.output.match(/building with/g)).toHaveLength(1);
    await until('our folders to go', () =>
      readdirSync(sandbox.temporary).some((name) => name.startsWith('docker-chalk')) ? undefined : true,
    );
    expect(sandbox.lastReport()).toMatchObject({ _OP_EXIT_CODE: 130, _OP_CHALK_COUNT: 0 });
  });

  test.runIf(hasScript)('Ctrl-C on a terminal', async () => {
    const codes: unknown[] = [];
    for (const words of ['docker build', 'docker chalk build']) {
      const step = `started-${sandbox.name()}`;
      const folder = sandbox.project({
        Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo ${step}; sleep 300\n`,
      });
      const command = `${words} --progress=plain ${folder}`;
      const child = sandbox.start('script', ['-qefc', command, '/dev/null'], { input: '' });
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const { promise: ended, resolve } = Promise.withResolvers<number | null>();
      child.on('close', (code) => resolve(code));
      await until('the long step', () =>
        new RegExp(`^#\\d+ [\\d.]+ ${step}`, 'm').test(output) ? true : undefined,
      );
      child.stdin?.write('\u0003');
      codes.push(await ended);
      child.stdin?.end();
      expect(output.match(/building with/g)).toHaveLength(1);
    }
    expect(codes).toEqual([130, 130]);
  });

  test('no build leaves a folder of ours behind, whatever its end', async () => {
    const good = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    const bad = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN false\n` });
    await sandbox.mark(good);
    await sandbox.chalk(['build', bad]);
    await sandbox.chalk(['build', '-t', 'UPPER:', good]);
    expect(readdirSync(sandbox.temporary)).toEqual([]);
  });
});
