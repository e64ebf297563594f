import { ChalkError } from '../base/errors.ts';
import { failureOfAnswer } from './failure.ts';
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
import type { NewBlob, NewManifest, PutBlobOptions, RegistryRequests, StoredManifest } from './registry.ts';
import type { Exchange, Transport } from './transport.ts';
import { putBlob } from './upload.ts';

const MANIFEST_TIMEOUT_MS = 60_000;
const MAX_REFERRER_PAGES = 64;

const TAG = /^\w[\w.-]{0,127}$/;
const REPOSITORY = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;

/** The plain client of one repository: asks once, and says what came of it. `now` is in milliseconds since the epoch. */
export function registryClient(
  transport: Transport,
  registry: string,
  repository: string,
  now: () => number,
): RegistryRequests {
  const name = `${registry}/${repository}`;
  if (!REPOSITORY.test(repository)) {
    throw new ChalkError('ARGV_BAD_VALUE', `${JSON.stringify(repository)} is no name of a repository`);
  }
  const root = `/v2/${repository}`;
  const pull = [`repository:${repository}:pull`];
  const push = [`repository:${repository}:pull,push`];
  const send = (exchange: Exchange) => transport.send(exchange);
  const failed = (answer: Answer, what: string) => failureOfAnswer(answer, what, now());
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
    putBlob(transport, { name, repository, now }, blob, options);

  const headManifest: RegistryRequests['headManifest'] = async (reference) => {
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

  const streamBlob: RegistryRequests['streamBlob'] = async (digest, maxBytes) => {
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
