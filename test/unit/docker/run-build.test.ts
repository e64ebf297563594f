import { describe, expect, test } from 'vitest';
import type { Builder } from '../../../src/docker/builder.ts';
import { buildProcess, type Route, wantsLegacyBuilder } from '../../../src/docker/run-build.ts';
import { GUARD } from '../../../src/docker/tools.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { commandOf, toolsWith } from './support.ts';

const builder = (environment: Builder['environment'] = {}): Route => ({
  kind: 'buildx',
  standalone: false,
  builder: { name: 'b', environment, driver: 'docker' },
});
const throughDocker: Route = { kind: 'docker', why: 'so' };
const pluginEnv = { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: 'docker', DOCKER_CLI_PLUGIN_SOCKET: '@s' };

function processOf(line: string, route: Route, env = {}, tools = toolsWith(), environment = {}) {
  const command = commandOf(line);
  return buildProcess(fakeHost({ env }), tools, command, route, command.items, { environment });
}

describe('the buildx program is started as docker starts it', () => {
  test.each([
    ['build -t x .', 'buildx build -t x .'],
    ['image build .', 'buildx build .'],
    ['builder b .', 'buildx build .'],
    ['builder --builder y -D build .', 'buildx --builder y -D build .'],
    ['buildx --builder=y b . -t x', 'buildx --builder=y build . -t x'],
    ['bake app', 'buildx bake app'],
    ['buildx f app', 'buildx bake app'],
    ['build -t x -- .', 'buildx build -t x -- .'],
  ])('%s', (line, args) => {
    expect(processOf(line, builder())).toMatchObject({
      file: '/plugins/docker-buildx',
      args: args.split(' '),
    });
  });

  test('with the global flags in front', () => {
    const tools = toolsWith({ globals: ['-D', '--host', 'tcp://h'] });
    expect(processOf('-D --host tcp://h build .', builder(), {}, tools).args.join(' ')).toBe(
      '-D --host tcp://h buildx build .',
    );
  });

  test('with docker’s socket, by which it hears of a cancellation', () => {
    expect(processOf('build .', builder(), { ...pluginEnv, A: '1' }).env).toEqual({
      ...pluginEnv,
      A: '1',
      ...GUARD,
    });
  });

  test('and takes itself for a plugin even when nobody said so', () => {
    expect(processOf('build .', builder()).env).toEqual({
      DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: '/usr/bin/docker',
      ...GUARD,
    });
  });

  test('in the context’s builder, and with what this build needs', () => {
    const route = builder({ BUILDX_BUILDER: 'here' });
    const { env } = processOf('build .', route, { BUILDX_BUILDER: '' }, toolsWith(), { EXTRA: '1' });
    expect(env).toMatchObject({ BUILDX_BUILDER: 'here', EXTRA: '1' });
  });
});

describe('docker itself is started', () => {
  test.each(['build -t x .', 'image build .', '-D buildx --builder y b .', 'push -q x', 'image push x'])(
    '%s: with the words that were typed',
    (line) => {
      expect(processOf(line, throughDocker)).toMatchObject({
        file: '/usr/bin/docker',
        args: line.split(' '),
      });
    },
  );

  test('where there is no buildx', () => {
    const { file } = processOf('build .', builder(), {}, toolsWith({ buildx: undefined }));
    expect(file).toBe('/usr/bin/docker');
  });

  test('without the variables that are the plugin’s own', () => {
    expect(processOf('push x', throughDocker, { ...pluginEnv, A: '1' }).env).toEqual({ A: '1', ...GUARD });
  });
});

describe('the old builder', () => {
  test.each([
    ['build .', undefined, false],
    ['build .', '', false],
    ['build .', '1', false],
    ['build .', 'true', false],
    ['build .', '0', true],
    ['build .', 'false', true],
    ['build .', 'maybe', true],
    ['image build .', '0', true],
    ['buildx build .', '0', false],
    ['bake', '0', false],
    ['push x', '0', false],
  ])('%s with DOCKER_BUILDKIT=%s: %s', (line, setting, legacy) => {
    expect(wantsLegacyBuilder(commandOf(line), setting)).toBe(legacy);
  });
});
