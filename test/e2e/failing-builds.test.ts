/** Builds that fail: docker's own words and exit status, the user's step run once, no line of ours in the picture. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, type Result, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { serve } from '../support/http.ts';
import { messagesOf } from '../support/progress.ts';

describeWithEngine('failing builds', (engine) => {
  let sandbox: Sandbox;
  let busybox = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    busybox = sandbox.base('busybox');
  });
  afterAll(async () => sandbox.close());

  /** Runs a command line under docker and under docker chalk; both must say and do the same. */
  const same = async (words: readonly string[], options: RunOptions = {}): Promise<Result> => {
    const plain = await sandbox.docker(words, options);
    const ours = await sandbox.chalk(words, options);
    expect({ ...ours, stderr: messagesOf(ours.stderr) }).toEqual({
      ...plain,
      stderr: messagesOf(plain.stderr),
    });
    return ours;
  };
  const project = (dockerfile: string) =>
    sandbox.project({ Dockerfile: dockerfile.replaceAll('FROM busybox', `FROM ${busybox}`) });

  const dockerfiles: readonly [string, string][] = [
    ['a failing RUN', 'FROM busybox\nRUN echo failed >&2; exit 42\nCMD ["true"]\n'],
    ['a failing RUN at the end, without a line feed', 'FROM busybox\nRUN exit 3'],
    ['a failing RUN heredoc', 'FROM busybox\nRUN <<E\nset -e\nfalse\nE\nCMD ["x"]\n'],
    [
      'a failing RUN before a second stage',
      'FROM busybox AS one\nRUN false\nFROM busybox\nCOPY --from=one /etc /x\n',
    ],
    ['COPY of a file that is not there', 'FROM busybox\nCOPY missing /x\nCMD ["x"]\n'],
    ['COPY from a stage that is not there', 'FROM scratch\nCOPY --from=127.0.0.1:1/nobody /a /b\n'],
    ['an unknown instruction', 'FROM busybox\nRUNN true\n'],
    ['no FROM', 'RUN true\n'],
    ['nothing but a comment', '# nothing\n'],
    ['an empty file', ''],
    ['an unterminated heredoc', 'FROM busybox\nRUN <<E\ntrue\n'],
    ['a bad JSON array', 'FROM busybox\nENTRYPOINT [1, 2]\n'],
    ['ENV without a value', 'FROM busybox\nENV A\n'],
    ['a base image that is nowhere', `FROM 127.0.0.1:1/nothing:1\nCMD ["x"]\n`],
    ['an unset name in FROM', 'FROM ${NOTHING}\n'],
    ['two parser directives of a kind', '# escape=\\\n# escape=`\nFROM busybox\n'],
    ['a required argument that is not given', 'FROM busybox\nARG A\nRUN test -n "$A"\n'],
    ['a bad USER', 'FROM busybox\nUSER nobody-here\nRUN true\n'],
  ];
  test.each(dockerfiles)('%s', async (_, dockerfile) => {
    const { code } = await same(['build', '--progress=plain', project(dockerfile)]);
    expect(code).toBe(1);
  });

  test.each([
    ['no context', [], 1],
    ['two contexts', ['a', 'b'], 1],
    ['an unknown flag', ['--no-such-flag', '.'], 125],
    ['a flag without its value', ['.', '--tag'], 125],
    ['a switch with a strange value', ['--pull=perhaps', '.'], 125],
    ['a context that is not there', ['/nowhere/at/all'], 1],
    ['a Dockerfile that is not there', ['-f', '/nowhere/Dockerfile', '.'], 1],
    ['a folder as Dockerfile', ['-f', '.', '.'], 1],
    ['a target that is not there', ['--target', 'nobody', '.'], 1],
    ['a number as target', ['--target', '0', '.'], 1],
    ['a bad platform', ['--platform', 'no/such/thing/at/all', '.'], 1],
  ] as const)('%s', async (_, words, code) => {
    const cwd = project('FROM busybox\nRUN true\nCMD ["x"]\n');
    expect((await same(['build', ...words], { cwd })).code).toBe(code);
  });

  // buildx refuses these before anything is built; asked again without our changes it refuses them as well.
  test.each([
    ['a bad tag', ['-t', 'UPPER:', '.'], 1],
    ['a bad build context', ['--build-context', 'x', '.'], 1],
    ['an unknown builder', ['--builder', 'nobody', '.'], 1],
    ['a missing secret', ['--secret', 'id=x,src=nothing', '.'], 1],
    ['an ssh agent that is not there', ['--ssh', 'default', '.'], 1],
    ['a cache nobody can write', ['--cache-to', 'type=local,dest=/proc/x', '.'], 1],
    ['an attestation that is none', ['--attest', 'x', '.'], 1],
    ['an annotation without a value', ['--annotation', 'foo', '.'], 1],
    ['a host without an address', ['--add-host', 'bad', '.'], 1],
    ['a network BuildKit does not know', ['--network', 'bad', '.'], 1],
    ['a label without a name', ['--label', '=', '.'], 1],
    ['a size that is none', ['--shm-size=bad', '.'], 125],
    ['a limit that is none', ['-q', '--ulimit', 'bad', '.'], 125],
    ['a progress mode that is none', ['--progress=no-such', '.'], 1],
    ['two ways to show progress', ['--progress=plain', '-q', '.'], 1],
    ['an output of no known type', ['-q', '-o', 'type=no-such', '.'], 1],
    ['an output of no type', ['-o', 'type=', '.'], 1],
    ['a push of an image without a name', ['--push', '.'], 1],
    ['a folder in place of the ID file', ['--iidfile', 'full', '.'], 1],
    ['a file in place of the ID file’s folder', ['--iidfile', 'Dockerfile/id', '.'], 1],
  ] as const)('%s: docker’s message once, and its exit status', async (_, words, code) => {
    const cwd = project('FROM busybox\nRUN true\nCMD ["x"]\n');
    mkdirSync(join(cwd, 'full'));
    writeFileSync(join(cwd, 'full', 'file'), '');
    const env = { SSH_AUTH_SOCK: '' };
    const plain = await sandbox.docker(['build', ...words], { cwd, env });
    expect(await sandbox.chalk(['build', ...words], { cwd, env })).toEqual(plain);
    expect(plain.code).toBe(code);
  });

  test('a builder that is another context: docker says how to get there, once', async () => {
    const there = sandbox.name().replaceAll('.', '-');
    await sandbox.docker(['context', 'create', there, '--docker', 'host=unix:///nowhere.sock']);
    const cwd = project('FROM busybox\nCMD ["x"]\n');
    for (const [words, env] of [
      [['build', '--builder', there, '.'], {}],
      [['buildx', 'build', '.'], { BUILDX_BUILDER: there }],
    ] as const) {
      const plain = await sandbox.docker(words, { cwd, env });
      expect(await sandbox.chalk(words, { cwd, env })).toEqual(plain);
      expect(plain.stderr).toContain(`--context=${there}`);
    }
  });

  test.each([
    ['--iidfile', 'nowhere/id'],
    ['--metadata-file', 'nowhere/metadata'],
  ])('%s that cannot be written behind the build: the build is done once', async (flag, file) => {
    const cwd = project(`FROM busybox\nRUN echo ${sandbox.name()}\nCMD ["x"]\n`);
    const words = ['build', '--progress=plain', flag, file, '.'];
    const ours = await sandbox.chalk(words, { cwd });
    const plain = await sandbox.docker(words, { cwd });
    expect(errors(ours)).toEqual(errors(plain));
    expect([ours.code, ours.stdout]).toEqual([plain.code, plain.stdout]);
  });

  test('a bake whose metadata file cannot be written is done once', async () => {
    const cwd = project('FROM busybox\nCMD ["x"]\n');
    writeFileSync(join(cwd, 'docker-bake.json'), '{"target":{"default":{}}}');
    const words = ['bake', '--progress=plain', '--metadata-file', 'nowhere/metadata'];
    const [ours, plain] = [await sandbox.chalk(words, { cwd }), await sandbox.docker(words, { cwd })];
    expect(errors(ours)).toEqual(errors(plain));
    expect([ours.code, ours.stdout]).toEqual([plain.code, plain.stdout]);
  });

  test('an ignore file that cannot be understood', async () => {
    const cwd = project('FROM busybox\nCOPY . /c\nCMD ["x"]\n');
    writeFileSync(join(cwd, '.dockerignore'), 'a[\n');
    const words = ['build', '--progress=plain', '.'];
    const [plain, ours] = [await sandbox.docker(words, { cwd }), await sandbox.chalk(words, { cwd })];
    expect(plain.code).toBe(1);
    expect([ours.code, ours.stdout, errors(ours)]).toEqual([plain.code, plain.stdout, errors(plain)]);
  });

  test('an archive without the Dockerfile that was named', async () => {
    const folder = project('FROM busybox\nCMD ["x"]\n');
    expectSuccess(await sandbox.run('tar', ['-C', folder, '-cf', join(folder, '..', 'c.tar'), 'Dockerfile']));
    const input = readFileSync(join(folder, '..', 'c.tar'));
    for (const words of [[], ['--push', '-t', '127.0.0.1:1/nobody:1']]) {
      const line = ['build', '--progress=plain', '-f', 'nobody', ...words, '-'];
      expect((await same(line, { input })).code).toBe(1);
    }
  });

  test('a bad tag for a Dockerfile on standard input', async () => {
    const words = ['build', '-t', 'UPPER:', '-f', '-', '.'];
    const options = { cwd: sandbox.project({}), input: `FROM ${busybox}\nRUN true\n` };
    expect(await sandbox.chalk(words, options)).toEqual(await sandbox.docker(words, options));
  });

  test('a registry that takes no image, and a folder that cannot be made: the build is done once', async () => {
    const cwd = project('FROM busybox\nRUN true\nCMD ["x"]\n');
    for (const words of [
      ['--push', '-t', '127.0.0.1:1/nobody:1'],
      ['-o', 'type=image,name=127.0.0.1:1/nobody:1,push=true'],
    ]) {
      const { code, stderr } = await sandbox.chalk(['build', '--progress=plain', ...words, '.'], { cwd });
      expect(code).toBe(1);
      expect(stderr).not.toContain('docker chalk:');
      expect(stderr.match(/^ERROR: failed to build: .*failed to push/gm)).toHaveLength(1);
    }
    await sandbox.docker(['image', 'rm', '127.0.0.1:1/nobody:1']);
  });

  test('checks that are errors by the user’s own wish', async () => {
    for (const words of [[], ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=error=true']]) {
      const head = words.length === 0 ? '# check=error=true\n' : '';
      const cwd = project(`${head}FROM busybox\nrun true\nENTRYPOINT ["a"]\n`);
      const { code } = await same(['build', '--progress=plain', ...words, '.'], { cwd });
      expect(code).toBe(1);
    }
  });

  test('an empty folder, and one whose Dockerfile is a folder', async () => {
    const cwd = sandbox.project({});
    expect((await same(['build', '.'], { cwd })).code).toBe(1);
    mkdirSync(join(cwd, 'Dockerfile'));
    expect((await same(['build', '.'], { cwd })).code).toBe(1);
  });

  test('an engine that does not answer', async () => {
    const cwd = project('FROM busybox\n');
    const env = { DOCKER_HOST: 'unix:///nowhere.sock' };
    expect((await same(['build', '.'], { cwd, env })).code).toBe(1);
  });

  test('-q: what the failing step printed, as docker shows it', async () => {
    await same(['build', '-q', project('FROM busybox\nRUN echo seen; exit 9\n')]);
  });

  test('the user’s failing step runs once', async () => {
    const { port, requests, close } = await serve();
    try {
      const step = `RUN wget -q -O- http://127.0.0.1:${port}/; exit 5`;
      const folder = project(`FROM busybox\n${step}\nCMD ["x"]\n`);
      const words = ['build', '--network=host', '--allow', 'network.host', folder];
      expect((await sandbox.chalk(words)).code).toBe(1);
      expect(requests).toHaveLength(1);
    } finally {
      close();
    }
  });
});

/** What went wrong, each time it was said. */
function errors({ stderr }: Result): readonly string[] | null {
  return stderr.match(/^(ERROR: |docker chalk: ).*$/gm);
}
