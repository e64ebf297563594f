import { describe, expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { chooseSinks, defaultReportFile, deliver, type Sink } from '../../../src/report/index.ts';
import { fakeHost } from '../../support/fake-host.ts';

describe('the default file', () => {
  test.each([
    [{ HOME: '/home/u' }, '/home/u/.local/state/docker-chalk/reports.jsonl'],
    [{ HOME: '/home/u', XDG_STATE_HOME: '/state' }, '/state/docker-chalk/reports.jsonl'],
    [{ HOME: '/home/u', XDG_STATE_HOME: '' }, '/home/u/.local/state/docker-chalk/reports.jsonl'],
    [{ HOME: '/home/u', XDG_STATE_HOME: 'relative' }, '/home/u/.local/state/docker-chalk/reports.jsonl'],
    [{ HOME: '' }, '/.local/state/docker-chalk/reports.jsonl'],
    [{}, '/.local/state/docker-chalk/reports.jsonl'],
  ])('with %j is %s', (env, path) => {
    expect(defaultReportFile(fakeHost({ env }))).toBe(path);
  });
});

describe('sinks', () => {
  test.each([
    [[], '/state/docker-chalk/reports.jsonl'],
    [['-'], '-'],
    [['x', '/y'], '/work/x /y'],
    [['-', 'x', '-', 'x'], '- /work/x'],
  ])('for --report %j are %s', (asked, names) => {
    const sinks = chooseSinks(fakeHost({ env: { XDG_STATE_HOME: '/state' } }), asked);
    expect(sinks.map(({ name }) => name).join(' ')).toBe(names);
  });

  test('append a line to a file only its owner can read', async () => {
    const host = fakeHost();
    for (const line of ['one\n', 'two\n']) await deliver(chooseSinks(host, ['r.jsonl']), line);
    expect(host.disk.get('/work/r.jsonl')).toEqual({ content: 'one\ntwo\n', mode: 0o600 });
  });

  test('print where that was asked for', async () => {
    const host = fakeHost();
    await deliver(chooseSinks(host, ['-']), 'one\n');
    expect(host.printed).toEqual({ out: 'one\n', error: '' });
  });

  test('set a file aside that has grown large', async () => {
    const old = 'x'.repeat(64 * 1024 * 1024 + 1);
    const host = fakeHost({ files: { '/r': old, '/r.1': 'older' } });
    expect(await deliver(chooseSinks(host, ['/r']), 'new\n')).toEqual([]);
    expect(host.disk.get('/r')?.content).toBe('new\n');
    expect(host.disk.get('/r.1')?.content).toHaveLength(old.length);
  });
});

describe('a dead sink', () => {
  const dead = (send: Sink['send']): Sink => ({ name: 'dead', send });
  const kinds: [string, Sink, string][] = [
    ['rejects', dead(() => Promise.reject(new ChalkError('SINK_FAILED', 'known'))), 'SINK_FAILED: known'],
    ['rejects with anything', dead(() => Promise.reject(new Error('odd'))), 'SINK_FAILED: odd'],
    [
      'throws at once',
      dead(() => {
        throw new Error('at once');
      }),
      'SINK_FAILED: at once',
    ],
  ];

  test.each(kinds)('that %s stops no other', async (_, sink, message) => {
    const host = fakeHost();
    const failures = await deliver([sink, ...chooseSinks(host, ['-']), sink], 'one\n');
    expect(host.printed.out).toBe('one\n');
    expect(failures.map(({ code, message: text }) => `${code}: ${text}`)).toEqual([message, message]);
  });

  test('is a file that cannot be written, and what to do is said', async () => {
    const host = fakeHost();
    const files = { ...host.files, append: () => Promise.reject(new Error('read-only')) };
    const [failure] = await deliver(chooseSinks({ ...host, files }, ['/r']), 'one\n');
    expect(failure).toMatchObject({ code: 'SINK_FAILED', message: 'the report could not be written to /r' });
    expect(failure?.hint).toContain('--report');
  });
});
