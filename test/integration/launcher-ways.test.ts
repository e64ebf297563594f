import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install, type Installed, SHELLS } from './launcher-support.ts';

/* The launcher under its other names. The recording docker and runtime are those of `install`; here they stand behind links. */

const PLUGIN_ENV = {
  DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: '/usr/bin/docker',
  DOCKER_CLI_PLUGIN_SOCKET: '@s',
};

describe.each(SHELLS.map((shell) => ({ name: shell.join(' '), shell })))('run by $name', ({ shell }) => {
  let installed: Installed;
  let wrapper: string;
  let shim: string;
  let config: string;
  beforeAll(() => {
    installed = install(shell);
    const { folder, docker } = installed;
    const own = join(folder, 'plugin', 'docker-chalk');
    config = join(folder, 'config');
    for (const name of ['first', 'config', 'config/cli-plugins', 'config/chalk'])
      mkdirSync(join(folder, name));
    wrapper = join(folder, 'first', 'docker');
    symlinkSync(own, wrapper);
    shim = join(config, 'chalk', 'docker-buildx');
    symlinkSync(own, shim);
    // The one in docker's folder may be a link of ours as well: it is never the real one.
    symlinkSync(own, join(config, 'cli-plugins', 'docker-buildx'));
    mkdirSync(join(folder, 'extra'));
    copyFileSync(docker, join(folder, 'extra', 'docker-buildx'));
    chmodSync(join(folder, 'extra', 'docker-buildx'), 0o755);
    writeFileSync(
      join(config, 'config.json'),
      `{\n\t"cliPluginsExtraDirs": [\n\t\t"${join(config, 'chalk')}",\n\t\t"${join(folder, 'extra')}"\n\t]\n}\n`,
    );
  });
  afterAll(() => installed.remove());

  const asDocker = (line: string, env: Record<string, string> = {}) =>
    installed.start(
      line.split(' '),
      { PATH: `${join(installed.folder, 'first')}:${join(installed.folder, 'bin')}:/usr/bin:/bin`, ...env },
      wrapper,
    );
  const asBuildx = (line: string, env: Record<string, string> = {}) =>
    installed.start(line.split(' '), { DOCKER_CONFIG: config, ...env }, shim);

  describe('as docker', () => {
    test.each([
      'build .',
      '-D build .',
      '--context build buildx build .',
      'image build .',
      'bake',
      'buildx --builder x bake',
      'compose --profile ps up -d',
    ])('%s is ours', (line) => {
      const { who, args, env } = asDocker(line);
      expect({ who, args: args.slice(-line.split(' ').length).join(' ') }).toEqual({
        who: 'node',
        args: line,
      });
      expect(env).toMatchObject({ CHALK_ENTRY: 'wrapper' });
    });

    test.each([
      'ps -a',
      'chalk build .',
      'compose ps',
      'compose -f build logs up',
      'run x build',
      '--context build ps',
      'buildx ls',
      'version',
      'docker-cli-plugin-metadata',
    ])('%s is docker’s, word for word', (line) => {
      const { who, args, code } = asDocker(line, { EXIT: '37' });
      expect({ who, args: args.join(' '), code }).toEqual({ who: 'docker', args: line, code: 37 });
    });

    test('what our own program runs is docker’s', () => {
      expect(asDocker('build .', { CHALK_GUARD: '1' }).who).toBe('docker');
      expect(asDocker('build .', { CHALK_DISABLED: '1' }).who).toBe('docker');
    });

    test('a second copy of us in front of docker does not hand the command back', () => {
      const { folder } = installed;
      mkdirSync(join(folder, 'second', 'lib'), { recursive: true });
      copyFileSync(join(folder, 'plugin', 'docker-chalk'), join(folder, 'second', 'docker'));
      const path = ['first', 'second', 'first', 'bin'].map((name) => join(folder, name)).join(':');
      const { who, args } = asDocker('ps', { PATH: `${path}:/usr/bin:/bin` });
      expect({ who, args }).toEqual({ who: 'docker', args: ['ps'] });
    });

    test('without a docker behind it, it says so', () => {
      const { who, code, stderr } = asDocker('ps', {
        PATH: `${join(installed.folder, 'first')}:/usr/bin/nowhere`,
      });
      expect({ who, code }).toEqual({ who: 'nobody', code: 127 });
      expect(stderr).toMatch(/there is no docker behind/);
    });
  });

  describe('as buildx', () => {
    test.each(['buildx build .', '-D --host tcp://h buildx --builder x bake', 'buildx b .'])(
      '%s is ours under docker',
      (line) => {
        const { who, env } = asBuildx(line, PLUGIN_ENV);
        expect(who).toBe('node');
        expect(env).toMatchObject({ CHALK_ENTRY: 'buildx', ...PLUGIN_ENV });
      },
    );

    test.each(['bake --file - --progress rawjson', '--builder x build .', 'build .'])(
      '%s is ours under compose',
      (line) => {
        expect(asBuildx(line)).toMatchObject({ who: 'node', env: { CHALK_ENTRY: 'buildx' } });
      },
    );

    test.each(['docker-cli-plugin-metadata', 'buildx version', 'buildx ls', '__complete buildx build --t'])(
      '%s is answered by the real one, docker’s variables and all',
      (line) => {
        const { who, args, env } = asBuildx(line, PLUGIN_ENV);
        expect({ who, args: args.join(' ') }).toEqual({ who: 'docker', args: line });
        expect(env).toMatchObject(PLUGIN_ENV);
      },
    );

    test('what our own program runs is buildx’s', () => {
      expect(asBuildx('buildx build .', { ...PLUGIN_ENV, CHALK_GUARD: '1' }).who).toBe('docker');
    });
  });
});
