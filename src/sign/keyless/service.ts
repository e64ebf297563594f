import { setTimeout } from 'node:timers/promises';
import { ChalkError } from '../../base/errors.ts';
import { withoutCredentials } from '../../base/url.ts';
import type { Host, HttpFailure } from '../../host/host.ts';

/** A question to one of Sigstore's servers, or to whoever hands out identity tokens. */
export interface Question {
  /** For messages: `Fulcio`. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** What must not be in a message, even where the server repeats it. */
  readonly secrets?: readonly string[];
  /** Statuses beside 2xx that the caller has a use for. */
  readonly expected?: readonly number[];
  /** Of one try, milliseconds. */
  readonly timeoutMs?: number;
  readonly attempts?: number;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

const TIMEOUT_MS = 15_000;
const ATTEMPTS = 3;
const FIRST_WAIT_MS = 250;
const MAX_ANSWER = 8 * 1024 * 1024;
const MAX_QUOTED = 300;

/**
 * Asks, and again where it may go better the next time: no connection, 429 and 5xx. Throws `SIGNING_SERVICE_REFUSED` where
 * the server does not want to, `SIGNING_SERVICE_FAILED` where it cannot; no message has a credential in it.
 */
export async function ask(host: Host, question: Question): Promise<ServiceAnswer> {
  const attempts = question.attempts ?? ATTEMPTS;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await askOnce(host, question);
    if ('answer' in outcome) return outcome.answer;
    if (!outcome.transient || attempt >= attempts) throw outcome.error;
    await setTimeout(FIRST_WAIT_MS * 2 ** (attempt - 1));
  }
}

type Outcome =
  { readonly answer: ServiceAnswer } | { readonly error: ChalkError; readonly transient: boolean };

async function askOnce(host: Host, question: Question): Promise<Outcome> {
  const who = `${question.name} (${withoutCredentials(question.url)})`;
  const result = await host.http.send({
    method: question.method,
    url: question.url,
    timeoutMs: question.timeoutMs ?? TIMEOUT_MS,
    ...(question.headers === undefined ? {} : { headers: question.headers }),
    ...(question.body === undefined ? {} : { body: question.body }),
  });
  if (result.kind === 'failed') {
    const error = failed(`${who} ${WORDS[result.failure]}`, result.cause);
    return { error, transient: result.failure !== 'certificate' && result.failure !== 'other-protocol' };
  }
  let bytes: Uint8Array | undefined;
  try {
    bytes = await bounded(result.body);
  } catch (cause) {
    return { error: failed(`${who} broke off in the middle of its answer`, cause), transient: true };
  }
  const { status, headers } = result;
  if (bytes === undefined) {
    const error = failed(`${who} answered with more than ${MAX_ANSWER} bytes`);
    return { error, transient: false };
  }
  if ((status >= 200 && status < 300) || question.expected?.includes(status) === true) {
    return { answer: { status, headers, bytes } };
  }
  const said = quoted(bytes, question.secrets ?? []);
  const message = `${who} answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 429 || status >= 500) return { error: failed(message), transient: true };
  return { error: new ChalkError('SIGNING_SERVICE_REFUSED', message), transient: false };
}

const WORDS: Readonly<Record<HttpFailure, string>> = {
  'no-name': 'has a name nobody knows',
  refused: 'is not there',
  'other-protocol': 'does not speak HTTP as its address says',
  certificate: 'has a certificate this machine does not trust',
  'timed-out': 'does not answer in time',
  broken: 'broke the connection off',
};

async function bounded(body: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What a server says about its refusal, on one line. Some repeat the token they were sent. */
function quoted(bytes: Uint8Array, secrets: readonly string[]): string {
  let text = new TextDecoder().decode(bytes.subarray(0, 64 * 1024));
  for (const secret of secrets) {
    for (const part of [secret, ...secret.split('.')]) {
      if (part.length >= 8) text = text.replaceAll(part, '[secret]');
    }
  }
  // oxlint-disable-next-line no-control-regex -- they would do things to a terminal
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\s]+/g, ' ').trim();
  return line.length > MAX_QUOTED ? `${line.slice(0, MAX_QUOTED)}…` : line;
}

/** A server that did answer, but not what it should. */
export function nonsense(name: string, why: string, cause?: unknown): ChalkError {
  return failed(`${name} answered with something else than expected: ${why}`, cause);
}

function failed(message: string, cause?: unknown): ChalkError {
  return new ChalkError('SIGNING_SERVICE_FAILED', message, cause === undefined ? {} : { cause });
}
