import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { ChalkError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import type { Host } from '../../host/host.ts';
import { readBase64, writeBase64 } from '../base64.ts';
import { type Envelope, pae, writeEnvelope } from '../dsse.ts';
import type { Certified } from './certificate.ts';
import type { Rekor } from './options.ts';
import { ask, nonsense, type ServiceAnswer } from './service.ts';

/** What the log says of a signature. */
export interface LogEntry {
  /** As a bundle has it, `dev.sigstore.rekor.v1.TransparencyLogEntry` in JSON. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** Rekor 1 vouches for the time; Rekor 2 does not. In cosign's form for the `.att` layout. */
  readonly promise: string | undefined;
}

/** A log: writes one signature into it. */
export type Log = (envelope: Envelope, certified: Certified) => Promise<LogEntry>;

/** The log at an address, whose version is found out with the first signature where nobody knows it. */
export function logAt(host: Host, rekor: Rekor, hasTimestamps: boolean): Log {
  let version = rekor.version;
  const write = async (each: 1 | 2, envelope: Envelope, certified: Certified) => {
    if (each === 2 && !hasTimestamps) throw withoutTime(rekor.url);
    return each === 1
      ? writeFirst(host, rekor.url, envelope, certified)
      : writeSecond(host, rekor.url, envelope, certified);
  };
  return async (envelope, certified) => {
    if (version !== undefined) return known(await write(version, envelope, certified), rekor.url);
    // With a timestamp authority it is likely to be Rekor 2, which nobody uses without.
    for (const each of hasTimestamps ? ([2, 1] as const) : ([1, 2] as const)) {
      const entry = await write(each, envelope, certified);
      if (entry === 'unknown') continue;
      version = each;
      return entry;
    }
    throw noRekor(rekor.url);
  };
}

function known(entry: LogEntry | 'unknown', url: string): LogEntry {
  if (entry === 'unknown') throw noRekor(url);
  return entry;
}

function noRekor(url: string): ChalkError {
  return new ChalkError('SIGNING_SERVICE_REFUSED', `there is no Rekor at ${url}`, {
    hint: 'the address is the one before /api/v1 or /api/v2',
  });
}

function withoutTime(url: string): ChalkError {
  return new ChalkError(
    'ARGV_USAGE',
    `${url} is not Rekor 1, and Rekor 2 does not say when something was signed: nobody could tell later that the certificate was good`,
    { hint: 'name a timestamp authority with --timestamp-url' },
  );
}

const Hex = z.string().check(z.regex(/^(?:[0-9a-f]{2})+$/i));

const FirstEntry = z.object({
  body: z.string(),
  integratedTime: z.number(),
  logID: Hex,
  logIndex: z.number(),
  verification: z.object({
    signedEntryTimestamp: z.string(),
    inclusionProof: z.object({
      checkpoint: z.string(),
      hashes: z.array(Hex),
      logIndex: z.number(),
      rootHash: Hex,
      treeSize: z.number(),
    }),
  }),
});

const FirstBody = z.object({
  kind: z.string(),
  apiVersion: z.string(),
  spec: z.object({ payloadHash: z.object({ value: z.string() }) }),
});

/** Rekor 1: `POST /api/v1/log/entries`, an entry of the kind `dsse`. */
async function writeFirst(
  host: Host,
  url: string,
  envelope: Envelope,
  { chain }: Certified,
): Promise<LogEntry | 'unknown'> {
  const proposed = {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      proposedContent: {
        envelope: Buffer.from(writeEnvelope(envelope)).toString('utf8'),
        verifiers: [writeBase64(Buffer.from(chain[0], 'utf8'))],
      },
    },
  };
  let answer = await post(host, `${url}/api/v1/log/entries`, proposed);
  // It has the entry: the answer to an earlier try was lost on its way.
  if (answer.status === 409) answer = await existing(host, url, answer);
  if (isUnknown(answer)) return 'unknown';
  const parsed = z.record(z.string(), FirstEntry).safeParse(jsonOf(answer));
  const entry = Object.values(parsed.data ?? {}).at(0);
  if (entry === undefined) throw nonsense('Rekor', 'there is no entry with a proof in it');
  const body = FirstBody.safeParse(bodyOf(entry.body));
  const hash = createHash('sha256').update(envelope.payload).digest('hex');
  if (body.data?.spec.payloadHash.value !== hash) throw somethingElse();
  const { kind, apiVersion } = body.data;
  const { inclusionProof, signedEntryTimestamp } = entry.verification;
  return {
    entry: {
      logIndex: String(entry.logIndex),
      logId: { keyId: fromHex(entry.logID) },
      kindVersion: { kind, version: apiVersion },
      integratedTime: String(entry.integratedTime),
      inclusionPromise: { signedEntryTimestamp },
      inclusionProof: {
        logIndex: String(inclusionProof.logIndex),
        rootHash: fromHex(inclusionProof.rootHash),
        treeSize: String(inclusionProof.treeSize),
        hashes: inclusionProof.hashes.map(fromHex),
        checkpoint: { envelope: inclusionProof.checkpoint },
      },
      canonicalizedBody: entry.body,
    },
    promise: JSON.stringify({
      SignedEntryTimestamp: signedEntryTimestamp,
      Payload: {
        body: entry.body,
        integratedTime: entry.integratedTime,
        logIndex: entry.logIndex,
        logID: entry.logID,
      },
    }),
  };
}

