import type { ErrorCode } from '../base/errors.ts';

/** What is checked, in the order it is told. */
export const CHECKS = [
  'image',
  'index',
  'layers',
  'mark',
  'signature',
  'subject',
  'attested-mark',
  'content',
  'provenance',
  'sbom',
  'shim',
  'base',
] as const;

export type CheckName = (typeof CHECKS)[number];

/** What a policy can ask for; the other checks can fail, but are never missed. */
export const REQUIREMENTS = ['mark', 'signature', 'content', 'provenance', 'sbom', 'base'] as const;

export type Requirement = (typeof REQUIREMENTS)[number];

/** What is asked for where no policy says so. */
export const DEFAULT_REQUIREMENTS: ReadonlySet<Requirement> = new Set(['mark', 'signature']);

export interface Check {
  readonly check: CheckName;
  readonly outcome:
    | 'ok'
    /** Something is not what it claims to be, or is missing although it is asked for. */
    | 'failed'
    /** It could not be told, which is no failure unless it is asked for. */
    | 'unknown'
    | 'skipped';
  /** One sentence for a person. */
  readonly why: string;
  /** Where an error of ours is the reason. */
  readonly code?: ErrorCode;
}

/** A check before it is known what was asked for. */
export interface Finding {
  readonly check: CheckName;
  readonly found:
    | 'ok'
    | 'failed'
    | 'unknown'
    /** There is nothing to check: `skipped`, or `failed` where it is asked for. */
    | 'absent'
    /** It is there, but nobody who was named made it: `unknown`, or `failed` where it is asked for. */
    | 'foreign';
  readonly why: string;
  readonly code?: ErrorCode;
}

/** `verified`: nothing failed, and everything that is asked for is ok. */
export type Verdict = 'verified' | 'not-verified' | 'unknown';

/** What a finding means for whoever asks for these things. */
export function settle({ check, found, why, code }: Finding, required: ReadonlySet<Requirement>): Check {
  return {
    check,
    outcome: outcomeOf(found, isRequired(check, required)),
    why,
    ...(code === undefined ? {} : { code }),
  };
}

function outcomeOf(found: Finding['found'], required: boolean): Check['outcome'] {
  switch (found) {
    case 'ok':
    case 'failed':
    case 'unknown':
      return found;
    case 'absent':
      return required ? 'failed' : 'skipped';
    case 'foreign':
      return required ? 'failed' : 'unknown';
  }
}

export function verdictOf(checks: readonly Check[], required: ReadonlySet<Requirement>): Verdict {
  if (checks.some(({ outcome }) => outcome === 'failed')) return 'not-verified';
  const missed = checks.some(({ check, outcome }) => isRequired(check, required) && outcome !== 'ok');
  return missed ? 'unknown' : 'verified';
}

/** The worst of several; `unknown` for none. */
export function worstOf(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('not-verified')) return 'not-verified';
  return verdicts.length === 0 || verdicts.includes('unknown') ? 'unknown' : 'verified';
}

/** Without an image nothing can be said, and the index chooses the images: it is signed, or they are named by digest. */
function isRequired(check: CheckName, required: ReadonlySet<Requirement>): boolean {
  switch (check) {
    case 'image':
    case 'layers':
      return true;
    case 'index':
      return required.has('signature');
    case 'mark':
    case 'signature':
    case 'content':
    case 'provenance':
    case 'sbom':
    case 'base':
      return required.has(check);
    case 'subject':
    case 'attested-mark':
    case 'shim':
      return false;
  }
}
