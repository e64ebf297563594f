import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { collectGit, pathWithinRepository, type Facts } from '../../../src/collect/index.ts';
import type { Host } from '../../../src/host/host.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { hostWith, sandbox } from './repositories.ts';

function setUp() {
  const box = sandbox();
  onTestFinished(() => box[Symbol.dispose]());
  return box;
}

const host = nodeHost();

/** The facts of a folder where nothing may go wrong. */
async function factsOf(folder: string, on = host): Promise<Facts> {
  const { facts, errors } = await collectGit(on, folder);
  expect(errors).toEqual([]);
  return facts;
}

const COMMIT = {
  AUTHOR: 'Zoë <zoe@example.com>',
  DATE_AUTHORED: '2024-01-02T08:34:05.000+05:30',
  TIMESTAMP_AUTHORED: 1704164645000,
  COMMITTER: 'C <c@example.com>',
  DATE_COMMITTED: '2024-01-02T08:34:05.000+05:30',
  TIMESTAMP_COMMITTED: 1704164645000,
  COMMIT_MESSAGE: 'subject\n\nbody',
  COMMIT_SIGNED: false,
};

describe('a commit', () => {
  test('on a branch, from a folder below, through a link', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    mkdirSync(join(path, 'deep', 'er'), { recursive: true });
    symlinkSync(join(path, 'deep', 'er'), join(folder, 'link'));
    const expected = {
      ...COMMIT,
      VCS_DIR_WHEN_CHALKED: path,
      COMMIT_ID: git(path, 'rev-parse', 'HEAD'),
      BRANCH: 'main',
      ORIGIN_URI: 'local',
    };
    expect(await factsOf(path)).toEqual(expected);
    expect(await factsOf(join(path, 'deep', 'er'))).toEqual(expected);
    expect(await factsOf(join(folder, 'link'))).toEqual(expected);
  });

  test('signed, without running what would check it', async () => {
    const { git, repository, signing, folder } = setUp();
    const path = repository();
    git(path, ...signing(), 'commit', '-q', '-S', '--allow-empty', '-m', 'signed');
    const trap = join(folder, 'trap');
    git(path, 'config', 'gpg.ssh.program', `touch ${trap}`);
    git(path, 'config', 'log.showSignature', 'true');
    expect(await factsOf(path)).toMatchObject({ COMMIT_SIGNED: true, COMMIT_MESSAGE: 'signed' });
    expect(existsSync(trap)).toBe(false);
  });

  test('detached', async () => {
    const { git, repository } = setUp();
    const path = repository();
    git(path, 'checkout', '-q', '--detach');
    const facts = await factsOf(path);
    expect(facts).toMatchObject(COMMIT);
    expect(facts).not.toHaveProperty('BRANCH');
  });

  test('of many parents', async () => {
    const { git, repository } = setUp();
    const path = repository();
    const branches = ['a', 'b', 'c'];
    for (const branch of branches) {
      git(path, 'checkout', '-q', '-b', branch, 'main');
      git(path, 'commit', '-q', '--allow-empty', '-m', branch);
    }
    git(path, 'checkout', '-q', 'main');
    git(path, 'merge', '-q', '-m', 'octopus', ...branches);
    expect(git(path, 'cat-file', '-p', 'HEAD').match(/^parent/gm)?.length).toBeGreaterThan(2);
    expect(await factsOf(path)).toMatchObject({ ...COMMIT, COMMIT_MESSAGE: 'octopus' });
  });

  test('in Latin-1, said and unsaid', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    const message = join(folder, 'message');
    writeFileSync(message, Buffer.from('Zo\xEB', 'latin1'));
    git(path, '-c', 'i18n.commitEncoding=ISO-8859-1', 'commit', '-q', '--allow-empty', '-F', message);
    expect(await factsOf(path)).toMatchObject({ COMMIT_MESSAGE: 'Zoë' });
    // `git commit` would repair the bytes; other tools do not.
    const raw = Buffer.from(git(path, 'cat-file', 'commit', 'HEAD').replace(/^encoding.*\n/m, ''), 'latin1');
    writeFileSync(message, raw);
    git(path, 'reset', '-q', '--soft', git(path, 'hash-object', '-w', '-t', 'commit', message));
    expect(await factsOf(path)).toMatchObject({ COMMIT_MESSAGE: 'Zo\uFFFD' });
  });

  test('with a message of megabytes', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    const message = join(folder, 'message');
    writeFileSync(message, 'x'.repeat(5_000_000));
    git(path, 'commit', '-q', '--allow-empty', '-F', message);
    const facts = await factsOf(path);
    expect(facts['COMMIT_MESSAGE']).toHaveLength(16_385);
    expect(facts['COMMIT_ID']).toBe(git(path, 'rev-parse', 'HEAD'));
  });

  test('with an ID of SHA-256', async () => {
    const { git, repository } = setUp();
    const path = repository('app', '--object-format=sha256');
    git(path, 'tag', '-a', '-m', 'rel', 'v1');
    const facts = await factsOf(path);
    expect(facts).toMatchObject({ ...COMMIT, TAG: 'v1', COMMIT_ID: git(path, 'rev-parse', 'HEAD') });
    expect(facts['COMMIT_ID']).toHaveLength(64);
  });
});

