import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  BAKE_FLAGS,
  BUILD_FLAGS,
  CHALK_FLAGS,
  type FlagTable,
  GLOBAL_FLAGS,
  LEGACY_BUILD_FLAGS,
  PULL_FLAGS,
  PUSH_FLAGS,
} from '../../../../src/docker/argv/flag-table.ts';

/** Every flag of the docker commands we take part in: command, long, short, and whether it takes a value. */
const FACTS = readFileSync(new URL('../../../fixtures/docker-flags.tsv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1);

const TABLES: Readonly<Record<string, FlagTable>> = {
  global: GLOBAL_FLAGS,
  build: BUILD_FLAGS,
  legacy: LEGACY_BUILD_FLAGS,
  bake: BAKE_FLAGS,
  push: PUSH_FLAGS,
  pull: PULL_FLAGS,
};

test.each(Object.entries(TABLES))('the flags of %s are docker’s, no more and no fewer', (command, table) => {
  const ours = table.map(({ long, short, takes }) => [command, long, short ?? '', takes].join('\t'));
  expect(ours.sort()).toEqual(FACTS.filter((row) => row.startsWith(`${command}\t`)).sort());
});

test('no table is missing', () => {
  expect(new Set(FACTS.map((row) => row.split('\t', 1)[0]))).toEqual(new Set(Object.keys(TABLES)));
});

describe('no flag stands twice', () => {
  test.each(Object.entries({ ...TABLES, chalk: CHALK_FLAGS }))('in the table of %s', (_, table) => {
    const longs = table.map(({ long }) => long);
    const shorts = table.flatMap(({ short }) => short ?? []);
    expect(longs).toEqual([...new Set(longs)]);
    expect(shorts).toEqual([...new Set(shorts)]);
  });
});
