import { describe, expect, test } from 'vitest';
import { GLOBAL_FLAGS } from '../../../src/docker/argv/flag-table.ts';
import { readDockerConfig } from '../../../src/docker/config.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { itemsOf } from './argv/support.ts';

const globals = (line: string) => itemsOf(line === '' ? [] : line.split(' '), GLOBAL_FLAGS);

describe('the context a command runs in', () => {
  const file = '{"currentContext":"from-file"}';
  test.each([
    ['', {}, '{}', 'default'],
    ['', {}, file, 'from-file'],
    ['', { DOCKER_CONTEXT: 'from-env' }, file, 'from-env'],
    ['', { DOCKER_CONTEXT: '' }, file, 'from-file'],
    ['', { DOCKER_HOST: 'tcp://h' }, file, 'default'],
    ['', { DOCKER_HOST: '', DOCKER_CONTEXT: 'from-env' }, file, 'from-env'],
    ['', { DOCKER_HOST: 'tcp://h', DOCKER_CONTEXT: 'from-env' }, file, 'default'],
    ['-H tcp://h', { DOCKER_CONTEXT: 'from-env' }, file, 'default'],
    ['--host=', { DOCKER_CONTEXT: 'from-env' }, file, 'default'],
    ['-c from-flag', { DOCKER_HOST: 'tcp://h', DOCKER_CONTEXT: 'from-env' }, file, 'from-flag'],
    ['-c a --context b', {}, file, 'b'],
    ['--context=', { DOCKER_CONTEXT: 'from-env' }, file, 'from-env'],
    ['', {}, '{"currentContext":null,"cliPluginsExtraDirs":null}', 'default'],
    ['', {}, '{"currentContext":""}', 'default'],
    ['', {}, 'no JSON', 'default'],
    ['', {}, '[]', 'default'],
  ])('%s %j %s is %s', async (line, env, text, context) => {
    const host = fakeHost({
      env: { HOME: '/home/u', ...env },
      files: { '/home/u/.docker/config.json': text },
    });
    expect((await readDockerConfig(host, globals(line))).context).toBe(context);
  });
});

describe('the folder of the configuration', () => {
  test.each([
    ['', { HOME: '/home/u' }, '/home/u/.docker'],
    ['', { HOME: '/home/u', DOCKER_CONFIG: '/c' }, '/c'],
    ['', { HOME: '/home/u', DOCKER_CONFIG: '' }, '/home/u/.docker'],
    ['--config /f', { HOME: '/home/u', DOCKER_CONFIG: '/c' }, '/f'],
    ['', {}, '/.docker'],
  ])('%s %j', async (line, env, folder) => {
    expect((await readDockerConfig(fakeHost({ env }), globals(line))).folder).toBe(folder);
  });
});

test('plugins are looked for in extra folders first, then in the configuration’s, then in the system’s', async () => {
  const files = { '/c/config.json': '{"cliPluginsExtraDirs":["/extra/1","/extra/2"],"other":{}}' };
  const { pluginFolders } = await readDockerConfig(fakeHost({ env: { DOCKER_CONFIG: '/c' }, files }), []);
  expect(pluginFolders).toEqual([
    '/extra/1',
    '/extra/2',
    '/c/cli-plugins',
    '/usr/local/lib/docker/cli-plugins',
    '/usr/local/libexec/docker/cli-plugins',
    '/usr/lib/docker/cli-plugins',
    '/usr/libexec/docker/cli-plugins',
  ]);
});
