import { expect, test } from 'vitest';
import { refusedProgress, refusedValue } from '../../../src/docker/refused-values.ts';
import { commandOf } from './support.ts';

const NO_TERMINAL = { stderrIsTerminal: false };

const refused = (
  flags: string,
  env: Readonly<Record<string, string>> = {},
  terminal = { stderrIsTerminal: true },
) => refusedValue(commandOf(`build ${flags} .`.replaceAll(/ +/g, ' ')).items, { env, terminal });

test.each([
  '--progress=no-such',
  '--progress plain --progress no-such',
  '--progress=plain -q',
  '-o type=no-such',
  '-o type=',
  '-o type=image,name=x -o type=no-such,dest=x',
  '--push',
  '-o type=registry',
  '-o type=image,push=true',
  '-o type=image,name=,push=true',
  '-o type=image --push',
])('docker refuses %s by itself', (flags) => {
  expect(refused(flags)).toMatch(/\w/);
});

test.each([
  '',
  '--progress=tty',
  '--progress=auto -q',
  '--progress=quiet -q',
  '--progress=none',
  '-o out',
  '-o -',
  '-o type=oci,dest=x.tar',
  '-o type=docker --push=false',
  '-t x --push',
  '-o type=registry,name=x',
  '-o type=registry -t x',
  '-o type=image,"name=x,y",push=true',
  '-o type=image,name=x --push',
])('nothing is wrong with %s', (flags) => {
  expect(refused(flags)).toBeUndefined();
});

test('the environment counts where the flag says nothing', () => {
  const env = { BUILDKIT_PROGRESS: 'no-such' };
  expect(refused('', env)).toMatch(/no-such/);
  expect(refused('--progress=auto', env)).toMatch(/no-such/);
  expect(refused('--progress=plain', env)).toBeUndefined();
  expect(refused('-q', env)).toBeUndefined();
  expect(refused('', { BUILDKIT_PROGRESS: 'plain' })).toBeUndefined();
  expect(
    refusedProgress(commandOf('bake --progress=no-such').items, { env: {}, terminal: NO_TERMINAL }),
  ).toMatch(/no-such/);
});

test('a terminal’s progress wants one', () => {
  expect(refused('--progress=tty', {}, NO_TERMINAL)).toMatch(/terminal/);
  expect(refused('', { BUILDKIT_PROGRESS: 'tty' }, NO_TERMINAL)).toMatch(/terminal/);
  expect(refused('--progress=plain', { BUILDKIT_PROGRESS: 'tty' }, NO_TERMINAL)).toBeUndefined();
});
