import { ChalkError } from '../base/errors.ts';
import { failureOfAnswer } from './failure.ts';
import { algorithmOf, mismatch } from './reading.ts';
import type { Answer } from './answer.ts';
import type { BlobOutcome, NewBlob, PutBlobOptions } from './registry.ts';
import type { Exchange, Transport } from './transport.ts';

/** A registry may move a blob to its storage before it answers. */
const UPLOAD_SILENCE_MS = 120_000;

interface Place {
  readonly name: string;
  readonly repository: string;
  now(): number;
}

/**
 * Stores a blob unless it is there: mounts it from another repository, or uploads it in one piece or several. An upload
 * that fails is called off, so that the registry keeps nothing of it.
 */
export async function putBlob(
  transport: Transport,
  place: Place,
  blob: NewBlob,
  { mountFrom, chunkBytes }: PutBlobOptions,
): Promise<BlobOutcome> {
  const { name, repository } = place;
  const what = `storing the blob ${name}@${blob.digest}`;
  algorithmOf(blob.digest);
  const root = `/v2/${repository}/blobs/`;
  const scopes = [`repository:${repository}:pull,push`];
  const send = (exchange: Omit<Exchange, 'scopes' | 'what'>, extra: readonly string[] = []) =>
    transport.send({ ...exchange, scopes: [...scopes, ...extra], what });
  const failed = (answer: Answer) => failureOfAnswer(answer, what, place.now());

  const head = await send({ method: 'HEAD', address: `${root}${blob.digest}` });
  head.discard();
  if (head.status === 200) return 'there-already';
  // Whoever may push may look; but what forbids looking says better at the next step what is missing.
  const mount = mountFrom === undefined ? '' : `?${mountQuery(blob.digest, mountFrom)}`;
  const source = mountFrom === undefined ? [] : [`repository:${mountFrom}:pull`];
  const opened = await send({ method: 'POST', address: `${root}uploads/${mount}`, body: nothing }, source);
  if (opened.status === 201 && mountFrom !== undefined) {
    opened.discard();
    return 'mounted';
  }
  if (opened.status !== 202) throw await failed(opened);
  opened.discard();
  let location = locationOf(opened, what);
  try {
    if (chunkBytes !== undefined) {
      const smallest = Number(opened.headers['oci-chunk-min-length'] ?? 0);
      let start = 0;
      for await (const chunk of inPieces(blob, Math.max(chunkBytes, smallest || 0), what)) {
        const answer = await send({
          method: 'PATCH',
          address: location,
          headers: {
            'content-type': 'application/octet-stream',
            'content-range': `${start}-${start + chunk.length - 1}`,
          },
          body: () => chunk,
          silenceMs: UPLOAD_SILENCE_MS,
        });
        if (answer.status !== 202) throw await failed(answer);
        answer.discard();
        location = locationOf(answer, what);
        start += chunk.length;
      }
    }
    const whole = chunkBytes === undefined;
    const last = new URL(location);
    // The address has a state of its own in its parameters, which must come back (distribution: `_state`).
    last.searchParams.set('digest', blob.digest);
    const stored = await send({
      method: 'PUT',
      address: last.href,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(whole ? blob.size : 0),
      },
      body: whole ? () => measured(blob, what) : nothing,
      silenceMs: UPLOAD_SILENCE_MS,
    });
    if (stored.status !== 201) throw await failed(stored);
    stored.discard();
    const digest = stored.headers['docker-content-digest'];
    if (digest?.startsWith('sha256:') && blob.digest.startsWith('sha256:') && digest !== blob.digest) {
      throw mismatch(what, blob.digest, digest);
    }
    return 'uploaded';
  } catch (error) {
    const called = send({ method: 'DELETE', address: location });
    await called.then((answer) => answer.discard()).catch(() => undefined);
    throw error;
  }
}

const nothing = () => new Uint8Array();

function mountQuery(digest: string, from: string): string {
  return new URLSearchParams({ mount: digest, from }).toString();
}

function locationOf(answer: Answer, what: string): string {
  const location = answer.headers['location'];
  if (location === undefined || !URL.canParse(location, answer.url.href)) {
    throw new ChalkError('RESPONSE_INVALID', `${what}: the registry names no place to upload to`);
  }
  return new URL(location, answer.url).href;
}

/** The blob's bytes, which are as many as were said: a registry would wait for those that are missing. */
async function* measured(blob: NewBlob, what: string): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  for await (const chunk of contentOf(blob)) {
    size += chunk.length;
    if (size > blob.size) break;
    yield chunk;
  }
  if (size !== blob.size) {
    throw new ChalkError('FILE_UNREADABLE', `${what}: its content changed while it was read`);
  }
}

async function* inPieces(
  blob: NewBlob,
  pieceBytes: number,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of measured(blob, what)) {
    for (let rest = chunk; rest.length > 0;) {
      const part = rest.subarray(0, pieceBytes - size);
      held.push(part);
      size += part.length;
      rest = rest.subarray(part.length);
      if (size === pieceBytes) {
        yield Buffer.concat(held);
        held = [];
        size = 0;
      }
    }
  }
  if (size > 0) yield Buffer.concat(held);
}

async function* contentOf(blob: NewBlob): AsyncGenerator<Uint8Array, void, undefined> {
  const content = blob.open();
  if (content instanceof Uint8Array) yield content;
  else yield* content;
}
