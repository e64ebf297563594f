import { orNothing } from './client.ts';
import { RegistryFailure } from './failure.ts';
import type { Manifest } from './manifest.ts';
import { digestOf } from './reading.ts';
import type { NewTagged, Registry, RegistryRequests, TagChange } from './registry.ts';

/** What changing a tag needs of the world besides requests. */
export interface Pace {
  /** Milliseconds; never goes back. */
  monotonic(): number;
  wait(ms: number): Promise<void>;
  /** From 0 up to 1. */
  random(): number;
  /** Works on one key in turn: what comes while another turn is on is done together in the next. */
  inTurn(
    key: string,
    change: TagChange,
    work: (changes: readonly TagChange[]) => Promise<void>,
  ): Promise<void>;
}

const MAX_ROUNDS = 100;
/** A registry that fails this often while others write the tag fails for another reason. */
const MAX_FAILURES_IN_A_ROW = 5;
/** Longer than a busy machine keeps a program from running. */
const SHORTEST_SETTLE_MS = 250;
const LONGEST_SCATTER_MS = 2000;

/** The same repository, whose tags can be changed: see `Registry.changeTag`. */
export function withTagChanges(requests: RegistryRequests, pace: Pace): Registry {
  const { name } = requests;
  return {
    ...requests,
    changeTag: (tag, one) =>
      pace.inTurn(`${name}:${tag}`, one, (changes) => changeTag(requests, pace, tag, changes)),
  };
}

/** What one look at the tag came to. */
interface Round {
  /** What is under the tag now, as far as this round knows. */
  readonly seen: string | undefined;
  readonly wrote: boolean;
  /** How long it took from the last time the tag was read; milliseconds. */
  readonly took: number;
}

async function changeTag(
  requests: RegistryRequests,
  pace: Pace,
  tag: string,
  changes: readonly TagChange[],
): Promise<void> {
  let last: Round | undefined;
  let writes = 0;
  let failures = 0;
  let slowest = SHORTEST_SETTLE_MS;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    try {
      const now = await oneRound(requests, pace, tag, changes);
      failures = 0;
      if (now === 'moved') continue;
      if (!now.wrote && (round === 0 || now.seen === last?.seen)) return;
      last = now;
    } catch (error) {
      // Those who write at the same moment disturb even one another's requests: distribution 2.8 writes in place.
      failures += 1;
      if (!isTransient(error) || failures > MAX_FAILURES_IN_A_ROW) throw error;
      last = undefined;
    }
    // Whoever read before we wrote has written by then, if they are not slower than a multiple of us.
    slowest = Math.max(slowest, 4 * (last?.took ?? 0));
    // Only those who were overwritten come at different times; before that, and looking on, nobody is in the way.
    const isOverwritten = failures > 0 || (last?.wrote === true && writes > 0);
    const scatter = isOverwritten ? Math.min(LONGEST_SCATTER_MS, slowest * 2 ** (writes + failures)) : 0;
    if (last?.wrote === true) writes += 1;
    await pace.wait(slowest + pace.random() * scatter);
  }
  throw new RegistryFailure(
    'REGISTRY_FAILED',
    `${requests.name}:${tag} did not keep what was written to it`,
    {
      hint: 'others write to the same tag all the time',
    },
  );
}

/** Reads the tag and writes what the changes make of it; `moved` where somebody else wrote in between. */
async function oneRound(
  requests: RegistryRequests,
  pace: Pace,
  tag: string,
  changes: readonly TagChange[],
): Promise<Round | 'moved'> {
  let began = pace.monotonic();
  const current = await orNothing(requests.getManifest(tag));
  const next = changedBy(changes, current);
  if (next === undefined) return { seen: current?.digest, wrote: false, took: pace.monotonic() - began };
  if (next.blobs !== undefined) {
    await Promise.all(next.blobs.map((blob) => requests.putBlob(blob)));
    // That took longer than all else here, and what was read before it may have changed.
    began = pace.monotonic();
    if (!(await stillIs(requests, tag, current?.digest))) return 'moved';
  }
  const { digest } = await requests.putManifest(next, tag);
  return { seen: digest, wrote: true, took: pace.monotonic() - began };
}

/** Whether a tag stands for the manifest it stood for (undefined: none). True where the registry does not say. */
async function stillIs(
  requests: RegistryRequests,
  tag: string,
  digest: string | undefined,
): Promise<boolean> {
  const head = await requests.headManifest(tag);
  if (head === undefined || digest === undefined) return head === digest;
  return head.digest === undefined || head.digest === digest;
}

/** What all changes make of a manifest, one after the other; undefined where none has anything to do. */
function changedBy(changes: readonly TagChange[], current: Manifest | undefined): NewTagged | undefined {
  let latest = current;
  let next: NewTagged | undefined;
  for (const change of changes) {
    const made = change(latest);
    if (made === undefined) continue;
    next = made;
    latest = { mediaType: made.mediaType, digest: digestOf(made.bytes), bytes: Buffer.from(made.bytes) };
  }
  return next;
}

function isTransient(error: unknown): boolean {
  return error instanceof RegistryFailure && error.transient;
}
