import { expect, test } from 'vitest';
import { formatPlatform } from '../../../src/base/platform.ts';
import { clientPlatform } from '../../../src/docker/client-platform.ts';
import { fakeHost } from '../../support/fake-host.ts';

test.each([
  ['linux', 'x86_64', 'linux/amd64'],
  ['linux', 'aarch64', 'linux/arm64'],
  ['linux', 'armv7l', 'linux/arm/v7'],
  ['linux', 'armv6l', 'linux/arm/v6'],
  ['linux', 'i686', 'linux/386'],
  ['linux', 's390x', 'linux/s390x'],
  ['darwin', 'arm64', 'darwin/arm64'],
])('a machine with %s on %s is %s', (platform, machine, expected) => {
  const { system } = fakeHost();
  expect(formatPlatform(clientPlatform({ platform, system: { ...system, machine } }))).toBe(expected);
});
