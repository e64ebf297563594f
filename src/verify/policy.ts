import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { type Requirement, REQUIREMENTS } from './checks.ts';

/** What an image of these repositories must have, and by whom. */
export interface PolicyRule {
  readonly repositories: readonly string[];
  readonly require: ReadonlySet<Requirement>;
  /** Public key files, relative to the policy's folder, or their PEM text. */
  readonly keys: readonly string[];
  readonly identities: readonly PolicyIdentity[];
}

/** Exactly one of `identity` and `identityPattern`, and of the issuer's two. */
export interface PolicyIdentity {
  readonly identity: string | RegExp;
  readonly issuer: string | RegExp;
}

export interface Policy {
  readonly rules: readonly PolicyRule[];
  /** For identities: a file, relative to the policy's folder. Undefined for Sigstore's own. */
  readonly trustedRoot: string | undefined;
}

const Names = z.array(z.string().check(z.minLength(1), z.maxLength(256)));
const PolicyFile = z.strictObject({
  version: z.literal(1),
  trustedRoot: z.optional(z.string()),
  rules: z
    .array(
      z.strictObject({
        repositories: Names.check(z.minLength(1)),
        require: z.array(z.enum(REQUIREMENTS)).check(z.minLength(1)),
        keys: z.optional(Names),
        identities: z.optional(
          z.array(
            z.strictObject({
              identity: z.optional(z.string()),
              identityPattern: z.optional(z.string()),
              issuer: z.optional(z.string()),
              issuerPattern: z.optional(z.string()),
            }),
          ),
        ),
      }),
    )
    .check(z.minLength(1)),
});

/** Reads a policy. Throws `POLICY_INVALID`, which names the place and what was expected there. */
export function readPolicy(text: string, name: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(name, `it is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  const parsed = PolicyFile.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = (issue?.path ?? []).map((step) =>
      typeof step === 'number' ? `[${step}]` : `.${String(step)}`,
    );
    throw invalid(name, `${place.join('').replace(/^\./, '') || 'the whole'}: ${expectation(issue)}`);
  }
  const { rules, trustedRoot } = parsed.data;
  return {
    trustedRoot,
    rules: rules.map(({ repositories, require, keys = [], identities = [] }, at) => {
      const place = `rules[${at}]`;
      if (keys.length === 0 && identities.length === 0 && require.some((each) => each !== 'mark')) {
        throw invalid(name, `${place}: everything but a mark needs keys or identities to be verified by`);
      }
      return {
        repositories,
        require: new Set(require),
        keys,
        identities: identities.map((each, index) => {
          const where = `${place}.identities[${index}]`;
          return {
            identity: oneOf(name, `${where}.identity`, each.identity, each.identityPattern),
            issuer: oneOf(name, `${where}.issuer`, each.issuer, each.issuerPattern),
          };
        }),
      };
    }),
  };
}

/** The first rule for a name: `ghcr.io/acme/app` or, of files and layouts, `file:///path`. */
export function ruleFor(policy: Policy, repository: string): PolicyRule | undefined {
  return policy.rules.find(({ repositories }) => repositories.some((each) => matches(each, repository)));
}

/** `*` stands for everything within one part of a name, `**` for several parts. */
export function matches(pattern: string, name: string): boolean {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) =>
      part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`, 's').test(name);
}

type Issue = Parameters<typeof z.treeifyError>[0]['issues'][number];

function expectation(issue: Issue | undefined): string {
  if (issue?.code === 'invalid_type') return `expected ${issue.expected}`;
  if (issue?.code === 'invalid_value') {
    return `expected ${issue.values.map((each) => JSON.stringify(each)).join(' or ')}`;
  }
  if (issue?.code === 'unrecognized_keys') return `nothing is called ${issue.keys.join(', ')}`;
  if (issue?.code === 'too_small') return 'expected something';
  return 'this is not what it should be';
}

function oneOf(
  name: string,
  place: string,
  exact: string | undefined,
  pattern: string | undefined,
): string | RegExp {
  if ((exact === undefined) === (pattern === undefined)) {
    throw invalid(name, `${place}: expected either it or ${place.split('.').at(-1)}Pattern`);
  }
  if (pattern === undefined) return exact ?? '';
  try {
    // The whole of it: a pattern that fits somewhere in the middle trusts more than was meant.
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch (cause) {
    throw invalid(name, `${place}Pattern: it is no regular expression`, cause);
  }
}

function invalid(name: string, why: string, cause?: unknown): ChalkError {
  return new ChalkError('POLICY_INVALID', `${name}: ${why}`, {
    hint: 'the README shows one',
    ...(cause === undefined ? {} : { cause }),
  });
}
