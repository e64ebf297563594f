import { describe, expect, test } from 'vitest';
import {
  branchOf,
  filterDrivers,
  originOf,
  parseConfig,
  parseStatus,
  tagsAt,
} from '../../../src/collect/git-parse.ts';

const ID = 'a'.repeat(40);
const OTHER = 'b'.repeat(40);

describe('originOf', () => {
  const remote = (name: string, url: string): [string, string] => [`remote.${name}.url`, url];
  test.each([
    [
      'the remote the branch follows',
      'main',
      [remote('origin', 'o:x'), remote('up', 'u:x'), ['branch.main.remote', 'up']],
      'u:x',
    ],
    [
      'another branch follows it',
      'main',
      [remote('origin', 'o:x'), remote('up', 'u:x'), ['branch.dev.remote', 'up']],
      'o:x',
    ],
    [
      'the last setting counts',
      'm',
      [remote('a', 'a:x'), remote('b', 'b:x'), ['branch.m.remote', 'a'], ['branch.m.remote', 'b']],
      'b:x',
    ],
    ['detached: origin', undefined, [remote('a', 'a:x'), remote('origin', 'o:x')], 'o:x'],
    ['no origin: first by name', 'main', [remote('zeta', 'z:x'), remote('alpha', 'a:x')], 'a:x'],
    ['the first of several addresses', 'main', [remote('origin', 'o:1'), remote('origin', 'o:2')], 'o:1'],
    [
      'a branch that follows a local one',
      'main',
      [remote('origin', 'o:x'), ['branch.main.remote', '.']],
      'o:x',
    ],
    ['a remote that is gone', 'main', [remote('origin', 'o:x'), ['branch.main.remote', 'gone']], 'o:x'],
    [
      'an address in place of a name',
      'main',
      [remote('origin', 'o:x'), ['branch.main.remote', 'https://u:tok@h.example/a']],
      'https://h.example/a',
    ],
    [
      'a remote with dots in its name',
      'a.b',
      [remote('my.fork', 'f:x'), ['branch.a.b.remote', 'my.fork']],
      'f:x',
    ],
    ['a folder', 'main', [remote('origin', '/srv/git/app')], '/srv/git/app'],
    ['an empty address', 'main', [remote('origin', '')], 'local'],
    ['credentials', 'main', [remote('origin', 'https://u:t@k@h.example/a.git')], 'https://h.example/a.git'],
    ['nothing', 'main', [], 'local'],
  ] as const)('%s', (_, branch, config, origin) => {
    expect(originOf(config, branch)).toBe(origin);
  });
});

test('parseConfig keeps line breaks in values, and keys without a value', () => {
  expect(parseConfig('remote.o.url\na\nb\0branch.m.remote\0')).toEqual([
    ['remote.o.url', 'a\nb'],
    ['branch.m.remote', ''],
  ]);
  expect(parseConfig('')).toEqual([]);
});

test.each([
  ['ref: refs/heads/main\n', 'main'],
  ['ref: refs/heads/feature/x y\n', 'feature/x y'],
  ['ref: refs/remotes/origin/main\n', undefined],
  [`${ID}\n`, undefined],
  ['', undefined],
])('branchOf %j', (file, branch) => {
  expect(branchOf(file)).toBe(branch);
});

test('tagsAt finds lightweight and annotated tags, and no part of a line', () => {
  const lines = [
    `${OTHER} refs/tags/ann`,
    `${ID} refs/tags/ann^{}`,
    `${ID} refs/tags/light`,
    `${OTHER} refs/tags/old`,
    `${OTHER} refs/tags/x${ID}`,
    `${ID}${ID} refs/tags/sha256`,
    `${ID} refs/tags/last`,
  ];
  const expected = [
    { name: 'ann', annotated: true },
    { name: 'light', annotated: false },
    { name: 'last', annotated: false },
  ];
  expect(tagsAt(ID, lines.join('\n'))).toEqual(expected);
  expect(tagsAt(ID, `${lines.join('\n')}\n`)).toEqual(expected);
  expect(tagsAt(ID, '')).toEqual([]);
});

test('parseStatus', () => {
  const output = [
    ' M mod',
    'M  staged',
    'A  added',
    'AM both',
    ' T type',
    'UU conflict',
    ' D gone',
    'D  removed',
    'AD never',
    '?? new file',
    '!! ignored',
    '',
  ];
  expect(parseStatus(output.join('\0'))).toEqual({
    modified: ['mod', 'staged', 'added', 'both', 'type', 'conflict'],
    missing: ['gone', 'removed', 'never'],
    untracked: ['new file'],
  });
  expect(parseStatus('')).toEqual({ modified: [], missing: [], untracked: [] });
});

test('filterDrivers', () => {
  expect(filterDrivers('filter.lfs.clean\0filter.lfs.process\0filter.a.b.smudge\0')).toEqual(['lfs', 'a.b']);
});
