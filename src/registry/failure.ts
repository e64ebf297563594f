import * as z from 'zod/mini';
import { ChalkError, type ErrorCode } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { HttpFailure } from '../host/host.ts';
import { failureOf } from '../host/http.ts';
import type { Answer } from './answer.ts';

/** A failure of a registry, which knows whether trying again may help. */
export class RegistryFailure extends ChalkError {
  readonly transient: boolean;
  /** What the registry asked for in `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; transient?: boolean; retryAfterMs?: number | undefined } = {},
  ) {
    super(code, message, options);
    this.transient = options.transient ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

const ErrorBody = z.object({
  errors: z.array(z.object({ code: z.nullish(z.string()), message: z.nullish(z.string()) })),
});
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * What a registry says of a manifest whose blobs are there, while somebody else stores one of them again: distribution 2.8
 * writes its links in place, and reads them half written. We have the digests from the content.
 */
const UNSETTLED = /^(?:MANIFEST_BLOB_UNKNOWN|DIGEST_INVALID)\b/;

/** The failure an answer stands for; `what` was asked for, in words: `the manifest of ghcr.io/a/b:v1`. */
export async function failureOfAnswer(answer: Answer, what: string, now: number): Promise<RegistryFailure> {
  const said = await wordsOf(answer);
  const tail = said === '' ? '' : `: ${said}`;
  const { status } = answer;
  const retryAfterMs = readRetryAfter(answer.headers['retry-after'], now);
  switch (status) {
    case 401:
      return new RegistryFailure(
        'REGISTRY_UNAUTHORIZED',
        `${what}: the registry wants a login (401)${tail}`,
        {
          hint: 'docker login; registries also answer so for what does not exist',
        },
      );
    case 403:
      return new RegistryFailure('REGISTRY_FORBIDDEN', `${what}: the registry forbids it (403)${tail}`, {
        hint: 'the account lacks a permission for this repository, or its login has run out',
      });
    case 404:
      return new RegistryFailure(
        'REGISTRY_NOT_FOUND',
        `${what}: the registry has none (404)${tail}`,
        // ECR among others makes no repository by itself.
        /\bNAME_UNKNOWN\b/.test(said) ? { hint: 'some registries want a repository made before a push' } : {},
      );
    case 429:
      return new RegistryFailure('REGISTRY_THROTTLED', `${what}: too many requests (429)${tail}`, {
        hint: 'try later, or log in for a higher limit',
        transient: true,
        retryAfterMs,
      });
    default:
      if (status === 408 || status >= 500) {
        return new RegistryFailure('REGISTRY_FAILED', `${what}: the registry failed (${status})${tail}`, {
          transient: status !== 501,
          retryAfterMs,
        });
      }
      return new RegistryFailure('REGISTRY_REFUSED', `${what}: the registry refused it (${status})${tail}`, {
        transient: UNSETTLED.test(said),
      });
  }
}

/** The failure of a request that got no answer, or only half of one. */
export function failureOfConnection(error: unknown, what: string): ChalkError {
  // What our own side of an upload threw is the reason.
  if (error instanceof ChalkError) return error;
  const failure = failureOf(error);
  const why = error instanceof Error ? error.message : String(error);
  if (failure === 'certificate') {
    return new RegistryFailure('REGISTRY_CERTIFICATE', `${what}: the certificate is not trusted: ${why}`, {
      hint: 'put its authority into certs.d/HOST/ca.crt of docker’s configuration',
      cause: error,
    });
  }
  return new RegistryFailure('REGISTRY_UNREACHABLE', `${what}: ${why}`, {
    cause: error,
    transient: isTransient(failure, error),
  });
}

function isTransient(failure: HttpFailure, error: unknown): boolean {
  switch (failure) {
    case 'timed-out':
    case 'broken':
      return true;
    case 'no-name':
      return error instanceof Error && 'code' in error && error.code === 'EAI_AGAIN';
    case 'refused':
    case 'other-protocol':
    case 'certificate':
      return false;
  }
}

/** What the registry itself says, cut short and harmless on a terminal; nothing of a page. */
async function wordsOf(answer: Answer): Promise<string> {
  const type = answer.headers['content-type'] ?? '';
  if (/html/i.test(type)) {
    answer.discard();
    return 'an HTML page, perhaps of a proxy in between';
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body) {
      size += chunk.length;
      if (size > MAX_ERROR_BYTES) return '';
      chunks.push(chunk);
    }
  } catch {
    return '';
  }
  const parsed = ErrorBody.safeParse(parseJson(Buffer.concat(chunks).toString('utf8')));
  const [first] = parsed.success ? parsed.data.errors : [];
  return printable([first?.code, first?.message].filter(Boolean).join(' '));
}

/** One line of a stranger's text. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** Seconds or a date (RFC 9110, 10.2.3). */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
