import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { OURS, THEIRS } from './launcher-cases.ts';
import { install, type Installed, SHELLS } from './launcher-support.ts';

/** What the docker CLI takes for a plugin (docker/cli `metadata.go`); it accepts no other schema version before 28.4. */
const Metadata = z.strictObject({
  SchemaVersion: z.literal('0.1.0'),
  Vendor: z.string().check(z.minLength(1)),
  Version: z.string().check(z.regex(/^v\d+\.\d+\.\d+$/)),
  ShortDescription: z.string().check(z.minLength(1)),
});

/** Words that a careless script splits, drops, expands or takes for its own. */
const ODD_WORDS = [
  '',
  ' ',
  'a b',
  '*',
  '$HOME',
  '`id`',
  "'",
  '"',
  '\\',
  '\n',
  'a\nb\n',
  '-n',
  '-e',
  '(',
  '!',
  '=',
  'ä',
  '\t',
];

describe.each(SHELLS.map((shell) => ({ name: shell.join(' '), shell })))('run by $name', ({ shell }) => {
  let installed: Installed;
  beforeAll(() => {
    installed = install(shell);
  });
  afterAll(() => installed.remove());
  const start = (line: string, env?: Record<string, string>) =>
    installed.start(line === '' ? [] : line.split(' '), env);

  test('answers for its metadata itself, byte for byte', () => {
    const { who, stdout, stderr, code } = start('docker-cli-plugin-metadata');
    expect({ who, stderr, code }).toEqual({ who: 'nobody', stderr: '', code: 0 });
    expect(stdout).toBe(
      '{"SchemaVersion":"0.1.0","Vendor":"docker-chalk","Version":"v0.1.0","ShortDescription":"Provenance for every image you build"}\n',
    );
    expect(Metadata.safeParse(JSON.parse(stdout)).success).toBe(true);
  });

  describe('hands to docker what is docker’s', () => {
    test.each(THEIRS)('%s', (line, expected) => {
      const { who, args, code } = start(line);
      expect({ who, args: args.join(' '), code }).toEqual({ who: 'docker', args: expected, code: 0 });
    });

    test('every odd word as it is', () => {
      const { who, args } = installed.start(['chalk', 'run', ...ODD_WORDS]);
      expect({ who, args }).toEqual({ who: 'docker', args: ['run', ...ODD_WORDS] });
    });

    test('odd values of flags that stand before the command', () => {
      for (const word of [...ODD_WORDS, 'chalk', '--report', 'build']) {
        const line = ['--context', word, 'chalk', '--report', word, '--host', word, 'top', word];
        expect(installed.start(line)).toMatchObject({
          who: 'docker',
          args: ['--context', word, '--host', word, 'top', word],
        });
      }
    });

    test('with docker’s own exit status', () => {
      for (const code of ['1', '5', '125', '130'])
        expect(start('chalk top', { EXIT: code }).code).toBe(Number(code));
    });
  });

  describe('a flag of docker’s that is not known here', () => {
    test('does not make docker start the plugin for ever', () => {
      const env = { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: 'docker' };
      expect(start('--new value chalk top -a chalk', env)).toMatchObject({
        who: 'docker',
        args: ['--new', 'value', 'top', '-a', 'chalk'],
      });
    });
  });

  describe('starts the program for what is ours, with every word', () => {
    test.each(OURS)('%s', (line) => {
      const { who, args, stdout, stderr } = start(line);
      expect({ who, stdout, stderr }).toEqual({ who: 'node', stdout: '', stderr: '' });
      expect(args).toEqual([join(installed.folder, 'plugin', 'lib', 'chalk.mjs'), ...line.split(' ')]);
    });

    test('odd ones too', () => {
      const { who, args } = installed.start(['--context', '', 'chalk', 'build', ...ODD_WORDS]);
      expect({ who, args: args.slice(1) }).toEqual({
        who: 'node',
        args: ['--context', '', 'chalk', 'build', ...ODD_WORDS],
      });
    });
  });

  describe('CHALK_DISABLED', () => {
    test.each(['1', 'true', 'yes', 'on', 'anything'])('%s leaves builds to docker', (value) => {
      const env = { CHALK_DISABLED: value };
      expect(start('-D chalk --report x build -t x .', env)).toMatchObject({
        who: 'docker',
        args: '-D build -t x .'.split(' '),
        stderr: '',
      });
      expect(start('chalk extract x', env).who).toBe('node');
    });

    test.each(['', '0', 'false', 'no', 'off', 'False', 'NO', 'Off', 'f', 'F'])(
      '%j changes nothing',
      (value) => {
        expect(start('chalk build .', { CHALK_DISABLED: value }).who).toBe('node');
      },
    );
  });

  describe('environment', () => {
    test('NODE_OPTIONS does not reach our program, and is kept for the build', () => {
      const { env } = start('chalk build .', { NODE_OPTIONS: '--inspect x' });
      expect(env['NODE_OPTIONS']).toBeUndefined();
      expect(env['CHALK_NODE_OPTIONS']).toBe('--inspect x');
    });

    test('NODE_OPTIONS reaches docker', () => {
      const { env } = start('chalk top', { NODE_OPTIONS: '--inspect x' });
      expect(env['NODE_OPTIONS']).toBe('--inspect x');
      expect(env['CHALK_NODE_OPTIONS']).toBeUndefined();
    });

    const plugin = { DOCKER_CLI_PLUGIN_SOCKET: '@s', DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: 'docker' };

    test('docker does not take itself for a plugin', () => {
      expect(Object.keys(start('chalk top', plugin).env)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^DOCKER_CLI_PLUGIN/)]),
      );
    });

    test('our program learns what docker said', () => {
      expect(start('chalk build .', plugin).env).toMatchObject(plugin);
    });

    test('the docker that called is called again', () => {
      const env = { PATH: '/usr/bin:/bin', DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: installed.docker };
      expect(start('chalk top', env)).toMatchObject({ who: 'docker', args: ['top'] });
    });

    test('but not the plugin, which docker names during completion', () => {
      const env = {
        DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: join(installed.folder, 'plugin', 'docker-chalk'),
      };
      expect(start('chalk top', env)).toMatchObject({ who: 'docker', args: ['top'] });
    });

    test('without a docker the exit status is the shell’s', () => {
      expect(start('chalk top', { PATH: join(installed.folder, 'plugin') })).toMatchObject({
        who: 'nobody',
        code: 127,
      });
    });
  });

  test('finds its files when it is started through links', () => {
    const links = join(installed.folder, 'a b');
    mkdirSync(links);
    symlinkSync('../plugin/docker-chalk', join(links, 'first'));
    symlinkSync('first', join(links, 'docker-chalk'));
    expect(installed.start(['chalk', 'build', '.'], {}, join(links, 'docker-chalk')).who).toBe('node');
  });

  describe('an installation that is not complete', () => {
    let broken: Installed;
    beforeAll(() => {
      broken = install(shell, false);
    });
    afterAll(() => broken.remove());

    test('builds without a mark, and says so', () => {
      const { stderr, ...started } = broken.start(['-D', 'chalk', '--no-wrap', 'build', '.']);
      expect(started).toMatchObject({ who: 'docker', args: ['-D', 'build', '.'], code: 0, stdout: '' });
      expect(stderr).toMatch(
        /^docker chalk: .* is not complete .*\ndocker chalk: building without a mark\n$/,
      );
    });

    test.each([
      ['cut off', 'chalk.mjs', '// the pro'],
      ['empty', 'chalk.mjs', ''],
      ['longer than it was', 'chalk.mjs', '// the program\n// and more\n'],
      ['of no size anybody knows', 'size', ''],
    ])('counts as such with a program that is %s', (_, file, text) => {
      const damaged = install(shell);
      writeFileSync(join(damaged.folder, 'plugin', 'lib', file), text);
      const { stderr, ...started } = damaged.start(['chalk', 'build', '.']);
      expect(started).toMatchObject({ who: 'docker', args: ['build', '.'], code: 0, stdout: '' });
      expect(stderr).toMatch(
        /^docker chalk: .* is not complete .*\ndocker chalk: building without a mark\n$/,
      );
      damaged.remove();
    });

    test('fails where the command was ours', () => {
      expect(broken.start(['chalk', 'extract', 'x'])).toMatchObject({ who: 'nobody', code: 1 });
    });

    test('passes docker’s own commands on without a word', () => {
      expect(broken.start(['chalk', 'top'])).toMatchObject({ who: 'docker', args: ['top'], stderr: '' });
    });
  });
});
