import { describe, expect, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import type { AttachedResult } from '../../../src/host/host.ts';
import { exited, type FakeHost, fakeHost } from '../../support/fake-host.ts';

const BUILDX = '/usr/libexec/docker/cli-plugins/docker-buildx';

interface Printed {
  dockerfile: string;
  context: string;
  contexts?: Record<string, string>;
  output?: readonly string[];
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
    readonly files?: Readonly<Record<string, string>>;
  } = {},
): FakeHost {
  const { print = printed, attach = () => ({ kind: 'exited', code: 0 }), records } = options;
  return fakeHost({
    env: { PATH: '/usr/bin', HOME: '/home/u' },
    programs: ['/usr/bin/docker', BUILDX],
    files: {
      '/work/Dockerfile': 'FROM scratch\nCMD ["a"]\n',
      '/work/B': 'FROM scratch\nCMD ["b"]\n',
      ...options.files,
    },
    run: ({ args }) => {
      if (args.includes('--print=true')) {
        const target = print(args);
        return target === undefined ? exited('', 125) : exited(JSON.stringify({ target }));
      }
      if (args.includes('{{json .DriverStatus}}')) {
        return exited('[["driver-type","io.containerd.snapshotter.v1"]]');
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

test('a CHALK_SBOM that is none stops nothing, and is said once', async () => {
  const host = hostWith();
  const env = { ...host.env, CHALK_SBOM: 'magic' };
  const words = ['chalk', '--no-wrap', '--no-report', 'bake', '--pull'];
  expect(await run({ ...host, env }, words)).toEqual({ kind: 'exited', code: 0 });
  expect(lines(host)).toHaveLength(1);
  expect(host.printed.error).toMatch(
    /^docker chalk: no SBOM: CONFIG_INVALID: CHALK_SBOM is "magic", not .*\n$/,
  );
});

test('an --sbom that is none is refused before anything is built', async () => {
  const host = hostWith();
  await expect(chalk(host, ['--sbom=magic'])).rejects.toMatchObject({ code: 'ARGV_BAD_VALUE' });
  expect(host.attached).toEqual([]);
});

test('--sbom=docker: BuildKit is asked in the run that marks, and not in the one as typed', async () => {
  const host = hostWith({ attach: (args) => ({ kind: 'exited', code: args.length > 3 ? 1 : 0 }) });
  await chalk(host, ['--no-sign', '--sbom=docker']);
  const [marked = '', typed] = lines(host);
  expect(marked).toContain(' --set=*.attest=type=sbom');
  expect(typed).toBe(AS_TYPED);
});

describe('a target no lines can be added for', () => {
  const foreign = { '/work/B': '# syntax=example.com/other\nFROM scratch\n' };

  test('is built as it is in the same run, and looked for behind it', async () => {
    const host = hostWith({ files: foreign });
    expect(await chalk(host)).toEqual({ kind: 'exited', code: 0 });
    const [line = '', ...others] = lines(host);
    expect(others).toEqual([]);
    expect(line).toContain('--set=a.dockerfile=');
    expect(line).toContain(' --set=b.dockerfile=B ');
    expect(host.ran.map(({ args }) => args.slice(0, 3).join(' '))).toContain('image ls --all');
    // Nobody has the image here.
    expect(host.printed.error).toMatch(/^docker chalk: the image of b has no mark: IMAGE_NOT_FOUND.*\n$/);
  });

  test('that was not marked is a failure in strict mode, behind a bake that went well', async () => {
    const host = hostWith({ files: foreign });
    expect(await chalk(host, ['--strict'])).toEqual({ kind: 'exited', code: 1 });
    expect(lines(host)).toHaveLength(1);
  });

  test('is left alone where the bake fails', async () => {
    const host = hostWith({ files: foreign, attach: () => ({ kind: 'exited', code: 130 }) });
    expect(await chalk(host)).toEqual({ kind: 'exited', code: 130 });
    expect(host.printed.error).toBe('');
  });

  test('gets labels where its image goes elsewhere, and stops a strict bake', async () => {
    const print = (args: readonly string[]) => {
      const { a = NOWHERE, b = NOWHERE } = printed(args);
      return { a, b: { ...b, output: ['type=oci,dest=b.tar'] } };
    };
    const host = hostWith({ files: foreign, print });
    const stopped = await chalk(host, ['--strict']).catch((thrown: unknown) => thrown);
    expect(stopped).toMatchObject({ code: 'BUILD_UNMARKED' });
    expect(lines(host)).toEqual([]);
  });
});

const NOWHERE: Printed = { dockerfile: 'nowhere', context: '.' };

test('a progress mode that is none is docker’s to refuse, at once', async () => {
  const host = hostWith({ attach: () => ({ kind: 'exited', code: 1 }) });
  await run(host, ['chalk', '--no-report', 'bake', '--progress=no-such']);
  expect(lines(host)).toEqual(['buildx bake --progress=no-such']);
});

test('a push of a target without a name is docker’s to refuse, at once', async () => {
  const print = (args: readonly string[]) => {
    const { a = NOWHERE, b = NOWHERE } = printed(args);
    return { a, b: { ...b, output: ['type=image,push=true'] } };
  };
  const host = hostWith({ print, attach: () => ({ kind: 'exited', code: 1 }) });
  await chalk(host);
  expect(lines(host)).toEqual([AS_TYPED]);
});
