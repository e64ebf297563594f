/** What a rebuild costs: our last layer, and nothing of the user's. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, matching, readKeys, Sandbox } from '../support/chalk.ts';
import { describeWithEveryStore } from '../support/engine.ts';

describeWithEveryStore('cache', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  const layers = async (name: string) => (await sandbox.inspect(name)).RootFS.Layers;
  /** Something that no earlier run of these tests has in the cache. */
  const fresh = () => `${sandbox.name()}-${Date.now()}`;

  test('another commit rebuilds the mark alone', async () => {
    const dockerfile = `FROM ${sandbox.base('busybox')}\nRUN echo ${fresh()} >/a\nCOPY f /f\nRUN date +%N >/b\nCMD ["cat", "/b"]\n`;
    const folder = sandbox.project({ Dockerfile: dockerfile, f: 'f', '.dockerignore': '.git\n' });
    await sandbox.git(folder, 'init', '-q');
    await sandbox.git(folder, 'commit', '-q', '--allow-empty', '-m', 'one');
    const first = await sandbox.mark(folder);
    await sandbox.git(folder, 'commit', '-q', '--allow-empty', '-m', 'two');
    const name = sandbox.name();
    const { stderr } = expectSuccess(await sandbox.chalk(['build', '--progress=plain', '-t', name, folder]));
    const [before, after] = [await layers(first), await layers(name)];
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after.at(-1)).not.toBe(before.at(-1));
    const steps = [...stderr.matchAll(/^#(\d+) \[.*\b(\d+\/\d+)\] /gm)].map(([, number, step]) => [
      step,
      new RegExp(`^#${number} (CACHED)$`, 'm').exec(stderr)?.[1] ?? '',
    ]);
    expect(Object.fromEntries(steps)).toEqual({
      '1/6': matching(/^(CACHED|)$/),
      '2/6': 'CACHED',
      '3/6': 'CACHED',
      '4/6': 'CACHED',
      '5/6': 'CACHED',
      '6/6': '',
    });
  });

  test('docker build and docker chalk build use each other’s cache', async () => {
    const dockerfile = `FROM ${sandbox.base('busybox')}\nRUN echo ${fresh()} >/a\nRUN date +%N >/b\nENTRYPOINT ["cat", "/b"]\n`;
    const folder = sandbox.project({ Dockerfile: dockerfile });
    const ours = await layers(await sandbox.mark(folder));
    expect(await layers(await sandbox.plain(folder))).toEqual(ours.slice(0, -2));
  });

  test('the programs are the same layer in every image', async () => {
    const images = ['CMD ["true"]', 'USER 1000\nWORKDIR /x\nENTRYPOINT ["true"]'].map(async (lines) => {
      const folder = sandbox.project({
        Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo ${fresh()} >/a\n${lines}\n`,
      });
      const image = await sandbox.mark(folder, ['--no-cache']);
      const listed = await sandbox.docker([
        'run',
        '--rm',
        '--entrypoint=stat',
        image,
        '-c',
        '%Y %a %n',
        '/.chalk',
        '/',
      ]);
      expect(listed.stdout).toMatch(/^0 555 \/\.chalk\n\d+ 755 \/\n$/);
      return (await layers(image)).at(-2);
    });
    const [one, two] = await Promise.all(images);
    expect(one).toBe(two);
  });

  test('a changed file of the user’s rebuilds what docker would', async () => {
    const dockerfile = `FROM ${sandbox.base('busybox')}\nRUN echo ${fresh()} >/a\nCOPY f /f\nCMD ["cat", "/f"]\n`;
    const folder = sandbox.project({ Dockerfile: dockerfile, f: 'one' });
    const before = await layers(await sandbox.mark(folder));
    writeFileSync(join(folder, 'f'), 'two');
    const after = await sandbox.mark(folder);
    expect((await layers(after)).slice(0, 2)).toEqual(before.slice(0, 2));
    expect((await sandbox.docker(['run', '--rm', after])).stdout).toBe('two');
  });

  test('two builds in a row have two marks, and each image has its own', async () => {
    const folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["cat", "/chalk.json"]\n`,
    });
    const texts: string[] = [];
    for (let build = 0; build < 3; build += 1) {
      const { stdout } = await sandbox.docker(['run', '--rm', await sandbox.mark(folder)]);
      const [chalk] = sandbox.lastReport()._CHALKS ?? [];
      expect(readKeys(stdout)).toMatchObject({
        CHALK_ID: chalk?.['CHALK_ID'],
        METADATA_ID: chalk?.['METADATA_ID'],
      });
      texts.push(stdout);
    }
    expect(new Set(texts).size).toBe(3);
  });
});
