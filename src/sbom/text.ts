import { ChalkError } from '../base/errors.ts';

/** The text a program printed. Throws `SBOM_FAILED` for what is not UTF-8, as JSON has to be. */
export function decode(bytes: Uint8Array, program: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ChalkError('SBOM_FAILED', `what ${program} printed is not UTF-8`, { cause });
  }
}
