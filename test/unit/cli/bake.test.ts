import { expect, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import type { AttachedResult } from '../../../src/host/host.ts';
import { exited, type FakeHost, fakeHost } from '../../support/fake-host.ts';

const BUILDX = '/usr/libexec/docker/cli-plugins/docker-buildx';

interface Printed {
  dockerfile: string;
  context: string;
  contexts?: Record<string, string>;
}
type Definition = Record<string, Printed>;

/** A buildx that answers `--print`, with `--set` applied as far as these tests need it. */
function printed(args: readonly string[]): Definition {
  const definition: Definition = {
    a: { dockerfile: 'Dockerfile', context: '.' },
    b: { dockerfile: 'B', context: '.' },
  };
  for (const word of args.filter((each) => each.startsWith('--set='))) {
    const [, name = '', key = '', value = ''] = /^--set=(\w+)\.([^=]*)=(.*)$/.exec(word) ?? [];
    const target = definition[name];
    if (target === undefined || value === '') continue;
    if (key === 'dockerfile') target.dockerfile = value;
    else target.contexts = { [key.replace('contexts.', '')]: value };
  }
  return definition;
}

function hostWith(
  options: {
    readonly print?: (args: readonly string[]) => Definition | undefined;
    readonly attach?: (args: readonly string[]) => AttachedResult;
    readonly records?: readonly [list: string, record: string];
  } = {},
): FakeHost {
  const { print = printed, attach = () => ({ kind: 'exited', code: 0 }), records } = options;
  return fakeHost({
    env: { PATH: '/usr/bin', HOME: '/home/u' },
    programs: ['/usr/bin/docker', BUILDX],
    files: {
      '/work/Dockerfile': 'FROM scratch\nCMD ["a"]\n',
      '/work/B': 'FROM scratch\nCMD ["b"]\n',
    },
    run: ({ args }) => {
      if (args.includes('--print=true')) {
        const target = print(args);
        return target === undefined ? exited('', 125) : exited(JSON.stringify({ target }));
      }
      if (args.includes('version')) return exited('28.0.0 28.0.0 linux/amd64');
      if (args.includes('ls')) return exited(records?.[0] ?? '');
      if (args.includes('inspect') && args.includes('history')) return exited(records?.[1] ?? '');
      return exited('', 1);
    },
    attach: ({ args }) => attach(args),
  });
}
const lines = (host: FakeHost) => host.attached.map(({ args }) => args.join(' '));
const AS_TYPED = 'buildx bake --pull';
const chalk = (host: FakeHost, more: readonly string[] = []) =>
  run(host, ['chalk', '--no-wrap', '--no-report', ...more, 'bake', '--pull']);

test('a bake with its changes', async () => {
  const host = hostWith();
  expect(await chalk(host)).toEqual({ kind: 'exited', code: 0 });
  const [line = '', ...others] = lines(host);
  expect(others).toEqual([]);
  expect(line).toMatch(/^buildx bake --pull --set=a\.dockerfile=\/tmp\//);
  expect(line.match(/ --set=b\.contexts\.chalk-payload=\S+ /)).not.toBeNull();
  expect(line.match(/ --allow=fs\.read=\/tmp\/\S+ /g)?.length).toBeGreaterThan(0);
  expect(line).toMatch(/ --metadata-file=\S+$/);
  expect(host.printed).toEqual({ out: '', error: '' });
});

test.each<[string, (args: readonly string[]) => Definition | undefined]>([
  ['a definition that buildx cannot read', () => undefined],
  [
    'a buildx that knows no --allow',
    (args) => (args.some((w) => w.startsWith('--allow')) ? undefined : printed(args)),
  ],
  [
    'a target that would get what is another’s',
    (args) => ({ ...printed(args), b: { ...printed(args)['a'], dockerfile: '/x', context: '.' } }),
  ],
  [
    'a target more',
    (args) =>
      args.some((w) => w.startsWith('--set'))
        ? { ...printed(args), c: { dockerfile: 'C', context: '.' } }
        : printed(args),
  ],
  ['a Dockerfile that is not there', () => ({ a: { dockerfile: 'nowhere', context: '.' } })],
  ['a context that buildx asks leave for', () => ({ a: { dockerfile: 'Dockerfile', context: '..' } })],
])('as typed: %s', async (_, print) => {
  const host = hostWith({ print, attach: () => ({ kind: 'exited', code: 3 }) });
  expect(await chalk(host)).toEqual({ kind: 'exited', code: 3 });
  expect(lines(host)).toEqual([AS_TYPED]);
  expect(host.printed).toEqual({ out: '', error: '' });
});

test('a failure nobody can tell apart from ours: as typed, once more', async () => {
  const host = hostWith({ attach: (args) => ({ kind: 'exited', code: args.length > 3 ? 1 : 0 }) });
  expect(await chalk(host)).toEqual({ kind: 'exited', code: 0 });
  expect(lines(host)).toHaveLength(2);
  expect(lines(host)[1]).toBe(AS_TYPED);
  expect(host.printed.error).toMatch(/^docker chalk: building without a mark: .*\n$/);
});

test.each([130, 0])('exit status %i: not once more', async (code) => {
  const host = hostWith({ attach: () => ({ kind: 'exited', code }) });
  expect(await chalk(host)).toEqual({ kind: 'exited', code });
  expect(lines(host)).toHaveLength(1);
});

test('a step of the user’s that failed: not once more', async () => {
  const record = (line: number) =>
    JSON.stringify({
      Dockerfile: '/tmp/docker-chalk-x/file/Dockerfile',
      Error: {
        Message: 'exit code: 9',
        Sources: Buffer.from(`Dockerfile:${line}\n---\n`).toString('base64'),
      },
    });
  const listed = '{"ref":"b/b/one","status":"Error"}';
  for (const [line, runs] of [
    [2, 1],
    [6, 2],
  ] as const) {
    const host = hostWith({ attach: () => ({ kind: 'exited', code: 9 }), records: [listed, record(line)] });
    expect(await chalk(host)).toEqual({ kind: 'exited', code: 9 });
    expect(lines(host), `line ${line}`).toHaveLength(runs);
  }
});
