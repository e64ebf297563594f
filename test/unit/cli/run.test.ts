import { describe, expect, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { exited, fakeHost, type World } from '../../support/fake-host.ts';

const BUILDX = '/usr/libexec/docker/cli-plugins/docker-buildx';

const DOCKER: World = {
  env: { PATH: '/usr/bin', HOME: '/home/u' },
  programs: ['/usr/bin/docker'],
  run: () => exited('', 1),
  attach: () => ({ kind: 'exited', code: 7 }),
};
const words = (line: string) => (line === '' ? [] : line.split(' '));

describe('wrong options of ours', () => {
  test.each([
    ['chalk --bogus build .', 'ARGV_UNKNOWN_FLAG', '--bogus'],
    ['chalk --explain=maybe build .', 'ARGV_BAD_VALUE', '--explain'],
    ['chalk --report', 'ARGV_BAD_VALUE', '--report'],
    ['chalk --runtime-report relative build .', 'ARGV_BAD_VALUE', 'relative'],
    ['chalk --runtime-mode later build .', 'ARGV_BAD_VALUE', 'later'],
    ['chalk --runtime-mode= build .', 'ARGV_BAD_VALUE', 'mode'],
    ['chalk extract', 'ARGV_USAGE', ''],
    ['chalk extract a b', 'ARGV_USAGE', ''],
    ['chalk extract a --bogus', 'ARGV_USAGE', 'bogus'],
    ['chalk status --json', 'ARGV_USAGE', 'json'],
    ['chalk statsu', 'ARGV_USAGE', 'status'],
  ])('%s is refused, and nothing is run', async (line, code, message) => {
    const host = fakeHost(DOCKER);
    const error: unknown = await run(host, words(line)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(message);
    expect([host.attached, host.printed.out]).toEqual([[], '']);
  });
});

describe('without docker', () => {
  test.each(['chalk build .', 'chalk build --new .', 'chalk bake'])('%s says so', async (line) => {
    await expect(run(fakeHost(), words(line))).rejects.toMatchObject({ code: 'DOCKER_NOT_FOUND' });
  });
});

test.each(['chalk version', 'chalk --version', 'chalk -v'])('%s', async (line) => {
  const host = fakeHost();
  expect(await run(host, words(line))).toEqual({ kind: 'exited', code: 0 });
  expect(host.printed.out).toMatch(/^docker-chalk \d+\.\d+\.\d+/);
});

describe('a flag of docker’s that is not known here, before chalk', () => {
  test.each([
    ['--tomorrow chalk build -t x .', '--tomorrow build -t x .'],
    ['--tomorrow value chalk --no-report -D build .', '--tomorrow value -D build .'],
    ['-D --tomorrow=1 chalk bake', '-D --tomorrow=1 bake'],
  ])('%s is docker’s', async (line, expected) => {
    const host = fakeHost(DOCKER);
    expect(await run(host, words(line))).toEqual({ kind: 'exited', code: 7 });
    expect(host.attached.map(({ args }) => args.join(' '))).toEqual([expected]);
  });
});

describe('a command line whose flags cannot be told apart', () => {
  const line = ['-D', 'chalk', '--report', '-', 'build', '--new', '--build-arg', 'A=canary', '.'];

  test('goes to docker word for word, and its exit status comes back', async () => {
    const host = fakeHost(DOCKER);
    expect(await run(host, line)).toEqual({ kind: 'exited', code: 7 });
    expect(host.attached).toMatchObject([
      { file: '/usr/bin/docker', args: ['-D', 'build', '--new', '--build-arg', 'A=canary', '.'] },
    ]);
    expect(host.printed.error).toBe('');
  });

  test('is reported without a word that may be secret', async () => {
    const host = fakeHost(DOCKER);
    await run(host, line);
    expect(host.printed.out).not.toContain('canary');
    expect(JSON.parse(host.printed.out)).toMatchObject([
      { _OPERATION: 'build', _OP_EXIT_CODE: 7, _X_CHALK_INJECTION: 'none' },
    ]);
    expect(host.printed.out).toContain('"argv: --new is not a flag known here');
  });

  test('is explained, and nothing is run', async () => {
    const host = fakeHost(DOCKER);
    expect(await run(host, ['chalk', '--explain', 'build', '--new', '.'])).toEqual({
      kind: 'exited',
      code: 0,
    });
    expect(host.attached).toEqual([]);
    expect(host.printed.out).toContain('[argv]');
  });
});

describe('docker’s own end is ours', () => {
  test.each([
    ['an exit status', { kind: 'exited', code: 42 } as const],
    ['a signal', { kind: 'killed', signal: 'SIGTERM' } as const],
  ])('%s', async (_, end) => {
    const host = fakeHost({ ...DOCKER, attach: () => end });
    expect(await run(host, words('chalk --no-report bake app'))).toEqual(end);
    expect(host.attached).toMatchObject([{ args: ['bake', 'app'] }]);
    expect(host.printed).toEqual({ out: '', error: '' });
  });

  test('a report that cannot be written changes nothing but a line on standard error', async () => {
    const host = fakeHost(DOCKER);
    const files = { ...host.files, append: () => Promise.reject(new Error('full')) };
    expect(await run({ ...host, files }, words('chalk bake app'))).toEqual({ kind: 'exited', code: 7 });
    expect(host.printed.error).toMatch(/^docker chalk: SINK_FAILED: .*\n$/);
  });
});

test('a buildx that cannot be started is for docker to complain of', async () => {
  const host = fakeHost({
    ...DOCKER,
    programs: ['/usr/bin/docker', BUILDX],
    attach: ({ file }) =>
      file === BUILDX ? { kind: 'not-started', cause: new Error('EACCES') } : { kind: 'exited', code: 1 },
  });
  expect(await run(host, words('chalk bake app'))).toEqual({ kind: 'exited', code: 1 });
  expect(host.attached.map(({ file, args }) => [file, ...args].join(' '))).toEqual([
    `${BUILDX} buildx bake app`,
    '/usr/bin/docker bake app',
  ]);
});

test('where there is no room for what comes on standard input, docker reads it itself', async () => {
  const host = fakeHost({ ...DOCKER, programs: ['/usr/bin/docker', BUILDX] });
  const files = { ...host.files, makeTemporary: () => Promise.reject(new Error('read-only')) };
  expect(await run({ ...host, files }, words('chalk --no-report build -'))).toEqual({
    kind: 'exited',
    code: 7,
  });
  expect(host.attached.map(({ args, inputFile }) => [...args, inputFile])).toEqual([
    ['buildx', 'build', '-', undefined],
  ]);
});

describe('compose', () => {
  const CONFIG = '/home/u/.docker';
  const WORLD: World = {
    ...DOCKER,
    programs: ['/usr/bin/docker', BUILDX],
    files: { [`${CONFIG}/config.json`]: '{"credsStore":"x","cliPluginsExtraDirs":["/opt/p"]}' },
  };
  const installed = (world: World) => ({
    ...fakeHost(world),
    launch: { entry: 'plugin' as const, launcher: '/opt/chalk/docker-chalk' },
  });

  test('gets a copy of the configuration that names our link before buildx, and its environment as it was', async () => {
    const host = installed(WORLD);
    expect(await run(host, words('-D chalk --strict compose -f x.yaml up --build'))).toEqual({
      kind: 'exited',
      code: 7,
    });
    const [process] = host.attached;
    const copy = process?.args[2] ?? '';
    expect(process?.args).toEqual(['-D', '--config', copy, 'compose', '-f', 'x.yaml', 'up', '--build']);
    expect(process?.env).toEqual({ ...DOCKER.env, CHALK_OPTIONS: '["--strict"]' });
    const settings: unknown = JSON.parse(host.disk.get(`${copy}/config.json`)?.content ?? '');
    expect(settings).toMatchObject({ credsStore: 'x', cliPluginsExtraDirs: [expect.any(String), '/opt/p'] });
  });

  test.each([
    ['no buildx', { ...WORLD, programs: ['/usr/bin/docker'] }, ''],
    [
      'a configuration nobody can read',
      { ...WORLD, files: { [`${CONFIG}/config.json`]: 'x' } },
      'CONFIG_INVALID',
    ],
  ])('with %s docker runs it as it is', async (_, world, said) => {
    const host = installed(world);
    expect(await run(host, words('chalk compose build'))).toEqual({ kind: 'exited', code: 7 });
    expect(host.attached.map(({ args }) => args)).toEqual([['compose', 'build']]);
    expect(host.printed.error).toContain(said);
  });

  test('is not explained', async () => {
    await expect(run(fakeHost(DOCKER), words('chalk --explain compose build'))).rejects.toMatchObject({
      code: 'ARGV_BAD_VALUE',
    });
  });

  test('in buildx’s place the options are those that were typed before compose', async () => {
    const host = {
      ...fakeHost({
        ...DOCKER,
        env: { ...DOCKER.env, CHALK_OPTIONS: '["--no-report"]' },
        programs: ['/usr/bin/docker', BUILDX],
        attach: () => ({ kind: 'exited', code: 1 }),
      }),
      launch: { entry: 'buildx' as const, launcher: '/opt/chalk/docker-chalk' },
    };
    expect(await run(host, ['bake', '--print'])).toEqual({ kind: 'exited', code: 1 });
    expect(host.attached.map(({ args }) => args)).toEqual([['bake', '--print']]);
  });
});