test('three processes, and one more for an annotated tag', async () => {
  const { git, repository } = setUp();
  const path = repository();
  const ran: string[] = [];
  const run: Host['processes']['run'] = async (command) => {
    ran.push(command.args.find((arg) => /^[a-z]+-?[a-z]*$/.test(arg)) ?? '');
    return host.processes.run(command);
  };
  const counting = { ...host, processes: { ...host.processes, run } };
  await factsOf(path, counting);
  expect(ran).toEqual(['cat-file', 'show-ref', 'config']);
  git(path, 'tag', '-a', '-m', 'x', 'v1');
  await factsOf(path, counting);
  expect(ran.slice(3)).toEqual(['cat-file', 'show-ref', 'config', 'cat-file']);
});

describe('tags', () => {
  test('annotated before lightweight, the latest first, also in packs and in others’ tags', async () => {
    const { git, repository } = setUp();
    const path = repository();
    git(path, 'tag', 'zzz');
    expect(await factsOf(path)).toMatchObject({ TAG: 'zzz', TAG_SIGNED: false });
    git(path, 'tag', '-a', '-m', 'first\n\nmore', 'v1');
    const tag = {
      TAG: 'v1',
      TAG_SIGNED: false,
      TAG_MESSAGE: 'first\n\nmore',
      TAGGER: 'C <c@example.com>',
      DATE_TAGGED: '2024-01-02T08:34:05.000+05:30',
      TIMESTAMP_TAGGED: 1704164645000,
    };
    expect(await factsOf(path)).toMatchObject(tag);
    git(path, 'pack-refs', '--all');
    git(path, 'gc', '-q');
    expect(await factsOf(path)).toMatchObject(tag);
    git(path, 'tag', '-a', '-m', 'nested', 'v2', 'v1');
    expect(await factsOf(path)).toMatchObject({ ...tag, TAG: 'v2', TAG_MESSAGE: 'nested' });
    git(path, 'commit', '-q', '--allow-empty', '-m', 'next');
    expect(await factsOf(path)).not.toHaveProperty('TAG');
  });

  test('signed', async () => {
    const { git, repository, signing } = setUp();
    const path = repository();
    git(path, ...signing(), 'tag', '-s', '-m', 'release', 'v1');
    expect(await factsOf(path)).toMatchObject({ TAG: 'v1', TAG_SIGNED: true, TAG_MESSAGE: 'release' });
  });
});

