import { createHash } from 'node:crypto';
import { ChalkError } from '../base/errors.ts';
import { failureOfConnection, RegistryFailure } from './failure.ts';
import type { Answer } from './answer.ts';

/** Only what can be checked here is asked for. */
const DIGEST = /^(?:(sha256):[a-f0-9]{64}|(sha512):[a-f0-9]{128})$/;

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Throws `RESPONSE_INVALID` for what is no digest: it came from a manifest, or is about to become part of an address. */
export function algorithmOf(digest: string): string {
  const [, first, second] = DIGEST.exec(digest) ?? [];
  const algorithm = first ?? second;
  if (algorithm !== undefined) return algorithm;
  throw new ChalkError(
    'RESPONSE_INVALID',
    `${JSON.stringify(digest.slice(0, 80))} is no SHA-256 or SHA-512 digest`,
  );
}

export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/**
 * The body of an answer as it comes. Throws `REGISTRY_TOO_LARGE` after more than `maxBytes`, `REGISTRY_UNREACHABLE` where
 * the connection ends too early, and at the end `DIGEST_MISMATCH` where `digest` is given and is not that of the bytes:
 * nothing of a stream may be believed before it has ended.
 */
export async function* readStream(
  answer: Answer,
  { what, maxBytes, digest }: { readonly what: string; readonly maxBytes: number; readonly digest?: string },
): AsyncGenerator<Buffer, void, undefined> {
  const announced = Number(answer.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    answer.discard();
    throw tooLarge(what, maxBytes);
  }
  const algorithm = digest === undefined ? undefined : algorithmOf(digest);
  const hash = algorithm === undefined ? undefined : createHash(algorithm);
  let size = 0;
  const body = answer.body[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const step = await body.next().catch((error: unknown) => {
        throw failureOfConnection(error, `${what} (${answer.url.host})`);
      });
      if (step.done === true) break;
      size += step.value.length;
      if (size > maxBytes) throw tooLarge(what, maxBytes);
      hash?.update(step.value);
      yield Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength);
    }
    ended = true;
  } finally {
    if (!ended) await body.return?.();
  }
  const found = hash === undefined ? undefined : `${algorithm}:${hash.digest('hex')}`;
  if (found !== digest) throw mismatch(what, digest, found);
}

/** The whole body of an answer, under the same rules. */
export async function readAll(
  answer: Answer,
  maxBytes: number,
  what: string,
  digest?: string,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const options = { what, maxBytes, ...(digest === undefined ? {} : { digest }) };
  for await (const chunk of readStream(answer, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function mismatch(what: string, wanted: string | undefined, found: string | undefined): ChalkError {
  return new ChalkError('DIGEST_MISMATCH', `${what}: asked for ${wanted}, got ${found}`, {
    hint: 'the registry, or something before it, changed the content',
  });
}

export function tooLarge(what: string, maxBytes: number): ChalkError {
  return new RegistryFailure('REGISTRY_TOO_LARGE', `${what} has more than the ${maxBytes} bytes allowed`);
}
