import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Envelope } from './dsse.ts';

/** The one payload type cosign takes for attestations; variants of it are refused. */
export const STATEMENT_PAYLOAD = 'application/vnd.in-toto+json';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** What cosign's own `attest` and Chalk still write. */
const STATEMENT_TYPES: ReadonlySet<string> = new Set([STATEMENT_TYPE, 'https://in-toto.io/Statement/v0.1']);

/** Predicate types by what is in them. cosign's `--type` takes these URIs, and short names for most. */
export const PREDICATE = {
  /** A list of attributes with evidence: how a Chalk mark is attested. */
  scai: 'https://in-toto.io/attestation/scai/v0.3',
  scaiOld: 'https://in-toto.io/attestation/scai/attribute-report/v0.2',
  provenance: 'https://slsa.dev/provenance/v1',
  spdx: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  /** cosign's `custom`: another text in a `Data` member. */
  custom: 'https://cosign.sigstore.dev/attestation/v1',
  /** cosign's image signature. */
  signature: 'https://sigstore.dev/cosign/sign/v1',
} as const;

/** What a statement is about. */
export interface Subject {
  /** The repository; has no part in matching. */
  readonly name?: string;
  /** By algorithm, lower-case hex: `{ sha256: … }`. */
  readonly digest: Readonly<Record<string, string>>;
  /** What else is to be said of it; the one place beside the predicate where cosign 3 lets members stand. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Statement {
  readonly subjects: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

const StatementFile = z.object({
  _type: z.string(),
  subject: z.array(z.object({ name: z.nullish(z.string()), digest: z.record(z.string(), z.string()) })),
  predicateType: z.string(),
  predicate: z.record(z.string(), z.unknown()),
});

/** An image by its manifest's digest (`sha256:…`). */
export function imageSubject(repository: string, digest: string): Subject {
  const hex = sha256Of(digest);
  if (hex === undefined) throw new ChalkError('ATTESTATION_INVALID', `${digest} is no digest to attest`);
  return { name: repository, digest: { sha256: hex } };
}

/**
 * Writes an in-toto Statement v1. The predicate is JSON text of an object and stays as it is, byte for byte: a mark's floats
 * and an SBOM of hundreds of megabytes need no second form. Nothing beside the four members: cosign 3 refuses others.
 */
export function writeStatement(
  subjects: readonly [Subject, ...Subject[]],
  predicateType: string,
  predicate: string,
): Uint8Array {
  const subject = JSON.stringify(subjects);
  const type = JSON.stringify(predicateType);
  return Buffer.from(
    `{"_type":"${STATEMENT_TYPE}","subject":${subject},"predicateType":${type},"predicate":${predicate}}`,
    'utf8',
  );
}

/** Reads the statement in an envelope, whose signatures the caller has checked. Throws `ATTESTATION_INVALID`. */
export function readStatement(
  { payload, payloadType }: Omit<Envelope, 'signatures'>,
  what: string,
): Statement {
  if (payloadType !== STATEMENT_PAYLOAD) throw invalid(what, `its payload is ${JSON.stringify(payloadType)}`);
  const parsed = StatementFile.safeParse(parseJson(utf8(payload, what)));
  if (!parsed.success) throw invalid(what, 'its payload is no in-toto statement');
  const { _type: type, subject, predicateType, predicate } = parsed.data;
  if (!STATEMENT_TYPES.has(type)) throw invalid(what, `its statement is of the type ${JSON.stringify(type)}`);
  if (subject.length === 0) throw invalid(what, 'its statement is about nothing');
  const subjects = subject.map(({ name, digest }) => ({ ...(name ? { name } : {}), digest }));
  return { subjects, predicateType, predicate };
}

/** Whether a statement is about the image with this manifest digest (`sha256:…`). Names have no part in it. */
export function isAbout({ subjects }: Pick<Statement, 'subjects'>, digest: string): boolean {
  const hex = sha256Of(digest);
  return hex !== undefined && subjects.some((subject) => subject.digest['sha256'] === hex);
}

function sha256Of(digest: string): string | undefined {
  return /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
}

function utf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(what, 'its payload is not UTF-8');
  }
}

function invalid(what: string, why: string): ChalkError {
  return new ChalkError('ATTESTATION_INVALID', `${what}: ${why}`);
}
