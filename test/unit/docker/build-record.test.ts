import { describe, expect, test } from 'vitest';
import { areCompleted, findFailedStep } from '../../../src/docker/build-record.ts';
import { readBuildMetadata } from '../../../src/docker/run-build.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { toolsWith } from './support.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const listed = (ref: string, status = 'Error') => JSON.stringify({ ref: `b/b0/${ref}`, status, name: 'x' });
const record = (Dockerfile: string, Sources?: string) =>
  JSON.stringify({
    Dockerfile,
    Error: { Message: 'exit code: 1', ...(Sources === undefined ? {} : { Sources: base64(Sources) }) },
  });

async function stepOf(list: string, records: Readonly<Record<string, string>>) {
  const host = fakeHost({
    run: ({ args }) => {
      if (args.includes('ls')) return exited(list);
      return exited(records[args.at(-1) ?? ''] ?? '', records[args.at(-1) ?? ''] === undefined ? 1 : 0);
    },
  });
  return {
    host,
    step: await findFailedStep(host, toolsWith(), ['--builder', 'b'], '/tmp/ours/file/Dockerfile'),
  };
}

describe('where a build failed', () => {
  const ours = record(
    '/tmp/ours/file/Dockerfile',
    'Dockerfile:12\n--------------------\n  12 | >>> RUN false\n',
  );

  test('is read from the builder’s own record', async () => {
    const { host, step } = await stepOf(listed('one'), { one: ours });
    expect(step).toEqual({ kind: 'at-line', line: 12, message: 'exit code: 1' });
    expect(host.ran.map(({ args }) => args.join(' '))).toEqual([
      'buildx --builder b history ls --no-trunc --format json',
      'buildx --builder b history inspect --format json one',
    ]);
  });

  test('is looked for in the record that names our copy of the Dockerfile', async () => {
    const list = [listed('ok', 'Completed'), listed('other'), listed('broken'), listed('ours')].join('\n');
    const records = { other: record('/work/Dockerfile', 'Dockerfile:1\n'), broken: '{', ours };
    expect((await stepOf(list, records)).step).toMatchObject({ kind: 'at-line', line: 12 });
  });

  test('is found by a path from the working folder, too', async () => {
    const { step } = await stepOf(listed('one'), { one: record('../tmp/ours/file/Dockerfile', 'x:3\n') });
    expect(step).toMatchObject({ kind: 'at-line', line: 3 });
  });

  test.each([
    ['no history at all', '', {}],
    ['no JSON', 'buildx: unknown command', {}],
    ['only good builds', listed('one', 'Completed'), { one: ours }],
    ['only other builds', listed('one'), { one: record('/work/Dockerfile', 'Dockerfile:1\n') }],
    ['no error in the record', listed('one'), { one: '{}' }],
  ])('is unclear with %s', async (_, list, records) => {
    expect((await stepOf(list, records)).step.kind).toBe('unclear');
  });

  test.each([undefined, '', 'no line here', 'x'])(
    'is unclear where the record shows no line: %s',
    async (sources) => {
      const { step } = await stepOf(listed('one'), { one: record('/tmp/ours/file/Dockerfile', sources) });
      expect(step).toEqual({ kind: 'unclear', why: 'the build failed outside any line: exit code: 1' });
    },
  );
});

describe('what buildx notes of its builds', () => {
  const noted = (ref: string, DockerfilePath: string): Record<string, string> => ({
    [`/home/u/.docker/buildx/refs/b/b0/${ref}`]: JSON.stringify({ Target: 'default', DockerfilePath }),
  });

  test('leads to the record, however many others failed meanwhile', async () => {
    const others = Array.from({ length: 50 }, (_, index) => `other${index}`);
    const files = {
      ...noted('ours', '/tmp/ours/file/Dockerfile'),
      ...Object.fromEntries(others.flatMap((ref) => Object.entries(noted(ref, '/work/Dockerfile')))),
    };
    const host = fakeHost({
      files,
      run: ({ args }) =>
        exited(
          args.includes('ls')
            ? [...others, 'ours'].map((ref) => listed(ref)).join('\n')
            : record('x', 'x:3\n'),
        ),
    });
    const step = await findFailedStep(host, toolsWith(), [], '/tmp/ours/file/Dockerfile');
    expect(step).toMatchObject({ kind: 'at-line', line: 3 });
    expect(host.ran).toHaveLength(2);
  });

  test('may be missing: then few records are looked at', async () => {
    const others = Array.from({ length: 50 }, (_, index) => listed(`other${index}`));
    const { host, step } = await stepOf(others.join('\n'), {});
    expect([step.kind, host.ran.length]).toEqual(['unclear', 5]);
  });
});

