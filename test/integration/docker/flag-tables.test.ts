import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import {
  BAKE_FLAGS,
  BUILD_FLAGS,
  BUILDX_FLAGS,
  type FlagTable,
  GLOBAL_FLAGS,
  LEGACY_BUILD_FLAGS,
  PUSH_FLAGS,
} from '../../../src/docker/argv/flag-table.ts';
import { describeWithEngine, type Engine } from '../../support/engine.ts';

/** `  -t, --tag stringArray   Text`: a type behind the name means that the flag takes a value. */
const HELP_LINE = /^ {2}(?:-(?<short>\w), | {4})--(?<long>[a-z][\w-]*)(?<type> \S+)?(?: {2,}|$)/gm;

function flagsShown({ env }: Engine, args: readonly string[]): string[] {
  const { status, stdout } = spawnSync('docker', args, { env, encoding: 'utf8' });
  expect(status).toBe(0);
  return [...stdout.matchAll(HELP_LINE)].map(({ groups }) =>
    [groups?.['long'], groups?.['short'] ?? '', groups?.['type'] === undefined ? 'switch' : 'value'].join(
      ' ',
    ),
  );
}

describeWithEngine('the docker that is installed', (engine) => {
  test.each<[string, string, FlagTable, number]>([
    ['docker', '--help', GLOBAL_FLAGS, 10],
    ['docker buildx', 'buildx --help', BUILDX_FLAGS, 1],
    ['docker buildx build', 'buildx build --help', BUILD_FLAGS, 30],
    ['docker build', 'build --help', BUILD_FLAGS, 30],
    ['docker buildx bake', 'buildx bake --help', BAKE_FLAGS, 15],
    ['docker push', 'push --help', PUSH_FLAGS, 3],
  ])(
    '%s shows no flag that our table does not have, with its short form and arity',
    (_, args, table, atLeast) => {
      const shown = flagsShown(engine, args.split(' '));
      const known = new Set(table.map(({ long, short, takes }) => `${long} ${short ?? ''} ${takes}`));
      // The column of types is cut off nowhere: a flag that is read wrongly would show up here.
      expect(shown.length).toBeGreaterThanOrEqual(atLeast);
      expect(shown.filter((flag) => !known.has(flag) && !flag.startsWith('help '))).toEqual([]);
    },
  );

  test('so does docker build for the old builder', () => {
    const old = flagsShown({ ...engine, env: { ...engine.env, DOCKER_BUILDKIT: '0' } }, ['build', '--help']);
    const known = new Set(
      LEGACY_BUILD_FLAGS.map(({ long, short, takes }) => `${long} ${short ?? ''} ${takes}`),
    );
    expect(old.filter((flag) => !known.has(flag) && !flag.startsWith('help '))).toEqual([]);
  });
});
