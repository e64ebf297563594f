import type { Environment } from '../../host/host.ts';
import type { FactValue } from '../facts.ts';

/** What a CI system says about a build; a key that is unknown is undefined or empty. */
export type BuildFacts = Partial<Readonly<Record<BuildKey, FactValue | undefined>>>;

export type BuildKey =
  | 'BUILD_ID'
  | 'BUILD_ATTEMPT'
  | 'BUILD_COMMIT_ID'
  | 'BUILD_URI'
  | 'BUILD_API_URI'
  | 'BUILD_TRIGGER'
  | 'BUILD_CONTACT'
  | 'BUILD_ORIGIN_ID'
  | 'BUILD_ORIGIN_OWNER_ID'
  | 'BUILD_ORIGIN_URI'
  | 'BUILD_REF'
  | 'BUILD_WORKFLOW_NAME'
  | 'BUILD_WORKFLOW_PATH'
  | 'BUILD_WORKFLOW_HASH';

/** The value of a variable; empty when it is not set. */
export type Variable = (name: string) => string;

/** One CI system: how to know it, and what its variables mean. Functions of the environment alone. */
export interface CiSystem {
  readonly name: string;
  /** Any of these, not empty, says we run there. Never `CI`, which every system sets. */
  readonly activeIf: readonly string[];
  facts(variable: Variable, properties: Properties): BuildFacts;
  /** A file of `key=value` lines with more to know, by the variable that holds its path. */
  readonly propertiesFile?: string;
}

/** What the system's properties file holds; empty without one. */
export type Properties = ReadonlyMap<string, string>;

export function variables(env: Environment): Variable {
  return (name) => env[name]?.trim() ?? '';
}

/** A list of one, or undefined for nothing: the form of BUILD_CONTACT. */
export function listOf(value: string): readonly string[] | undefined {
  return value === '' ? undefined : [value];
}

/** `refs/tags/<tag>`, else `refs/heads/<branch>`; a name that is a full reference stays. */
export function refOf(tag: string, branch: string): string {
  if (tag !== '') return tag.startsWith('refs/') ? tag : `refs/tags/${tag}`;
  return branch === '' || branch.startsWith('refs/') ? branch : `refs/heads/${branch}`;
}

/** Joins an address and path parts; undefined unless all are known. */
export function address(base: string, ...parts: readonly string[]): string | undefined {
  if (base === '' || parts.some((part) => part === '')) return undefined;
  return [base.replace(/\/+$/, ''), ...parts].join('/');
}
