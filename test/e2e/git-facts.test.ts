/** What a mark says of the repository is what git says, and no repository is no obstacle. */
import { chownSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { matching, onlyChalk, readKeys, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('git facts', (engine) => {
  let sandbox: Sandbox;
  let dockerfile = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    dockerfile = `FROM ${sandbox.base('busybox')}\nCMD ["cat", "/chalk.json"]\n`;
  });
  afterAll(async () => sandbox.close());

  /** The mark as it is in the image. */
  const markOf = async (folder: string, words: readonly string[] = []) => {
    const { stdout } = await sandbox.docker(['run', '--rm', await sandbox.mark(folder, words)]);
    return readKeys(stdout);
  };
  const repository = async (files: Readonly<Record<string, string>> = {}) => {
    const folder = sandbox.project({ Dockerfile: dockerfile, ...files });
    await sandbox.git(folder, 'init', '-q');
    await sandbox.git(folder, 'add', '.');
    await sandbox.git(folder, 'commit', '-q', '-m', 'first line\n\nmore');
    return folder;
  };

  test('commit, branch, tag, people, message, origin without its password', async () => {
    const folder = await repository();
    await sandbox.git(folder, 'tag', '-a', 'v1.2', '-m', 'release');
    await sandbox.git(folder, 'remote', 'add', 'origin', 'https://user:secret@example.com/a/b.git');
    const mark = await markOf(folder);
    const git = async (format: string) => sandbox.git(folder, 'log', '-1', `--format=${format}`);
    expect(mark).toMatchObject({
      COMMIT_ID: await git('%H'),
      BRANCH: 'main',
      TAG: 'v1.2',
      AUTHOR: await git('%an <%ae>'),
      COMMITTER: await git('%cn <%ce>'),
      COMMIT_SIGNED: false,
      COMMIT_MESSAGE: matching(/^first line/),
      ORIGIN_URI: 'https://example.com/a/b.git',
      TIMESTAMP_COMMITTED: Number(await git('%ct')) * 1000,
    });
    expect(JSON.stringify([mark, sandbox.reports()])).not.toContain('secret');
  });

  test('a Dockerfile below the top, by its path from the top', async () => {
    const folder = await repository({ 'deploy/Dockerfile': dockerfile });
    const mark = await markOf(join(folder, 'deploy'));
    expect(mark['COMMIT_ID']).toBe(await sandbox.git(folder, 'rev-parse', 'HEAD'));
    expect(
      onlyChalk(sandbox.lastReport())['DOCKERFILE_PATH_WITHIN_VCTL'] ?? mark['DOCKERFILE_PATH_WITHIN_VCTL'],
    ).toBe('deploy/Dockerfile');
  });

  test('a shallow clone', async () => {
    const origin = await repository();
    await sandbox.git(origin, 'commit', '-q', '--allow-empty', '-m', 'two');
    const clone = join(sandbox.project({}), 'clone');
    await sandbox.git(origin, 'clone', '-q', '--depth=1', `file://${origin}`, clone);
    expect(await markOf(clone)).toMatchObject({ COMMIT_ID: await sandbox.git(origin, 'rev-parse', 'HEAD') });
  });

  test('a worktree, and a detached commit', async () => {
    const folder = await repository();
    const tree = join(sandbox.project({}), 'tree');
    await sandbox.git(folder, 'worktree', 'add', '-q', '--detach', tree);
    const mark = await markOf(tree);
    expect(mark['COMMIT_ID']).toBe(await sandbox.git(folder, 'rev-parse', 'HEAD'));
    expect(mark['BRANCH'] ?? '').toBe('');
  });

  test('a folder that is no repository is marked, without git facts', async () => {
    const mark = await markOf(sandbox.project({ Dockerfile: dockerfile }));
    expect(mark['CHALK_ID']).toMatch(/-/);
    expect(mark).not.toHaveProperty('COMMIT_ID');
    expect(sandbox.lastReport()).not.toHaveProperty('_OP_ERRORS');
  });

  test('a repository without a commit', async () => {
    const folder = sandbox.project({ Dockerfile: dockerfile });
    await sandbox.git(folder, 'init', '-q');
    expect(await markOf(folder)).not.toHaveProperty('COMMIT_ID');
  });

  test('a broken repository', async () => {
    const folder = await repository();
    rmSync(join(folder, '.git', 'objects'), { recursive: true });
    expect(await markOf(folder)).toHaveProperty('CHALK_ID');
  });

  test.runIf(process.getuid?.() === 0)('a repository of another owner', async () => {
    const folder = await repository();
    for (const path of [folder, join(folder, '.git')]) chownSync(path, 1234, 1234);
    const mark = await markOf(folder);
    expect(mark).toHaveProperty('CHALK_ID');
    const known = mark['COMMIT_ID'] ?? 'not told';
    expect([
      await sandbox.git(folder, '-c', `safe.directory=${folder}`, 'rev-parse', 'HEAD').catch(() => 'refused'),
      'refused',
      'not told',
    ]).toContain(known);
  });
});
