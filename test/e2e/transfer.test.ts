/** push and pull are docker's own, and leave a report. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onlyChalk, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('push and pull', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo moved >/moved\n` });
  });
  afterAll(async () => sandbox.close());

  const remote = (name: string) => `${engine.registry}/${name}`;
  const digestOf = (text: string) => /digest: sha256:([0-9a-f]{64})/.exec(text)?.[1];

  test('a push prints what docker prints, and reports repository, tag and digest', async () => {
    const [marked, name] = [await sandbox.mark(folder), remote(sandbox.name().replace('.', '-'))];
    const { CHALK_ID: id } = onlyChalk(sandbox.lastReport());
    await sandbox.docker(['tag', marked, `${name}:1`]);
    const ours = await sandbox.chalk(['push', `${name}:1`]);
    expect(ours).toMatchObject({ code: 0, stderr: '' });
    const again = await sandbox.docker(['push', `${name}:1`]);
    expect(digestOf(ours.stdout)).toBe(digestOf(again.stdout));
    const chalk = onlyChalk(sandbox.lastReport());
    expect(sandbox.lastReport()).toMatchObject({ _OPERATION: 'push', _OP_EXIT_CODE: 0 });
    expect(chalk['CHALK_ID']).toBe(id);
    const repository = name.slice(engine.registry.length + 1);
    expect(chalk['_REPO_DIGESTS']).toMatchObject({
      [engine.registry]: { [repository]: [digestOf(ours.stdout)] },
    });
    await sandbox.docker(['image', 'rm', '--force', `${name}:1`]);
    const pulled = await sandbox.chalk(['pull', '--quiet', `${name}:1`]);
    expect(pulled).toMatchObject({ code: 0, stdout: `${name}:1\n`, stderr: '' });
    expect(sandbox.lastReport()).toMatchObject({ _OPERATION: 'pull', _OP_EXIT_CODE: 0 });
    expect(onlyChalk(sandbox.lastReport())).toMatchObject({ CHALK_ID: id, _VALIDATED_METADATA: true });
    await sandbox.docker(['image', 'rm', '--force', `${name}:1`]);
  });

  test('a failing push is docker’s own failure', async () => {
    const name = remote('nobody-has-this');
    const expected = await sandbox.docker(['push', name]);
    expect(await sandbox.chalk(['push', name])).toEqual(expected);
    expect(expected.code).not.toBe(0);
    expect(sandbox.lastReport()).toMatchObject({ _OPERATION: 'push', _OP_EXIT_CODE: expected.code });
    expect(sandbox.lastReport()).not.toHaveProperty('_CHALKS');
  });

  test('an image without a mark is reported as it is', async () => {
    const [plain, name] = [await sandbox.plain(folder), remote(sandbox.name().replace('.', '-'))];
    await sandbox.docker(['tag', plain, name]);
    expect((await sandbox.chalk(['image', 'push', '-q', name])).stdout).toBe(
      (await sandbox.docker(['image', 'push', '-q', name])).stdout,
    );
    expect(onlyChalk(sandbox.lastReport())).not.toHaveProperty('CHALK_ID');
    await sandbox.docker(['image', 'rm', '--force', name]);
  });
});
