/** Bake and compose: every image of a run has a mark of its own, and all else is what `docker buildx bake` makes of it. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import {
  expectSuccess,
  type Files,
  type Keys,
  LAUNCHER,
  readKeys,
  type Result,
  type RunOptions,
  Sandbox,
} from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('bake', (engine) => {
  let sandbox: Sandbox;
  let from = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    from = `FROM ${sandbox.base('busybox')}`;
  });
  afterAll(async () => sandbox.close());

  /** What the last run did with each target. */
  const injections = () =>
    Object.fromEntries(
      Object.entries(
        z
          .record(z.string(), z.object({ injection: z.string(), reason: z.string() }))
          .parse(sandbox.lastReport()['_X_CHALK_BAKE_TARGETS']),
      ).map(([name, { injection, reason }]) => [name, `${injection} ${reason.replace(/:.*/s, '')}`]),
    );
  const chalks = (): readonly Keys[] => sandbox.lastReport()._CHALKS ?? [];

  interface Baked {
    readonly folder: string;
    readonly plain: Result;
    readonly ours: Result;
  }

  /**
   * Bakes with both, and compares the images: definitions name them `${NAME}-…`, and these are the ends of the names.
   * Layers behind the user's are ours; a program is started by our shim.
   */
  const both = async (
    files: Files,
    words: readonly string[],
    images: readonly string[],
    options: RunOptions = {},
  ): Promise<Baked> => {
    const folder = options.cwd ?? sandbox.project(files);
    const [plainName, ourName] = [sandbox.name(), sandbox.name()];
    const run = (line: readonly string[], NAME: string) =>
      sandbox.docker([...line, ...words], { ...options, cwd: folder, env: { ...options.env, NAME } });
    const plain = await run(['buildx', 'bake'], plainName);
    const ours = await run(['chalk', 'bake'], ourName);
    expect(ours.stderr).not.toContain('docker chalk:');
    expect({ code: ours.code, stdout: ours.stdout }, ours.stderr).toEqual({
      code: plain.code,
      stdout: plain.stdout.replaceAll(plainName, ourName),
    });
    const ids = await Promise.all(
      images.map(async (image) => {
        const [before, after] = [
          await sandbox.inspect(`${plainName}-${image}`),
          await sandbox.inspect(`${ourName}-${image}`),
        ];
        expect(after.RootFS.Layers.slice(0, -2), image).toEqual(before.RootFS.Layers);
        expect(after.Config.Entrypoint?.[0], image).toBe('/.chalk/shim');
        const [seen, mark] = await Promise.all([
          sandbox.docker(['run', '--rm', `${ourName}-${image}`]),
          sandbox.docker(['run', '--rm', '--entrypoint', 'cat', `${ourName}-${image}`, '/chalk.json']),
        ]);
        expect(seen, image).toEqual(await sandbox.docker(['run', '--rm', `${plainName}-${image}`]));
        return readKeys(expectSuccess(mark).stdout)['CHALK_ID'];
      }),
    );
    expect(new Set(ids).size, 'a mark each').toBe(images.length);
    if (images.length > 0) {
      expect(new Set(chalks().map(({ CHALK_ID: id }) => id)), 'the marks of the report').toEqual(
        new Set(ids),
      );
    }
    return { folder, plain, ours };
  };

  const shared = () => ({
    Dockerfile: `${from} AS one\nARG WHO=nobody\nRUN echo "$WHO" >/who\nCMD ["cat", "/who"]\nFROM one AS two\nENTRYPOINT ["cat", "/who", "/etc/passwd"]\n`,
  });
  const hcl = `
variable "NAME" {}
variable "WHO" { default = "me" }
group "default" { targets = ["one", "two"] }
target "_common" {
  args = { WHO = WHO }
}
target "one" {
  inherits = ["_common"]
  target = "one"
  tags = ["\${NAME}-one"]
}
target "two" {
  inherits = ["one"]
  target = "two"
  tags = ["\${NAME}-two"]
  labels = { price = "100%" }
}
`;

  describe('a definition', () => {
    test('in HCL, two targets of one Dockerfile', async () => {
      await both({ ...shared(), 'docker-bake.hcl': hcl }, [], ['one', 'two']);
      expect(injections()).toEqual({ one: 'inline wrapped', two: 'inline wrapped' });
      expect(sandbox.lastReport()).toMatchObject({
        _OPERATION: 'build',
        _OP_EXIT_CODE: 0,
        _OP_CHALK_COUNT: 2,
      });
      expect(chalks().map(({ _X_CHALK_BAKE_TARGET: name }) => name)).toEqual(['one', 'two']);
    });

    test('in JSON, one target by name, with a variable from the environment', async () => {
      const json = {
        variable: { NAME: {}, WHO: { default: 'me' } },
        target: {
          one: { target: 'one', args: { WHO: '${WHO}' }, tags: ['${NAME}-one'] },
          broken: { dockerfile: 'nowhere' },
        },
      };
      const files = { ...shared(), 'docker-bake.json': JSON.stringify(json) };
      await both(files, ['one'], ['one'], { env: { WHO: 'you' } });
    });

    test('in a compose file, with an override in HCL', async () => {
      const compose = `
services:
  a.b:
    image: \${NAME}-ab
    build: {context: ., target: one, args: {WHO: compose}}
  image-only:
    image: busybox
`;
      const override = 'target "a_b" {\n  labels = { more = "yes" }\n}\n';
      const files = { ...shared(), 'compose.yaml': compose, 'docker-bake.override.hcl': override };
      await both(files, [], ['ab']);
    });

    test('on standard input', async () => {
      await both(shared(), ['-f', '-'], ['one', 'two'], { input: hcl });
    });

    test('in several files, with an override on the command line', async () => {
      const more = 'target "one" {\n  args = { WHO = "two files" }\n}\n';
      const files = { ...shared(), 'a.hcl': hcl, 'b.hcl': more };
      const words = ['-f', 'a.hcl', '-f', 'b.hcl', '--set', 'two.args.WHO=line', '--set=*.labels.a.b=c'];
      await both(files, words, ['one', 'two']);
    });

    test('named in the environment', async () => {
      const options = { env: { BUILDX_BAKE_FILE: 'a.hcl' } };
      await both({ ...shared(), 'a.hcl': hcl, 'docker-bake.hcl': 'nonsense' }, ['two'], ['two'], options);
    });

    test('with a matrix', async () => {
      const matrix = `
variable "NAME" {}
target "default" {
  matrix = { who = ["x", "y", "z"] }
  name = "t-\${who}"
  target = "one"
  args = { WHO = who }
  tags = ["\${NAME}-\${who}"]
}
`;
      await both({ ...shared(), 'docker-bake.hcl': matrix }, [], ['x', 'y', 'z']);
    });

    test('that holds its Dockerfiles itself', async () => {
      const inline = `
variable "NAME" {}
group "default" { targets = ["a", "b", "files"] }
target "a" {
  tags = ["\${NAME}-a"]
  dockerfile = "nowhere"
  dockerfile-inline = <<EOT
${from}
ENV A=1
RUN echo "$\${A} $$ %%{x" >/a
CMD ["cat", "/a"]
EOT
}
target "b" {
  inherits = ["a"]
  tags = ["\${NAME}-b"]
  dockerfile-inline = "${from}\\nCMD [\\"echo\\", \\"b\\"]\\n"
}
target "files" {
  inherits = ["a"]
  output = ["type=local,dest=out"]
}
`;
      const { folder } = await both({ 'docker-bake.hcl': inline }, [], ['a', 'b']);
      expect(injections()['files']).toBe('none no-image');
      expect(existsSync(join(folder, 'out', 'a'))).toBe(true);
      expect(existsSync(join(folder, 'out', 'chalk.json'))).toBe(false);
    });
  });

  describe('targets built on others', () => {
    const linked = `
variable "NAME" {}
group "default" { targets = ["base", "app"] }
target "base" {
  target = "two"
  args = { WHO = "base" }
  tags = ["\${NAME}-base"]
}
target "app" {
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nRUN date +%s%N >/built\\nCMD [\\"/etc/group\\"]\\n"
  tags = ["\${NAME}-app"]
}
`;
    test('are marked, and so is what they are built on', async () => {
      const files = { ...shared(), 'docker-bake.hcl': linked };
      const { folder, plain } = await both(files, ['--metadata-file', 'm.json'], ['base', 'app']);
      expect(Object.keys(readKeys(readFileSync(join(folder, 'm.json'), 'utf8')))).toEqual(['app', 'base']);
      expect(plain.code).toBe(0);
    });

    test('come from the cache the next time', async () => {
      const folder = sandbox.project({ ...shared(), 'docker-bake.hcl': linked });
      const builds = [sandbox.name(), sandbox.name()];
      for (const NAME of builds) expectSuccess(await sandbox.chalk(['bake'], { cwd: folder, env: { NAME } }));
      const [first, second] = await Promise.all(builds.map((name) => sandbox.inspect(`${name}-app`)));
      expect(second?.RootFS.Layers.slice(0, -1)).toEqual(first?.RootFS.Layers.slice(0, -1));
    });

    test('a target that is nothing but a base stays as it is', async () => {
      await both({ ...shared(), 'docker-bake.hcl': linked }, ['app'], ['app']);
      expect(injections()).toEqual({ app: 'inline wrapped', base: 'none no-image' });
    });
  });

  test('build checks find what they find without us, inheritance or not', async () => {
    const definition = `
variable "NAME" {}
group "default" { targets = ["a", "b", "c"] }
target "a" {
  dockerfile = "A"
  tags = ["\${NAME}-a"]
}
target "b" {
  inherits = ["a"]
  dockerfile = "B"
  tags = ["\${NAME}-b"]
}
target "c" {
  inherits = ["a"]
  dockerfile = "C"
  output = ["type=cacheonly"]
}
`;
    const files = {
      'docker-bake.hcl': definition,
      // Ours would be the second: the check about it is silenced here, and nowhere else.
      A: `# check=error=true\n${from}\nENTRYPOINT ["echo", "a"]\n`,
      B: `# check=skip=JSONArgsRecommended\n${from}\nCMD echo b\n`,
      C: `${from}\nCMD echo c\n`,
    };
    const { plain, ours } = await both(files, [], ['a', 'b']);
    // What is printed at the end; above it a finding may be shown or not, in docker's own bakes as well.
    const warnings = ({ stderr }: Result) => stderr.match(/\d+ warnings? found|^.* - [A-Z]\w+: .*$/gm);
    expect(warnings(ours)).toEqual(warnings(plain));
    expect(warnings(ours)?.join('\n')).toContain('JSONArgsRecommended');
  });

  test('ignore files and folders elsewhere hold', async () => {
    const files = {
      'bake/docker-bake.hcl': `
variable "NAME" {}
target "default" {
  context = "../src"
  dockerfile = "../bake/list.docker"
  tags = ["\${NAME}-x"]
}
`,
      'bake/list.docker': `${from}\nCOPY . /c\nCMD ["ls", "/c"]\n`,
      'bake/list.docker.dockerignore': 'no*\n',
      'src/yes': '',
      'src/no': '',
    };
    const cwd = join(sandbox.project(files), 'bake');
    await both({}, ['--allow', 'fs.read=..'], ['x'], { cwd });
    // Without leave buildx asks for it, and names the user's own line.
    const [plain, ours] = await Promise.all([
      sandbox.docker(['buildx', 'bake'], { cwd, env: { NAME: 'x' } }),
      sandbox.chalk(['buildx', 'bake'], { cwd, env: { NAME: 'x' } }),
    ]);
    const withoutTimes = (text: string) => text.replaceAll(/\d+\.\d+s/g, 'T').replaceAll(/[\d.]+k?B/g, 'B');
    expect(plain.stderr).toContain('additional privileges requested');
    expect({ ...ours, stderr: withoutTimes(ours.stderr) }).toEqual({
      ...plain,
      stderr: withoutTimes(plain.stderr),
    });
  });

  test.each([
    ['--print'],
    ['--print', 'two'],
    ['--list=targets'],
    ['--list', 'variables'],
    ['--call=targets', 'one'],
    ['--check', 'two'],
  ])('bake %s answers as it did', async (...words) => {
    const cwd = sandbox.project({ ...shared(), 'docker-bake.hcl': hcl });
    const options = { cwd, env: { NAME: 'x' } };
    const before = sandbox.reports().length;
    const [plain, ours] = [
      await sandbox.docker(['bake', ...words], options),
      await sandbox.chalk(['bake', ...words], options),
    ];
    expect(ours.stdout).toBe(plain.stdout);
    expect(ours.code).toBe(plain.code);
    expect(sandbox.reports()).toHaveLength(before);
  });

  test('--print of a definition on standard input', async () => {
    const options = { cwd: sandbox.project(shared()), env: { NAME: 'x' }, input: hcl };
    const plain = await sandbox.docker(['bake', '-f', '-', '--print'], options);
    expect((await sandbox.chalk(['bake', '-f', '-', '--print'], options)).stdout).toBe(plain.stdout);
    expect(plain.stdout).toContain('"target"');
  });

  test('a target that no lines can be added for is patched, or labelled where its image is not in the engine', async () => {
    const definition = `
variable "NAME" {}
group "default" { targets = ["good", "foreign", "archived"] }
target "good" {
  target = "one"
  tags = ["\${NAME}-good"]
}
target "foreign" {
  inherits = ["good"]
  contexts = { one = "docker-image://${sandbox.base('busybox')}" }
  tags = ["\${NAME}-foreign", "\${NAME}-foreign:2"]
}
target "archived" {
  inherits = ["foreign"]
  tags = ["\${NAME}-archived"]
  output = ["type=oci,dest=archived.tar"]
}
`;
    const cwd = sandbox.project({ ...shared(), 'docker-bake.hcl': definition });
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    expectSuccess(await sandbox.docker(['bake'], { cwd, env: { NAME: plain } }));
    const words = ['bake', '--metadata-file', 'm.json'];
    const { stderr } = expectSuccess(await sandbox.chalk(words, { cwd, env: { NAME: ours } }));
    expect(stderr).not.toContain('docker chalk:');
    expect(injections()).toEqual({
      good: 'inline wrapped',
      foreign: 'patch stage-replaced',
      archived: 'label stage-replaced',
    });
    expect(sandbox.lastReport()).toMatchObject({ _OP_CHALK_COUNT: 3, _X_CHALK_INJECTION: 'inline' });
    const archived = chalks().find((chalk) => chalk['_X_CHALK_BAKE_TARGET'] === 'archived');
    expect(archived?.['DOCKER_CHALK_ADDED_LABELS']).toHaveProperty(['run.chalk.id']);

    const [before, after] = [
      await sandbox.inspect(`${plain}-foreign`),
      await sandbox.inspect(`${ours}-foreign`),
    ];
    expect(after.RootFS.Layers.slice(0, -1)).toEqual(before.RootFS.Layers);
    expect(after.Config).toEqual({
      ...before.Config,
      Entrypoint: ['/.chalk/shim', '--', ...(before.Config.Entrypoint ?? [])],
    });
    expect((await sandbox.inspect(`${ours}-foreign:2`)).Id).toBe(after.Id);
    const mark = await sandbox.chalk(['extract', `${ours}-foreign`]);
    expect(mark.stdout).toMatch(/^mark +valid$/m);
    const metadata = readKeys(readFileSync(join(cwd, 'm.json'), 'utf8'));
    expect(Object.keys(metadata)).toEqual(['archived', 'foreign', 'good']);
    expect(metadata['foreign']).toMatchObject({ 'containerimage.digest': after.Id });
  });

  test('a patch that fails leaves the image of the target as docker built it, and is told once', async () => {
    const definition = {
      contexts: { app: `docker-image://${sandbox.base('busybox')}` },
      tags: [sandbox.name()],
    };
    const cwd = sandbox.project({
      Dockerfile: 'FROM scratch AS app\nCMD ["never"]\n',
      'docker-bake.json': JSON.stringify({ target: { default: definition } }),
      'bin/docker': '#!/bin/sh\ncase " $* " in *" image load "*) exit 1 ;; esac\nexec "$REAL" "$@"\n',
    });
    const real = expectSuccess(await sandbox.run('sh', ['-c', 'command -v docker'])).stdout.trim();
    chmodSync(join(cwd, 'bin', 'docker'), 0o755);
    const env = { REAL: real, PATH: `${join(cwd, 'bin')}:${sandbox.env['PATH'] ?? ''}` };
    // Started by itself, as no docker has called it, it takes the first docker on PATH.
    const { stderr } = expectSuccess(await sandbox.run(LAUNCHER, ['chalk', 'bake'], { cwd, env }));
    expect(stderr.match(/^docker chalk: the image of default has no mark: PROCESS_FAILED.*$/gm)).toHaveLength(
      1,
    );
    const [name = ''] = definition.tags;
    expect((await sandbox.inspect(name)).Config.Entrypoint ?? []).toEqual([]);
    expect(sandbox.lastReport()).toMatchObject({ _X_CHALK_INJECTION: 'none', _OP_EXIT_CODE: 0 });
    const strict = await sandbox.run(LAUNCHER, ['chalk', '--strict', 'bake'], { cwd, env });
    expect(strict.code).toBe(1);
  });

  describe('a bake that fails', () => {
    const failing = (line: string) => `
variable "NAME" {}
group "default" { targets = ["good", "bad"] }
target "good" {
  target = "one"
  # Steps of its own: a build that was cancelled may leave a broken layer in the builder's cache.
  args = { WHO = NAME }
  tags = ["\${NAME}-good"]
}
target "bad" {
  dockerfile = "Bad"
  ${line}
}
`;
    const runs = async (line: string) => {
      const cwd = sandbox.project({
        ...shared(),
        Bad: `${from}\nRUN echo count-$((40 + 2)) && exit 7\nCMD ["x"]\n`,
        'docker-bake.hcl': failing(line),
      });
      const options = { cwd, env: { NAME: sandbox.name() } };
      const words = ['bake', '--progress=plain', '--set=*.no-cache=true'];
      const plain = await sandbox.docker(words, options);
      const ours = await sandbox.chalk(words, options);
      expect([ours.code, ours.stdout]).toEqual([plain.code, plain.stdout]);
      const snippet = ({ stderr }: Result) => /\nBad:\d+\n-+\n.*?\n-+\n/s.exec(stderr)?.[0];
      expect(snippet(ours)).toBe(snippet(plain));
      expect(snippet(plain)).toContain('>>> RUN');
      return [plain, ours].map(({ stderr }) => stderr.match(/^#\d+ [\d.]+ count-42$/gm)?.length);
    };
    test('at a step of the user’s fails once', async () => {
      expect(await runs('')).toEqual([1, 1]);
      expect(sandbox.lastReport()).toMatchObject({ _OP_EXIT_CODE: 1, _OP_CHALK_COUNT: 0 });
    });

    test('at a step of a target that is not marked fails once, too', async () => {
      expect(await runs('output = ["type=cacheonly"]')).toEqual([1, 1]);
    });

    test('before the first step is docker’s to explain', async () => {
      const cwd = sandbox.project({ 'docker-bake.hcl': 'target "a" { context = "nowhere" }' });
      for (const words of [
        ['bake', 'a'],
        ['bake', 'b'],
        ['bake', '-f', 'missing.hcl'],
      ]) {
        const [plain, ours] = [await sandbox.docker(words, { cwd }), await sandbox.chalk(words, { cwd })];
        expect([ours.code, ours.stdout]).toEqual([plain.code, plain.stdout]);
        expect(ours.stderr.split('\n').findLast((line) => line.startsWith('ERROR'))).toBe(
          plain.stderr.split('\n').findLast((line) => line.startsWith('ERROR')),
        );
      }
    });
  });

  test('--push, with digests in the metadata file and in the report', async () => {
    const NAME = `${engine.registry}/${sandbox.name()}`;
    const cwd = sandbox.project({ ...shared(), 'docker-bake.hcl': hcl });
    const words = ['bake', '--push', '--metadata-file', 'm.json'];
    expectSuccess(await sandbox.chalk(words, { cwd, env: { NAME } }));
    const text = readFileSync(join(cwd, 'm.json'), 'utf8');
    const metadata = z
      .record(z.string(), z.object({ 'containerimage.digest': z.string(), 'image.name': z.string() }))
      .parse(JSON.parse(text));
    expect(Object.keys(metadata)).toEqual(['one', 'two']);
    for (const chalk of chalks()) {
      const target = z.enum(['one', 'two']).parse(chalk['_X_CHALK_BAKE_TARGET']);
      const digest = metadata[target]?.['containerimage.digest'];
      const image = `${NAME}-${target}`;
      const raw = await sandbox.docker(['buildx', 'imagetools', 'inspect', `${image}@${digest}`]);
      expect(expectSuccess(raw).stdout).toContain(digest);
      const digests = JSON.stringify([chalk['_REPO_DIGESTS'], chalk['_REPO_LIST_DIGESTS']]);
      expect(digests).toContain(digest?.replace('sha256:', ''));
      expectSuccess(await sandbox.docker(['pull', image]));
      expect((await sandbox.inspect(image)).Config.Entrypoint?.[0]).toBe('/.chalk/shim');
    }
  });

  test('--explain tells of every target and builds nothing', async () => {
    const options = { cwd: sandbox.project({ ...shared(), 'docker-bake.hcl': hcl }), env: { NAME: 'x' } };
    const { stdout } = expectSuccess(await sandbox.chalk(['--explain', 'bake'], options));
    expect(stdout.match(/^target .*$|^becomes .*$/gm)?.map((line) => line.replace(/ +/, ' '))).toEqual([
      'target one',
      'becomes ["/.chalk/shim","--"]',
      'target two',
      'becomes ["/.chalk/shim","--","cat","/who","/etc/passwd"]',
    ]);
  });

  describe('as compose calls it', () => {
    /** A configuration in which our link stands before the real buildx. */
    const shimmed = () => {
      const [link, config] = [join(sandbox.root, 'link'), join(sandbox.root, 'shimmed')];
      if (!existsSync(link)) {
        for (const folder of [link, config]) mkdirSync(folder);
        symlinkSync(LAUNCHER, join(link, 'docker-buildx'));
        const real = dirname(realpathSync(join(sandbox.config, 'cli-plugins', 'docker-compose')));
        writeFileSync(join(config, 'config.json'), JSON.stringify({ cliPluginsExtraDirs: [link, real] }));
      }
      return { DOCKER_CONFIG: config };
    };
    const compose = `
services:
  base:
    image: \${NAME}-base
    build: {context: ., target: one}
  app:
    image: \${NAME}-app
    build:
      context: .
      additional_contexts: {base: 'service:base'}
      dockerfile_inline: |
        FROM base
        RUN echo "$\${HOME}" >/app
        CMD ["cat", "/app", "/who"]
`;

    test.each([['build'], ['create', '--build'], ['up', '--build', '--no-start']])(
      'compose %s',
      async (...words) => {
        const cwd = sandbox.project({ ...shared(), 'compose.yaml': compose }, 'p');
        const NAME = sandbox.name();
        const env = { ...shimmed(), NAME };
        const before = sandbox.reports().length;
        const result = expectSuccess(await sandbox.docker(['compose', ...words], { cwd, env }));
        expect(result.stdout + result.stderr).not.toContain('docker chalk');
        expect(sandbox.reports()).toHaveLength(before + 1);
        expect(injections()).toEqual({ app: 'inline wrapped', base: 'inline wrapped' });
        for (const image of ['app', 'base']) {
          expect((await sandbox.inspect(`${NAME}-${image}`)).Config.Entrypoint).toEqual([
            '/.chalk/shim',
            '--',
          ]);
        }
        expect((await sandbox.docker(['run', '--rm', `${NAME}-app`])).stdout).toBe('/root\nnobody\n');
        await sandbox.docker(['compose', 'down'], { cwd, env });
      },
    );

    test('buildx itself, with a definition on standard input: not a word of ours', async () => {
      const cwd = sandbox.project(shared());
      const NAME = sandbox.name();
      const definition = {
        group: { default: { targets: ['a'] } },
        target: { a: { context: '.', target: 'one', tags: [`${NAME}-a`], output: ['type=docker'] } },
      };
      const buildx = join(sandbox.root, 'link', 'docker-buildx');
      const words = ['bake', '--file', '-', '--progress', 'rawjson', '--metadata-file', 'm.json'];
      const input = JSON.stringify(definition);
      const unwritable = { XDG_STATE_HOME: '/dev/null' };
      for (const env of [shimmed(), { ...shimmed(), ...unwritable }]) {
        const result = expectSuccess(await sandbox.run(buildx, words, { cwd, input, env }));
        expect(result.stdout).toBe('');
        for (const line of result.stderr.split('\n').filter((each) => each !== '')) readKeys(line);
        const { Id: id } = await sandbox.inspect(`${NAME}-a`);
        const digest = readKeys(readFileSync(join(cwd, 'm.json'), 'utf8'))['a'];
        expect(digest).toMatchObject({ 'containerimage.digest': id });
        expect((await sandbox.inspect(`${NAME}-a`)).Config.Entrypoint?.[0]).toBe('/.chalk/shim');
      }
    });

    test('a service that fails, fails as it did', async () => {
      const Dockerfile = `${from}\nRUN echo why && exit 9\nCMD ["x"]\n`;
      const cwd = sandbox.project({ Dockerfile, 'compose.yaml': 'services: {a: {build: .}}\n' }, 'p');
      const words = ['compose', 'build', '--no-cache'];
      const [plain, ours] = [
        await sandbox.docker(words, { cwd }),
        await sandbox.docker(words, { cwd, env: shimmed() }),
      ];
      expect([ours.code, ours.stdout.includes('why')]).toEqual([plain.code, plain.stdout.includes('why')]);
      expect(ours.stderr.split('\n').filter((line) => line.includes('exit code: 9'))).toEqual(
        plain.stderr.split('\n').filter((line) => line.includes('exit code: 9')),
      );
    });
  });
});
