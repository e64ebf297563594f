/** `docker chalk ps`: running containers with the marks of their images. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { expectSuccess, onlyChalk, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

const List = z.array(z.looseObject({ _INSTANCE_NAME: z.string(), CHALK_ID: z.nullable(z.string()) }));

describeWithEngine('ps', (engine) => {
  let sandbox: Sandbox;
  const names: string[] = [];
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => {
    if (names.length > 0) await sandbox.docker(['rm', '--force', ...names]);
    await sandbox.close();
  });

  const start = async (image: string): Promise<string> => {
    const name = `chalk-ps-${process.pid}-${names.length}`;
    names.push(name);
    expectSuccess(await sandbox.docker(['run', '--detach', '--init', `--name=${name}`, image]));
    return name;
  };

  test('one with a mark and its commit, one without, and what an earlier run knows is not read again', async () => {
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD exec sleep 300\n` });
    await sandbox.git(folder, 'init');
    await sandbox.git(folder, 'add', '.');
    await sandbox.git(folder, 'commit', '-m', 'first');
    const commit = await sandbox.git(folder, 'rev-parse', 'HEAD');
    const marked = await start(await sandbox.mark(folder));
    const id = onlyChalk(sandbox.lastReport())['CHALK_ID'];
    const plain = await start(await sandbox.plain(folder));
    const ask = async () => {
      const { stdout } = expectSuccess(await sandbox.chalk(['ps', '--json']));
      const rows = List.parse(JSON.parse(stdout));
      return [marked, plain].map((name) => rows.find((row) => row._INSTANCE_NAME === name));
    };
    const first = await ask();
    expect(first).toMatchObject([
      {
        CHALK_ID: id,
        COMMIT_ID: commit,
        BRANCH: 'main',
        DATETIME_WHEN_CHALKED: expect.any(String) as unknown,
      },
      { CHALK_ID: null, _X_CHALK_WITHOUT: 'no mark' },
    ]);
    expect(await ask()).toEqual(first);
    const { stdout } = expectSuccess(await sandbox.chalk(['ps']));
    expect(stdout).toMatch(/^CONTAINER +NAME +IMAGE +CHALK ID +COMMIT +BRANCH +BUILT\n/);
    expect(stdout.split('\n').find((line) => line.includes(marked))).toContain(commit.slice(0, 12));
  });
});
