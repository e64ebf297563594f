/** The drivers beside docker's own: the container CI's setup action makes, and a BuildKit at an address. */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addBuilders, describeWithBuilders } from '../support/builders.ts';
import { expectSuccess, onlyChalk, type RunOptions, Sandbox } from '../support/chalk.ts';
import { archiveView, filesOfArchive, pushedImages, withoutAddedLayers } from '../support/comparable.ts';
import { messagesOf } from '../support/progress.ts';

describeWithBuilders('builders', (engine, builders) => {
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    await addBuilders(sandbox, builders);
    folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('entry-cmd')}\nRUN echo made >/made\nCOPY a /\nENV A=1\n`,
      a: 'in a\n',
    });
  });
  afterAll(async () => sandbox.close());

  const lastInjection = () => {
    const report = sandbox.lastReport();
    return [report['_X_CHALK_INJECTION'], String(report['_X_CHALK_INJECTION_REASON']).split(':')[0]];
  };
  const mark = async (name: string) => (await sandbox.chalk(['extract', name])).stdout;
  const pushed = (name: string) => {
    const [repository = '', tag = ''] = name.slice(name.indexOf('/') + 1).split(':');
    return pushedImages(engine.registry, repository, tag);
  };

  describe.each(['container', 'remote'])('%s', (builder) => {
    test.each([
      ['--builder', ['build', '--builder', builder], {}],
      ['--builder in front', ['buildx', `--builder=${builder}`, 'build'], {}],
      ['BUILDX_BUILDER', ['build'], { BUILDX_BUILDER: builder }],
      ['BUILDX_BUILDER, buildx build', ['buildx', 'build'], { BUILDX_BUILDER: builder }],
    ] as const)('named by %s: loaded into the engine, marked and wrapped', async (_, words, env) => {
      const [plain, ours] = [sandbox.name(), sandbox.name()];
      expectSuccess(await sandbox.docker([...words, '--load', '-t', plain, folder], { env }));
      const result = expectSuccess(await sandbox.chalk([...words, '--load', '-t', ours, folder], { env }));
      expect(result.stderr).not.toContain('docker chalk:');
      const [before, after] = [await sandbox.inspect(plain), await sandbox.inspect(ours)];
      expect(after.RootFS.Layers.slice(0, -2)).toEqual(before.RootFS.Layers);
      expect(after.Config).toMatchObject({
        Entrypoint: ['/.chalk/shim', '--', '/bin/echo', 'base-entry'],
        Cmd: ['base-cmd'],
      });
      expect(lastInjection()).toEqual(['inline', 'wrapped']);
      expect(await mark(ours)).toMatch(/^mark +valid$/m);
      expect(await sandbox.docker(['run', '--rm', ours])).toEqual(
        await sandbox.docker(['run', '--rm', plain]),
      );
    });

    test('the one that `buildx use` chose', async () => {
      const store = join(sandbox.root, `chosen-${builder}`);
      cpSync(join(sandbox.config, 'buildx'), store, { recursive: true });
      const env = { BUILDX_CONFIG: store };
      expectSuccess(await sandbox.docker(['buildx', 'use', builder], { env }));
      const name = sandbox.name();
      expectSuccess(await sandbox.chalk(['buildx', 'build', '--load', '-t', name, folder], { env }));
      expect((await sandbox.inspect(name)).Config.Entrypoint?.[0]).toBe('/.chalk/shim');
      expect(onlyChalk(sandbox.lastReport())['DOCKER_PLATFORM']).toBe('linux/amd64');
    });

    test('pushed: the same image plus ours, and the digests of the metadata file', async () => {
      const [plain, ours] = ['v1', 'v2'].map((tag) => `${engine.registry}/${sandbox.name()}:${tag}`);
      if (plain === undefined || ours === undefined) throw new Error('no names');
      const words = ['--builder', builder, '--push'];
      const file = join(sandbox.root, `${builder}.json`);
      expectSuccess(await sandbox.docker(['build', ...words, '-t', plain, folder]));
      expectSuccess(await sandbox.chalk(['build', ...words, '--metadata-file', file, '-t', ours, folder]));
      const before = await pushed(plain);
      const after = await pushed(ours);
      expect(after).toBeDefined();
      expect(withoutAddedLayers(after, before)).toEqual(before);
      const digest = /"containerimage.digest": "sha256:([0-9a-f]+)"/.exec(readFileSync(file, 'utf8'))?.[1];
      expect(onlyChalk(sandbox.lastReport())['_CURRENT_HASH']).toBe(digest);
      expect(await mark(`registry://${ours}`)).toMatch(/^mark +valid$/m);
    });

    test('for several platforms, pushed', async () => {
      const name = `${engine.registry}/${sandbox.name()}:v1`;
      const project = sandbox.project({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\nENTRYPOINT ["/x"]\n' });
      const words = ['--builder', builder, '--platform', 'linux/amd64,linux/arm64', '--push', '-t', name];
      expectSuccess(await sandbox.chalk(['build', ...words, project]));
      expect(lastInjection()[0]).toBe('inline');
      for (const platform of ['linux/amd64', 'linux/arm64']) {
        const text = (await sandbox.chalk(['extract', '--remote', '--platform', platform, name])).stdout;
        expect(text).toMatch(/^mark +valid$/m);
      }
    });

    test('nowhere but in the cache: docker’s own warning, and no second one', async () => {
      const words = ['build', '--builder', builder, folder];
      const plain = expectSuccess(await sandbox.docker(words));
      const ours = expectSuccess(await sandbox.chalk(words));
      const warnings = (text: string) => text.split('\n').filter((line) => line.startsWith('WARNING'));
      expect(warnings(plain.stderr)).toHaveLength(1);
      expect(warnings(ours.stderr)).toEqual(warnings(plain.stderr));
      expect(ours.stdout).toBe('');
    });

    test.each(['oci', 'docker'])('into an archive of type %s', async (type) => {
      const views = [];
      for (const run of ['docker', 'chalk'] as const) {
        const file = join(sandbox.project({}), 'image.tar');
        const words = ['build', '--builder', builder, '-o', `type=${type},dest=${file}`, '-t', 'a:1', folder];
        expectSuccess(await sandbox[run](words));
        views.push(await archiveView((await filesOfArchive(readFileSync(file))) ?? new Map()));
      }
      const [plain, ours] = views;
      expect(withoutAddedLayers(ours, plain)).toEqual(plain);
      expect(lastInjection()[0]).toBe('inline');
    });

    test('into a folder: left alone', async () => {
      const out = join(sandbox.project({}), 'out');
      expectSuccess(await sandbox.chalk(['build', '--builder', builder, '-o', out, folder]));
      expect(existsSync(join(out, 'made'))).toBe(true);
      expect(existsSync(join(out, 'chalk.json'))).toBe(false);
    });

    test('a failing step is docker’s failure, once', async () => {
      const project = sandbox.project({
        Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo no; exit 9\n`,
      });
      const words = ['build', '--builder', builder, '--progress=plain', '-t', sandbox.name(), project];
      const [plain, ours] = [await sandbox.docker(words), await sandbox.chalk(words)];
      expect([ours.code, ours.stdout]).toEqual([plain.code, plain.stdout]);
      expect(messagesOf(ours.stderr)).toEqual(messagesOf(plain.stderr));
    });
  });

  test('a base image that only the engine has is not there for another builder', async () => {
    const base = `${engine.registry}/${sandbox.name()}:1`;
    const project = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nENTRYPOINT ["echo", "engine"]\n`,
    });
    expectSuccess(await sandbox.docker(['build', '-q', '-t', base, project]));
    const child = sandbox.project({ Dockerfile: `FROM ${base}\nENV A=1\n` });
    const words = ['build', '--builder', 'container', '--load', '-t', sandbox.name(), child];
    const [plain, ours] = [await sandbox.docker(words), await sandbox.chalk(words)];
    expect([plain.code, ours.code]).toEqual([1, 1]);
    expect(ours.stderr.match(/^ERROR/gm)).toEqual(plain.stderr.match(/^ERROR/gm));

    // Once the registry has another one of that name, that is the one.
    const other = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nENTRYPOINT ["echo", "registry"]\n`,
    });
    expectSuccess(await sandbox.docker(['build', '--builder', 'container', '--push', '-t', base, other]));
    const name = sandbox.name();
    expectSuccess(await sandbox.chalk(['build', '--builder', 'container', '--load', '-t', name, child]));
    expect((await sandbox.inspect(name)).Config.Entrypoint).toEqual([
      '/.chalk/shim',
      '--',
      'echo',
      'registry',
    ]);
    const local = sandbox.name();
    expectSuccess(await sandbox.chalk(['build', '-t', local, child]));
    expect((await sandbox.inspect(local)).Config.Entrypoint).toEqual([
      '/.chalk/shim',
      '--',
      'echo',
      'engine',
    ]);
    await sandbox.docker(['image', 'rm', '--force', base]);
  });

  test('the first build of a new builder, which is started by it', async () => {
    const options: RunOptions = { env: { BUILDX_BUILDER: 'new' } };
    const create = [
      '--name',
      'new',
      '--driver',
      'docker-container',
      '--node',
      sandbox.name().replaceAll('.', '-'),
    ];
    const image = `image=${builders.image},network=host`;
    expectSuccess(await sandbox.docker(['buildx', 'create', ...create, '--driver-opt', image]));
    try {
      const name = sandbox.name();
      expectSuccess(await sandbox.chalk(['build', '--load', '-t', name, folder], options));
      expect((await sandbox.inspect(name)).Config.Entrypoint?.[0]).toBe('/.chalk/shim');
    } finally {
      await sandbox.docker(['buildx', 'rm', 'new']);
    }
  });

  test('a builder that is not there: docker’s message', async () => {
    const words = ['build', '--builder', 'nobody', folder];
    const [plain, ours] = [await sandbox.docker(words), await sandbox.chalk(words)];
    expect(ours.code).toBe(plain.code);
    expect(ours.stderr).toContain(plain.stderr.trim());
  });
});
