import { describe, expect, test } from 'vitest';
import {
  formatPlatform,
  normalizePlatform,
  parsePlatform,
  samePlatform,
} from '../../../src/base/platform.ts';

describe('a platform', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['Linux/ARM64', 'linux/arm64'],
    [' linux/386 ', 'linux/386'],
    ['macos/arm64', 'darwin/arm64'],
    ['windows/amd64', 'windows/amd64'],
    ['linux/riscv64', 'linux/riscv64'],
  ])('%s is %s', (text, expected) => {
    const platform = parsePlatform(text);
    expect(platform && formatPlatform(platform)).toBe(expected);
  });

  test.each(['', 'linux', 'amd64', '/', 'linux/', '/amd64', 'linux/a/b/c', 'local'])(
    '%j is none, or half of one',
    (text) => {
      expect(parsePlatform(text)).toBeUndefined();
    },
  );
});

test('normalising twice changes nothing', () => {
  for (const architecture of ['x86_64', 'arm', 'arm64', 'armel', 's390x']) {
    const once = normalizePlatform({ os: 'linux', architecture });
    expect(normalizePlatform(once)).toEqual(once);
  }
});

test('platforms are compared by what they mean', () => {
  const arm = { os: 'linux', architecture: 'arm' };
  expect(
    samePlatform(
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
      { os: 'linux', architecture: 'aarch64' },
    ),
  ).toBe(true);
  expect(samePlatform(arm, { ...arm, variant: 'v7' })).toBe(true);
  expect(samePlatform(arm, { ...arm, variant: 'v6' })).toBe(false);
  expect(samePlatform(arm, { ...arm, os: 'windows' })).toBe(false);
});
