import { describe, expect, test } from 'vitest';
import { inline, MARK, plan, SHIM } from './support.ts';

const wrapped = (...lines: string[]) => [SHIM, ...lines, MARK];
const entrypoint = (...args: string[]) => `ENTRYPOINT ${JSON.stringify(['/.chalk/shim', '--', ...args])}`;

describe('what is added for a program', () => {
  test.each([
    ['CMD alone', 'FROM scratch\nCMD ["/a","b"]', {}, wrapped(entrypoint())],
    ['CMD in a shell', 'FROM scratch\nCMD a b', {}, wrapped(entrypoint())],
    ['ENTRYPOINT alone', 'FROM scratch\nENTRYPOINT ["/a"]', {}, wrapped(entrypoint('/a'))],
    ['both', 'FROM scratch\nENTRYPOINT ["/a"]\nCMD ["b"]', {}, wrapped(entrypoint('/a'))],
    ['both, CMD first', 'FROM scratch\nCMD ["b"]\nENTRYPOINT ["/a"]', {}, wrapped(entrypoint('/a'))],
    [
      'a shell ENTRYPOINT',
      'FROM scratch\nENTRYPOINT a "b"',
      {},
      wrapped(entrypoint('/bin/sh', '-c', 'a "b"')),
    ],
    [
      'a shell of the image’s own',
      'FROM scratch\nSHELL ["/bin/bash","-ec"]\nENTRYPOINT a',
      {},
      wrapped(entrypoint('/bin/bash', '-ec', 'a')),
    ],
    ['the base image’s CMD', 'FROM b', { cmd: ['/a', 'b'] }, wrapped(entrypoint(), 'CMD ["/a","b"]')],
    ['the base image’s ENTRYPOINT', 'FROM b', { entrypoint: ['/a'] }, wrapped(entrypoint('/a'))],
    [
      'the base image’s both',
      'FROM b',
      { entrypoint: ['/a'], cmd: ['b'] },
      wrapped(entrypoint('/a'), 'CMD ["b"]'),
    ],
    [
      'a CMD over the base image’s',
      'FROM b\nCMD ["c"]',
      { entrypoint: ['/a'], cmd: ['b'] },
      wrapped(entrypoint('/a')),
    ],
    [
      'an ENTRYPOINT, which resets CMD',
      'FROM b\nENTRYPOINT ["/x"]',
      { cmd: ['b'] },
      wrapped(entrypoint('/x')),
    ],
    [
      'what a parent stage says',
      'FROM scratch AS p\nENTRYPOINT ["/a"]\nCMD ["b"]\nFROM p',
      {},
      wrapped(entrypoint('/a'), 'CMD ["b"]'),
    ],
    ['an ONBUILD CMD', 'FROM b', { onbuild: ['CMD ["/o"]'] }, wrapped(entrypoint())],
    [
      'quotes, escapes and variables',
      'FROM scratch\nENTRYPOINT ["a\\"b","$HOME","\\\\"]',
      {},
      wrapped(entrypoint('a"b', '$HOME', '\\')),
    ],
  ])('%s', (_, text, base, lines) => {
    expect(inline(text, { base }).added).toEqual(lines);
  });
});

