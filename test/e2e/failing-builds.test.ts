/** Builds that fail: docker's own words and exit status, the user's step run once, no line of ours in the picture. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Result, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { serve } from '../support/http.ts';

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
    expect({ ...ours, stderr: essence(ours.stderr) }).toEqual({ ...plain, stderr: essence(plain.stderr) });
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
    ['COPY from a stage that is not there', 'FROM busybox\nCOPY --from=127.0.0.1:1/nobody /a /b\n'],
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
    ['a missing secret', ['--secret', 'id=x,src=/nowhere', '.'], 1],
    ['an ssh agent that is not there', ['--ssh', 'default', '.'], 1],
    ['a cache nobody can write', ['--cache-to', 'type=local,dest=/proc/x', '.'], 1],
    ['an attestation that is none', ['--attest', 'x', '.'], 1],
    ['an annotation without a value', ['--annotation', 'foo', '.'], 1],
    ['a host without an address', ['--add-host', 'bad', '.'], 1],
    ['a network BuildKit does not know', ['--network', 'bad', '.'], 1],
    ['a label without a name', ['--label', '=', '.'], 1],
    ['a size that is none', ['--shm-size=bad', '.'], 125],
    ['a limit that is none', ['-q', '--ulimit', 'bad', '.'], 125],
  ] as const)('%s: docker’s message once, and its exit status', async (_, words, code) => {
    const cwd = project('FROM busybox\nRUN true\nCMD ["x"]\n');
    const env = { SSH_AUTH_SOCK: '' };
    const plain = await sandbox.docker(['build', ...words], { cwd, env });
    expect(await sandbox.chalk(['build', ...words], { cwd, env })).toEqual(plain);
    expect(plain.code).toBe(code);
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

/**
 * A build's standard error without what differs between any two runs (times, temporary names, the order of warnings), and
 * without what two more steps and two blank lines at the end of the Dockerfile change: step counts, and lines about steps
 * that went well.
 */
function essence(stderr: string): string[] {
  return (
    stderr
      .replaceAll(/\p{Cc}\[\d*m/gu, '')
      .split('\n')
      .map((line) =>
        line
          .replace(/^#\d+ /, '# ')
          .replace(/\[(?:[\w-]+ +)?\d+\/\d+\]/, '[step]')
          .replaceAll(/\d+\.\d+s?\b/g, 'N')
          .replaceAll(/[0-9a-z]{25}\b|buildkit-mount\d+/g, 'REF'),
      )
      .filter((line) => !/^( - .*|N | *\d+ \| *|)$/.test(line))
      // A step's title is printed again when another step's output came between.
      .filter((line, index, lines) => !line.startsWith('# [step]') || lines.indexOf(line) === index)
      .filter(
        (line) =>
          !/^# (DONE|CACHED|CANCELED|\[step\] FROM|\[internal\]|\[context|transferring|resolve|sha256:|\d|\.\.\.)/.test(
            line,
          ),
      )
  );
}
