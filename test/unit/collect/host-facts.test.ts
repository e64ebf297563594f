import { expect, test } from 'vitest';
import { collectHost } from '../../../src/collect/index.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { fakeHost, LINUX } from './fake-host.ts';

test('a Linux machine', () => {
  const host = { ...fakeHost({}), system: LINUX };
  expect(collectHost(host, { version: '0.1.0', commitId: 'c0ffee' })).toEqual({
    mark: {
      PLATFORM_WHEN_CHALKED: 'GNU/Linux x86_64',
      HOST_SYSNAME_WHEN_CHALKED: 'Linux',
      HOST_NODENAME_WHEN_CHALKED: 'build-host',
      HOST_RELEASE_WHEN_CHALKED: '6.1.0',
      HOST_VERSION_WHEN_CHALKED: '#1 SMP',
      HOST_MACHINE_WHEN_CHALKED: 'x86_64',
      INJECTOR_VERSION: '0.1.0',
      INJECTOR_COMMIT_ID: 'c0ffee',
    },
    report: {
      _OP_PLATFORM: 'GNU/Linux x86_64',
      _OP_HOSTNAME: 'build-host',
      _OP_HOST_SYSNAME: 'Linux',
      _OP_HOST_NODENAME: 'build-host',
      _OP_HOST_RELEASE: '6.1.0',
      _OP_HOST_VERSION: '#1 SMP',
      _OP_HOST_MACHINE: 'x86_64',
      _OP_CHALKER_VERSION: '0.1.0',
      _OP_CHALKER_COMMIT_ID: 'c0ffee',
    },
  });
});

test('what is unknown is absent', () => {
  const system = { ...LINUX, sysname: 'Darwin', machine: 'arm64', version: '' };
  const { mark, report } = collectHost({ ...fakeHost({}), system }, { version: '0.1.0' });
  expect(mark).toMatchObject({ PLATFORM_WHEN_CHALKED: 'Darwin arm64' });
  expect(mark).not.toHaveProperty('INJECTOR_COMMIT_ID');
  expect(mark).not.toHaveProperty('HOST_VERSION_WHEN_CHALKED');
  expect(report).not.toHaveProperty('_OP_HOST_VERSION');
});

test('this machine says what uname prints', () => {
  const { system } = nodeHost();
  expect(system.sysname).toMatch(/^\w+$/);
  expect(system.machine).toMatch(/^\w+$/);
  expect(system.nodename).not.toBe('');
});
