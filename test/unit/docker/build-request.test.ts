import { describe, expect, test } from 'vitest';
import { formatPlatform } from '../../../src/base/platform.ts';
import { type BuildRequest, readBuildRequest } from '../../../src/docker/build-request.ts';
import type { Environment } from '../../../src/host/host.ts';
import { commandOf } from './support.ts';

const HERE = { os: 'linux', architecture: 'amd64' };

function request(words: string | readonly string[], env: Environment = {}): BuildRequest {
  const result = readBuildRequest(commandOf(words), env, '/work', HERE);
  if (result.kind !== 'request') throw new Error(result.why);
  return result.request;
}

describe('the context', () => {
  test.each([
    ['.', { kind: 'folder', path: '/work' }],
    ['sub/dir', { kind: 'folder', path: '/work/sub/dir' }],
    ['../up', { kind: 'folder', path: '/up' }],
    ['/abs', { kind: 'folder', path: '/abs' }],
    ['-', { kind: 'stdin' }],
    ['https://example.com/a.git', { kind: 'remote', uri: 'https://example.com/a.git' }],
    ['http://example.com/a.tar.gz', { kind: 'remote', uri: 'http://example.com/a.tar.gz' }],
    ['git://example.com/a', { kind: 'remote', uri: 'git://example.com/a' }],
    ['ssh://git@example.com/a', { kind: 'remote', uri: 'ssh://git@example.com/a' }],
    ['git@example.com:a/b.git#main:sub', { kind: 'remote', uri: 'git@example.com:a/b.git#main:sub' }],
    ['github.com/a/b', { kind: 'remote', uri: 'github.com/a/b' }],
    ['github.community', { kind: 'folder', path: '/work/github.community' }],
    ['a@b', { kind: 'folder', path: '/work/a@b' }],
  ])('%s', (word, context) => {
    expect(request(['build', word]).context).toEqual(context);
  });

  test('stands anywhere among the flags', () => {
    expect(request('build . -t x').context).toEqual({ kind: 'folder', path: '/work' });
    expect(request('build -t x -- .').context).toEqual({ kind: 'folder', path: '/work' });
  });

  test.each(['build', 'build a b', 'build -t x', 'build -- a b'])('%s is refused', (line) => {
    expect(readBuildRequest(commandOf(line), {}, '/work', HERE).kind).toBe('refused');
  });
});

test.each([
  ['build .', { kind: 'default' }],
  ['build -f x .', { kind: 'file', path: '/work/x' }],
  ['build -f a/../x ctx', { kind: 'file', path: '/work/x' }],
  ['build -f /x .', { kind: 'file', path: '/x' }],
  ['build -f x --file=y .', { kind: 'file', path: '/work/y' }],
  ['build --file= .', { kind: 'default' }],
  ['build -f - .', { kind: 'stdin' }],
  ['build -f https://h/x .', { kind: 'remote', uri: 'https://h/x' }],
])('the Dockerfile of %s', (line, source) => {
  expect(request(line).dockerfile).toMatchObject(source);
});

