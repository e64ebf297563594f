import type { FlagTable } from '../../../../src/docker/argv/flag-table.ts';
import { type Item, parseFlags } from '../../../../src/docker/argv/parse.ts';

/** The items of a line that must parse. */
export function itemsOf(words: readonly string[], table: FlagTable): readonly Item[] {
  const result = parseFlags(words, table, true);
  if (result.kind !== 'parsed') throw new Error(`${result.kind}: ${words.join(' ')}`);
  return result.items;
}

/** What a line sets, as `name=value`, with positionals as they are and `--` for the end of flags. */
export function summary(items: readonly Item[]): string[] {
  return items.flatMap((item) =>
    item.kind === 'flags' ? item.settings.map(({ flag, value }) => `${flag.long}=${value}`) : [...item.words],
  );
}
