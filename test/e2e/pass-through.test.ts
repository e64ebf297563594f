/** What is left to docker as it was typed, with the reason in the report. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Result, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('pass-through', (engine) => {
  let sandbox: Sandbox;
  let dockerfile = '';
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    dockerfile = `FROM ${sandbox.base('busybox')}\nRUN echo hello >/hello\nCMD ["cat", "/hello"]\n`;
    folder = sandbox.project({ Dockerfile: dockerfile });
  });
  afterAll(async () => sandbox.close());

  /** Docker and docker chalk with the same words: same exit status and output, the same image without a mark. */
  const untouched = async (words: readonly string[], options: RunOptions = {}): Promise<Result> => {
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    const expected = await sandbox.docker(['build', '-t', plain, ...words], options);
    const seen = await sandbox.chalk(['build', '-t', ours, ...words], options);
    expect(seen.code, seen.stderr).toBe(expected.code);
    expect(seen.stdout).toBe(expected.stdout.replaceAll(plain, ours));
    expect(seen.stderr).not.toContain('docker chalk:');
    const [before, after] = await Promise.all(
      [plain, ours].map((name) =>
        sandbox.docker(['image', 'inspect', '-f', '{{json .RootFS}}{{json .Config}}', name]),
      ),
    );
    expect(after).toEqual({ ...before, stderr: before?.stderr.replaceAll(plain, ours) });
    return seen;
  };
  const reason = () => String(sandbox.lastReport()['_X_CHALK_INJECTION_REASON']).split(':')[0];

  test('an unknown flag: docker’s usage, exit status 125', async () => {
    await untouched(['--flag-of-tomorrow', folder]);
    expect(reason()).toBe('argv');
  });

  test('questions about a Dockerfile', async () => {
    for (const words of [['--call=outline'], ['--call', 'targets,format=json'], ['--check'], ['--help']]) {
      const plain = await sandbox.docker(['build', ...words, folder]);
      const ours = await sandbox.chalk(['build', ...words, folder]);
      expect([ours.code, ours.stdout.replaceAll('docker chalk', 'docker')], words.join(' ')).toEqual([
        plain.code,
        plain.stdout,
      ]);
    }
  });

  test('files as output: the user’s folder has the user’s files only', async () => {
    for (const output of [`type=local,dest=${join(sandbox.root, 'out')}`, join(sandbox.root, 'out')]) {
      expect((await sandbox.chalk(['build', '-o', output, folder])).code).toBe(0);
      const files = readdirSync(join(sandbox.root, 'out'));
      expect(files).toContain('hello');
      expect(files.filter((name) => name.includes('chalk'))).toEqual([]);
    }
    const tar = await sandbox.chalk(['build', '-o', '-', folder]);
    expect(tar.code).toBe(0);
    expect(tar.stdout).toContain('hello');
    expect(tar.stdout).not.toContain('chalk.json');
  });

  test('files and an image: the files are the user’s own, the image gets labels', async () => {
    for (const [index, words] of [['-o', 'type=image'], ['--load'], ['--push']].entries()) {
      const out = join(sandbox.root, `mixed-${index}`);
      const name = `${engine.registry}/${sandbox.name()}`;
      const result = await sandbox.chalk(['build', '-t', name, '-o', out, ...words, folder]);
      expect(result.code, result.stderr).toBe(0);
      expect(readdirSync(out).filter((each) => each.includes('chalk'))).toEqual([]);
      expect(readdirSync(out)).toContain('hello');
      expect([sandbox.lastReport()['_X_CHALK_INJECTION'], reason()]).toEqual(['label', 'files-too']);
      await sandbox.docker(['image', 'rm', name]);
    }
  });

  test('CHALK_DISABLED=1: docker itself, and no report', async () => {
    await untouched([folder]).catch(() => undefined);
    const before = sandbox.reports().length;
    const result = await untouched([folder], { env: { CHALK_DISABLED: '1' } });
    expect([result.code, sandbox.reports().length]).toEqual([0, before]);
  });

  test('a frontend that is not Docker’s', async () => {
    const file = join(sandbox.root, 'foreign.Dockerfile');
    writeFileSync(file, `# syntax=${engine.registry}/not-a-frontend:1\n${dockerfile}`);
    const result = await untouched(['-f', file, folder]);
    expect([result.code, reason()]).toEqual([1, 'foreign-frontend']);
  });

  test('platforms whose programs differ', async () => {
    const file = join(sandbox.root, 'multi.Dockerfile');
    writeFileSync(file, `FROM ${sandbox.base('multi')}\nLABEL a=b\n`);
    const result = await sandbox.chalk([
      'build',
      '--platform=linux/amd64,linux/arm64',
      '-t',
      sandbox.name(),
      '-f',
      file,
      folder,
    ]);
    expect([result.code, reason()]).toEqual([0, 'platforms-differ']);
  });

  test('commands that are docker’s alone', async () => {
    for (const words of [
      ['context', 'ls'],
      ['image', 'ls', '-q', sandbox.base('busybox')],
      ['run', '--rm', sandbox.base('busybox'), 'sh', '-c', 'exit 7'],
    ]) {
      expect(await sandbox.chalk(words), words.join(' ')).toEqual(await sandbox.docker(words));
    }
  });
});
