import { ChalkError } from '../base/errors.ts';
import { failureOfAnswer, RegistryFailure } from './failure.ts';
import {
  type Descriptor,
  type Manifest,
  MANIFEST_TYPES,
  MAX_MANIFEST_BYTES,
  MEDIA_TYPES,
  mediaTypeOf,
  readIndexAnswer,
} from './manifest.ts';
import { algorithmOf, digestOf, isDigest, mismatch, readAll, readStream, tooLarge } from './reading.ts';
import type { Answer } from './answer.ts';
import type {
  NewBlob,
  NewManifest,
  NewTagged,
  PutBlobOptions,
  Registry,
  StoredManifest,
  TagChange,
} from './registry.ts';
import type { Exchange, Transport } from './transport.ts';
import { putBlob } from './upload.ts';

/** What a client needs of the world besides its transport. */
export interface Pace {
  /** Milliseconds since the epoch. */
  now(): number;
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

const MANIFEST_TIMEOUT_MS = 60_000;
const MAX_REFERRER_PAGES = 64;
const MAX_CHANGES = 100;
/** Longer than a busy machine keeps a program from running. */
const SHORTEST_SETTLE_MS = 250;
const LONGEST_SCATTER_MS = 2000;

const TAG = /^\w[\w.-]{0,127}$/;
const REPOSITORY = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;

/** The plain client of one repository: asks once, and says what came of it. */
export function registryClient(
  transport: Transport,
  registry: string,
  repository: string,
  pace: Pace,
): Registry {
  const name = `${registry}/${repository}`;
  if (!REPOSITORY.test(repository)) {
    throw new ChalkError('ARGV_BAD_VALUE', `${JSON.stringify(repository)} is no name of a repository`);
  }
  const root = `/v2/${repository}`;
  const pull = [`repository:${repository}:pull`];
  const push = [`repository:${repository}:pull,push`];
  const send = (exchange: Exchange) => transport.send(exchange);
  const failed = (answer: Answer, what: string) => failureOfAnswer(answer, what, pace.now());
  const accept = { accept: MANIFEST_TYPES.join(', ') };

  const getManifest = async (reference: string): Promise<Manifest> => {
    const what = `the manifest of ${nameOf(name, reference)}`;
    const answer = await send({
      method: 'GET',
      address: `${root}/manifests/${checked(reference)}`,
      headers: accept,
      scopes: pull,
      what,
      timeoutMs: MANIFEST_TIMEOUT_MS,
    });
    if (answer.status !== 200) throw await failed(answer, what);
    const announced = answer.headers['docker-content-digest'];
    // By tag, what the registry says it sends is all there is to compare with.
    const digest = isDigest(reference)
      ? reference
      : announced !== undefined && isDigest(announced)
        ? announced
        : undefined;
    const bytes = await readAll(answer, MAX_MANIFEST_BYTES, what, digest);
    const mediaType = mediaTypeOf(answer.headers['content-type'], bytes, what);
    return { mediaType, digest: digest ?? digestOf(bytes), bytes };
  };

  const putManifest = async (content: NewManifest, tag?: string): Promise<StoredManifest> => {
    const { mediaType, bytes } = content;
    const digest = digestOf(bytes);
    const what = `storing the manifest ${nameOf(name, tag ?? digest)}`;
    if (bytes.length > MAX_MANIFEST_BYTES) throw tooLarge(what, MAX_MANIFEST_BYTES);
    const answer = await send({
      method: 'PUT',
      address: `${root}/manifests/${checked(tag ?? digest)}`,
      headers: { 'content-type': mediaType },
      body: () => bytes,
      scopes: push,
      what,
      timeoutMs: MANIFEST_TIMEOUT_MS,
    });
    if (answer.status < 200 || answer.status > 299) throw await failed(answer, what);
    answer.discard();
    const stored = answer.headers['docker-content-digest'];
    if (stored?.startsWith('sha256:') && stored !== digest) throw mismatch(what, digest, stored);
    const subjectNoted = answer.headers['oci-subject'] !== undefined;
    return { mediaType, digest, size: bytes.length, subjectNoted };
  };

  const storeBlob = (blob: NewBlob, options: PutBlobOptions = {}) =>
    putBlob(transport, { name, repository, now: () => pace.now() }, blob, options);

  const headManifest: Registry['headManifest'] = async (reference) => {
    const what = `the manifest of ${nameOf(name, reference)}`;
    const answer = await send({
      method: 'HEAD',
      address: `${root}/manifests/${checked(reference)}`,
      headers: accept,
      scopes: pull,
      what,
    });
    if (answer.status === 404) return skip(answer);
    if (answer.status !== 200) throw await failed(answer, what);
    answer.discard();
    const digest = answer.headers['docker-content-digest'];
    return {
      mediaType: mediaTypeOf(answer.headers['content-type'], new Uint8Array(), what),
      digest: digest !== undefined && isDigest(digest) ? digest : undefined,
      size: sizeOf(answer),
    };
  };

  /** Whether a tag stands for the manifest it stood for (undefined: none). True where the registry does not say. */
  const stillIs = async (tag: string, digest: string | undefined): Promise<boolean> => {
    const head = await headManifest(tag);
    if (head === undefined || digest === undefined) return head === digest;
    return head.digest === undefined || head.digest === digest;
  };

  const changeTag: Registry['changeTag'] = (tag, one) =>
    pace.inTurn(`${name}:${tag}`, one, async (changes) => {
      let seen: string | undefined;
      let writes = 0;
      let slowest = SHORTEST_SETTLE_MS;
      for (let round = 0; round < MAX_CHANGES; round += 1) {
        let began = pace.monotonic();
        const current = await orNothing(getManifest(tag));
        const next = changedBy(changes, current);
        if (next === undefined && (round === 0 || current?.digest === seen)) return;
        if (next?.blobs !== undefined) {
          await Promise.all(next.blobs.map((blob) => storeBlob(blob)));
          // That took longer than all else here, and what was read before it may have changed.
          began = pace.monotonic();
          if (!(await stillIs(tag, current?.digest))) continue;
        }
        seen = next === undefined ? current?.digest : (await putManifest(next, tag)).digest;
        // Whoever read before we wrote has written by then, if they are not slower than a multiple of us.
        slowest = Math.max(slowest, 4 * (pace.monotonic() - began));
        // Only those who were overwritten come at different times; before that, and looking on, nobody is in the way.
        const isOverwritten = next !== undefined && writes > 0;
        const scatter = isOverwritten ? Math.min(LONGEST_SCATTER_MS, slowest * 2 ** writes) : 0;
        if (next !== undefined) writes += 1;
        await pace.wait(slowest + pace.random() * scatter);
      }
      throw new RegistryFailure('REGISTRY_FAILED', `${name}:${tag} did not keep what was written to it`, {
        hint: 'others write to the same tag all the time',
      });
    });

  const streamBlob: Registry['streamBlob'] = async (digest, maxBytes) => {
    const what = `the blob ${name}@${digest}`;
    algorithmOf(digest);
    const answer = await send({ method: 'GET', address: `${root}/blobs/${digest}`, scopes: pull, what });
    if (answer.status !== 200) throw await failed(answer, what);
    return readStream(answer, { what, maxBytes, digest });
  };

  return {
    name,
    getManifest,
    putManifest,
    changeTag,
    streamBlob,

    headManifest,

    readBlob: async (digest, maxBytes) => {
      const chunks: Buffer[] = [];
      for await (const chunk of await streamBlob(digest, maxBytes)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },

    headBlob: async (digest) => {
      const what = `the blob ${name}@${digest}`;
      algorithmOf(digest);
      const answer = await send({ method: 'HEAD', address: `${root}/blobs/${digest}`, scopes: pull, what });
      if (answer.status === 404) return skip(answer);
      if (answer.status !== 200) throw await failed(answer, what);
      answer.discard();
      return sizeOf(answer) ?? 0;
    },

    putBlob: storeBlob,

    referrers: async (digest) => {
      algorithmOf(digest);
      const what = `the referrers of ${name}@${digest}`;
      const all: Descriptor[] = [];
      let address: string | undefined = `${root}/referrers/${digest}`;
      for (let page = 0; address !== undefined && page < MAX_REFERRER_PAGES; page += 1) {
        const answer = await send({
          method: 'GET',
          address,
          headers: { accept: MEDIA_TYPES.index },
          scopes: pull,
          what,
          timeoutMs: MANIFEST_TIMEOUT_MS,
        });
        const isIndex = answer.headers['content-type']?.split(';', 1)[0]?.trim() === MEDIA_TYPES.index;
        if (page === 0 && isNoSuchApi(answer.status, isIndex)) return skip(answer);
        if (answer.status !== 200) throw await failed(answer, what);
        const found = readIndexAnswer(await readAll(answer, MAX_MANIFEST_BYTES, what));
        if (!isIndex || found === undefined) {
          throw new ChalkError('RESPONSE_INVALID', `${what}: the answer is no index`);
        }
        all.push(...found);
        address = nextPage(answer);
      }
      return all;
    },
  };
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

/** Registries without the API say so in several ways; static ones answer with whatever page they have. */
function isNoSuchApi(status: number, isIndex: boolean): boolean {
  return [400, 404, 405, 406, 501].includes(status) || (status === 200 && !isIndex);
}

/** `Link: <address>; rel="next"`, within the registry. */
function nextPage({ headers, url }: Answer): string | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(headers['link'] ?? '')?.[1];
  if (target === undefined || !URL.canParse(target, url.href)) return undefined;
  const next = new URL(target, url);
  return next.origin === url.origin ? `${next.pathname}${next.search}` : undefined;
}

/** What `work` finds, or undefined where the registry has none. */
export async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ChalkError && error.code === 'REGISTRY_NOT_FOUND') return undefined;
    throw error;
  }
}

function skip(answer: Answer): undefined {
  answer.discard();
}

function sizeOf(answer: Answer): number | undefined {
  const text = answer.headers['content-length'];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function checked(reference: string): string {
  if (TAG.test(reference) || isDigest(reference)) return reference;
  throw new ChalkError('ARGV_BAD_VALUE', `${JSON.stringify(reference)} is neither a tag nor a digest`);
}

function nameOf(name: string, reference: string): string {
  return isDigest(reference) ? `${name}@${reference}` : `${name}:${reference}`;
}
