import { describe, expect, test } from 'vitest';
import { cannotAnswer, checksAreErrors, failsByItself } from '../../../src/docker/rehearsal.ts';
import type { ProcessResult } from '../../../src/host/host.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { commandOf, toolsWith } from './support.ts';

const builder = { name: 'default', driver: 'docker', environment: {} } as const;
const ROUTE = { kind: 'buildx', builder, standalone: false } as const;

async function ask(line: string, code: number, result: ProcessResult) {
  const host = fakeHost({ run: () => result });
  const answer = await failsByItself(host, toolsWith(), commandOf(`chalk ${line}`), ROUTE, undefined, code);
  return { answer, asked: host.ran.map(({ args }) => args.join(' ')) };
}
const failed = (code: number, stderr: string): ProcessResult => {
  const result = exited('', code);
  return result.kind === 'exited' ? { ...result, stderr } : result;
};

describe('a build that fails before its first step', () => {
  test('is asked about with the user’s flags, and without those for output', async () => {
    const line =
      'build -qt UPPER: --secret id=x --push -o type=image --iidfile=i --metadata-file m --progress tty .';
    const { answer, asked } = await ask(line, 1, failed(1, 'ERROR: invalid tag'));
    expect(answer).toBe(true);
    expect(asked).toEqual([
      'buildx build --tag=UPPER: --secret=id=x . --call=targets,format=json --progress=rawjson',
    ]);
  });

  test.each([
    ['no failure', exited('{}')],
    ['another exit status', failed(2, 'ERROR: x')],
    ['a builder that had begun', failed(1, '{"vertexes":[]}\nERROR: unsupported request')],
    ['no start', { kind: 'not-started', cause: new Error('x') } as const],
    ['no end', { kind: 'timed-out', afterMs: 1, stderr: '' } as const],
  ])('is unclear with %s', async (_, result) => {
    expect((await ask('build .', 1, result)).answer).toBe(false);
  });

  test('flags that cannot be read are shown to the reader of flags', async () => {
    const { answer, asked } = await ask('build --shm-size=bad -- .', 125, failed(125, 'invalid argument'));
    expect([answer, asked]).toEqual([true, ['buildx build --shm-size=bad --help=true -- .']]);
    expect((await ask('build .', 125, exited('usage'))).answer).toBe(false);
  });
});

describe('an answer that cannot be written', () => {
  const copy = '/tmp/ours/Dockerfile';
  const files = {
    '/work/folder/file': '',
    '/work/old': '',
    '/home/u/.docker/buildx/refs/b/b0/one': JSON.stringify({ DockerfilePath: copy }),
  };
  const row = (status: string) => exited(JSON.stringify({ ref: 'b/b0/one', status }));

  test.each([
    ['no file was named', '', 'Completed', false],
    ['a folder stands there', '--iidfile folder', 'Error', true],
    ['a file stands in its way', '--iidfile old/id', 'Error', true],
    ['no ID file behind a build that went well', '--iidfile nowhere/id', 'Completed', true],
    ['an ID file behind it: another file was the matter', '--iidfile old', 'Completed', false],
    ['a metadata file behind a build that went well', '--metadata-file nowhere/m', 'Completed', true],
    ['the build itself failed', '--iidfile nowhere/id --metadata-file m', 'Error', false],
  ])('%s', async (_, flags, status, expected) => {
    const host = fakeHost({ files, run: () => row(status) });
    const command = commandOf(`build ${flags} .`.replace('  ', ' '));
    expect(await cannotAnswer(host, toolsWith(), command, [], [copy])).toBe(expected);
  });
});

test.each([
  ['error=true', true],
  ['skip=all; error = TRUE', true],
  ['error=false', false],
  ['skip=error', false],
  [undefined, false],
] as const)('checks %j are errors: %j', (value, expected) => {
  expect(checksAreErrors(value)).toBe(expected);
});
