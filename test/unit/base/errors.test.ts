import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asChalkError, ChalkError, describeError, ERROR_CODES } from '../../../src/base/errors.ts';
import { EXIT, exitCodeOf } from '../../../src/cli/exit-codes.ts';

const SRC = join(import.meta.dirname, '..', '..', '..', 'src');

/** Where codes are listed and mapped, which uses none of them. */
const LISTS = ['base/errors.ts', 'cli/exit-codes.ts'];

const README = readFileSync(join(SRC, '..', 'README.md'), 'utf8');

const used = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !LISTS.includes(name))
  .map((name) => readFileSync(join(SRC, name), 'utf8'))
  .join('\n');

describe('every error code', () => {
  test.each(ERROR_CODES)('%s has an exit status that is no success', (code) => {
    expect(Object.values(EXIT)).toContain(exitCodeOf(code));
    expect(exitCodeOf(code)).not.toBe(0);
  });

  test('is thrown somewhere', () => {
    expect(ERROR_CODES.filter((code) => !used.includes(`'${code}'`))).toEqual([]);
  });

  test('is explained in the README, and no other', () => {
    const explained = [...README.matchAll(/^\| (`[A-Z_`, ]+`) /gm)].flatMap(([, codes = '']) =>
      codes.split(', ').map((code) => code.replaceAll('`', '')),
    );
    expect(explained.toSorted()).toEqual([...ERROR_CODES].toSorted());
  });

  test('stands once', () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
  });
});

describe('exit statuses', () => {
  test.each([
    ['ARGV_USAGE', 125],
    ['ARGV_UNKNOWN_FLAG', 125],
    ['ARGV_BAD_VALUE', 125],
    ['DOCKER_NOT_FOUND', 127],
    ['MARK_INVALID', 2],
    ['INTERNAL', 1],
  ] as const)('%s ends with %i', (code, status) => {
    expect(exitCodeOf(code)).toBe(status);
  });
});

describe('asChalkError', () => {
  test('leaves ours as it is', () => {
    const error = new ChalkError('GIT_FAILED', 'x');
    expect(asChalkError(error, 'SINK_FAILED')).toBe(error);
  });

  test.each([
    [new TypeError('boom'), 'boom'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [null, 'null'],
  ])('wraps %s, which stays the cause', (thrown, message) => {
    const error = asChalkError(thrown, 'SINK_FAILED');
    expect(error).toMatchObject({ name: 'ChalkError', code: 'SINK_FAILED', message });
    if (thrown !== undefined) expect(error.cause).toBe(thrown);
    expect(asChalkError(thrown).code).toBe('INTERNAL');
  });
});

test('a line for a person has the code, the message and the hint', () => {
  expect(describeError(new ChalkError('GIT_FAILED', 'x'))).toBe('GIT_FAILED: x');
  expect(describeError(new ChalkError('GIT_FAILED', 'x', { hint: 'do y' }))).toBe('GIT_FAILED: x (do y)');
});
