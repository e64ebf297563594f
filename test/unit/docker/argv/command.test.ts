import { describe, expect, test } from 'vitest';
import { parseChalkLine, parseCommand, renderCommand } from '../../../../src/docker/argv/command.ts';
import { render } from '../../../../src/docker/argv/parse.ts';
import { summary } from './support.ts';

function split(line: string) {
  const parsed = parseChalkLine(line.split(' '));
  if (!('words' in parsed)) throw new Error(`${parsed.kind}: ${line}`);
  return parsed;
}

function commandOf(line: string) {
  const { globals, words } = split(`chalk ${line}`);
  return parseCommand(globals, words);
}

describe('every way to write a command of ours', () => {
  test.each([
    ['build -t x .', 'build', false, 'tag=x .'],
    ['image build -t x .', 'build', false, 'tag=x .'],
    ['builder build -t x .', 'build', false, 'tag=x .'],
    ['builder b -t x .', 'build', false, 'tag=x .'],
    ['builder --builder y build -t x .', 'build', false, 'tag=x .'],
    ['buildx build -t x .', 'build', true, 'tag=x .'],
    ['buildx b -t x .', 'build', true, 'tag=x .'],
    ['buildx --builder y build -t x .', 'build', true, 'tag=x .'],
    ['buildx --builder=y -D b -t x .', 'build', true, 'tag=x .'],
    ['buildx --builder build build .', 'build', true, '.'],
    ['bake -f a app', 'bake', false, 'file=a app'],
    ['builder bake app', 'bake', false, 'app'],
    ['builder f app', 'bake', false, 'app'],
    ['buildx bake app', 'bake', true, 'app'],
    ['buildx f app', 'bake', true, 'app'],
    ['push -q x', 'push', false, 'quiet=true x'],
    ['image push x', 'push', false, 'x'],
  ])('%s', (line, kind, throughBuildx, items) => {
    const result = commandOf(line);
    expect(result).toMatchObject({ kind: 'command', command: { kind, throughBuildx } });
    if (result.kind !== 'command') return;
    expect(summary(result.command.items).join(' ')).toBe(items);
    expect(renderCommand(result.command).join(' ')).toBe(line);
  });
});

test.each([
  'b .',
  'f app',
  'image b .',
  'image bake',
  'buildx push x',
  'buildx',
  'builder prune',
  'buildx ls',
  'buildx debug build .',
  'run build',
  'compose build',
  'container build',
  'constructor',
  'toString -x',
  'buildx __proto__',
])('not ours: %s', (line) => {
  expect(commandOf(line).kind).toBe('other');
});

describe('a line whose words cannot be told apart', () => {
  test.each([
    ['build --new x .', '--new is not a flag known here, so the words behind it cannot be told apart'],
    ['build --new=canary .', '--new is not a flag known here, so the words behind it cannot be told apart'],
    ['build -Xcanary .', '-X is not a flag known here, so the words behind it cannot be told apart'],
    ['buildx --new build .', '--new is not a flag known here, so the words behind it cannot be told apart'],
    ['image --new build .', '--new is not a flag known here, so the words behind it cannot be told apart'],
    ['push x --new', '--new is not a flag known here, so the words behind it cannot be told apart'],
    ['bake --var', '--var has no value'],
    ['build . --push=canary', '--push is neither true nor false'],
    ['buildx -- build .', 'there is a -- between buildx and its command'],
  ])('%s', (line, why) => {
    const result = commandOf(line);
    expect(result).toMatchObject({ kind: 'unclear', why });
    if (result.kind !== 'unclear') return;
    expect(renderCommand(result.command).join(' ')).toBe(line);
  });
});

describe('global flags and our own options', () => {
  test.each([
    ['chalk build .', '', '', 'build .'],
    ['build .', '', '', 'build .'],
    ['-D -H unix:///s chalk build .', '-D -H unix:///s', '', 'build .'],
    ['--config=/c --context chalk chalk build .', '--config=/c --context chalk', '', 'build .'],
    ['-Dc build chalk build .', '-Dc build', '', 'build .'],
    ['chalk -c x build -c 5 .', '-c x', '', 'build -c 5 .'],
    ['-D chalk --host h build .', '-D --host h', '', 'build .'],
    ['chalk --explain --report - --no-wrap build .', '', '--explain --report - --no-wrap', 'build .'],
    ['chalk --report build -D build .', '-D', '--report build', 'build .'],
    ['chalk build --report x .', '', '', 'build --report x .'],
    ['chalk', '', '', ''],
    ['chalk chalk build', '', '', 'chalk build'],
    ['help chalk', '', '', 'help chalk'],
    ['-- chalk build .', '', '', 'build .'],
  ])('%s', (line, globals, options, words) => {
    const parsed = split(line);
    expect(render(parsed.globals).join(' ')).toBe(globals);
    expect(render(parsed.options).join(' ')).toBe(options);
    expect(parsed.words.join(' ')).toBe(words);
  });

  test('stand in front of every command again', () => {
    const { globals, words } = split('-D chalk -c x --explain buildx --builder y b -t z .');
    const result = parseCommand(globals, words);
    if (result.kind !== 'command') throw new Error(result.kind);
    expect(renderCommand(result.command).join(' ')).toBe('-D -c x buildx --builder y b -t z .');
  });

  test.each([
    ['chalk --bogus build .', 'unknown-flag'],
    ['--bogus chalk build .', 'unknown-flag'],
    ['chalk --report', 'missing-value'],
    ['chalk --explain=maybe build .', 'bad-switch'],
  ])('%s is refused', (line, kind) => {
    expect(parseChalkLine(line.split(' '))).toMatchObject({ kind });
  });
});
