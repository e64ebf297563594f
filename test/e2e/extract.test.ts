/** `docker chalk extract`: reads a mark, says whether it holds, and leaves nothing behind. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectSuccess,
  matching,
  onlyChalk,
  readKeys,
  readReport,
  Sandbox,
  until,
} from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('extract', (engine) => {
  let sandbox: Sandbox;
  let marked = '';
  let text = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    marked = await sandbox.mark(
      sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["cat", "/chalk.json"]\n` }),
    );
    text = expectSuccess(await sandbox.docker(['run', '--rm', marked])).stdout;
  });
  afterAll(async () => sandbox.close());

  /** An image that nobody marked, with this last step behind `FROM base`. */
  const imageWith = (
    step: string,
    files: Readonly<Record<string, string>> = {},
    base = sandbox.base('busybox'),
  ) => sandbox.plain(sandbox.project({ Dockerfile: `FROM ${base}\n${step}\n`, ...files }));
  const extract = (...words: string[]) => sandbox.chalk(['extract', ...words]);
  const containersOf = async (image: string) =>
    expectSuccess(await sandbox.docker(['ps', '-aq', '--filter', `ancestor=${image}`])).stdout;

  test('the mark in the image is the one in the build report, and /chalk.json is 0444', async () => {
    const id = onlyChalk(sandbox.lastReport())['CHALK_ID'];
    expect(id).toMatch(/^[0-9A-Z]{6}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{6}$/);
    expect(readKeys(text)).toMatchObject({ CHALK_ID: id });
    const listed = await sandbox.docker(['run', '--rm', marked, 'ls', '-ln', '/chalk.json', '/.chalk']);
    expect(listed.stdout).toMatch(/^-r--r--r-- +1 0 +0 .*\/chalk\.json$/m);
    expect(listed.stdout).toMatch(/^-r-xr-xr-x +1 0 +0 .*shim$/m);
  });

  test('a valid mark: a table, the report with --json, exit status 0', async () => {
    const table = await extract(marked);
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(new RegExp(`^image +${marked}\nmark +valid\nCHALK_ID +`));
    const json = await extract('--json', marked);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    const report = readReport(json.stdout);
    expect(report).toMatchObject({ _OPERATION: 'extract', _OP_CHALK_COUNT: 1 });
    expect(onlyChalk(report)).toMatchObject({
      ...readKeys(text),
      _VALIDATED_METADATA: true,
      _OP_ARTIFACT_TYPE: 'Docker Image',
    });
  });

  test('a container by name and by ID, running or not; it keeps its state', async () => {
    const name = sandbox.name();
    const id = expectSuccess(await sandbox.docker(['create', '--name', name, marked])).stdout.trim();
    try {
      for (const each of [name, id, id.slice(0, 12)]) {
        const report = readReport(expectSuccess(await extract('--json', each)).stdout);
        expect(onlyChalk(report)).toMatchObject({ _INSTANCE_CONTAINER_ID: id, _VALIDATED_METADATA: true });
      }
      const state = await sandbox.docker(['inspect', '-f', '{{.State.Status}}', name]);
      expect(state.stdout.trim()).toBe('created');
    } finally {
      await sandbox.docker(['rm', '--force', name]);
    }
  });

  test('no mark: exit status 1, and why', async () => {
    const unmarked = await imageWith('RUN true');
    const table = await extract(unmarked);
    expect(table).toMatchObject({ code: 1, stderr: '' });
    expect(table.stdout).toMatch(/^mark +none: it has no \/chalk\.json$/m);
    const json = await extract('--json', unmarked);
    expect(json.code).toBe(1);
    expect(readReport(json.stdout)).toMatchObject({ _OP_CHALK_COUNT: 0 });
    expect(json.stderr).toMatch(/^docker chalk: .* has no mark: .*\n$/);
  });

  test.concurrent.for(['RUN touch /x', 'ENV A=1', 'LABEL a=b', 'COPY f /f'])(
    'a mark that came with the base image is not this image’s: FROM marked, then %s',
    async (step) => {
      const child = await imageWith(step, { f: 'f' }, marked);
      expect(await extract(child)).toMatchObject({ code: 1, stdout: matching(/base image/) });
    },
  );

  const changed: readonly [string, (mark: string) => string][] = [
    ['a changed value', (mark) => mark.replace(/("INJECTOR_VERSION" : ")[^"]*/, '$1v9.9.9')],
    ['a changed CHALK_ID', (mark) => mark.replace(/("CHALK_ID" : ")[^"]*/, '$1AAAAAA-AAAA-AAAA-AAAAAA')],
    ['no JSON', () => 'not a mark\n'],
    ['half a mark', (mark) => mark.slice(0, 200)],
    ['another JSON', () => '{"a":1}\n'],
    ['nothing', () => ''],
    ['no UTF-8', () => '\u0000\u0001'],
  ];
  test.concurrent.for(changed)('a mark that does not hold: %s, exit status 2', async ([, change]) => {
    const image = await imageWith('COPY bad.json /chalk.json', { 'bad.json': change(text) });
    const table = await extract(image);
    expect(table).toMatchObject({ code: 2, stderr: '' });
    expect(table.stdout).toMatch(/^mark +(invalid|unreadable)/m);
    const json = await extract('--json', image);
    expect(json.code).toBe(2);
    expect(readReport(json.stdout)['_OP_ERRORS']).toContainEqual(
      expect.stringMatching(/^MARK_(INVALID|SYNTAX): /),
    );
  });

  test('a link or a folder in the place of the mark is none', async () => {
    for (const step of [
      'RUN ln -s /etc/passwd /chalk.json',
      'RUN mkdir /chalk.json',
      'RUN mkfifo /chalk.json',
    ]) {
      const { code, stdout } = await extract(await imageWith(step));
      expect([code, stdout.includes('root:')], step).toEqual([1, false]);
    }
  });

  test('an image and a container that are not there: one line, exit status 1', async () => {
    expect(await extract('no-such-image:1')).toEqual({
      code: 1,
      stdout: '',
      stderr: matching(
        /^docker chalk: IMAGE_NOT_FOUND: there is no image or container named no-such-image:1[^\n]*\n$/,
      ),
    });
  });

  test('an image for another processor is read', async () => {
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('multi')}\nCMD ["x"]\n` });
    const foreign = await sandbox.mark(folder, ['--platform', 'linux/arm64']);
    const report = readReport(expectSuccess(await extract('--json', foreign)).stdout);
    expect(onlyChalk(report)).toMatchObject({ DOCKER_PLATFORM: 'linux/arm64', _VALIDATED_METADATA: true });
  });

  test('reading leaves no container and no volume behind', async () => {
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nVOLUME /data /more\n` });
    const image = await sandbox.mark(folder);
    const unused = async () =>
      expectSuccess(await sandbox.docker(['volume', 'ls', '-q', '--filter', 'dangling=true'])).stdout.split(
        '\n',
      );
    const before = new Set(await unused());
    expectSuccess(await extract(image));
    expect(await containersOf(image)).toBe('');
    // Others may use this engine too: what their containers leave for a moment goes away, what we leave does not.
    await until('the volumes to be gone', async () =>
      (await unused()).every((volume) => before.has(volume)) ? true : undefined,
    );
  });

  test('an engine that does not answer is said so', async () => {
    const dead = await sandbox.run('docker', ['-H', 'unix:///nowhere.sock', 'chalk', 'extract', marked]);
    expect(dead.code).toBe(1);
    expect(dead.stderr).toMatch(/^docker chalk: [^\n]*cannot connect[^\n]*\n$/i);
  });
});
