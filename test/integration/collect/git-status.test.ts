import { existsSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { collectGitStatus } from '../../../src/collect/index.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { hostWith, sandbox } from './repositories.ts';

function setUp() {
  const box = sandbox();
  onTestFinished(() => box[Symbol.dispose]());
  return box;
}

const host = nodeHost();

test('modified, missing and untracked files by their path from the top', async () => {
  const { git, repository } = setUp();
  const path = repository();
  writeFileSync(join(path, 'gone.txt'), 'x');
  writeFileSync(join(path, '.gitignore'), 'ignored\n');
  git(path, 'add', '.');
  git(path, 'commit', '-q', '-m', 'more');
  expect(await collectGitStatus(host, path)).toEqual({ facts: {}, errors: [] });
  writeFileSync(join(path, 'app.txt'), 'two\n');
  rmSync(join(path, 'gone.txt'));
  mkdirSync(join(path, 'new'));
  writeFileSync(join(path, 'new', 'Zoë file'), 'x');
  writeFileSync(join(path, 'ignored'), 'x');
  writeFileSync(join(path, 'staged'), 'x');
  git(path, 'add', 'staged');
  expect(await collectGitStatus(host, join(path, 'new'))).toEqual({
    facts: {
      VCS_MODIFIED_FILES: ['app.txt', 'staged'],
      VCS_MISSING_FILES: ['gone.txt'],
      VCS_UNTRACKED_FILES: ['new/Zoë file'],
    },
    errors: [],
  });
});

test('before the first commit', async () => {
  const { git, folder } = setUp();
  git(folder, 'init', '-q', 'empty');
  writeFileSync(join(folder, 'empty', 'a'), 'x');
  const { facts } = await collectGitStatus(host, join(folder, 'empty'));
  expect(facts).toEqual({ VCS_UNTRACKED_FILES: ['a'] });
});

test('bare, and no repository', async () => {
  const { git, folder } = setUp();
  expect(await collectGitStatus(host, folder)).toEqual({ facts: {}, errors: [] });
  git(folder, 'init', '-q', '--bare', 'bare.git');
  expect(await collectGitStatus(host, join(folder, 'bare.git'))).toEqual({ facts: {}, errors: [] });
});

test('no program the repository names is run, no lock is taken, nothing is written', async () => {
  const { git, repository, folder } = setUp();
  const path = repository();
  const trap = join(folder, 'trap');
  writeFileSync(join(path, '.gitattributes'), '* filter=evil\n');
  git(path, 'add', '.');
  git(path, 'commit', '-q', '-m', 'attributes');
  const program = join(folder, 'program');
  writeFileSync(program, `#!/bin/sh\ntouch ${trap}\ncat\n`, { mode: 0o755 });
  for (const key of [
    'core.fsmonitor',
    'filter.evil.clean',
    'filter.evil.smudge',
    'filter.evil.process',
    'core.pager',
    'core.sshCommand',
    'diff.external',
    'core.alternateRefsCommand',
  ]) {
    git(path, 'config', key, program);
  }
  git(path, 'config', 'filter.evil.required', 'true');
  mkdirSync(join(path, '.git', 'evil-hooks'));
  git(path, 'config', 'core.hooksPath', '.git/evil-hooks');
  for (const hook of ['post-index-change', 'reference-transaction', 'fsmonitor-watchman']) {
    writeFileSync(join(path, '.git', 'evil-hooks', hook), `#!/bin/sh\ntouch ${trap}\n`, { mode: 0o755 });
  }
  // Touched, so that git has to look into the file and would filter it, and would like to write the index.
  utimesSync(join(path, 'app.txt'), 1, 1);
  const index = () => statSync(join(path, '.git', 'index')).mtimeMs;
  const before = index();
  expect(await collectGitStatus(host, path)).toEqual({ facts: {}, errors: [] });
  expect(existsSync(trap)).toBe(false);
  expect(index()).toBe(before);
  // Somebody else's lock is no reason to wait or to fail.
  writeFileSync(join(path, '.git', 'index.lock'), '');
  expect(await collectGitStatus(host, path)).toEqual({ facts: {}, errors: [] });
});

test('the working tree is the folder, whatever core.worktree says', async () => {
  const { git, repository, folder } = setUp();
  const path = repository();
  writeFileSync(join(folder, 'private'), 'x');
  git(path, 'config', 'core.worktree', folder);
  expect(await collectGitStatus(host, path)).toEqual({ facts: {}, errors: [] });
});

test('a thousand names are enough', async () => {
  const { repository } = setUp();
  const path = repository();
  for (let count = 0; count < 1_010; count++) writeFileSync(join(path, `f${count}`), '');
  const { facts } = await collectGitStatus(host, path);
  expect(facts['VCS_UNTRACKED_FILES']).toHaveLength(1_000);
});

test('the user’s own ignore list counts, GIT_* variables do not', async () => {
  const { repository, folder } = setUp();
  const path = repository();
  const other = repository('other');
  writeFileSync(join(path, 'mine.swp'), '');
  writeFileSync(join(folder, 'ignore'), '*.swp\n');
  writeFileSync(join(folder, '.gitconfig'), `[core]\n\texcludesFile = ${join(folder, 'ignore')}\n`);
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_DIR: join(other, '.git'), GIT_WORK_TREE: other };
  expect(await collectGitStatus(hostWith(env), path)).toEqual({ facts: {}, errors: [] });
});

test('no git, and a repository that is broken', async () => {
  const { repository, folder } = setUp();
  const path = repository();
  expect((await collectGitStatus(hostWith({ PATH: folder }), path)).errors).toMatchObject([
    { code: 'GIT_FAILED' },
  ]);
  writeFileSync(join(path, '.git', 'index'), 'junk');
  const { facts, errors } = await collectGitStatus(host, path);
  expect(facts).toEqual({});
  expect(errors).toMatchObject([{ code: 'GIT_FAILED' }]);
});