describe('platforms', () => {
  test.each([
    ['build .', {}, ''],
    ['build --platform linux/amd64 .', {}, 'linux/amd64'],
    ['build --platform linux/amd64,linux/arm64 .', {}, 'linux/amd64 linux/arm64'],
    ['build --platform linux/amd64 --platform linux/arm .', {}, 'linux/amd64 linux/arm/v7'],
    ['build --platform linux/x86_64,linux/amd64 .', {}, 'linux/amd64'],
    ['build --platform linux/arm64/v8,linux/arm64 .', {}, 'linux/arm64'],
    ['build --platform local .', {}, 'linux/amd64'],
    ['build --platform LOCAL,linux/arm64,linux/amd64 .', {}, 'linux/amd64 linux/arm64'],
    ['build --platform arm64 .', {}, 'linux/arm64'],
    ['build --platform linux .', {}, 'linux/amd64'],
    ['build --platform windows,armhf .', {}, 'windows/amd64 linux/arm/v7'],
    ['build .', { DOCKER_DEFAULT_PLATFORM: 'local' }, 'linux/amd64'],
    ['build --platform= .', {}, ''],
    ['build .', { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' }, 'linux/arm64'],
    ['build .', { DOCKER_DEFAULT_PLATFORM: '' }, ''],
    ['build --platform linux/386 .', { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' }, 'linux/386'],
  ])('%s %j', (line, env, expected) => {
    expect(request(line, env).platforms.map(formatPlatform).join(' ')).toBe(expected);
  });

  test.each(['here', 'plan9', 'z80', 'linux/a/b/c'])('%s is for the builder to read', (platform) => {
    const result = readBuildRequest(commandOf(['build', '--platform', platform, '.']), {}, '/work', HERE);
    expect(result.kind).toBe('refused');
  });
});

test('build arguments, with values from the environment as buildx takes them', () => {
  const words = ['A=1', 'A=2', 'B', 'C', 'D=', 'E=x=y', 'F=kept', 'F'].flatMap((word) => [
    '--build-arg',
    word,
  ]);
  const { buildArgs } = request(['build', ...words, '.'], { B: 'from env' });
  expect(Object.fromEntries(buildArgs)).toEqual({ A: '2', B: 'from env', D: '', E: 'x=y', F: 'kept' });
});

test('everything else that later stages ask for', () => {
  const read = request(
    'build --target t --build-context a=b=c -t x -t y --label l --label m=n=o --annotation q --pull --push=false --metadata-file m .',
  );
  expect(read).toMatchObject({
    target: 't',
    namedContexts: new Map([['a', 'b=c']]),
    tags: ['x', 'y'],
    labels: new Map([
      ['l', ''],
      ['m', 'n=o'],
    ]),
    annotations: ['q'],
    pull: true,
    push: false,
    metadataFile: 'm',
    noImage: undefined,
    filesToo: false,
  });
});

describe('a build that makes no image says why', () => {
  test.each([
    ['--call=outline', '--call=outline builds nothing'],
    ['--call=check', '--call=check builds nothing'],
    ['--check', '--check builds nothing'],
    ['--help', '--help builds nothing'],
    ['-h', '--help builds nothing'],
    ['--print=outline', '--print builds nothing'],
    ['-o out', 'output out is no image'],
    ['-o -', 'output - is no image'],
    ['-o type=local,dest=out', 'output type=local,dest=out is no image'],
    ['-o dest=out,type=tar', 'output dest=out,type=tar is no image'],
    ['-o type=cacheonly', 'output type=cacheonly is no image'],
    ['-o a -o type=tar,dest=b', 'output a and type=tar,dest=b is no image'],
  ])('%s', (flags, why) => {
    expect(request(`build ${flags} .`).noImage).toBe(why);
  });

  test.each([
    '--call=build',
    '--call=',
    '--check=false',
    '-o type=image,name=x',
    '-o type=docker',
    '-o type=oci,dest=x.tar',
    '-o type=registry',
    '-o out -o type=image',
    '--push',
    '--load',
  ])('%s makes one', (flags) => {
    expect(request(`build ${flags} .`).noImage).toBeUndefined();
  });
});

test.each([
  ['-o type=image', false, undefined],
  ['-o type=docker -o type=cacheonly', false, undefined],
  ['-o out -o type=image', true, undefined],
  ['-o type=tar,dest=x -o type=registry', true, undefined],
  ['-o out --push', true, undefined],
  ['-o type=local,dest=out --load', true, undefined],
  ['-o type=cacheonly --push', false, undefined],
  ['-o out --push=false', true, 'output out is no image'],
  ['-o out -o -', true, 'output out and - is no image'],
] as const)('%s: files %j, no image %j', (flags, filesToo, noImage) => {
  expect(request(`build ${flags} .`)).toMatchObject({ filesToo, noImage });
});
