import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { findBuilder } from '../../../src/docker/builder.ts';
import { readDockerConfig } from '../../../src/docker/config.ts';
import type { Environment } from '../../../src/host/host.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { commandOf } from './support.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');

const LOCAL = 'unix:///var/run/docker.sock';
const INSTANCES = {
  '/c/buildx/instances/box': '{"Name":"box","Driver":"docker-container"}',
  '/c/buildx/instances/far': '{"Name":"far","Driver":"remote"}',
};
const current = (Name: string, Key = LOCAL, Global = false) => ({
  '/c/buildx/current': JSON.stringify({ Key, Name, Global }),
});
const byDefault = (endpoint: string, name: string) => ({
  [`/c/buildx/defaults/${sha(endpoint).slice(0, 20)}`]: name,
});

async function builderFor(line: string, files: Record<string, string> = {}, env: Environment = {}) {
  const host = fakeHost({ env: { DOCKER_CONFIG: '/c', ...env }, files: { ...INSTANCES, ...files } });
  const command = commandOf(line);
  return findBuilder(host, await readDockerConfig(host, command.globals), command);
}

describe('docker build', () => {
  test.each([
    ['build .', 'default'],
    ['-c there build .', 'there'],
    ['image build .', 'default'],
    ['builder build .', 'default'],
  ])('%s: the context’s builder, whatever buildx use chose', async (line, name) => {
    expect(await builderFor(line, current('box'))).toEqual({
      name,
      environment: { BUILDX_BUILDER: name },
      driver: 'docker',
    });
  });
});

describe('a builder that was named', () => {
  test.each([
    ['build --builder box .', {}, 'box', 'docker-container'],
    ['build --builder BOX .', {}, 'BOX', 'docker-container'],
    ['buildx --builder far build .', {}, 'far', 'remote'],
    ['buildx --builder far build --builder box .', {}, 'box', 'docker-container'],
    ['build .', { BUILDX_BUILDER: 'far' }, 'far', 'remote'],
    ['build --builder box .', { BUILDX_BUILDER: 'far' }, 'box', 'docker-container'],
    ['buildx build .', { BUILDX_BUILDER: 'far' }, 'far', 'remote'],
    ['build --builder some-context .', {}, 'some-context', 'docker'],
  ])('%s %j', async (line, env, name, driver) => {
    expect(await builderFor(line, current('far'), env)).toEqual({ name, environment: {}, driver });
  });
});

describe('docker buildx build', () => {
  const nobody = { name: undefined, environment: {}, driver: 'docker' };
  const box = { name: 'box', environment: {}, driver: 'docker-container' };
  test.each([
    ['nothing was ever chosen', 'buildx build .', {}, {}, nobody],
    ['buildx use', 'buildx build .', current('box'), {}, box],
    ['buildx use of the context', 'buildx build .', current(''), {}, nobody],
    ['buildx use at another engine', 'buildx build .', current('box', 'tcp://h:1'), {}, nobody],
    ['buildx use at this engine', '-H tcp://h:1 buildx build .', current('box', 'tcp://h:1'), {}, box],
    [
      'the same by environment',
      'buildx build .',
      current('box', 'tcp://h:1'),
      { DOCKER_HOST: 'tcp://h:1' },
      box,
    ],
    ['buildx use --global', 'buildx build .', current('box', 'tcp://h:1', true), {}, box],
    ['buildx use of a builder that is gone', 'buildx build .', current('gone'), {}, nobody],
    ['buildx use --default', 'buildx build .', byDefault(LOCAL, 'box'), {}, box],
    ['buildx use --default elsewhere', 'buildx build .', byDefault('tcp://h:1', 'box'), {}, nobody],
    ['an empty --builder', 'build --builder= .', current('box'), {}, box],
    ['a broken file', 'buildx build .', { '/c/buildx/current': '{' }, {}, nobody],
  ])('%s', async (_, line, files, env, expected) => {
    expect(await builderFor(line, files, env)).toEqual(expected);
  });

  test('in a context, whose file says the endpoint', async () => {
    const files = {
      ...current('box', 'ssh://there'),
      [`/c/contexts/meta/${sha('there')}/meta.json`]:
        '{"Name":"there","Endpoints":{"docker":{"Host":"ssh://there"}}}',
    };
    expect(await builderFor('-c there buildx build .', files)).toEqual(box);
    expect(await builderFor('-c other buildx build .', files)).toEqual(nobody);
  });

  test('with buildx’s files in a folder of their own', async () => {
    const files = {
      '/b/current': JSON.stringify({ Name: 'x', Global: true }),
      '/b/instances/x': '{"Driver":"kubernetes"}',
    };
    const builder = await builderFor('buildx build .', files, { BUILDX_CONFIG: '/b' });
    expect(builder).toEqual({ name: 'x', environment: {}, driver: 'kubernetes' });
  });
});
