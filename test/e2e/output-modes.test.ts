/** What scripts read of a build: standard output, ID and metadata files, progress. All as docker leaves them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, onlyChalk, readKeys, Sandbox } from '../support/chalk.ts';
import { describeWithEveryStore } from '../support/engine.ts';

describeWithEveryStore('output', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo step\nCMD ["true"]\n`,
    });
  });
  afterAll(async () => sandbox.close());

  test.each([
    ['build', '-q'],
    ['build', '--quiet=true'],
    ['buildx', 'build', '-q'],
    ['image', 'build', '-q'],
    ['builder', 'build', '-q'],
    ['buildx', 'b', '-q'],
  ])('%s %s %s prints the image’s ID and nothing else', async (...words) => {
    const name = sandbox.name();
    const result = await sandbox.chalk([...words.filter(Boolean), '-t', name, folder]);
    const image = await sandbox.inspect(name);
    expect(result).toEqual({ code: 0, stdout: `${image.Id}\n`, stderr: '' });
    expect(image.Config.Entrypoint).toEqual(['/.chalk/shim', '--']);
  });

  test('--iidfile holds the image’s ID', async () => {
    const file = join(sandbox.root, 'iid');
    writeFileSync(file, 'stale');
    const name = sandbox.name();
    expectSuccess(await sandbox.chalk(['build', '--iidfile', file, '-t', name, folder]));
    expect(readFileSync(file, 'utf8')).toBe((await sandbox.inspect(name)).Id);
  });

  test('--metadata-file has what docker’s has, and describes this image', async () => {
    const read = (file: string) => readKeys(readFileSync(join(sandbox.root, file), 'utf8'));
    const name = sandbox.name();
    expectSuccess(
      await sandbox.docker(['build', '--metadata-file', 'plain.json', '-t', sandbox.name(), folder]),
    );
    expectSuccess(await sandbox.chalk(['build', '--metadata-file', 'ours.json', '-t', name, folder]));
    const ours = read('ours.json');
    expect(new Set(Object.keys(ours))).toEqual(new Set(Object.keys(read('plain.json'))));
    expect(ours['image.name']).toContain(name);
    expect(ours['containerimage.digest']).toBe((await sandbox.inspect(name)).Id);
    expect(`sha256:${String(onlyChalk(sandbox.lastReport())['_CURRENT_HASH'])}`).toBe(
      ours['containerimage.digest'],
    );
  });

  test('without --metadata-file none appears', async () => {
    const cwd = sandbox.project({});
    expectSuccess(await sandbox.chalk(['build', '-t', sandbox.name(), folder], { cwd }));
    expect(existsSync(join(cwd, 'metadata.json'))).toBe(false);
  });

  test('--progress=rawjson: every line of standard error is JSON', async () => {
    const name = sandbox.name();
    const result = expectSuccess(await sandbox.chalk(['build', '--progress=rawjson', '-t', name, folder]));
    expect(result.stdout).toBe('');
    const lines = result.stderr.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(() => readKeys(line), line).not.toThrow();
  });

  test('a build with labels, several tags and arguments has them all', async () => {
    const [one, two] = [sandbox.name(), sandbox.name()];
    const words = ['--label', 'a=b c', '-t', one, '--tag', two, '--build-arg=X=1', '--no-cache', folder];
    expectSuccess(await sandbox.chalk(['build', ...words]));
    const image = await sandbox.inspect(one);
    expect((await sandbox.inspect(two)).Id).toBe(image.Id);
    expect(image.Config['Labels']).toEqual({ a: 'b c' });
  });

  test('the build prints no line about our files’ folders', async () => {
    const result = expectSuccess(
      await sandbox.chalk(['build', '--progress=plain', '-t', sandbox.name(), folder]),
    );
    expect(result.stderr).toContain('load build definition from Dockerfile');
    expect(result.stderr).not.toContain(sandbox.temporary);
  });
});
