import type { Dockerfile } from './file.ts';

export type Casing = 'upper' | 'lower';

/**
 * How the keywords of added lines must be written, so that Docker's check `ConsistentInstructionCasing` has nothing to
 * say about them and says of the user's lines what it said before. The check counts FROM and every instruction in a stage
 * that is wholly upper or wholly lower case, and wants all to be lower where lower is the majority, else upper; more lines
 * of the majority never change it (`validateCommandCasing`).
 */
export function addedCasing(file: Dockerfile): Casing {
  let lower = 0;
  let upper = 0;
  for (const { from, instructions } of file.stages) {
    for (const { line } of [from, ...instructions]) {
      if (line.keywordText === line.keywordText.toLowerCase()) lower += 1;
      else if (line.keywordText === line.keywordText.toUpperCase()) upper += 1;
    }
  }
  return lower > upper ? 'lower' : 'upper';
}

export function inCasing(keyword: string, casing: Casing): string {
  return casing === 'lower' ? keyword.toLowerCase() : keyword.toUpperCase();
}
