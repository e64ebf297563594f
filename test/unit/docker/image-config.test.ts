import { describe, expect, test } from 'vitest';
import { parsePlatform } from '../../../src/base/platform.ts';
import {
  type ImageLookup,
  lookUpImages,
  type WantedImage,
  wantedKey,
} from '../../../src/docker/image-config.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { toolsWith } from './support.ts';

const inspected = (
  Architecture: string,
  Config: object | null = { Entrypoint: ['/e'], Cmd: null, User: '7' },
) =>
  JSON.stringify([
    { Id: 'sha256:id', RepoTags: ['x:1'], RepoDigests: ['x@sha256:d'], Os: 'linux', Architecture, Config },
  ]);
const oci = (architecture: string, variant?: string) => ({
  os: 'linux',
  architecture,
  ...(variant === undefined ? {} : { variant }),
  config: { Cmd: [architecture], Env: ['A=1'], OnBuild: ['RUN x'], Shell: ['/bin/bash', '-c'] },
});
const remote = (image: unknown) => JSON.stringify({ name: 'x', manifest: { digest: 'sha256:list' }, image });

const want = (ref: string, platform?: string): WantedImage => ({
  ref,
  platform: parsePlatform(platform ?? ''),
});

/** Answers by the words of the call; a call nobody expected fails as docker does. */
async function lookUp(
  wanted: readonly WantedImage[],
  lookup: ImageLookup,
  answers: Readonly<Record<string, string>>,
) {
  const host = fakeHost({
    run: ({ args }) => {
      const answer = answers[args.join(' ')];
      return answer === undefined ? exited('', 1) : exited(answer);
    },
  });
  const found = await lookUpImages(host, toolsWith(), wanted, lookup, ['--builder', 'b']);
  return { found, calls: host.ran.map(({ args }) => args.join(' ')) };
}

const LOCAL = 'image inspect -- x:1';
const REGISTRY = 'buildx imagetools inspect --builder b --format {{json .}} x:1';

test('nothing wanted, nothing asked', async () => {
  expect((await lookUp([], 'engine-then-registry', {})).calls).toEqual([]);
});

describe('the engine’s own image', () => {
  test('is taken, and no registry is asked', async () => {
    const wanted = want('x:1', 'linux/amd64');
    const { found, calls } = await lookUp([wanted], 'engine-then-registry', { [LOCAL]: inspected('amd64') });
    expect(calls).toEqual([LOCAL]);
    expect(found.get(wantedKey(wanted))).toEqual({
      platform: { os: 'linux', architecture: 'amd64' },
      os: 'linux',
      entrypoint: ['/e'],
      cmd: undefined,
      user: '7',
      shell: undefined,
      onbuild: [],
      env: [],
      id: 'sha256:id',
      repoDigests: ['x@sha256:d'],
    });
  });

  test('is asked for once, however often it is wanted', async () => {
    const { calls } = await lookUp([want('x:1'), want('x:1')], 'engine-then-registry', {
      [LOCAL]: inspected('amd64'),
    });
    expect(calls).toEqual([LOCAL]);
  });

  test('may have no config', async () => {
    const { found } = await lookUp([want('x:1')], 'engine-then-registry', {
      [LOCAL]: inspected('amd64', null),
    });
    expect(found.get('x:1')).toMatchObject({ entrypoint: undefined, cmd: undefined, user: '' });
  });

  test('of another platform is not it', async () => {
    const wanted = want('x:1', 'linux/arm64');
    const { found, calls } = await lookUp([wanted], 'engine-then-registry', {
      [LOCAL]: inspected('amd64'),
      [REGISTRY]: remote({ 'linux/amd64': oci('amd64'), 'linux/arm64': oci('arm64', 'v8') }),
    });
    expect(calls).toEqual([LOCAL, 'image inspect --platform linux/arm64 -- x:1', REGISTRY]);
    expect(found.get(wantedKey(wanted))).toMatchObject({
      cmd: ['arm64'],
      platform: { architecture: 'arm64' },
    });
  });

  test('of another platform may be there as well', async () => {
    const wanted = want('x:1', 'linux/arm64');
    const { found, calls } = await lookUp([wanted], 'engine-then-registry', {
      [LOCAL]: inspected('amd64'),
      'image inspect --platform linux/arm64 -- x:1': inspected('arm64'),
    });
    expect(calls).toHaveLength(2);
    expect(found.get(wantedKey(wanted))).toMatchObject({ platform: { architecture: 'arm64' } });
  });
});

describe('the registry’s image', () => {
  test('is asked for through the builder', async () => {
    const wanted = want('x:1', 'linux/amd64');
    const { found, calls } = await lookUp([wanted], 'registry', { [REGISTRY]: remote(oci('amd64')) });
    expect(calls).toEqual([REGISTRY]);
    expect(found.get(wantedKey(wanted))).toEqual({
      platform: { os: 'linux', architecture: 'amd64' },
      os: 'linux',
      entrypoint: undefined,
      cmd: ['amd64'],
      user: '',
      shell: ['/bin/bash', '-c'],
      onbuild: ['RUN x'],
      env: ['A=1'],
      repoDigests: ['docker.io/library/x@sha256:list'],
    });
  });

  test.each([
    ['another platform', 'linux/arm64', oci('amd64')],
    ['no such platform', 'linux/s390x', { 'linux/amd64': oci('amd64'), 'linux/arm64': oci('arm64') }],
    ['several, and none is asked for', '', { 'linux/amd64': oci('amd64'), 'linux/arm64': oci('arm64') }],
    ['nothing of use', 'linux/amd64', null],
    ['something else', 'linux/amd64', { mediaType: 'x' }],
  ])('is unknown with %s', async (_, platform, image) => {
    const { found } = await lookUp([want('x:1', platform)], 'registry', { [REGISTRY]: remote(image) });
    expect(found.size).toBe(0);
  });

  test('is the only one there is where none is asked for', async () => {
    const { found } = await lookUp([want('x:1')], 'registry', {
      [REGISTRY]: remote({ 'linux/amd64': oci('amd64') }),
    });
    expect(found.get('x:1')).toMatchObject({ cmd: ['amd64'] });
  });

  test.each(['', 'no JSON', '{}', '[]'])('is unknown when the answer is %j', async (answer) => {
    expect((await lookUp([want('x:1')], 'registry', { [REGISTRY]: answer })).found.size).toBe(0);
  });
});
