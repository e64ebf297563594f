import { randomBytes } from 'node:crypto';
import { ChalkError } from '../../../src/base/errors.ts';
import type { Random } from '../../../src/host/host.ts';

export const RANDOM: Random = { bytes: (count) => randomBytes(count) };

/** The error of ours a promise rejects with. */
export async function failureOf(work: Promise<unknown>): Promise<ChalkError> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof ChalkError) return outcome;
  throw new Error(`no failure of ours: ${String(outcome)}`);
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await failureOf(work)).code;
}

/** The error of ours that a function throws. */
export function thrownBy(act: () => unknown): ChalkError {
  try {
    act();
  } catch (error) {
    if (error instanceof ChalkError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
