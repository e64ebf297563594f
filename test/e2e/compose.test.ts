/** `docker chalk compose …`: every service that is built is marked, and compose does what it does without us. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { expectSuccess, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('compose', (engine) => {
  let sandbox: Sandbox;
  const projects: string[] = [];
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterEach(async () => {
    for (const folder of projects.splice(0)) {
      await sandbox.docker(['compose', 'down', '--timeout', '0', '--volumes'], { cwd: folder });
    }
  });
  afterAll(async () => sandbox.close());

  /** Two services that are built and one that is not. */
  const project = () => {
    const images = [sandbox.name(), sandbox.name()];
    const folder = sandbox.project({
      'compose.yaml': `services:
  one:
    image: ${images[0] ?? ''}
    build: .
    network_mode: none
    environment: { WHERE: "\${DOCKER_CONFIG:-none}" }
  two:
    image: ${images[1] ?? ''}
    build: { context: ., args: { A: b } }
    network_mode: none
  plain:
    image: ${sandbox.base('busybox')}
    network_mode: none
    command: ["true"]
`,
      Dockerfile: `FROM ${sandbox.base('busybox')}\nARG A\nRUN echo hello >/hello\nCMD ["cat", "/hello"]\n`,
    });
    projects.push(folder);
    return { folder, images };
  };
  const reports = () => sandbox.reports().filter((report) => report['_OPERATION'] === 'build');
  const count = () => {
    try {
      return reports().length;
    } catch {
      return 0;
    }
  };
  const entrypoints = async (names: readonly string[]) => {
    const images = await Promise.all(names.map((name) => sandbox.inspect(name)));
    return images.map((image) => image.Config.Entrypoint);
  };
  const compose = (words: readonly string[], options: RunOptions) =>
    sandbox.chalk(['compose', ...words], options);

  test('build marks every service, once', async () => {
    const { folder, images } = project();
    const before = count();
    const { stdout } = expectSuccess(await compose(['build', '-q'], { cwd: folder }));
    expect(stdout).toBe('');
    expect(await entrypoints(images)).toEqual([
      ['/.chalk/shim', '--'],
      ['/.chalk/shim', '--'],
    ]);
    const [report, ...others] = reports().slice(before);
    expect(others).toEqual([]);
    expect(report?._CHALKS).toHaveLength(2);
    expect(readdirSync(sandbox.temporary)).toEqual([]);
  });

  test('up --build marks, and the containers run what they run without us', async () => {
    const { folder, images } = project();
    const options = { cwd: folder };
    expectSuccess(await compose(['up', '--build', '--quiet-build', 'one', 'two'], options));
    expect(await entrypoints(images)).toEqual([
      ['/.chalk/shim', '--'],
      ['/.chalk/shim', '--'],
    ]);
    const { stdout } = expectSuccess(
      await sandbox.docker(['compose', 'logs', '--no-log-prefix', 'one'], options),
    );
    expect(stdout).toBe('hello\n');
  });

  test('run --build marks; what the service prints is all there is, and its exit status comes back', async () => {
    const { folder, images } = project();
    const options = { cwd: folder };
    const { code, stdout } = await compose(
      ['run', '--rm', '--build', '-T', 'one', 'sh', '-c', 'cat /hello; exit 9'],
      options,
    );
    // compose shows the build there as well.
    expect({ code, last: stdout.split('\n').slice(-2) }).toEqual({ code: 9, last: ['hello', ''] });
    expect(await entrypoints(images.slice(0, 1))).toEqual([['/.chalk/shim', '--']]);
  });

  test('what compose reads of its environment is the user’s own', async () => {
    const { folder } = project();
    const options = { cwd: folder };
    expectSuccess(await compose(['build', '-q', 'one'], options));
    const where = async (words: readonly string[]) =>
      (await sandbox.docker([...words, 'run', '--rm', '-T', 'one', 'sh', '-c', 'echo $WHERE'], options))
        .stdout;
    expect(await where(['chalk', 'compose'])).toBe(await where(['compose']));
    expect(await where(['chalk', 'compose'])).toBe(`${sandbox.config}\n`);
  });

  test('options of ours count for what is built', async () => {
    const { folder, images } = project();
    const file = join(sandbox.root, 'compose-report.jsonl');
    const before = count();
    expectSuccess(
      await sandbox.chalk(['--no-wrap', '--no-report', 'compose', 'build', '-q', 'one'], { cwd: folder }),
    );
    expect(await entrypoints(images.slice(0, 1))).toEqual([null]);
    expect(count()).toBe(before);
    expect((await sandbox.chalk(['extract', images[0] ?? ''])).code).toBe(0);
    expectSuccess(await sandbox.chalk(['--report', file, 'compose', 'build', '-q', 'one'], { cwd: folder }));
    expect(readdirSync(sandbox.root)).toContain('compose-report.jsonl');
  });

  test('a failing service fails as it does without us', async () => {
    const folder = sandbox.project({
      'compose.yaml': 'services:\n  bad:\n    build: .\n',
      Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN exit 3\n`,
    });
    const plain = await sandbox.docker(['compose', 'build'], { cwd: folder });
    const ours = await compose(['build'], { cwd: folder });
    expect(ours.code).toBe(plain.code);
    expect(ours.code).not.toBe(0);
    expect(ours.stderr).not.toContain('docker chalk:');
    expect((await compose(['--no-such-flag', 'build'], { cwd: folder })).code).toBe(
      (await sandbox.docker(['compose', '--no-such-flag', 'build'], { cwd: folder })).code,
    );
  });

  test('build --print prints the same definition', async () => {
    const { folder } = project();
    const words = ['build', '--print', 'one'];
    expect(await compose(words, { cwd: folder })).toEqual(
      await sandbox.docker(['compose', ...words], { cwd: folder }),
    );
  });
});