test('a build that has a provenance failed at its output', async () => {
  const Attachments = [{ Type: 'https://slsa.dev/provenance/v0.2' }];
  const Dockerfile = '/tmp/ours/file/Dockerfile';
  const stepWith = async (Error: object) =>
    (await stepOf(listed('one'), { one: JSON.stringify({ Dockerfile, Attachments, Error }) })).step;
  expect(await stepWith({ Message: 'failed to push' })).toEqual({
    kind: 'in-output',
    message: 'failed to push',
  });
  expect(await stepWith({ Message: 'x', Name: '[2/3] RUN x' })).toMatchObject({ kind: 'unclear' });
  expect(await stepWith({})).toMatchObject({ kind: 'unclear' });
});

describe('a metadata file', () => {
  const read = async (text: string) => readBuildMetadata(fakeHost({ files: { '/m': text } }), '/m');

  test('tells the digests', async () => {
    const text = JSON.stringify({
      'buildx.build.ref': 'b/b0/ref',
      'containerimage.digest': 'sha256:a',
      'containerimage.config.digest': 'sha256:c',
      'containerimage.descriptor': { mediaType: 'application/vnd.oci.image.index.v1+json', size: 1 },
      'image.name': 'one:1,two:2',
      other: {},
    });
    expect(await read(text)).toEqual({
      digest: 'sha256:a',
      configDigest: 'sha256:c',
      mediaType: 'application/vnd.oci.image.index.v1+json',
      names: ['one:1', 'two:2'],
      buildRef: 'b/b0/ref',
    });
  });

  test('may say nothing', async () => {
    expect(await read('{}')).toMatchObject({ digest: undefined, names: [] });
  });

  test.each(['', 'null', '[]x', '{"containerimage.digest":1}'])('%s is none', async (text) => {
    expect(await read(text)).toBeUndefined();
  });

  test('may be missing', async () => {
    expect(await readBuildMetadata(fakeHost(), '/m')).toBeUndefined();
  });
});

test('a context whose files cannot be read is told from every other step without a line', async () => {
  const failedAt = (Name: string) =>
    JSON.stringify({ Dockerfile: '/tmp/ours/file/Dockerfile', Error: { Message: 'bad pattern', Name } });
  const stepAt = async (name: string) => (await stepOf(listed('one'), { one: failedAt(name) })).step;
  expect(await stepAt('[internal] load build context')).toEqual({
    kind: 'in-context',
    message: 'bad pattern',
  });
  expect((await stepAt('[context chalk-payload] load from client')).kind).toBe('unclear');
  const ignoreFile = JSON.stringify({
    Dockerfile: '/tmp/ours/file/Dockerfile',
    Error: { Message: 'syntax error in pattern' },
  });
  expect((await stepOf(listed('one'), { one: ignoreFile })).step.kind).toBe('in-context');
});

describe('builds that were done', () => {
  const [a, b] = ['/tmp/ours/a/Dockerfile', '/tmp/ours/b/Dockerfile'];
  const done = (list: readonly string[], noted: Readonly<Record<string, string>>, dockerfiles: string[]) => {
    const files = Object.fromEntries(
      Object.entries(noted).map(([ref, DockerfilePath]) => [
        `/home/u/.docker/buildx/refs/b/b0/${ref}`,
        JSON.stringify({ DockerfilePath }),
      ]),
    );
    const host = fakeHost({ files, run: () => exited(list.join('\n')) });
    return areCompleted(host, toolsWith(), [], dockerfiles);
  };

  test.each([
    ['the one', [listed('one', 'Completed')], { one: a }, [a], true],
    ['one that failed', [listed('one')], { one: a }, [a], false],
    ['another’s', [listed('one', 'Completed')], { one: '/work/Dockerfile' }, [a], false],
    ['one without notes', [listed('one', 'Completed')], {}, [a], false],
    ['one of two', [listed('one', 'Completed'), listed('two')], { one: a, two: b }, [a, b], false],
    ['both', [listed('x', 'Completed'), listed('y', 'Completed')], { x: a, y: b }, [a, b], true],
    ['no history', [], {}, [a], false],
  ] as const)('%s', async (_, list, noted, dockerfiles, expected) => {
    expect(await done(list, noted, [...dockerfiles])).toBe(expected);
  });
});
