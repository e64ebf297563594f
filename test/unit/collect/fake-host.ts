import { ChalkError } from '../../../src/base/errors.ts';
import type { Environment, Host, System } from '../../../src/host/host.ts';
import { nodeHost } from '../../../src/host/node.ts';

/** A host with this environment and these files; whatever else it is asked for is a failure of the test. */
export function fakeHost(env: Environment, files: Readonly<Record<string, string>> = {}): Host {
  const refuse = async (): Promise<never> => {
    throw new Error('not in this test');
  };
  const host = nodeHost();
  return {
    ...host,
    env,
    processes: { run: refuse, attach: refuse },
    files: {
      ...host.files,
      stat: refuse,
      read: refuse,
      readText: async (path) => {
        const text = files[path];
        if (text === undefined) throw new ChalkError('FILE_UNREADABLE', `cannot read ${path}`);
        return text;
      },
    },
  };
}

export const LINUX: System = {
  sysname: 'Linux',
  nodename: 'build-host',
  release: '6.1.0',
  version: '#1 SMP',
  machine: 'x86_64',
};
