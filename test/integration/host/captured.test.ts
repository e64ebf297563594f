import { expect, test } from 'vitest';
import { attachProcess } from '../../../src/host/attached.ts';

const run = (script: string, captureStdout: boolean) =>
  attachProcess({ file: '/bin/sh', args: ['-c', script], env: {}, captureStdout }, false);

test('standard output is kept to the last byte, with the exit status', async () => {
  const script = 'i=0; while [ $i -lt 5000 ]; do echo 0123456789; i=$((i+1)); done; printf end; exit 3';
  expect(await run(script, true)).toEqual({
    kind: 'exited',
    code: 3,
    stdout: `${'0123456789\n'.repeat(5000)}end`,
  });
});

test('a program that is killed keeps what it said', async () => {
  expect(await run('printf said; kill -9 $$', true)).toEqual({
    kind: 'killed',
    signal: 'SIGKILL',
    stdout: 'said',
  });
});

test('without being asked nothing is kept', async () => {
  expect(await run('exit 0', false)).toEqual({ kind: 'exited', code: 0 });
});
