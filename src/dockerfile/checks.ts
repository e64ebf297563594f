import { ChalkError } from '../base/errors.ts';

/** The value of `# check=` or of the build argument `BUILDKIT_DOCKERFILE_CHECK`. */
export interface CheckOptions {
  readonly skip: 'all' | readonly string[];
  readonly experimental: 'all' | readonly string[];
  /** Findings fail the build. */
  readonly error: boolean;
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/**
 * Reads `skip=A,B;error=true;experimental=C`, in any order, each part optional and the last of a kind winning (BuildKit's
 * `ParseLintOptions`). Throws `DOCKERFILE_SYNTAX` for a value BuildKit would refuse.
 */
export function parseCheckOptions(text: string): CheckOptions {
  let skip: CheckOptions['skip'] = [];
  let experimental: CheckOptions['experimental'] = [];
  let error = false;
  for (const part of text.trim() === '' ? [] : splitParts(text.trim())) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0)).trim();
    const value = part.slice(equals + 1).trim();
    if (equals >= 0 && key === 'skip') skip = readRules(value, skip);
    else if (equals >= 0 && key === 'experimental') experimental = readRules(value, experimental);
    else if (equals >= 0 && key === 'error' && (TRUE.has(value) || FALSE.has(value))) error = TRUE.has(value);
    else throw new ChalkError('DOCKERFILE_SYNTAX', `invalid check option ${JSON.stringify(part)}`);
  }
  return { skip, experimental, error };
}

/** Three parts at most; what follows the second `;` is one part. */
function splitParts(text: string): string[] {
  const parts = text.split(';');
  return parts.length <= 3 ? parts : [...parts.slice(0, 2), parts.slice(2).join(';')];
}

/** `all` stays, whatever a later part of the same kind says. */
function readRules(value: string, before: 'all' | readonly string[]): 'all' | readonly string[] {
  return value === 'all' || before === 'all' ? 'all' : value.split(',').map((rule) => rule.trim());
}

/** Writes options so that they are read back the same; what says nothing is left out, so the result can be empty. */
export function formatCheckOptions({ skip, experimental, error }: CheckOptions): string {
  const parts: string[] = [];
  if (skip.length > 0) parts.push(`skip=${formatRules(skip)}`);
  if (error) parts.push('error=true');
  if (experimental.length > 0) parts.push(`experimental=${formatRules(experimental)}`);
  return parts.join(';');
}

function formatRules(rules: 'all' | readonly string[]): string {
  return rules === 'all' ? rules : rules.join(',');
}

/** The same options with one more rule skipped. A rule that is skipped already leaves the text as it is. */
export function skipCheck(text: string | undefined, rule: string): string {
  const options = parseCheckOptions(text ?? '');
  if (options.skip === 'all' || options.skip.includes(rule)) return text ?? '';
  const skip = [...options.skip.filter((name) => name !== ''), rule];
  return formatCheckOptions({ ...options, skip });
}
