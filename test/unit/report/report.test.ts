import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { ChalkError } from '../../../src/base/errors.ts';
import { newActionId, type ReportContent, writeReport } from '../../../src/report/index.ts';

/** zod keeps the order of a record's keys, not of an object's. */
const Objects = z.array(z.record(z.string(), z.unknown()));

const CONTENT: ReportContent = {
  operation: 'build',
  actionId: '0123456789abcdef',
  host: { _TIMESTAMP: 5, _OP_ARGV: ['docker'], _ENV: undefined, _DATETIME: 'now' },
  chalks: [],
  errors: [],
};

describe('a report', () => {
  test('is one line of JSON, an array of one object', () => {
    const text = writeReport({ ...CONTENT, chalks: [{ MAGIC: 'x', TEXT: 'a\nb\u2028c' }] });
    expect(text.endsWith('\n')).toBe(true);
    expect(text.slice(0, -1)).not.toContain('\n');
    expect(JSON.parse(text)).toHaveLength(1);
  });

  test('leaves out what is not known and what is empty', () => {
    expect(JSON.parse(writeReport(CONTENT))).toEqual([
      {
        _OPERATION: 'build',
        _TIMESTAMP: 5,
        _DATETIME: 'now',
        _OP_ARGV: ['docker'],
        _ACTION_ID: '0123456789abcdef',
        _OP_CHALK_COUNT: 0,
      },
    ]);
  });

  test('has its keys in Chalk’s order', () => {
    const text = writeReport({
      ...CONTENT,
      host: { _Z: 1, _A: 2, ...CONTENT.host },
      chalks: [{ Z: 1, _CURRENT_HASH: 'h', METADATA_ID: 'm', A: 2, CHALK_ID: 'c', MAGIC: 'x' }],
      errors: [new ChalkError('INTERNAL', 'why')],
      exitCode: 3,
    });
    const [report] = Objects.parse(JSON.parse(text));
    expect(Object.keys(report ?? {})).toEqual([
      '_OPERATION',
      '_TIMESTAMP',
      '_DATETIME',
      '_CHALKS',
      '_A',
      '_ACTION_ID',
      '_OP_ARGV',
      '_OP_ERRORS',
      '_OP_EXIT_CODE',
      '_Z',
      '_OP_CHALK_COUNT',
    ]);
    expect(Object.keys(Objects.parse(report?.['_CHALKS'])[0] ?? {})).toEqual([
      'MAGIC',
      'CHALK_ID',
      'A',
      'Z',
      '_CURRENT_HASH',
      'METADATA_ID',
    ]);
  });

  test('says what went wrong, with code and hint', () => {
    const errors = [
      new ChalkError('SINK_FAILED', 'no', { hint: 'try', cause: new Error('canary') }),
      new ChalkError('GIT_FAILED', 'b'),
    ];
    const text = writeReport({ ...CONTENT, errors, exitCode: 0 });
    expect(JSON.parse(text)).toMatchObject([
      { _OP_ERRORS: ['SINK_FAILED: no (try)', 'GIT_FAILED: b'], _OP_EXIT_CODE: 0 },
    ]);
  });

  test('counts its artifacts', () => {
    const chalks = [{ MAGIC: 'x' }, { MAGIC: 'y' }];
    expect(JSON.parse(writeReport({ ...CONTENT, chalks }))).toMatchObject([
      { _OP_CHALK_COUNT: 2, _CHALKS: chalks },
    ]);
  });
});

test('an action id is 16 hex digits', () => {
  expect(newActionId(new Uint8Array([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]))).toBe('00010203fcfdfeff');
  expect(() => newActionId(new Uint8Array(7))).toThrow(ChalkError);
});
