import type { ChalkError } from '../base/errors.ts';
import type { NormalisedImage } from '../image/normalised-hash.ts';
import { isList, isMarkMap, type MarkMap, type MarkValue, writeValue } from '../mark/index.ts';
import type { Attestation, StatementKind } from './attestations.ts';
import type { Finding } from './checks.ts';
import { isDefect } from './failures.ts';

/** What is known of the attestations of one manifest. */
export type Attestations =
  | { readonly kind: 'judged'; readonly all: readonly Attestation[]; readonly trust: string }
  /** Nobody was named who could have signed. */
  | { readonly kind: 'nobody-named' }
  /** The image is in a place that keeps no attestations. */
  | { readonly kind: 'not-kept'; readonly where: string }
  | { readonly kind: 'unreadable'; readonly error: ChalkError };

type Good = Extract<Attestation, { kind: 'good' }>;

/** The attestations that count: by somebody who was named, about the manifest. */
export function goodOnes(attestations: Attestations): readonly Good[] {
  return attestations.kind === 'judged' ? attestations.all.filter((each) => each.kind === 'good') : [];
}

/**
 * Who signed the image. Only a mark's statement or an image signature says that somebody stands for it: a vulnerability scan
 * by a named key may say the opposite.
 */
export function signatureFinding(attestations: Attestations, check: 'signature' | 'index'): Finding {
  const signers = goodOnes(attestations).filter(({ says }) => says === 'mark' || says === 'signature');
  const [first] = signers;
  if (first === undefined) return withoutGood(attestations, check, ['mark', 'signature'], 'signature');
  const by = [...new Set(signers.map((each) => each.by))].join(', ');
  return { check, found: 'ok', why: `signed by ${by}${othersOf(attestations)}` };
}

/** Whether the statements of named signers are about this manifest: one that is not was put here by somebody else. */
export function subjectFinding(attestations: Attestations, digest: string): Finding {
  const check = 'subject';
  const good = goodOnes(attestations);
  if (good.length > 0) {
    return {
      check,
      found: 'ok',
      why: `${good.length} signed ${plural(good.length, 'statement')} about ${digest}`,
    };
  }
  const elsewhere = attestations.kind === 'judged' ? attestations.all.find(isElsewhere) : undefined;
  if (elsewhere === undefined)
    return { check, found: 'absent', why: 'there is no statement by a named signer' };
  const why = `${elsewhere.what} by ${elsewhere.by} is about another image: ${elsewhere.subjects}`;
  return { check, found: 'failed', why };
}

/** Whether the mark in the image is the one that was signed, member by member. */
export function attestedMarkFinding(attestations: Attestations, mark: MarkMap | undefined): Finding {
  const check = 'attested-mark';
  const signed = goodOnes(attestations).flatMap((each) => (each.mark === undefined ? [] : [each]));
  if (signed.length === 0) return { check, found: 'absent', why: 'there is no signed mark to compare with' };
  if (mark === undefined) return { check, found: 'unknown', why: 'the image has no mark to compare with' };
  const text = writeValue(inOrder(mark));
  const same = signed.some((each) => each.mark !== undefined && writeValue(inOrder(each.mark)) === text);
  return same
    ? { check, found: 'ok', why: 'the mark in the image is the signed one' }
    : { check, found: 'failed', why: 'the mark in the image is not the signed one' };
}

/** The same value whatever the order its members were written in. */
function inOrder(value: MarkValue): MarkValue {
  if (isList(value)) return value.map(inOrder);
  if (!isMarkMap(value)) return value;
  const members = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(members.map(([key, each]) => [key, inOrder(each)]));
}

/** Whether the image holds what was signed, what we add left out. */
export function contentFinding(attestations: Attestations, { hash }: NormalisedImage): Finding {
  const check = 'content';
  const signed = goodOnes(attestations).flatMap((each) => each.content);
  if (signed.length === 0) {
    const reason = withoutGood(attestations, check, ['mark'], 'statement of the content');
    return { ...reason, why: `${hash.sha256}; ${reason.why}` };
  }
  const readable = signed.filter(({ version }) => version === hash.version);
  if (readable.length === 0) {
    return {
      check,
      found: 'unknown',
      why: `it was signed in version ${signed[0]?.version}, which is not known here`,
    };
  }
  return readable.some(({ sha256 }) => sha256 === hash.sha256)
    ? { check, found: 'ok', why: `${hash.sha256}, as signed` }
    : { check, found: 'failed', why: `${hash.sha256}, and ${readable[0]?.sha256} was signed` };
}

/** Whether there is provenance, or an SBOM, by a named signer about this image. */
export function statementFinding(attestations: Attestations, check: 'provenance' | 'sbom'): Finding {
  const [first] = goodOnes(attestations).filter(({ says }) => says === check);
  if (first === undefined) return withoutGood(attestations, check, [check], check);
  return { check, found: 'ok', why: `signed by ${first.by}, about this image` };
}

function withoutGood(
  attestations: Attestations,
  check: Finding['check'],
  kinds: readonly StatementKind[],
  word: string,
): Finding {
  switch (attestations.kind) {
    case 'nobody-named':
      return { check, found: 'unknown', why: 'no key or identity was named to verify it with' };
    case 'not-kept':
      return { check, found: 'unknown', why: `${attestations.where} keeps no attestations` };
    case 'unreadable': {
      const { code, message } = attestations.error;
      return { check, found: isDefect(code) ? 'foreign' : 'unknown', why: message, code };
    }
    case 'judged':
      break;
  }
  const { all, trust } = attestations;
  const unreadable = all.find((each) => each.kind === 'unreadable');
  if (unreadable !== undefined && !isDefect(unreadable.error.code)) {
    const { code, message } = unreadable.error;
    return { check, found: 'unknown', why: `${unreadable.what}: ${message}`, code };
  }
  const foreign = all.find((each) => each.kind === 'foreign' && kinds.includes(each.says));
  if (foreign?.kind === 'foreign') {
    return { check, found: 'foreign', why: `none by ${trust}: ${foreign.what}: ${foreign.why}` };
  }
  const elsewhere = all.find(isElsewhere);
  if (elsewhere !== undefined) {
    return {
      check,
      found: 'foreign',
      why: `${elsewhere.what} is about another image: ${elsewhere.subjects}`,
    };
  }
  if (unreadable !== undefined) {
    const { code, message } = unreadable.error;
    return { check, found: 'foreign', why: message, code };
  }
  return { check, found: 'absent', why: `there is no ${word} by ${trust}` };
}

function isElsewhere(each: Attestation): each is Extract<Attestation, { kind: 'elsewhere' }> {
  return each.kind === 'elsewhere';
}

/** Those that do not count are told, and change nothing: anybody who may push can attach some. */
function othersOf(attestations: Attestations): string {
  const others =
    attestations.kind === 'judged' ? attestations.all.filter(({ kind }) => kind !== 'good').length : 0;
  return others === 0 ? '' : `; ${others} other ${plural(others, 'attestation')} not counted`;
}

function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}
