import { describe, expect, test } from 'vitest';
import { aliasLine } from '../../../src/cli/ways/alias.ts';
import { withMember } from '../../../src/cli/ways/docker-settings.ts';

describe('docker settings', () => {
  const settings = { auths: { 'r.example.com': {} }, aliases: { builder: 'buildx' }, psFormat: 'x' };

  test('keep every member and its place', () => {
    const changed = withMember(settings, 'aliases', { builder: 'chalk' });
    expect(Object.keys(changed)).toEqual(['auths', 'aliases', 'psFormat']);
    expect(changed).toEqual({ ...settings, aliases: { builder: 'chalk' } });
  });

  test.each([[{}], [[]], [undefined]])('lose a member that would be empty: %j', (value) => {
    expect(withMember(settings, 'aliases', value)).toEqual({ auths: settings.auths, psFormat: 'x' });
  });

  test('get a new member at the end', () => {
    expect(Object.keys(withMember(settings, 'cliPluginsExtraDirs', ['/x']))).toEqual([
      'auths',
      'aliases',
      'psFormat',
      'cliPluginsExtraDirs',
    ]);
  });
});

describe('the alias', () => {
  const path = "/home/o'neil/.docker/chalk/bin/docker";
  test.each([
    ['bash', String.raw`alias docker='/home/o'\''neil/.docker/chalk/bin/docker'` + '\n'],
    ['zsh', String.raw`alias docker='/home/o'\''neil/.docker/chalk/bin/docker'` + '\n'],
    ['fish', String.raw`alias docker '/home/o\'neil/.docker/chalk/bin/docker'` + '\n'],
    ['powershell', "Set-Alias -Name docker -Value '/home/o''neil/.docker/chalk/bin/docker'\n"],
  ])('of %s', (shell, line) => {
    expect(aliasLine(shell, path)).toBe(line);
  });

  test('of another shell is refused with the ones there are', () => {
    expect(() => aliasLine('csh', path)).toThrow(
      expect.objectContaining({ code: 'ARGV_BAD_VALUE', message: 'csh is no shell known here' }),
    );
  });
});
