import { array, assert, boolean, constantFrom, oneof, property, string, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BAKE_FLAGS,
  BUILD_FLAGS,
  type FlagSpec,
  type FlagTable,
  GLOBAL_FLAGS,
  LEGACY_BUILD_FLAGS,
  PUSH_FLAGS,
} from '../../../../src/docker/argv/flag-table.ts';
import { flagItem, parseFlags, positionals, render, withFlags } from '../../../../src/docker/argv/parse.ts';
import { itemsOf, summary } from './support.ts';

const TABLES: readonly FlagTable[] = [GLOBAL_FLAGS, BUILD_FLAGS, LEGACY_BUILD_FLAGS, BAKE_FLAGS, PUSH_FLAGS];

/** Words a person, a script or an attacker types, half of them shaped like flags. */
const anyWord = oneof(
  string(),
  constantFrom(
    '-',
    '--',
    '',
    '.',
    '-t',
    '-qt',
    '-tq',
    '--tag',
    '--push',
    '--push=',
    '--tag=',
    '-=',
    '--bogus',
    '-q=1',
  ),
  tuple(constantFrom('-', '--'), string()).map(([dashes, rest]) => dashes + rest),
);

/** One flag in one of the ways it can be written, with what it must be read as. */
const writtenFlag = (table: FlagTable) =>
  tuple(constantFrom(...table), string(), boolean(), boolean()).map(([flag, value, short, joined]) =>
    flag.takes === 'switch' ? writeSwitch(flag, short, joined) : writeValue(flag, value, short, joined),
  );

interface Written {
  readonly words: readonly string[];
  readonly means: string;
}

function writeSwitch(flag: FlagSpec, short: boolean, off: boolean): Written {
  const name = short && flag.short !== undefined ? `-${flag.short}` : `--${flag.long}`;
  return { words: [off ? `${name}=false` : name], means: `${flag.long}=${off ? 'false' : 'true'}` };
}

function writeValue(flag: FlagSpec, value: string, short: boolean, joined: boolean): Written {
  const means = `${flag.long}=${value}`;
  if (!short || flag.short === undefined) {
    return { words: joined ? [`--${flag.long}=${value}`] : [`--${flag.long}`, value], means };
  }
  // `-t=` alone would mean the value `=`.
  return { words: joined && value !== '' ? [`-${flag.short}=${value}`] : [`-${flag.short}`, value], means };
}

const writtenPositional = string()
  .filter((word) => !word.startsWith('-') || word === '-')
  .map((word): Written => ({ words: [word], means: word }));

describe('render gives back what was parsed', () => {
  test.each([true, false])('for any words at all (interspersed: %s)', (interspersed) => {
    assert(
      property(constantFrom(...TABLES), array(anyWord), (table, words) => {
        const result = parseFlags(words, table, interspersed);
        if (result.kind === 'parsed') expect([...render(result.items), ...result.rest]).toEqual(words);
        else expect(words).toContain(result.word);
      }),
      { numRuns: 2000 },
    );
  });
});

test('flags, values and positionals are never mixed up, however they are written', () => {
  assert(
    property(
      constantFrom(...TABLES).chain((table) =>
        tuple(constantFrom(table), array(oneof(writtenFlag(table), writtenPositional)), array(string())),
      ),
      ([table, written, behind]) => {
        const words = [...written.flatMap((each) => each.words), '--', ...behind];
        const items = itemsOf(words, table);
        expect(summary(items)).toEqual([...written.map(({ means }) => means), '--', ...behind]);
        expect(render(items)).toEqual(words);
      },
    ),
    { numRuns: 1000 },
  );
});

describe('withFlags', () => {
  const added = BUILD_FLAGS.filter(({ takes }) => takes === 'value').map((flag) => flagItem(flag, '-- x'));

  test('keeps every word of the user in its order, and its own count', () => {
    assert(
      property(array(oneof(writtenFlag(BUILD_FLAGS), writtenPositional)), boolean(), (written, ended) => {
        const words = [...written.flatMap((each) => each.words), ...(ended ? ['--', '-t', '.'] : [])];
        const items = itemsOf(words, BUILD_FLAGS);
        const more = withFlags(items, added);
        const ours = added.flatMap((item) => item.words);
        expect(render(more).filter((word) => !ours.includes(word))).toEqual(words);
        expect(positionals(more)).toEqual(positionals(items));
        expect(summary(itemsOf(render(more), BUILD_FLAGS))).toEqual(summary(more));
      }),
    );
  });

  test('puts them last, but before a --', () => {
    const items = withFlags(itemsOf(['-q', '.', '--', 'x'], BUILD_FLAGS), added.slice(0, 1));
    expect(render(items)).toEqual(['-q', '.', '--add-host=-- x', '--', 'x']);
  });
});
