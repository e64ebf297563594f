import { isLoopback } from '../host/loopback.ts';

/** Where a registry's API is, and under which names its credentials are kept. */
export interface Endpoint {
  /** The registry as image names have it: `docker.io`. */
  readonly registry: string;
  /** `host[:port]` of its API. */
  readonly host: string;
  /** How docker's configuration names it; the first is what credential helpers are asked for. */
  readonly credentialKeys: readonly string[];
  /** Whether it may be spoken to without TLS: it is this machine, or the user says so. */
  readonly plainAllowed: boolean;
  /** Whether its certificate is checked: everywhere but where the user calls it insecure. */
  readonly verify: boolean;
}

/** Docker Hub's other names; its API has one that no image has (docker/distribution `reference/normalize.go`). */
const HUB_NAMES: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
const HUB_KEYS = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];

/** The endpoint of a registry; `insecure` as in the engine's configuration: `host`, `host:port`, or a network `10.0.0.0/8`. */
export function endpointOf(registry: string, insecure: readonly string[] = []): Endpoint {
  if (HUB_NAMES.has(registry)) {
    return {
      registry: 'docker.io',
      host: 'registry-1.docker.io',
      credentialKeys: HUB_KEYS,
      plainAllowed: false,
      verify: true,
    };
  }
  const host = registry.toLowerCase();
  const hostname = hostnameOf(host);
  const configured = insecure.some((rule) => rule.toLowerCase() === host || isInNetwork(hostname, rule));
  const local = isLoopback(hostname);
  return {
    registry,
    host,
    credentialKeys: [registry],
    plainAllowed: configured || local,
    // Engines call loopback insecure; that excuses plain HTTP there, not a wrong certificate.
    verify: !configured || local,
  };
}

/** Whether `insecure` has a say in how a registry is spoken to: not with Docker Hub, and not on this machine. */
export function dependsOnSettings(registry: string): boolean {
  return !HUB_NAMES.has(registry) && !isLoopback(hostnameOf(registry));
}

export function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** IPv4 only, as addresses stand in image names. */
function isInNetwork(hostname: string, rule: string): boolean {
  const [network = '', length = ''] = rule.split('/', 2);
  const [address, base] = [addressOf(hostname), addressOf(network)];
  if (address === undefined || base === undefined || !/^\d{1,2}$/.test(length)) return false;
  const size = 2 ** (32 - Number(length));
  return Math.floor(address / size) === Math.floor(base / size);
}

function addressOf(text: string): number | undefined {
  if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.every((part) => part < 256) ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined;
}
