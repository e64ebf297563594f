/** `# syntax=` lines with frontends that really run: Docker's under all its names, one before named contexts, a stranger's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addBuilders, describeWithBuilders } from '../support/builders.ts';
import { expectSuccess, Sandbox } from '../support/chalk.ts';
import { messagesOf } from '../support/progress.ts';

/** Frontends that know named contexts. */
const KNOWN = [
  'docker/dockerfile:1',
  'docker/dockerfile:1.7-labs',
  'docker/dockerfile-upstream:master',
  'mirror/dockerfile:1',
];

describeWithBuilders('frontends', (engine, builders) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    await addBuilders(sandbox, builders);
  });
  afterAll(async () => sandbox.close());

  const body = () =>
    `FROM ${sandbox.base('busybox')}\nRUN echo hello >/hello\nENV A=1\nCMD ["cat", "/hello"]\n`;
  const project = (frontend: string) =>
    sandbox.project({ Dockerfile: `# syntax=${engine.registry}/${frontend}\n${body()}` });
  const last = () => {
    const report = sandbox.lastReport();
    return [report['_X_CHALK_INJECTION'], String(report['_X_CHALK_INJECTION_REASON']).split(':')[0]];
  };

  /** Builds with both; all but our own is the same. How ours was marked. */
  const compare = async (folder: string, words: readonly string[] = []) => {
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    expectSuccess(await sandbox.docker(['build', '-t', plain, ...words, folder]));
    const result = expectSuccess(await sandbox.chalk(['build', '-t', ours, ...words, folder]));
    expect(result.stderr).not.toContain('docker chalk:');
    const how = last();
    const [before, after] = [await sandbox.inspect(plain), await sandbox.inspect(ours)];
    expect(after.RootFS.Layers.slice(0, before.RootFS.Layers.length)).toEqual(before.RootFS.Layers);
    expect({ ...after.Config, Entrypoint: 0, Labels: 0 }).toEqual({
      ...before.Config,
      Entrypoint: 0,
      Labels: 0,
    });
    expect(await sandbox.docker(['run', '--rm', ours])).toEqual(await sandbox.docker(['run', '--rm', plain]));
    return { how, result, ours };
  };

  describe.each([
    ['docker', []],
    ['docker-container', ['--builder', 'container', '--load']],
    ['remote', ['--builder', 'remote', '--load']],
  ] as const)('with the %s driver', (driver, flags) => {
    test.each(driver === 'docker' ? KNOWN : KNOWN.slice(0, 1))('%s: lines in the file', async (frontend) => {
      const { how, ours } = await compare(project(frontend), flags);
      expect(how).toEqual(['inline', 'wrapped']);
      expect((await sandbox.chalk(['extract', ours])).stdout).toMatch(/^mark +valid$/m);
    });

    test.each(['frontends/foreign:1', 'docker/dockerfile:1.3'])(
      '%s: the image is patched',
      async (frontend) => {
        const { how, ours } = await compare(project(frontend), flags);
        expect(how).toEqual(['patch', 'foreign-frontend']);
        expect((await sandbox.inspect(ours)).Config.Entrypoint).toEqual(['/.chalk/shim', '--']);
        expect((await sandbox.chalk(['extract', ours])).stdout).toMatch(/^mark +valid$/m);
      },
    );
  });

  test('named by BUILDKIT_SYNTAX, which wins', async () => {
    const argument = (frontend: string) => ['--build-arg', `BUILDKIT_SYNTAX=${engine.registry}/${frontend}`];
    const plain = sandbox.project({ Dockerfile: body() });
    expect((await compare(plain, argument('docker/dockerfile:1'))).how).toEqual(['inline', 'wrapped']);
    expect((await compare(plain, argument('frontends/foreign:1'))).how).toEqual([
      'patch',
      'foreign-frontend',
    ]);
    const foreign = project('frontends/foreign:1');
    expect((await compare(foreign, argument('docker/dockerfile:1'))).how).toEqual(['inline', 'wrapped']);
  });

  test.each([
    ['behind a #! line', (line: string) => `#!/usr/bin/env docker\n# syntax=${line}\n`],
    ['with blanks and in upper case', (line: string) => `#   SYNTAX  =  ${line}  \n`],
    ['as a // comment', (line: string) => `// syntax=${line}\n`],
    ['with a word behind it', (line: string) => `# syntax=${line} experimental\n`],
    ['behind another directive', (line: string) => `# escape=\\\n# syntax=${line}\n`],
  ])('the line %s', async (_, head) => {
    // A line for another frontend shows by what becomes of the build whether ours read the line as BuildKit does.
    const folder = sandbox.project({
      Dockerfile: `${head(`${engine.registry}/frontends/foreign:1`)}${body()}`,
    });
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    const before = await sandbox.docker(['build', '-t', plain, folder]);
    const after = await sandbox.chalk(['build', '-t', ours, folder]);
    expect(after.code).toBe(before.code);
    const isForeign = /resolve image config for docker-image:\/\/\S*foreign/.test(before.stderr);
    if (before.code === 0) expect(last()[0]).toBe(isForeign ? 'patch' : 'inline');
  });

  test('too old, and of an age nobody can tell: docker’s own build after all', async () => {
    const name = sandbox.name();
    const words = ['build', '-t', name, project('frontends/dockerfile:unknown-age')];
    const { stderr } = expectSuccess(await sandbox.chalk(words));
    expect(stderr).toContain('docker chalk: building without a mark: ');
    expect(last()[0]).toBe('none');
    expect((await sandbox.docker(['run', '--rm', name])).stdout).toBe('hello\n');
  });

  test('pushed at once, where nothing can be patched: labels', async () => {
    const name = `${engine.registry}/${sandbox.name()}:v1`;
    expectSuccess(await sandbox.chalk(['build', '--push', '-t', name, project('frontends/foreign:1')]));
    expect(last()).toEqual(['label', 'foreign-frontend']);
  });

  test('that cannot be had: docker’s failure', async () => {
    const words = ['build', '-t', sandbox.name(), project('docker/dockerfile:nobody')];
    const [plain, ours] = [await sandbox.docker(words), await sandbox.chalk(words)];
    expect(ours.code).toBe(plain.code);
    const errors = (text: string) => text.split('\n').filter((line) => line.startsWith('ERROR'));
    expect(errors(ours.stderr).at(-1)).toEqual(errors(plain.stderr).at(-1));
  });

  test('a failing step is named by the user’s own line', async () => {
    const dockerfile = `# syntax=${engine.registry}/docker/dockerfile:1\nFROM ${sandbox.base('busybox')}\nRUN exit 7\n`;
    const words = ['build', '--progress=plain', sandbox.project({ Dockerfile: dockerfile })];
    const [plain, ours] = [await sandbox.docker(words), await sandbox.chalk(words)];
    expect(messagesOf(plain.stderr).join('\n')).toContain('>>> RUN exit 7');
    expect([ours.code, messagesOf(ours.stderr)]).toEqual([plain.code, messagesOf(plain.stderr)]);
  });
});
