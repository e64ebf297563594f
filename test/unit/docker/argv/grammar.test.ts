import { describe, expect, test } from 'vitest';
import { BAKE_FLAGS, BUILD_FLAGS, PUSH_FLAGS } from '../../../../src/docker/argv/flag-table.ts';
import { lastValueOf, parseFlags, positionals, switchIsOn } from '../../../../src/docker/argv/parse.ts';
import { itemsOf, summary } from './support.ts';

describe('a line is split as pflag splits it', () => {
  test.each([
    ['--tag x .', 'tag=x .'],
    ['--tag=x .', 'tag=x .'],
    ['--tag= .', 'tag= .'],
    ['--tag=a=b .', 'tag=a=b .'],
    ['-t x .', 'tag=x .'],
    ['-tx .', 'tag=x .'],
    ['-t=x .', 'tag=x .'],
    ['-t= .', 'tag== .'],
    ['-t -q .', 'tag=-q .'],
    ['-t -- .', 'tag=-- .'],
    ['--tag --push .', 'tag=--push .'],
    ['-qt x .', 'quiet=true tag=x .'],
    ['-qtx .', 'quiet=true tag=x .'],
    ['-qt=x .', 'quiet=true tag=x .'],
    ['-q=false .', 'quiet=false .'],
    ['-Dq .', 'debug=true quiet=true .'],
    ['-Dq=0 .', 'debug=true quiet=0 .'],
    ['-tq .', 'tag=q .'],
    ['--push . --load', 'push=true . load=true'],
    ['--push=false .', 'push=false .'],
    ['--push .', 'push=true .'],
    ['--check .', 'check=true .'],
    ['--sbom .', 'sbom=.'],
    ['--provenance .', 'provenance=.'],
    ['--call .', 'call=.'],
    ['. -t x', '. tag=x'],
    ['. -- -t x', '. -- -t x'],
    ['-- .', '-- .'],
    ['-- --', '-- --'],
    ['-', '-'],
    ['-f - .', 'file=- .'],
    ['-f- .', 'file=- .'],
    ['-tä .', 'tag=ä .'],
  ])('%s', (line, expected) => {
    expect(summary(itemsOf(line.split(' '), BUILD_FLAGS)).join(' ')).toBe(expected);
  });

  test('empty words and words with blanks stay one word', () => {
    expect(summary(itemsOf(['--tag', '', '', ' ', '-f', 'a b'], BUILD_FLAGS))).toEqual([
      'tag=',
      '',
      ' ',
      'file=a b',
    ]);
  });

  test.each([
    ['push', PUSH_FLAGS, '-aq x', 'all-tags=true quiet=true x'],
    ['push', PUSH_FLAGS, '--platform linux/amd64 x', 'platform=linux/amd64 x'],
    ['bake', BAKE_FLAGS, '-f a.hcl --print app', 'file=a.hcl print=true app'],
    ['bake', BAKE_FLAGS, '--set *.tags=x app', 'set=*.tags=x app'],
  ])('%s has its own table', (_, table, line, expected) => {
    expect(summary(itemsOf(line.split(' '), table)).join(' ')).toBe(expected);
  });
});

describe('a line that cannot be split is refused', () => {
  test.each([
    ['--ta x .', 'unknown-flag'],
    ['--no-push .', 'unknown-flag'],
    ['--Tag x .', 'unknown-flag'],
    ['--new-flag x .', 'unknown-flag'],
    ['--new-flag=x .', 'unknown-flag'],
    ['--=x .', 'unknown-flag'],
    ['---tag x .', 'unknown-flag'],
    ['-x .', 'unknown-flag'],
    ['-qx .', 'unknown-flag'],
    ['-q= .', 'unknown-flag'],
    ['-ä .', 'unknown-flag'],
    ['. -t', 'missing-value'],
    ['. -qt', 'missing-value'],
    ['. --tag', 'missing-value'],
    ['--push=yes .', 'bad-switch'],
    ['--push= .', 'bad-switch'],
    ['-q=no .', 'bad-switch'],
  ])('%s', (line, kind) => {
    expect(parseFlags(line.split(' '), BUILD_FLAGS, true).kind).toBe(kind);
  });
});

test.each('1 t T true TRUE True'.split(' '))('a switch is on with %s', (value) => {
  expect(switchIsOn(itemsOf([`--push=${value}`], BUILD_FLAGS), 'push')).toBe(true);
});

test.each('0 f F false FALSE False'.split(' '))('a switch is off with %s', (value) => {
  expect(switchIsOn(itemsOf([`--push=${value}`], BUILD_FLAGS), 'push')).toBe(false);
});

test('the last of a single-valued flag counts', () => {
  const items = itemsOf(['-f', 'a', '--push', '--file=b', '--push=false', '.'], BUILD_FLAGS);
  expect(lastValueOf(items, 'file')).toBe('b');
  expect(switchIsOn(items, 'push')).toBe(false);
  expect(positionals(items)).toEqual(['.']);
});

describe('where flags must come first', () => {
  test('the first other word ends them', () => {
    const result = parseFlags(['-q', 'word', '-t', 'x'], BUILD_FLAGS, false);
    expect(result).toMatchObject({ kind: 'parsed', rest: ['word', '-t', 'x'] });
  });

  test('-- ends them too, and the words behind it are the rest', () => {
    const result = parseFlags(['-q', '--', '-t', 'x'], BUILD_FLAGS, false);
    expect(result).toMatchObject({ kind: 'parsed', rest: ['-t', 'x'] });
  });
});
