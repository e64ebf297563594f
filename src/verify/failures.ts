import { asChalkError, type ErrorCode } from '../base/errors.ts';
import type { CheckName, Finding } from './checks.ts';

/** Errors that say that something is wrong with what was read, rather than that it could not be read. */
const DEFECTS: ReadonlySet<ErrorCode> = new Set([
  'DIGEST_MISMATCH',
  'RESPONSE_INVALID',
  'ATTESTATION_INVALID',
  'MARK_SYNTAX',
  'MARK_TOO_LARGE',
  'MARK_INVALID',
]);

export function isDefect(code: ErrorCode): boolean {
  return DEFECTS.has(code);
}

/** A check that an error ended. */
export function findingOf(check: CheckName, thrown: unknown): Finding {
  const { code, message } = asChalkError(thrown);
  return { check, found: isDefect(code) ? 'failed' : 'unknown', why: message, code };
}

/** What `work` finds, or what its failure means for this check. */
export async function checked(check: CheckName, work: () => Promise<Finding>): Promise<Finding> {
  try {
    return await work();
  } catch (error) {
    return findingOf(check, error);
  }
}

/** Does something for each, so many at a time; the answers are in the order of the items. */
export async function eachLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const answers: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [at, item] of queue) answers[at] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return answers;
}
