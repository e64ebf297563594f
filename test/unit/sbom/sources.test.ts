import { expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { type Attempt, SBOM_LIMITS, type SbomFormat, type SbomSource } from '../../../src/sbom/sbom.ts';
import { demanded, firstOf, programSource } from '../../../src/sbom/sources.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { inRegistry, SPDX } from './support.ts';

const asked: string[] = [];
const source = (name: string, answer: Attempt | Error): SbomSource => ({
  make: async () => {
    asked.push(name);
    if (answer instanceof Error) throw answer;
    return answer;
  },
});
const absent = (why: string): Attempt => ({ kind: 'absent', why });
const made: Attempt = {
  kind: 'made',
  sbom: { format: 'spdx', predicateType: 'p', text: '{}', tool: { name: 't', version: '1' }, origin: 'syft' },
};
const make = (of: SbomSource, format: SbomFormat = 'spdx') => of.make(inRegistry(), format);

test('the first that has one; the rest is not asked', async () => {
  asked.length = 0;
  const sources = [source('a', absent('no a')), source('b', made), source('c', new Error('c'))];
  await expect(make(firstOf(sources))).resolves.toBe(made);
  expect(asked).toEqual(['a', 'b']);
});

test('a source that fails is passed over, and told where nobody has one', async () => {
  const broken = source('a', new ChalkError('RESPONSE_INVALID', 'broken'));
  await expect(make(firstOf([broken, source('b', made)]))).resolves.toBe(made);
  const second = source('b', new ChalkError('SBOM_FAILED', 'second'));
  await expect(make(firstOf([absentee(), broken, second]))).rejects.toMatchObject({ message: 'broken' });
  await expect(make(firstOf([source('x', new TypeError('x'))]))).rejects.toMatchObject({
    code: 'SBOM_FAILED',
  });

  function absentee() {
    return source('z', absent('no z'));
  }
});

test('where nobody has one, every reason is told', async () => {
  const none = firstOf([source('a', absent('no a')), source('b', absent('no b'))]);
  await expect(make(none)).resolves.toEqual(absent('no a; no b'));
  await expect(make(demanded(none, 'do this'))).rejects.toMatchObject({
    code: 'SBOM_FAILED',
    message: 'there is no SBOM of registry.example/app: no a; no b',
    hint: 'do this',
  });
  await expect(make(demanded(source('a', made), ''))).resolves.toBe(made);
});

test('what a program prints is believed after it was read', async () => {
  const tool = { name: 'syft', version: '9' };
  const program = (text: string) =>
    programSource(fakeHost(), 'syft', SBOM_LIMITS, async () => ({ tool, make: async () => text }));
  const text = JSON.stringify(SPDX);
  await expect(make(program(text))).resolves.toMatchObject({
    kind: 'made',
    sbom: { text, tool, origin: 'syft' },
  });
  await expect(make(program('{}'))).rejects.toMatchObject({ message: /^what syft printed is no SPDX/ });
  await expect(
    make(programSource(fakeHost(), 'syft', SBOM_LIMITS, async () => ({ absent: 'none here' }))),
  ).resolves.toEqual(absent('none here'));
});
