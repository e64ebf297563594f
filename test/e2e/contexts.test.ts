/** Where a build's files come from: the mark gets in, and the user's layers are docker's own, whatever the way. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, type Files, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('contexts', (engine) => {
  let sandbox: Sandbox;
  let from = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    from = `FROM ${sandbox.base('busybox')}`;
  });
  afterAll(async () => sandbox.close());

  /** Builds with both; the user’s layers must be the same. What the program prints. */
  const both = async (words: readonly string[], options: RunOptions = {}): Promise<string> => {
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    expectSuccess(await sandbox.docker(['build', '-t', plain, ...words], options));
    const result = expectSuccess(await sandbox.chalk(['build', '-t', ours, ...words], options));
    expect(result.stderr).not.toContain('docker chalk:');
    const [before, after] = [await sandbox.inspect(plain), await sandbox.inspect(ours)];
    expect(after.RootFS.Layers.slice(0, -2)).toEqual(before.RootFS.Layers);
    expect(after.Config.Entrypoint?.[0]).toBe('/.chalk/shim');
    return expectSuccess(await sandbox.docker(['run', '--rm', ours])).stdout;
  };
  const list = 'COPY . /c\nCMD ["sh", "-c", "cd /c && find . -type f | sort | tr \'\\\\n\' \' \'"]\n';

  const projects: readonly [string, Files, readonly string[], string][] = [
    ['Dockerfile', { Dockerfile: list, a: '' }, ['.'], './Dockerfile ./a '],
    ['a lower-case dockerfile', { dockerfile: list }, ['.'], './dockerfile '],
    ['both', { Dockerfile: list, dockerfile: 'nonsense' }, ['.'], './Dockerfile ./dockerfile '],
    ['another name', { 'app.docker': list }, ['-f', 'app.docker', '.'], './app.docker '],
    [
      'in another folder',
      { 'build/Dockerfile': list, 'src/a': '' },
      ['-f', 'build/Dockerfile', 'src'],
      './a ',
    ],
    [
      'a link',
      { 'real/Dockerfile': list, Dockerfile: { link: 'real/Dockerfile' } },
      ['.'],
      './real/Dockerfile ',
    ],
    ['this machine’s platform', { Dockerfile: list }, ['--platform', 'local', '.'], './Dockerfile '],
    ['half a platform', { Dockerfile: list }, ['--platform', 'linux', '.'], './Dockerfile '],
    ['CRLF', { Dockerfile: list.replaceAll('\n', '\r\n') }, ['.'], './Dockerfile '],
    ['a byte order mark', { Dockerfile: `\uFEFF${list}` }, ['.'], './Dockerfile '],
    ['no line feed at the end', { Dockerfile: list.trimEnd() }, ['.'], './Dockerfile '],
    ['a backslash at the end', { Dockerfile: `${list.trimEnd()} \\` }, ['.'], './Dockerfile '],
    ['escape=`', { Dockerfile: `# escape=\`\n${list}` }, ['.'], './Dockerfile '],
    [
      'a heredoc with FROM in it',
      { Dockerfile: `RUN <<E\ncat >/f <<F\nFROM x\nCMD y\nF\nE\n${list}` },
      ['.'],
      './Dockerfile ',
    ],
    ['a heredoc at the end', { Dockerfile: `${list}COPY <<"E" /c/e\n$HOME\nE` }, ['.'], './Dockerfile ./e '],
    [
      '.dockerignore',
      { Dockerfile: list, a: '', b: '', '.dockerignore': 'a\n.dockerignore\n' },
      ['.'],
      './Dockerfile ./b ',
    ],
    [
      '.dockerignore beside the Dockerfile',
      { 'x/Dockerfile': list, a: '', b: '', '.dockerignore': 'a\n', 'x/Dockerfile.dockerignore': '*\n!b\n' },
      ['-f', 'x/Dockerfile', '.'],
      './b ',
    ],
  ];
  test.concurrent.each(projects)('%s', async (_, files, words, expected) => {
    const complete = Object.fromEntries(
      Object.entries(files).map(([path, text]) => [path, typeof text === 'string' ? withFrom(text) : text]),
    );
    expect(await both(words, { cwd: sandbox.project(complete) })).toBe(expected);
  });
  /** In front of the first instruction, behind directives. */
  const withFrom = (text: string) =>
    text === '' ? text : text.replace(/^(\uFEFF?(?:# .*\n)?)(?=COPY|RUN)/, `$1${from}\n`);

  test('folders with blanks, quotes and letters from elsewhere in their names', async () => {
    const folder = sandbox.project(
      { Dockerfile: withFrom(list), 'ünï çödé': 'x' },
      "a folder “quoted” $HOME; 'ñ'",
    );
    expect(await both([folder])).toBe('./Dockerfile ./ünï çödé ');
    expect(await both(['-f', join(folder, 'Dockerfile'), '.'], { cwd: folder })).toBe(
      './Dockerfile ./ünï çödé ',
    );
  });

  test('the Dockerfile on standard input, without a context and with one', async () => {
    const input = `${from}\nRUN echo in >/in\nCMD ["cat", "/in"]\n`;
    expect(await both(['-'], { input })).toBe('in\n');
    expect(await both(['-f', '-', sandbox.project({ a: '', b: '' })], { input: withFrom(list) })).toBe(
      './a ./b ',
    );
  });

  const archived = async (dockerfile: string) => {
    const folder = sandbox.project({ Dockerfile: dockerfile, a: 'in a\n' });
    const archive = join(folder, '..', 'context.tar');
    expectSuccess(await sandbox.run('tar', ['-C', folder, '-cf', archive, 'Dockerfile', 'a']));
    return readFileSync(archive);
  };

  test('an archive on standard input, plain and packed', async () => {
    const input = await archived(`${from}\nCOPY a /a\nCMD ["cat", "/a"]\n`);
    expect(await both(['-'], { input })).toBe('in a\n');
    expect(await both(['-f', 'Dockerfile', '-'], { input: gzipSync(input) })).toBe('in a\n');
  });

  test('an archive on standard input that is copied whole: no file of ours is in it', async () => {
    // The folder that holds a copied archive has the time the builder unpacked it at: docker's own layer is another with
    // every archive, so what is in it is compared.
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    const options = { input: await archived(withFrom(list)) };
    expectSuccess(await sandbox.docker(['build', '-t', plain, '-'], options));
    expectSuccess(await sandbox.chalk(['build', '-t', ours, '-'], options));
    expect(sandbox.lastReport()).toMatchObject({ _X_CHALK_INJECTION: 'inline' });
    const seen = await sandbox.docker(['run', '--rm', ours]);
    expect(seen).toEqual(await sandbox.docker(['run', '--rm', plain]));
    expect(seen.stdout).toBe('./Dockerfile ./a ');
  });

  test('the build context of the command line is untouched, and read-only will do', async () => {
    const folder = sandbox.project({ Dockerfile: withFrom(list) });
    const before = expectSuccess(await sandbox.run('ls', ['-laR', '--full-time', folder])).stdout;
    await both([folder]);
    expect(expectSuccess(await sandbox.run('ls', ['-laR', '--full-time', folder])).stdout).toBe(before);
  });

  test('named contexts of the user’s stay', async () => {
    const folder = sandbox.project({ Dockerfile: `${from}\nCOPY --from=other f /f\nCMD ["cat", "/f"]\n` });
    const other = sandbox.project({ f: 'other' });
    expect(await both(['--build-context', `other=${other}`, folder])).toBe('other');
  });

  test('an unreadable ignore file is for docker to complain of', async () => {
    const folder = sandbox.project({ Dockerfile: withFrom(list) });
    mkdirSync(join(folder, 'Dockerfile.dockerignore'));
    const plain = await sandbox.docker(['build', '-t', sandbox.name(), folder]);
    expect((await sandbox.chalk(['build', '-t', sandbox.name(), folder])).code).toBe(plain.code);
  });
});
