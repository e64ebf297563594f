import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../../src/docker/argv/command.ts';
import { BAKE_FLAGS, BUILD_FLAGS, PUSH_FLAGS } from '../../../src/docker/argv/flag-table.ts';
import { redactItems } from '../../../src/report/index.ts';
import { itemsOf } from '../docker/argv/support.ts';

const CANARY = 'canary-7f3a';
const redacted = (words: readonly string[], table = BUILD_FLAGS) => redactItems(itemsOf(words, table));

/** Flags whose values a report shows: names, numbers and places, none of them a way in. */
const SHOWN =
  'annotation builder call file iidfile label metadata-file network output platform progress provenance sbom tag target';

const VALUE_FLAGS = [...new Set([...BUILD_FLAGS, ...BAKE_FLAGS, ...PUSH_FLAGS])].filter(
  ({ takes }) => takes === 'value',
);

describe('the value of a flag', () => {
  const hidden = VALUE_FLAGS.filter(({ long }) => !SHOWN.split(' ').includes(long));

  test.each(hidden.map((flag) => [flag.long, flag] as const))('--%s stays out of reports', (long, flag) => {
    const ways = [[`--${long}=${CANARY}`], [`--${long}`, CANARY]];
    const { short } = flag;
    if (short !== undefined)
      ways.push([`-${short}${CANARY}`], [`-${short}=${CANARY}`], [`-${short}`, CANARY]);
    for (const words of ways) expect(redacted(words, [flag])).toEqual([`--${long}=<<redact>>`]);
  });

  test('is shown where it says what was built, and only there', () => {
    const shown = VALUE_FLAGS.filter((flag) =>
      redacted([`--${flag.long}=${CANARY}`], [flag])
        .join('')
        .includes(CANARY),
    );
    expect([...new Set(shown.map(({ long }) => long))].sort()).toEqual(SHOWN.split(' '));
  });

  test('is never shown for a flag that nobody decided about', () => {
    const flag = { long: 'brand-new', takes: 'value' } as const;
    expect(redacted([`--brand-new=${CANARY}`], [flag])).toEqual(['--brand-new=<<redact>>']);
  });
});

test('passwords in addresses stay out, wherever the address stands', () => {
  const address = `https://user:${CANARY}@host/repo.git`;
  const words = ['-f', address, '--builder', address, address, '--', address];
  expect(redacted(words)).toEqual([
    '--file=https://host/repo.git',
    '--builder=https://host/repo.git',
    'https://host/repo.git',
    '--',
    'https://host/repo.git',
  ]);
});

test.each(['DB_PASSWORD', 'npm.token', 'client-secret', 'x-api-key', 'passwd', 'http.auth'])(
  'a label or annotation named %s keeps its value to itself',
  (name) => {
    expect(redacted(['--label', `${name}=${CANARY}`, `--annotation=index:${name}=${CANARY}`])).toEqual([
      `--label=${name}=<<redact>>`,
      `--annotation=index:${name}=<<redact>>`,
    ]);
    expect(redacted(['--label', 'author=Ada', '--label', name])).toEqual([
      '--label=author=Ada',
      `--label=${name}`,
    ]);
  },
);

test('switches, clusters and positionals are written plainly', () => {
  expect(redacted(['-qt', 'x', '--push=false', '--load=1', '.', '--no-cache'])).toEqual([
    '--quiet',
    '--tag=x',
    '--push=false',
    '--load=1',
    '.',
    '--no-cache',
  ]);
});

describe('a line that cannot be told apart', () => {
  test.each([
    `build --new --build-arg A=${CANARY} .`,
    `build --new ${CANARY} .`,
    `build --new=${CANARY} .`,
    `build -t x -X${CANARY} .`,
    `buildx --new ${CANARY} build .`,
    `buildx build --push=${CANARY} .`,
    `build https://${CANARY}@host --new`,
  ])('%s shows no word that may be a value', (line) => {
    const result = parseCommand([], line.split(' '));
    if (result.kind !== 'unclear') throw new Error(result.kind);
    const { path, items } = result.command;
    expect([...path, ...redactItems(items), result.why].join(' ')).not.toContain(CANARY);
    expect(path[0]).toBe(line.split(' ', 1)[0]);
  });
});
