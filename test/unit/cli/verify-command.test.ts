import { describe, expect, test } from 'vitest';
import { verifyCommand, type VerifyOptions } from '../../../src/cli/verify-command.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { newKey } from '../../support/signed-image.ts';

const OPTIONS: VerifyOptions = {
  name: './run.sh',
  keys: [],
  identity: undefined,
  issuer: undefined,
  trustedRoot: undefined,
  policy: undefined,
  platform: undefined,
  offline: true,
  everyLayer: false,
  json: false,
};
const FIRST = '/home/ada/a/rather/long/way/chalk.pub';
const SECOND = '/home/ada/another/chalk.pub';
const THIRD = '/home/ada/cosign.pub';

async function answer(more: Partial<VerifyOptions>) {
  const host = fakeHost({
    files: {
      '/work/run.sh': '#!/bin/sh\necho run\n',
      '/work/chalk.pub': newKey('here').publicKey.pem,
      [FIRST]: newKey('first').publicKey.pem,
      [SECOND]: newKey('second').publicKey.pem,
      [THIRD]: newKey('third').publicKey.pem,
      '/home/ada/policy.json': JSON.stringify({
        version: 1,
        rules: [{ repositories: ['**'], require: ['mark'], keys: ['another/chalk.pub'] }],
      }),
    },
  });
  const status = await verifyCommand(host, [], { ...OPTIONS, ...more }, '/lib/shim');
  expect(host.printed.error).toBe('');
  return { status, lines: host.printed.out.split('\n') };
}

describe('keys in the answer', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['a file name alone stays', ['chalk.pub'], []],
    ['a path is told once', [FIRST], [`key ${FIRST}`]],
    ['several, each', [FIRST, THIRD], [`key ${FIRST}`, `key ${THIRD}`]],
    ['of one name: their paths in every line', [FIRST, SECOND], []],
  ])('%s', async (_, keys, expected) => {
    const { status, lines } = await answer({ keys });
    expect(status).toBe(1);
    expect(lines.filter((line) => line.startsWith('key '))).toEqual(expected);
    expect(lines.slice(0, expected.length)).toEqual(expected);
  });

  test('those of a policy as it names them', async () => {
    const { lines } = await answer({ policy: '/home/ada/policy.json' });
    expect(lines[0]).toBe('key another/chalk.pub');
  });

  test('none for programs', async () => {
    const { lines } = await answer({ keys: [FIRST], json: true });
    expect(lines[0]).toMatch(/^\{/);
  });
});
