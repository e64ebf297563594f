import type { Host, System } from '../host/host.ts';
import { known, type MarkAndReport } from './facts.ts';

/** Which docker-chalk is at work; the commit is known in a released build only. */
export interface Injector {
  readonly version: string;
  readonly commitId?: string;
}

/** The machine and the program: what `uname` says, and our own version. */
export function collectHost(host: Host, injector: Injector): MarkAndReport {
  const { system } = host;
  const { sysname, nodename, release, version, machine } = system;
  const platform = platformOf(system);
  return {
    mark: known({
      PLATFORM_WHEN_CHALKED: platform,
      HOST_SYSNAME_WHEN_CHALKED: sysname,
      HOST_NODENAME_WHEN_CHALKED: nodename,
      HOST_RELEASE_WHEN_CHALKED: release,
      HOST_VERSION_WHEN_CHALKED: version,
      HOST_MACHINE_WHEN_CHALKED: machine,
      INJECTOR_VERSION: injector.version,
      INJECTOR_COMMIT_ID: injector.commitId,
    }),
    report: known({
      _OP_PLATFORM: platform,
      _OP_HOSTNAME: nodename,
      _OP_HOST_SYSNAME: sysname,
      _OP_HOST_NODENAME: nodename,
      _OP_HOST_RELEASE: release,
      _OP_HOST_VERSION: version,
      _OP_HOST_MACHINE: machine,
      _OP_CHALKER_VERSION: injector.version,
      _OP_CHALKER_COMMIT_ID: injector.commitId,
    }),
  };
}

/** `uname -o` and `uname -m`: `GNU/Linux x86_64`, `Darwin arm64`. */
function platformOf({ sysname, machine }: System): string {
  return `${sysname === 'Linux' ? 'GNU/Linux' : sysname} ${machine}`.trim();
}
