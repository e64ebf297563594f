/** Strict mode: what of ours fails is a failure, and no image goes out without a mark. */
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('strict', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo hello >/hello\n` });
  });
  afterAll(async () => sandbox.close());

  test('a build that can be marked is a build', async () => {
    const { code, stderr } = await sandbox.chalk(['--strict', 'build', '-q', '-t', sandbox.name(), folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('one that cannot is not begun, by option and by environment', async () => {
    const words = ['bake', '--file', '/nowhere.hcl'];
    const name = sandbox.name();
    const unmarked = ['build', '-q', '-t', name, '--platform', 'nonsense', folder];
    for (const [line, env] of [
      [['--strict', ...unmarked], {}],
      [unmarked, { CHALK_STRICT: '1' }],
    ] as const) {
      const { code } = await sandbox.chalk(line, { env });
      expect(code).not.toBe(0);
    }
    expect((await sandbox.docker(['image', 'inspect', name])).code).not.toBe(0);
    expect((await sandbox.chalk(['--strict', ...words])).code).not.toBe(0);
  });

  test('labels are no mark: such a build is not begun, and such a bake neither', async () => {
    const cwd = sandbox.project({
      Dockerfile: 'FROM scratch AS app\nCMD ["never"]\n',
      'docker-bake.json': JSON.stringify({
        target: {
          default: {
            contexts: { app: `docker-image://${sandbox.base('busybox')}` },
            output: ['type=oci,dest=b.tar'],
          },
        },
      }),
    });
    const replaced = ['--build-context', `app=docker-image://${sandbox.base('busybox')}`];
    for (const words of [['build', ...replaced, '-o', 'type=oci,dest=a.tar', '.'], ['bake']]) {
      const { code, stderr } = await sandbox.chalk(['--strict', ...words], { cwd });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^docker chalk: BUILD_UNMARKED: /);
    }
    // buildx makes the file empty when it is only asked what it would bake.
    const sizeOf = (name: string) => statSync(join(cwd, name), { throwIfNoEntry: false })?.size ?? 0;
    expect(['a.tar', 'b.tar'].map(sizeOf)).toEqual([0, 0]);
    expect((await sandbox.chalk(['--strict', 'build', ...replaced, '.'], { cwd })).code).toBe(0);
    expect(sandbox.lastReport()).toMatchObject({ _X_CHALK_INJECTION: 'patch' });
  });

  test('a report that cannot be written fails the run, and says so in quiet mode too', async () => {
    const blocked = join(sandbox.root, 'blocked');
    writeFileSync(blocked, '');
    const words = ['--report', join(blocked, 'reports.jsonl'), 'build', '-q', '-t', sandbox.name(), folder];
    expect((await sandbox.chalk(words)).code).toBe(0);
    const { code, stdout, stderr } = await sandbox.chalk(['--strict', ...words]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^sha256:/);
    expect(stderr).toMatch(/^docker chalk: SINK_FAILED: /);
  });

  test('the user’s own failing step is the user’s own failure', async () => {
    const failing = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN false\n` });
    const { code, stderr } = await sandbox.chalk(['--strict', 'build', failing]);
    expect(code).toBe(1);
    expect(stderr).not.toContain('docker chalk:');
  });

  test('what builds nothing is left alone', async () => {
    expect((await sandbox.chalk(['--strict', 'build', '--check', folder])).code).toBe(0);
  });

  test('a bake of which one target cannot be marked is not begun', async () => {
    const [good, bad] = [sandbox.name(), sandbox.name()];
    // The one name for a context that is ours.
    const contexts = { 'chalk-payload': '.' };
    const targets = { good: { tags: [good] }, bad: { tags: [bad], contexts } };
    const cwd = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN true\nCMD ["true"]\n`,
      'docker-bake.json': JSON.stringify({ target: targets }),
    });
    const { code, stderr } = await sandbox.chalk(['--strict', 'bake', 'good', 'bad'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^docker chalk: BUILD_UNMARKED: /);
    expect((await sandbox.docker(['image', 'inspect', good])).code).not.toBe(0);
    expect((await sandbox.chalk(['--strict', 'bake', 'good'], { cwd })).code).toBe(0);
    expect((await sandbox.chalk(['extract', good])).code).toBe(0);
  });

  test('a temporary folder that cannot be written stops it before docker', async () => {
    const closed = join(sandbox.root, 'closed');
    rmSync(closed, { force: true });
    writeFileSync(closed, '');
    chmodSync(closed, 0o400);
    const name = sandbox.name();
    const words = ['build', '-t', name, folder];
    const lenient = await sandbox.chalk(words, { env: { TMPDIR: closed } });
    expect(lenient.code).toBe(0);
    const { code, stderr } = await sandbox.chalk(['--strict', ...words], { env: { TMPDIR: closed } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^docker chalk: BUILD_UNMARKED: /);
  });
});
