import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import * as z from 'zod/mini';
import type { Environment, Host, HttpRequest, HttpResult } from '../../../src/host/host.ts';
import { fakeHost } from '../../support/fake-host.ts';
import * as asn from './keyless-der.ts';

/** An answer of a server that is none. */
export interface Reply {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (request: HttpRequest) => Reply | undefined;

export const NOW = Date.parse('2026-11-22T12:00:00Z');
export const FULCIO = 'https://fulcio.example.com';
export const REKOR = 'https://rekor.example.com';
export const TIMESTAMP = 'https://tsa.example.com/api/v1/timestamp';
export const ISSUER = 'https://issuer.example.com';
export const ADA = {
  iss: ISSUER,
  aud: 'sigstore',
  sub: '1815',
  email: 'ada@example.com',
  email_verified: true,
};

const MINUTES = 60_000;

export function tokenOf(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object | string) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return [
    part({ alg: 'ES256' }),
    part({ exp: NOW / 1000 + 600, ...claims }),
    part('a signature of somebody'),
  ].join('.');
}

/** A host whose requests are answered here. Its clock can be moved, and what was sent is on record. */
export interface DoubleHost extends Host {
  readonly sent: HttpRequest[];
  at: number;
}

export function hostWith(handlers: readonly Handler[], env: Environment = {}): DoubleHost {
  const sent: HttpRequest[] = [];
  const base = fakeHost({ env: { SIGSTORE_ID_TOKEN: tokenOf(ADA), ...env } });
  const host: DoubleHost = {
    ...base,
    sent,
    at: NOW,
    clock: { ...base.clock, now: () => host.at },
    random: { bytes: (count) => randomBytes(count) },
    http: {
      send: async (request) => {
        sent.push(request);
        for (const handler of handlers) {
          const reply = handler(request);
          if (reply !== undefined) return answer(reply);
        }
        return { kind: 'failed', failure: 'refused', cause: new Error('nobody listens there') };
      },
    },
  };
  return host;
}

function answer({ status, body, headers = {} }: Reply): HttpResult {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  return {
    kind: 'answered',
    status,
    headers,
    body: (async function* () {
      yield bytes;
    })(),
    discard: () => undefined,
  };
}