describe('a shim that is there already', () => {
  test.each([
    [
      ['/.chalk/shim', '--', '/a', 'b'],
      ['/a', 'b'],
    ],
    [['/.chalk/shim', '--option', '--', '/a'], ['/a']],
    [['/.chalk/shim', '/a'], ['/a']],
    [
      ['/.chalk/shim', '--', '/a', '--', 'b'],
      ['/a', '--', 'b'],
    ],
  ])('%j is replaced by ours', (there, own) => {
    const made = inline('FROM b', { base: { entrypoint: there } });
    expect(made.entrypoint).toEqual({ before: own, after: ['/.chalk/shim', '--', ...own], cmd: [] });
  });

  test.each([
    [['/.chalk/shim', '--mode=sync', '--', '/a'], true, ['/.chalk/shim', '--mode=sync', '--', '/a']],
    [['/.chalk/shim', '--mode=sync', '--', '/a'], 'init', ['/.chalk/shim', '--mode=init', '--', '/a']],
    [
      ['/.chalk/shim', '--mode=sync', '--mode=later', '--x', '--', '/a'],
      true,
      ['/.chalk/shim', '--mode=sync', '--', '/a'],
    ],
    [
      ['/.chalk/shim', '--mode=off', '--mode=exec', '--', '/a'],
      true,
      ['/.chalk/shim', '--mode=exec', '--', '/a'],
    ],
    [
      ['/.chalk/shim', '/a', '--mode=sync', '--', 'b'],
      true,
      ['/.chalk/shim', '--', '/a', '--mode=sync', '--', 'b'],
    ],
    [['/a'], 'heartbeat', ['/.chalk/shim', '--mode=heartbeat', '--', '/a']],
  ] as const)('%j with mode %s', (there, wrap, after) => {
    expect(inline('FROM b', { base: { entrypoint: there }, wrap }).entrypoint?.after).toEqual(after);
  });

  test('before a CMD is one of an image with a CMD alone', () => {
    const made = inline('FROM b', { base: { entrypoint: ['/.chalk/shim', '--'], cmd: ['/a'] } });
    expect(made.added).toEqual(wrapped(entrypoint(), 'CMD ["/a"]'));
  });
});

describe('an image that is marked only', () => {
  test.each([
    ['nothing to run', 'FROM scratch', {}, 'no-program'],
    [
      'an emptied ENTRYPOINT and CMD',
      'FROM b\nENTRYPOINT []\nCMD []',
      { base: { cmd: ['a'] } },
      'no-program',
    ],
    ['an empty program', 'FROM scratch\nENTRYPOINT [""]', {}, 'unrunnable-entrypoint'],
    ['a blank program', 'FROM scratch\nCMD [" "]', {}, 'unrunnable-entrypoint'],
    ['--no-wrap', 'FROM scratch\nCMD ["/a"]', { wrap: false }, 'wrap-declined'],
  ])('%s', (_, text, options, code) => {
    const made = inline(text, options);
    expect(made).toMatchObject({ added: [MARK], entrypoint: undefined, checks: undefined, reason: { code } });
  });

  test('is one for a platform without a shim', () => {
    const made = inline('FROM scratch\nCMD ["/a"]', { platforms: ['linux/386'] });
    expect(made).toMatchObject({ entrypoint: undefined, reason: { code: 'platform-unsupported' } });
    expect(made.added).toEqual([MARK.replace('linux-amd64', 'linux-386')]);
  });

  test('gets no runtime configuration', () => {
    expect(inline('FROM scratch', { runtimeConfig: true }).added).toEqual([MARK]);
  });
});

test('a runtime configuration lies beside the shim', () => {
  const config = 'COPY --from=chalk-payload --chown=0:0 --chmod=0444 runtime.json /.chalk/runtime.json';
  const made = inline('FROM scratch\nCMD ["/a"]', { runtimeConfig: true });
  expect(made.added).toEqual([SHIM, config, entrypoint(), MARK]);
});

describe('what is left alone', () => {
  test.each([
    [
      'a target a context replaces',
      'FROM scratch AS t\nCMD ["/a"]',
      { contexts: { t: 'docker-image://x' } },
      'stage-replaced',
    ],
    ['Windows', 'FROM b\nCMD ["a"]', { platforms: ['windows/amd64'] }, 'platform-unsupported'],
    ['Windows by FROM', 'FROM --platform=windows/amd64 b\nCMD ["a"]', {}, 'platform-unsupported'],
    [
      'Windows among others',
      'FROM b',
      { platforms: ['linux/amd64', 'windows/amd64'] },
      'platform-unsupported',
    ],
  ])('%s', (_, text, options, code) => {
    expect(plan(text, options)).toMatchObject({ kind: 'pass', reason: { code } });
  });
});