describe('the origin', () => {
  test.each([
    ['https://user:hunter2@git.example/acme/app.git', 'https://git.example/acme/app.git'],
    ['https://hunter2@git.example/a@b.git', 'https://git.example/a@b.git'],
    ['git@git.example:acme/app.git', 'git@git.example:acme/app.git'],
    ['ssh://git:hunter2@git.example/acme/app', 'ssh://git@git.example/acme/app'],
    ['https://git.example/app?private_token=hunter2', 'https://git.example/app'],
  ])('%s', async (url, cleaned) => {
    const { git, repository } = setUp();
    const path = repository();
    git(path, 'remote', 'add', 'origin', url);
    const facts = await factsOf(path);
    expect(facts['ORIGIN_URI']).toBe(cleaned);
    expect(JSON.stringify(facts)).not.toContain('hunter2');
  });

  test('is the remote the branch follows, of included settings too', async () => {
    const { git, repository } = setUp();
    const path = repository();
    git(path, 'remote', 'add', 'origin', 'https://git.example/origin');
    writeFileSync(join(path, '.git', 'more'), '[remote "fork"]\n\turl = https://git.example/fork\n');
    git(path, 'config', 'include.path', 'more');
    git(path, 'config', 'branch.main.remote', 'fork');
    git(path, 'config', 'branch.main.merge', 'refs/heads/main');
    expect(await factsOf(path)).toMatchObject({ ORIGIN_URI: 'https://git.example/fork' });
  });

  test('of a clone is the folder it came from', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    git(folder, 'clone', '-q', path, 'copy');
    expect(await factsOf(join(folder, 'copy'))).toMatchObject({ ORIGIN_URI: path });
  });
});

describe('repositories of other shapes', () => {
  test('no commit yet', async () => {
    const { git, folder } = setUp();
    git(folder, 'init', '-q', 'empty');
    const path = join(folder, 'empty');
    expect(await factsOf(path)).toEqual({ VCS_DIR_WHEN_CHALKED: path });
  });

  test('shallow', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    git(path, 'commit', '-q', '--allow-empty', '-m', 'second');
    git(folder, 'clone', '-q', '--depth=1', `file://${path}`, 'shallow');
    expect(await factsOf(join(folder, 'shallow'))).toMatchObject({
      COMMIT_MESSAGE: 'second',
      ORIGIN_URI: `file://${path}`,
    });
  });

  test('a linked working tree', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    git(path, 'remote', 'add', 'origin', 'https://git.example/app');
    git(path, 'worktree', 'add', '-q', '-b', 'side', join(folder, 'side'));
    expect(await factsOf(join(folder, 'side'))).toMatchObject({
      ...COMMIT,
      BRANCH: 'side',
      ORIGIN_URI: 'https://git.example/app',
      VCS_DIR_WHEN_CHALKED: join(folder, 'side'),
    });
  });

  test('a submodule', async () => {
    const { git, repository } = setUp();
    const inner = repository('inner');
    const outer = repository('outer');
    git(inner, 'commit', '-q', '--allow-empty', '-m', 'inner');
    git(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'sub');
    expect(await factsOf(join(outer, 'sub'))).toMatchObject({
      COMMIT_MESSAGE: 'inner',
      ORIGIN_URI: inner,
      VCS_DIR_WHEN_CHALKED: join(outer, 'sub'),
    });
    expect(await factsOf(outer)).toMatchObject({ COMMIT_MESSAGE: COMMIT.COMMIT_MESSAGE });
  });

  test('a submodule whose repository is elsewhere, as when it is mounted alone', async () => {
    const { folder } = setUp();
    writeFileSync(join(folder, '.git'), 'gitdir: ../.git/modules/sub\n');
    const { facts, errors } = await collectGit(host, folder);
    expect(facts).toEqual({});
    expect(errors.map(({ code }) => code)).toEqual(['GIT_FAILED']);
    expect(errors[0]?.message).toContain('.git/modules/sub');
  });

  test('bare', async () => {
    const { git, repository, folder } = setUp();
    git(folder, 'clone', '-q', '--bare', repository(), 'bare.git');
    const path = join(folder, 'bare.git');
    expect(await factsOf(path)).toMatchObject({ ...COMMIT, BRANCH: 'main', VCS_DIR_WHEN_CHALKED: path });
  });

  test('none', async () => {
    const { folder } = setUp();
    expect(await collectGit(host, folder)).toEqual({ facts: {}, errors: [] });
    mkdirSync(join(folder, '.git'));
    expect(await collectGit(host, folder)).toEqual({ facts: {}, errors: [] });
  });

  test('a folder that does not exist', async () => {
    const { folder } = setUp();
    const { facts, errors } = await collectGit(host, join(folder, 'gone'));
    expect(facts).toEqual({});
    expect(errors).toMatchObject([{ code: 'FILE_UNREADABLE' }]);
  });

  test.skipIf(process.getuid?.() !== 0)('one that belongs to another user', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    const give = (entry: string) => chownSync(entry, 65_534, 65_534);
    give(path);
    for (const entry of readdirSync(path, { recursive: true, encoding: 'utf8' })) give(join(path, entry));
    // The git at hand does refuse it, so this test shows something.
    expect(() => git(folder, '-C', path, 'rev-parse', 'HEAD')).toThrow(/dubious|unsafe/);
    expect(await factsOf(path)).toMatchObject({ ...COMMIT, BRANCH: 'main' });
  });
});

