import { describe, expect, test } from 'vitest';
import {
  bakeBuildsNothing,
  bakeFiles,
  bakeReadsInput,
  DEFAULT_BAKE_FILES,
  spelledOut,
} from '../../../src/docker/bake-files.ts';
import { commandOf } from './support.ts';

const itemsOf = (line: string) => commandOf(`bake ${line}`.trim()).items;

describe('the files a bake line reads', () => {
  test.each<[string, string, Readonly<Record<string, string>>, readonly string[], readonly string[]]>([
    ['none there', '', {}, [], []],
    ['one there', '', {}, ['docker-bake.hcl'], ['docker-bake.hcl']],
    [
      'several there, in the order buildx merges them',
      'app',
      {},
      ['docker-bake.override.hcl', 'docker-bake.hcl', 'compose.yml', 'docker-bake.json'],
      ['compose.yml', 'docker-bake.json', 'docker-bake.hcl', 'docker-bake.override.hcl'],
    ],
    ['all', '', {}, DEFAULT_BAKE_FILES, DEFAULT_BAKE_FILES],
    ['others there', '', {}, ['bake.hcl', 'Dockerfile'], []],
    ['named ones', '-f a.hcl', {}, ['docker-bake.hcl'], []],
    [
      'named in the environment',
      '',
      { BUILDX_BAKE_FILE: 'a.hcl: b.hcl :' },
      ['docker-bake.hcl'],
      ['a.hcl', 'b.hcl'],
    ],
    [
      'with another separator',
      '',
      { BUILDX_BAKE_FILE: 'a:1.hcl@b.hcl', BUILDX_BAKE_PATH_SEPARATOR: '@' },
      [],
      ['a:1.hcl', 'b.hcl'],
    ],
    ['an empty environment', '', { BUILDX_BAKE_FILE: '' }, ['docker-bake.json'], ['docker-bake.json']],
    ['named in both', '-f a.hcl', { BUILDX_BAKE_FILE: 'b.hcl' }, [], []],
    ['in a repository', 'https://x/y.git app', { BUILDX_BAKE_FILE: 'b.hcl' }, ['docker-bake.hcl'], []],
  ])('%s', (_, line, env, present, expected) => {
    expect(spelledOut(bakeFiles(itemsOf(line), env), present)).toEqual(expected);
  });

  test.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['', {}, false],
    ['-f -', {}, true],
    ['-f a.hcl -f -', {}, true],
    ['-f cwd://-', {}, true],
    ['-f -x', {}, false],
    ['', { BUILDX_BAKE_FILE: 'a:-' }, true],
    ['-f a', { BUILDX_BAKE_FILE: '-' }, false],
    ['-f - https://x/y.git', {}, false],
    ['-f cwd://- https://x/y.git', {}, true],
  ])('%s %o from standard input: %s', (line, env, expected) => {
    expect(bakeReadsInput(itemsOf(line), env)).toBe(expected);
  });
});

test.each<[string, string | undefined]>([
  ['', undefined],
  ['app --push', undefined],
  ['--print', '--print builds nothing'],
  ['--print=false', undefined],
  ['--list targets', '--list builds nothing'],
  ['--list-targets', '--list-targets builds nothing'],
  ['--list-variables', '--list-variables builds nothing'],
  ['--check', '--check builds nothing'],
  ['--call outline', '--call=outline builds nothing'],
  ['--call build', undefined],
  ['--help', '--help builds nothing'],
])('bake %s', (line, why) => expect(bakeBuildsNothing(itemsOf(line))).toBe(why));