async function existing(host: Host, url: string, conflict: ServiceAnswer): Promise<ServiceAnswer> {
  const id = /\/([0-9a-f]{64,80})$/i.exec(conflict.headers['location'] ?? '')?.[1];
  if (id === undefined) throw nonsense('Rekor', 'it has the entry, and does not say where');
  return ask(host, { name: 'Rekor', method: 'GET', url: `${url}/api/v1/log/entries/${id}` });
}

const SecondEntry = z.object({
  logIndex: z.optional(z.string()),
  logId: z.object({ keyId: z.string() }),
  kindVersion: z.object({ kind: z.string(), version: z.string() }),
  inclusionProof: z.object({
    logIndex: z.optional(z.string()),
    rootHash: z.string(),
    treeSize: z.string(),
    hashes: z.optional(z.array(z.string())),
    checkpoint: z.object({ envelope: z.string() }),
  }),
  canonicalizedBody: z.string(),
});

/**
 * Rekor 2: `POST /api/v2/log/entries`, an entry of the kind `hashedrekord` over what is signed. cosign 3 takes no other for an
 * envelope, and an SBOM of many megabytes has no place in a log. It answers when the entry is in a tile, within a few seconds.
 */
async function writeSecond(
  host: Host,
  url: string,
  envelope: Envelope,
  { leaf }: Certified,
): Promise<LogEntry | 'unknown'> {
  const [signature] = envelope.signatures;
  const digest = signedDigest(envelope).toString('base64');
  const request = {
    hashedRekordRequestV002: {
      digest,
      signature: {
        content: writeBase64(signature?.sig ?? new Uint8Array()),
        verifier: {
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
          x509Certificate: { rawBytes: writeBase64(leaf.raw) },
        },
      },
    },
  };
  const answer = await post(host, `${url}/api/v2/log/entries`, request);
  if (isUnknown(answer)) return 'unknown';
  const parsed = SecondEntry.safeParse(jsonOf(answer));
  if (!parsed.success) throw nonsense('Rekor', 'there is no entry with a proof in it');
  const body = SecondBody.safeParse(bodyOf(parsed.data.canonicalizedBody));
  if (body.data?.spec.hashedRekordV002.data.digest !== digest) throw somethingElse();
  return { entry: parsed.data, promise: undefined };
}

const SecondBody = z.object({
  spec: z.object({ hashedRekordV002: z.object({ data: z.object({ digest: z.string() }) }) }),
});

/** What the signature is over: the SHA-256 of the pre-authentication encoding. */
function signedDigest({ payloadType, payload }: Envelope): Buffer {
  return createHash('sha256').update(pae(payloadType, payload)).digest();
}

function post(host: Host, url: string, body: object): Promise<ServiceAnswer> {
  return ask(host, {
    name: 'Rekor',
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: Buffer.from(JSON.stringify(body), 'utf8'),
    timeoutMs: 30_000,
    expected: [404, 405, 409, 501],
  });
}

function isUnknown({ status }: ServiceAnswer): boolean {
  return status === 404 || status === 405 || status === 501;
}

function bodyOf(text: string): unknown {
  return parseJson(new TextDecoder().decode(readBase64(text)));
}

/** What was logged is looked at before anything is attached anywhere. */
function somethingElse(): ChalkError {
  return nonsense('Rekor', 'it logged something else');
}

function fromHex(text: string): string {
  return Buffer.from(text, 'hex').toString('base64');
}

function jsonOf({ bytes }: ServiceAnswer): unknown {
  return parseJson(new TextDecoder().decode(bytes));
}