describe('what is broken', () => {
  test('a commit that is gone still has its ID', async () => {
    const { git, repository } = setUp();
    const path = repository();
    const id = git(path, 'rev-parse', 'HEAD');
    git(path, 'remote', 'add', 'origin', 'https://git.example/app');
    rmSync(join(path, '.git', 'objects'), { recursive: true });
    mkdirSync(join(path, '.git', 'objects'));
    const { facts, errors } = await collectGit(host, path);
    expect(facts).toEqual({
      VCS_DIR_WHEN_CHALKED: path,
      BRANCH: 'main',
      COMMIT_ID: id,
      ORIGIN_URI: 'https://git.example/app',
    });
    expect(errors.map(({ code }) => code)).toEqual(['GIT_FAILED']);
    expect(errors[0]?.message).toContain(id);
  });

  test.each([
    ['HEAD', 'nonsense'],
    ['config', '[core'],
  ])('%s with %j', async (file, content) => {
    const { repository } = setUp();
    const path = repository();
    writeFileSync(join(path, '.git', file), content);
    const { facts, errors } = await collectGit(host, path);
    expect(facts['COMMIT_ID']).toBeUndefined();
    expect(errors).toMatchObject([{ code: 'GIT_FAILED' }]);
  });

  test('a damaged tag leaves the rest', async () => {
    const { git, repository } = setUp();
    const path = repository();
    git(path, 'tag', '-a', '-m', 'x', 'v1');
    const id = git(path, 'rev-parse', 'v1');
    const object = join(path, '.git', 'objects', id.slice(0, 2), id.slice(2));
    chmodSync(object, 0o644);
    writeFileSync(object, 'junk');
    expect((await collectGit(host, path)).facts).toMatchObject(COMMIT);
  });

  test('no git', async () => {
    const { repository, folder } = setUp();
    const path = repository();
    const { facts, errors } = await collectGit(hostWith({ PATH: folder }), path);
    expect(facts).toEqual({ VCS_DIR_WHEN_CHALKED: path, BRANCH: 'main' });
    expect(errors.map(({ code }) => code)).toEqual(['GIT_FAILED']);
    expect(errors[0]?.hint).toContain('install git');
  });
});

