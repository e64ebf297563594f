import type { ChalkError } from '../base/errors.ts';

/** What one metadata key may hold; always writable as JSON. */
export type FactValue =
  string | number | boolean | readonly FactValue[] | { readonly [key: string]: FactValue };

/** Metadata by key. A key whose value is unknown is absent, never empty. */
export type Facts = Readonly<Record<string, FactValue>>;

/** What a collector learned, and what kept it from learning more. Collectors never throw. */
export interface Collected {
  readonly facts: Facts;
  readonly errors: readonly ChalkError[];
}

/** Facts that go by one name into the mark and by another into the report of the operation. */
export interface MarkAndReport {
  readonly mark: Facts;
  readonly report: Facts;
}

/** Drops what is not known: undefined and empty text. */
export function known(values: Readonly<Record<string, FactValue | undefined>>): Facts {
  const facts: Record<string, FactValue> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === '') continue;
    if (Array.isArray(value) && value.length === 0) continue;
    facts[key] = value;
  }
  return facts;
}

/** The same facts under their run-time names: `BUILD_ID` becomes `_BUILD_ID`. */
export function atRunTime(facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [`_${key}`, value]));
}
