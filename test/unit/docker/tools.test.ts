import { describe, expect, test } from 'vitest';
import { GLOBAL_FLAGS } from '../../../src/docker/argv/flag-table.ts';
import { dockerHelper, findTools } from '../../../src/docker/tools.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { itemsOf } from './argv/support.ts';
import { toolsWith } from './support.ts';

describe('docker is', () => {
  const programs = ['/usr/bin/docker', '/opt/docker', '/srv/docker-chalk-lab/bin/docker', '/p/docker-chalk'];
  const caller = (path: string) => ({ PATH: '/bin:/usr/bin', DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: path });
  test.each([
    ['the first on PATH', { PATH: '/bin::/opt:/usr/bin' }, '/opt/docker'],
    ['the one that called', caller('/opt/docker'), '/opt/docker'],
    [
      'the one that called, in whatever folder',
      caller('/srv/docker-chalk-lab/bin/docker'),
      '/srv/docker-chalk-lab/bin/docker',
    ],
    ['on PATH when it was called by name', caller('docker'), '/usr/bin/docker'],
    ['never the plugin, as in completion', caller('/p/docker-chalk'), '/usr/bin/docker'],
    ['on PATH when the caller is gone', caller('/gone/docker'), '/usr/bin/docker'],
    ['nowhere without PATH', {}, undefined],
  ])('%s', async (_, env, docker) => {
    expect((await findTools(fakeHost({ env, programs }), [])).docker).toBe(docker);
  });

  test('nothing that cannot be run', async () => {
    const files = { '/a/docker': '#!/bin/sh', '/b/docker/x': '' };
    const host = fakeHost({ env: { PATH: '/a:/b:/usr/bin' }, files, programs });
    expect((await findTools(host, [])).docker).toBe('/usr/bin/docker');
  });
});

describe('buildx is', () => {
  const system = '/usr/libexec/docker/cli-plugins/docker-buildx';
  const user = '/home/u/.docker/cli-plugins/docker-buildx';
  test.each([
    ['the user’s', [system, user], {}, user],
    ['the system’s', [system], {}, system],
    [
      'where the configuration says',
      [system, user, '/x/docker-buildx'],
      { cliPluginsExtraDirs: ['/x'] },
      '/x/docker-buildx',
    ],
    ['nowhere', [], {}, undefined],
  ])('%s', async (_, programs, config, buildx) => {
    const files = { '/home/u/.docker/config.json': JSON.stringify(config) };
    const host = fakeHost({ env: { HOME: '/home/u' }, programs, files });
    expect((await findTools(host, [])).buildx).toBe(buildx);
  });
});

describe('a helper call', () => {
  test('goes to the engine of the command line, without what docker tells its plugins', async () => {
    const env = {
      PATH: '/usr/bin',
      HOME: '/home/u',
      DOCKER_CONTEXT: 'x',
      BUILDX_BUILDER: 'y',
      DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: 'docker',
      DOCKER_CLI_PLUGIN_SOCKET: '@s',
    };
    const host = fakeHost({ env, programs: ['/usr/bin/docker'], run: () => exited('') });
    const tools = await findTools(host, itemsOf(['-D', '--host', 'tcp://h'], GLOBAL_FLAGS));
    await dockerHelper(host, tools, ['version'], { timeoutMs: 5 });
    expect(host.ran).toEqual([
      {
        file: '/usr/bin/docker',
        args: ['-D', '--host', 'tcp://h', 'version'],
        env: {
          PATH: '/usr/bin',
          HOME: '/home/u',
          DOCKER_CONTEXT: 'x',
          BUILDX_BUILDER: 'y',
          CHALK_GUARD: '1',
        },
        timeoutMs: 5,
      },
    ]);
  });

  test('is not started where there is no docker', async () => {
    const host = fakeHost();
    expect(await dockerHelper(host, toolsWith({ docker: undefined }), ['ps'])).toMatchObject({
      kind: 'not-started',
    });
    expect(host.ran).toEqual([]);
  });
});