describe('nothing from outside decides', () => {
  test('GIT_* of the user: a hook’s repository is not the folder’s', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    const other = repository('other');
    git(other, 'commit', '-q', '--allow-empty', '-m', 'other');
    const trace = join(folder, 'trace');
    const env = {
      ...process.env,
      GIT_DIR: join(other, '.git'),
      GIT_WORK_TREE: other,
      GIT_OBJECT_DIRECTORY: join(other, '.git', 'objects'),
      GIT_INDEX_FILE: join(other, '.git', 'index'),
      GIT_TRACE: trace,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'remote.origin.url',
      GIT_CONFIG_VALUE_0: 'https://evil.example',
    };
    expect(await factsOf(path, hostWith(env))).toMatchObject({ ...COMMIT, ORIGIN_URI: 'local' });
    expect(existsSync(trace)).toBe(false);
  });

  test('a git that lies in the folder, with `.` in PATH', async () => {
    const { repository, folder } = setUp();
    const path = repository();
    writeFileSync(join(path, 'git'), `#!/bin/sh\ntouch ${join(folder, 'trap')}\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: `.${delimiter}${delimiter}${process.env['PATH'] ?? ''}` };
    const { processes, ...rest } = hostWith(env);
    const run: Host['processes']['run'] = async (command) => processes.run({ ...command, cwd: path });
    expect(await factsOf(path, { ...rest, processes: { ...processes, run } })).toMatchObject(COMMIT);
    expect(existsSync(join(folder, 'trap'))).toBe(false);
  });

  test('settings of the user: another origin, or a file that is broken', async () => {
    const { repository, folder } = setUp();
    const path = repository();
    const atHome = hostWith({ PATH: process.env['PATH'], HOME: folder });
    for (const settings of ['[remote "origin"]\n\turl = https://evil.example\n', '[core']) {
      writeFileSync(join(folder, '.gitconfig'), settings);
      expect(await factsOf(path, atHome)).toMatchObject({ ...COMMIT, ORIGIN_URI: 'local' });
    }
  });

  test('a replacement for the commit', async () => {
    const { git, repository } = setUp();
    const path = repository();
    git(path, 'commit', '-q', '--allow-empty', '-m', 'the real one');
    git(path, 'replace', 'HEAD', 'HEAD~1');
    expect(await factsOf(path)).toMatchObject({ COMMIT_MESSAGE: 'the real one' });
  });

  test('a partial clone that lacks an object fetches nothing', async () => {
    const { git, repository, folder } = setUp();
    const path = repository();
    const trap = join(folder, 'trap');
    git(path, 'config', 'extensions.partialClone', 'origin');
    git(path, 'config', 'core.repositoryFormatVersion', '1');
    git(path, 'config', 'remote.origin.url', `ext::touch ${trap}`);
    git(path, 'config', 'remote.origin.promisor', 'true');
    git(path, 'config', 'protocol.ext.allow', 'always');
    rmSync(join(path, '.git', 'objects'), { recursive: true });
    mkdirSync(join(path, '.git', 'objects'));
    const { facts } = await collectGit(host, path);
    expect(facts).toMatchObject({ BRANCH: 'main', ORIGIN_URI: 'ext::' });
    expect(existsSync(trap)).toBe(false);
  });
});

describe('pathWithinRepository', () => {
  test('from the top of the repository', async () => {
    const { repository, folder } = setUp();
    const path = repository();
    mkdirSync(join(path, 'docker'));
    writeFileSync(join(path, 'docker', 'Dockerfile'), 'FROM scratch\n');
    symlinkSync(path, join(folder, 'link'));
    const file = join('docker', 'Dockerfile');
    expect(await pathWithinRepository(host, join(path, file))).toBe(file);
    expect(await pathWithinRepository(host, join(folder, 'link', file))).toBe(file);
    expect(await pathWithinRepository({ ...host, cwd: join(path, 'docker') }, 'Dockerfile')).toBe(file);
    expect(await pathWithinRepository(host, join(folder, 'gone'))).toBeUndefined();
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n');
    expect(await pathWithinRepository(host, join(folder, 'Dockerfile'))).toBeUndefined();
  });
});