export const bodyOf = ({ body }: HttpRequest): unknown =>
  JSON.parse(body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : '{}');

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
const sha256 = (...parts: readonly (Uint8Array | string)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const SIGNED_WITH = asn.sequence(asn.oid('1.2.840.10045.4.3.2'));
const extension = (id: string, content: Uint8Array) => asn.sequence(asn.oid(id), asn.octets(content));

export interface CertificateOptions {
  readonly uri?: string;
  /** Without it the certificate is for another use. */
  readonly codeSigning?: boolean;
  readonly logged?: boolean;
  readonly from?: number;
}

/** A certificate authority as Fulcio has one, with a log of its certificates. */
export class Authority {
  readonly #key = newKey();
  readonly log = newKey();
  readonly #id = sha256(spki(this.#key.publicKey)).subarray(0, 20);
  readonly #name = asn.sequence(asn.set(asn.sequence(asn.oid('2.5.4.3'), asn.text('double'))));
  readonly root = this.#certificate(
    this.#name,
    spki(this.#key.publicKey),
    NOW - 1000 * MINUTES,
    10_000 * MINUTES,
    [extension('2.5.29.19', asn.sequence(asn.truth())), extension('2.5.29.14', asn.octets(this.#id))],
  );

  issue(publicKey: KeyObject, name: string, options: CertificateOptions = {}): Buffer {
    const { uri, codeSigning = true, logged = true, from = NOW - MINUTES } = options;
    const san = uri === undefined ? asn.implicit(1, Buffer.from(name)) : asn.implicit(6, Buffer.from(uri));
    const extensions = [
      extension('2.5.29.37', asn.sequence(asn.oid(codeSigning ? '1.3.6.1.5.5.7.3.3' : '1.3.6.1.5.5.7.3.8'))),
      extension('2.5.29.17', asn.sequence(san)),
      extension('2.5.29.35', asn.sequence(asn.implicit(0, this.#id))),
      extension('1.3.6.1.4.1.57264.1.8', asn.text(ISSUER)),
    ];
    const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)]);
    const make = (more: readonly Buffer[]) =>
      this.#tbs(serial, asn.sequence(), spki(publicKey), from, 10 * MINUTES, [...extensions, ...more]);
    return this.#sign(logged ? make([this.#promise(make([]), from)]) : make([]));
  }

  #certificate(
    subject: Buffer,
    key: Buffer,
    from: number,
    life: number,
    extensions: readonly Buffer[],
  ): Buffer {
    return this.#sign(this.#tbs(Buffer.from([1]), subject, key, from, life, extensions));
  }

  #tbs(
    serial: Buffer,
    subject: Buffer,
    key: Buffer,
    from: number,
    life: number,
    extensions: readonly Buffer[],
  ): Buffer {
    return asn.sequence(
      asn.tagged(0, asn.integer(Buffer.from([2]))),
      asn.integer(serial),
      SIGNED_WITH,
      this.#name,
      asn.sequence(asn.time(from), asn.time(from + life)),
      subject,
      key,
      asn.tagged(3, asn.sequence(...extensions)),
    );
  }

  #sign(tbs: Buffer): Buffer {
    return asn.sequence(tbs, SIGNED_WITH, asn.bits(sign('sha256', tbs, this.#key.privateKey)));
  }

  /** A signed certificate timestamp as an extension (RFC 6962, 3.2 and 3.3). */
  #promise(precertificate: Buffer, at: number): Buffer {
    const when = Buffer.alloc(8);
    when.writeBigUInt64BE(BigInt(at));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(precertificate.length);
    const nothing = Buffer.from([0, 0]);
    const signed = Buffer.concat([
      Buffer.from([0, 0]),
      when,
      Buffer.from([0, 1]),
      sha256(spki(this.#key.publicKey)),
      size.subarray(1),
      precertificate,
      nothing,
    ]);
    const signature = sign('sha256', signed, this.log.privateKey);
    const sct = Buffer.concat([
      Buffer.from([0]),
      sha256(spki(this.log.publicKey)),
      when,
      nothing,
      Buffer.from([4, 3]),
      sized(signature),
    ]);
    return extension('1.3.6.1.4.1.11129.2.4.2', asn.octets(sized(sized(sct))));
  }
}

function sized(bytes: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
}

const pem = (bytes: Buffer) =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

const CertificateRequest = z.object({
  credentials: z.object({ oidcIdentityToken: z.string() }),
  publicKeyRequest: z.object({ publicKey: z.object({ content: z.string() }) }),
});

/** Fulcio: certifies what it is asked to, for Ada. */
export function fulcio(authority: Authority, options: CertificateOptions = {}): Handler {
  return (request) => {
    if (request.url !== `${FULCIO}/api/v2/signingCert`) return undefined;
    const { publicKeyRequest } = CertificateRequest.parse(bodyOf(request));
    const leaf = authority.issue(createPublicKey(publicKeyRequest.publicKey.content), ADA.email, options);
    const chain = { certificates: [leaf, authority.root].map(pem) };
    return { status: 200, body: JSON.stringify({ signedCertificateEmbeddedSct: { chain } }) };
  };
}

/** Canonical JSON, as far as these values need it (RFC 8785). */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

const Proposed = z.object({
  spec: z.object({ proposedContent: z.object({ envelope: z.string(), verifiers: z.tuple([z.string()]) }) }),
});
const EnvelopeText = z.object({ payload: z.string(), signatures: z.tuple([z.object({ sig: z.string() })]) });

/** Rekor 1: a log with one entry before each of ours. */
export class FirstRekor {
  readonly key = newKey();
  /** When it says that something was logged; default: now. */
  readonly #at: number;

  constructor(at = NOW) {
    this.#at = at;
  }

  readonly handler: Handler = (request) => {
    if (request.url !== `${REKOR}/api/v1/log/entries`) {
      return request.url.startsWith(REKOR) ? { status: 404, body: 'not found' } : undefined;
    }
    return { status: 201, body: JSON.stringify(this.entryOf(bodyOf(request))) };
  };

  entryOf(proposed: unknown): object {
    const { envelope, verifiers } = Proposed.parse(proposed).spec.proposedContent;
    const { payload, signatures } = EnvelopeText.parse(JSON.parse(envelope));
    const hash = (bytes: Uint8Array) => ({ algorithm: 'sha256', value: sha256(bytes).toString('hex') });
    const body = Buffer.from(
      canonical({
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          envelopeHash: hash(Buffer.from(envelope)),
          payloadHash: hash(Buffer.from(payload, 'base64')),
          signatures: [{ signature: signatures[0].sig, verifier: verifiers[0] }],
        },
      }),
    );
    const before = sha256(Buffer.from([0]), 'the entry before');
    const root = sha256(Buffer.from([1]), before, sha256(Buffer.from([0]), body));
    const id = sha256(spki(this.key.publicKey));
    const text = `rekor.example.com - 1\n2\n${root.toString('base64')}\n`;
    const noteSignature = Buffer.concat([id.subarray(0, 4), this.#sign(text)]).toString('base64');
    const entry = {
      body: body.toString('base64'),
      integratedTime: Math.floor(this.#at / 1000),
      logIndex: 1,
      logID: id.toString('hex'),
    };
    return {
      [randomBytes(40).toString('hex')]: {
        ...entry,
        verification: {
          signedEntryTimestamp: this.#sign(canonical(entry)).toString('base64'),
          inclusionProof: {
            checkpoint: `${text}\n\u2014 rekor.example.com ${noteSignature}\n`,
            hashes: [before.toString('hex')],
            logIndex: 1,
            rootHash: root.toString('hex'),
            treeSize: 2,
          },
        },
      },
    };
  }

  #sign(signed: string): Buffer {
    return sign('sha256', Buffer.from(signed), this.key.privateKey);
  }
}

/** `trusted_root.json` for these. */
export function trustedRootText(authority: Authority, rekor: FirstRekor): string {
  const validFor = { start: '2020-01-01T00:00:00Z' };
  const logOf = (key: KeyObject, baseUrl: string) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: spki(key).toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor,
    },
    logId: { keyId: sha256(spki(key)).toString('base64') },
  });
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf(rekor.key.publicKey, REKOR)],
    certificateAuthorities: [
      {
        subject: { organization: 'double', commonName: 'double' },
        uri: FULCIO,
        certChain: { certificates: [{ rawBytes: authority.root.toString('base64') }] },
        validFor,
      },
    ],
    ctlogs: [logOf(authority.log.publicKey, 'https://ct.example.com')],
    timestampAuthorities: [],
  });
}
