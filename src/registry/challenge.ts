/** One way a server offers to be logged in to (RFC 9110, 11.6.1). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case, values without their quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
/** `dG9rZW42OA==` in place of parameters: no scheme of registries has it. */
const TOKEN68 = /[\w.~+/-]+=*(?=\s*(?:,|$))/y;

/**
 * Reads a `WWW-Authenticate` header: one or more challenges, whose parameters are separated by commas as the challenges
 * themselves are, with commas, quotes and equal signs inside quoted values. Reading ends at the first thing that is none.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found === null) return undefined;
    at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    take(/[\s,]*/y);
    const word = take(TOKEN)?.[0];
    if (word === undefined) return challenges;
    const current = challenges.at(-1);
    if (take(/[ \t]*=[ \t]*/y) === undefined) {
      challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
      const rest = at;
      take(/[ \t]+/y);
      // A word behind the scheme is a credential's form, unless it is the next scheme or a parameter.
      if (at === rest || take(TOKEN68) === undefined) at = rest;
      continue;
    }
    const quoted = take(QUOTED)?.[1];
    const value = quoted?.replaceAll(/\\(.)/gs, '$1') ?? take(TOKEN)?.[0];
    if (value === undefined || current === undefined) return challenges;
    current.parameters.set(word.toLowerCase(), value);
  }
}
