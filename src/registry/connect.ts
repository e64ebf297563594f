import { setTimeout } from 'node:timers/promises';
import type { Host, Http } from '../host/host.ts';
import { createAuthority } from './authority.ts';
import { type Pace, withTagChanges } from './change-tag.ts';
import { registryClient } from './client.ts';
import { findCredentials } from './credentials.ts';
import { endpointOf } from './endpoint.ts';
import type { Registry, TagChange } from './registry.ts';
import { withRetries } from './retry.ts';
import { createTransport, type Transport, trustOf } from './transport.ts';

export interface RegistrySettings {
  /** Docker's configuration: credentials, and certificates of our own. */
  readonly configFolder: string;
  /** Registries that need no TLS, or no valid certificate: `host[:port]` or `10.0.0.0/8`. */
  readonly insecure?: readonly string[];
  /** Tries for one operation; default 4. */
  readonly attempts?: number;
  /** The first wait between them; default 250 ms. */
  readonly firstWaitMs?: number;
  /** When everything must have ended, on the monotonic clock: what is not done by then fails. Default: no such time. */
  readonly deadline?: number;
}

/** A repository as an `ImageRef` names it. */
export interface RepositoryName {
  readonly registry: string;
  readonly repository: string;
}

const LONGEST_WAIT_MS = 30_000;

/** Opens repositories; those in one registry share its connections, logins and tokens. */
export function connectRegistries(
  world: Host,
  settings: RegistrySettings,
): (name: RepositoryName) => Registry {
  const host = settings.deadline === undefined ? world : endingAt(world, settings.deadline);
  const transports = new Map<string, Transport>();
  const pace = paceOf(host, settings.deadline ?? Infinity);
  return ({ registry, repository }) => {
    const endpoint = endpointOf(registry, settings.insecure);
    let transport = transports.get(endpoint.host);
    if (transport === undefined) {
      const trust = trustOf(host, settings.configFolder, endpoint);
      const authority = createAuthority(host, endpoint.registry, trust, () =>
        findCredentials(host, settings.configFolder, endpoint),
      );
      transport = createTransport(host, endpoint, trust, authority);
      transports.set(endpoint.host, transport);
    }
    const now = () => host.clock.now();
    const requests = withRetries(registryClient(transport, endpoint.registry, repository, now), {
      attempts: settings.attempts ?? 4,
      firstMs: settings.firstWaitMs ?? 250,
      longestMs: LONGEST_WAIT_MS,
      wait: (ms) => pace.wait(ms),
      random: () => pace.random(),
    });
    return withTagChanges(requests, pace);
  };
}

/** The same host, whose requests are over by then, and which begins none afterwards. */
function endingAt(host: Host, deadline: number): Host {
  const send: Http['send'] = async (request) => {
    const left = Math.ceil(deadline - host.clock.monotonic());
    if (left > 0) return host.http.send({ ...request, timeoutMs: Math.min(left, request.timeoutMs ?? left) });
    return { kind: 'failed', failure: 'timed-out', cause: new Error('there was no time left for it') };
  };
  return { ...host, http: { send } };
}

function paceOf(host: Host, deadline: number): Pace {
  interface Turn {
    readonly changes: TagChange[];
    readonly done: Promise<void>;
  }
  /** For each key the turn that is on, and the one that gathers behind it. */
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Turn>();
  return {
    monotonic: () => host.clock.monotonic(),
    wait: async (ms) => {
      await setTimeout(Math.max(0, Math.min(ms, deadline - host.clock.monotonic())));
    },
    random: () => Buffer.from(host.random.bytes(4)).readUInt32BE() / 2 ** 32,
    inTurn: async (key, change, work) => {
      const gathering = waiting.get(key);
      if (gathering !== undefined) {
        gathering.changes.push(change);
        return gathering.done;
      }
      const changes = [change];
      const before = running.get(key);
      const turn = async () => {
        await before;
        waiting.delete(key);
        running.set(key, settled);
        await work(changes);
      };
      const done = turn();
      const end = async () => {
        await done.catch(() => undefined);
        if (running.get(key) === settled) running.delete(key);
      };
      const settled = end();
      waiting.set(key, { changes, done });
      return done;
    },
  };
}
