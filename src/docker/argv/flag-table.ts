/**
 * One flag of a docker command. A `switch` takes a value only after `=` (pflag's NoOptDefVal), so it never eats the
 * next word; a `value` flag always does.
 */
export interface FlagSpec {
  readonly long: string;
  readonly short?: string;
  readonly takes: 'value' | 'switch';
}

export type FlagTable = readonly FlagSpec[];

/** Reads a compact list: `long/s` with the short letter after the slash. */
function flags(takes: FlagSpec['takes'], names: string): FlagSpec[] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) => {
      const [long = '', short] = name.split('/');
      return short === undefined ? { long, takes } : { long, short, takes };
    });
}

/** Flags between `docker` and its command (docker/cli `cli/flags/options.go`); they stop at the first other word. */
export const GLOBAL_FLAGS: FlagTable = [
  ...flags('value', 'config context/c host/H log-level/l tlscacert tlscert tlskey'),
  ...flags('switch', 'debug/D tls tlsverify version/v help/h'),
];

/** Flags between `buildx` or `builder` and its command; persistent, so they may stand behind the command as well. */
export const BUILDX_FLAGS: FlagTable = [...flags('value', 'builder'), ...flags('switch', 'debug/D help/h')];

/**
 * `docker buildx build`, and `docker build` wherever it goes to buildx. The last rows are the old builder's flags, which
 * buildx still takes and ignores (buildx `commands/build.go`).
 */
export const BUILD_FLAGS: FlagTable = [
  ...flags(
    'value',
    `add-host allow annotation attest build-arg build-context builder cache-from cache-to call cgroup-parent file/f
     iidfile label metadata-file network no-cache-filter output/o platform policy print progress provenance resource
     sbom secret shm-size ssh tag/t target ulimit
     memory/m memory-swap cpu-shares/c cpu-period cpu-quota cpuset-cpus cpuset-mems isolation security-opt
     root server-config invoke`,
  ),
  ...flags(
    'switch',
    'check debug/D load no-cache pull push quiet/q compress squash rm force-rm help/h detach',
  ),
];

/** `docker build` where it goes to the old builder: `DOCKER_BUILDKIT=0`, or no buildx on the machine. */
export const LEGACY_BUILD_FLAGS: FlagTable = [
  ...flags(
    'value',
    `add-host build-arg cache-from cgroup-parent cpu-period cpu-quota cpu-shares/c cpuset-cpus cpuset-mems file/f
     iidfile isolation label memory/m memory-swap network platform security-opt shm-size tag/t target ulimit`,
  ),
  ...flags('switch', 'compress disable-content-trust force-rm no-cache pull quiet/q rm squash help/h'),
];

export const BAKE_FLAGS: FlagTable = [
  ...flags('value', 'allow builder call file/f list metadata-file policy progress provenance sbom set var'),
  ...flags('switch', 'check debug/D list-targets list-variables load no-cache print pull push help/h'),
];

export const PUSH_FLAGS: FlagTable = [
  ...flags('value', 'platform'),
  ...flags('switch', 'all-tags/a disable-content-trust quiet/q help/h'),
];

export const PULL_FLAGS: FlagTable = [
  ...flags('value', 'platform'),
  ...flags('switch', 'all-tags/a disable-content-trust quiet/q help/h'),
];

/** Our own options. They stand between `chalk` and the command, never among docker's flags. */
export const CHALK_FLAGS: FlagTable = [
  ...flags('value', 'report runtime-mode runtime-report sbom sbom-format'),
  ...flags('value', 'key fulcio-url rekor-url timestamp-url trusted-root'),
  ...flags('switch', 'explain keyless no-wrap no-report no-sign sign strict'),
  ...GLOBAL_FLAGS,
];
