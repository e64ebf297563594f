/** Builds whose Dockerfile cannot hold our lines: docker builds them as they are, and the image is marked afterwards. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEveryStore } from '../support/engine.ts';

describeWithEveryStore('without lines of ours', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo hello >/hello\nCMD ["cat", "/hello"]\n`,
    });
  });
  afterAll(async () => sandbox.close());

  /** Both images have the user's layers and print the same; ours has a mark. Why it was not done with lines. */
  const marked = async (words: readonly string[], options: RunOptions = {}) => {
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    expectSuccess(await sandbox.docker(['build', '-t', plain, ...words], options));
    const result = expectSuccess(await sandbox.chalk(['build', '-t', ours, ...words], options));
    expect(result.stderr).not.toContain('docker chalk:');
    const report = sandbox.lastReport();
    const [before, after] = [await sandbox.inspect(plain), await sandbox.inspect(ours)];
    expect(after.RootFS.Layers.slice(0, before.RootFS.Layers.length)).toEqual(before.RootFS.Layers);
    expect(after.Config).toEqual({
      ...before.Config,
      Entrypoint: ['/.chalk/shim', '--', ...(before.Config.Entrypoint ?? [])],
    });
    const [expected, seen] = await Promise.all(
      [plain, ours].map((name) => sandbox.docker(['run', '--rm', name])),
    );
    expect(seen).toEqual(expected);
    expect((await sandbox.chalk(['extract', ours])).code).toBe(0);
    return report['_X_CHALK_INJECTION_REASON'];
  };

  test('DOCKER_BUILDKIT=0', async () => {
    expect(await marked([folder], { env: { DOCKER_BUILDKIT: '0' } })).toMatch(/^legacy-builder: /);
  });

  test('no buildx', async () => {
    const bare = join(sandbox.root, 'bare');
    mkdirSync(join(bare, 'cli-plugins'), { recursive: true });
    symlinkSync(
      join(sandbox.config, 'cli-plugins', 'docker-chalk'),
      join(bare, 'cli-plugins', 'docker-chalk'),
    );
    const reason = await marked([folder], { env: { DOCKER_CONFIG: bare } });
    // Where buildx is installed for the whole machine it is found there.
    expect(reason).toMatch(/^(no-buildx|wrapped): /);
  });

  test('a target stage that a build context replaces', async () => {
    const file = join(sandbox.root, 'replaced.Dockerfile');
    writeFileSync(file, `FROM ${sandbox.base('busybox')} AS app\nCMD ["x"]\n`);
    const context = `app=docker-image://${sandbox.base('entry-cmd')}`;
    expect(await marked(['-f', file, '--build-context', context, folder])).toMatch(/^stage-replaced: /);
  });

  test('bake: docker’s exit status and output, and the user’s layers', async () => {
    const cwd = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo x >/x\n` });
    const bakeFile = (tag: string) => JSON.stringify({ target: { default: { context: '.', tags: [tag] } } });
    const names = [sandbox.name(), sandbox.name()] as const;
    const layers: string[][] = [];
    for (const [name, words] of [
      [names[0], ['bake']],
      [names[1], ['chalk', 'bake']],
    ] as const) {
      writeFileSync(join(cwd, 'docker-bake.json'), bakeFile(name));
      expect(await sandbox.docker(words, { cwd })).toMatchObject({ code: 0, stdout: '' });
      layers.push((await sandbox.inspect(name)).RootFS.Layers);
    }
    expect(layers[1]?.slice(0, layers[0]?.length)).toEqual(layers[0]);
    const printed = await sandbox.docker(['bake', '--print'], { cwd });
    expect((await sandbox.chalk(['bake', '--print'], { cwd })).stdout).toBe(printed.stdout);
  });
});
