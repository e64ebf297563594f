/** Build contexts given by name (`--build-context name=value`), and the images that stand behind them. */

/**
 * A context's or image's name in the one form both sides are compared in: the registry and folder docker adds by itself
 * and `:latest` cut off (`reference.ParseNormalizedNamed`, `FamiliarString`, as buildx and BuildKit do). Names that are
 * no image references are compared as they are.
 */
export function contextName(name: string): string {
  const digest = name.includes('@');
  const familiar = name
    .replace(/^index\.docker\.io\//, '')
    .replace(/^docker\.io\//, '')
    .replace(/^library\/(?=[^/]*$)/, '');
  return digest ? familiar : familiar.replace(/:latest$/, '');
}

/** The value of the context with that name. `scratch` and `context` are never looked up. */
export function findContext(contexts: ReadonlyMap<string, string>, name: string): string | undefined {
  const wanted = contextName(name);
  if (/^(?:scratch|context)$/i.test(name)) return undefined;
  for (const [given, value] of contexts) if (contextName(given) === wanted) return value;
  return undefined;
}
