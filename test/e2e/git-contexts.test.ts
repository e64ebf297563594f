/** Contexts that only the builder can fetch: git repositories over HTTP, open and private ones. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectSuccess, onlyChalk, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { type GitServer, serveGit } from '../support/git-server.ts';

describeWithEngine('git contexts', (engine) => {
  let sandbox: Sandbox;
  let served = '';
  let commit = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    const from = `FROM ${sandbox.base('busybox')}\n`;
    const folder = sandbox.project({
      Dockerfile: `${from}COPY a /a\nCMD ["cat", "/a"]\n`,
      a: 'at the top\n',
      'sub/Dockerfile': `${from}COPY b /b\nCMD ["cat", "/b"]\n`,
      'sub/other.docker': `${from}COPY b /b\nCMD ["echo", "other"]\n`,
      'sub/b': 'in a folder\n',
    });
    for (const words of [
      ['init', '-q'],
      ['add', '.'],
      ['commit', '-q', '-m', 'one'],
    ]) {
      await sandbox.git(folder, ...words);
    }
    commit = await sandbox.git(folder, 'rev-parse', 'HEAD');
    served = join(folder, '..', 'served');
    mkdirSync(served);
    await sandbox.git(folder, 'clone', '-q', '--bare', folder, join(served, 'app.git'));
  });
  afterAll(async () => sandbox.close());

  /** Builds with both: the same layers of the user's, marked and wrapped. What the image prints. */
  const both = async (words: readonly string[], options: RunOptions = {}): Promise<string> => {
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    expectSuccess(await sandbox.docker(['build', '-t', plain, ...words], options));
    const result = expectSuccess(await sandbox.chalk(['build', '-t', ours, ...words], options));
    expect(result.stderr).not.toContain('docker chalk:');
    expect(sandbox.lastReport()).toMatchObject({ _X_CHALK_INJECTION: 'inline' });
    const [before, after] = [await sandbox.inspect(plain), await sandbox.inspect(ours)];
    expect(after.RootFS.Layers.slice(0, -2)).toEqual(before.RootFS.Layers);
    return expectSuccess(await sandbox.docker(['run', '--rm', ours])).stdout;
  };

  describe('that everybody may read', () => {
    let server: GitServer;
    beforeEach(async () => {
      server = await serveGit(served);
    });
    afterEach(() => server.close());

    test('whole, a folder of it, and another Dockerfile in that', async () => {
      const repository = `${server.address}/app.git`;
      expect(await both([repository])).toBe('at the top\n');
      expect(await both([`${repository}#main:sub`])).toBe('in a folder\n');
      expect(await both(['-f', 'other.docker', `${repository}#main:sub`])).toBe('other\n');
      expect(await both([`${repository}#${commit}`])).toBe('at the top\n');
      expect(onlyChalk(sandbox.lastReport())).toMatchObject({ ORIGIN_URI: repository, COMMIT_ID: commit });
    });

    test('of which there is none by that name: docker’s failure, once', async () => {
      const words = ['build', '--progress=plain', `${server.address}/nobody.git`];
      const [plain, ours] = [await sandbox.docker(words), await sandbox.chalk(words)];
      expect(ours.code).toBe(plain.code);
      expect(ours.stderr.match(/^ERROR: /gm)).toEqual(plain.stderr.match(/^ERROR: /gm));
      expect(ours.stderr).not.toContain('docker chalk:');
    });
  });

  describe('that ask for a token', () => {
    const TOKEN = 'a-token-that-is-nowhere-else';
    const secret = ['--secret', 'id=GIT_AUTH_TOKEN,env=READ_TOKEN'];
    let server: GitServer;
    beforeEach(async () => {
      server = await serveGit(served, TOKEN);
    });
    afterEach(() => server.close());

    test('with it: marked, and the token is in no report', async () => {
      const words = [...secret, `${server.address}/app.git#main:sub`];
      expect(await both(words, { env: { READ_TOKEN: TOKEN } })).toBe('in a folder\n');
      expect(server.seen.allowed).toBeGreaterThan(0);
      expect(JSON.stringify(sandbox.reports())).not.toContain(TOKEN);
    });

    test('with another, and with none: docker’s failure, once', async () => {
      for (const [more, env] of [
        [secret, { READ_TOKEN: 'wrong' }],
        [[], {}],
      ] as const) {
        const words = ['build', '--progress=plain', ...more, `${server.address}/app.git`];
        const [plain, ours] = [await sandbox.docker(words, { env }), await sandbox.chalk(words, { env })];
        expect(plain.code).not.toBe(0);
        expect(ours.code).toBe(plain.code);
        expect(ours.stderr.match(/^ERROR: /gm)).toEqual(plain.stderr.match(/^ERROR: /gm));
        expect(ours.stderr).not.toContain('docker chalk:');
      }
    });
  });
});
