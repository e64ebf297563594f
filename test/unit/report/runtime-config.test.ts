import { expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { runtimeConfig } from '../../../src/report/runtime-config.ts';

test('nothing asked for, no file', () => {
  expect(runtimeConfig([])).toBeUndefined();
});

test.each([
  ['-', { type: 'stdout' }],
  ['/var/log/chalk.jsonl', { type: 'file', path: '/var/log/chalk.jsonl' }],
  ['https://reports.example.com/a?b=c', { type: 'https', url: 'https://reports.example.com/a?b=c' }],
  ['HTTPS://Reports.Example.com', { type: 'https', url: 'https://reports.example.com/' }],
  ['http://localhost:8080/', { type: 'https', url: 'http://localhost:8080/' }],
])('%s', (destination, sink) => {
  expect(JSON.parse(runtimeConfig([destination]) ?? '')).toEqual({ sinks: [sink] });
});

test('several destinations keep their order, in one line', () => {
  expect(runtimeConfig(['/a', '-'])).toBe('{"sinks":[{"type":"file","path":"/a"},{"type":"stdout"}]}\n');
});

test.each([
  '',
  'relative/file',
  './x',
  'reports.example.com',
  'ftp://host/',
  'file:///x',
  'https://',
  'ssh://host/x',
])('%j is refused', (destination) => {
  expect(() => runtimeConfig([destination])).toThrow(
    expect.objectContaining({
      code: 'ARGV_BAD_VALUE',
      hint: 'for example --runtime-report https://reports.example.com/',
    }),
  );
});

test.each([
  'https://user:canary@host/',
  'https://canary@host/',
  'http://:canary@host/',
  'ssh://user:canary@host/x',
])('%s would put a password into every image; it is not even printed', (destination) => {
  let message = '';
  try {
    runtimeConfig(['-', destination]);
  } catch (error) {
    message = error instanceof ChalkError ? error.message : 'no ChalkError';
  }
  expect(message).toMatch(/^--runtime-report /);
  expect(message).not.toContain('canary');
});
