import { expect, test } from 'vitest';
import { formatPlatform } from '../../../src/base/platform.ts';
import { inline, plan } from './support.ts';

const VARIABLE = '${TARGETOS}-${TARGETARCH}${TARGETVARIANT:+-$TARGETVARIANT}';
const CMD = 'FROM scratch\nCMD ["/a"]\n';

test('several platforms choose their files by what BuildKit says it builds for', () => {
  const made = inline(CMD, { platforms: ['linux/amd64', 'linux/arm64'] });
  expect(made.added).toEqual([
    'ARG TARGETOS',
    'ARG TARGETARCH',
    'ARG TARGETVARIANT',
    `COPY --from=chalk-payload --chown=0:0 --chmod=0555 ${VARIABLE}/programs /`,
    'ENTRYPOINT ["/.chalk/shim","--"]',
    `COPY --from=chalk-payload --chown=0:0 --chmod=0444 ${VARIABLE}/chalk.json /chalk.json`,
  ]);
  expect(made.platforms.map(({ folder }) => folder)).toEqual(['linux-amd64', 'linux-arm64']);
});

test('every folder is named as BuildKit’s variables spell it', () => {
  const { platforms } = inline(CMD, {
    platforms: ['linux/amd64/v3', 'linux/arm64/v8', 'linux/arm', 'linux/386'],
  });
  expect(platforms.map(({ folder }) => folder)).toEqual([
    'linux-amd64-v3',
    'linux-arm64',
    'linux-arm-v7',
    'linux-386',
  ]);
});

test.each([
  ['linux/amd64/v3', 'linux/amd64'],
  ['linux/arm64/v9', 'linux/arm64'],
  ['linux/arm/v8', 'linux/arm/v7'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/ppc64le', 'linux/ppc64le'],
  ['linux/riscv64', 'linux/riscv64'],
  ['linux/s390x', 'linux/s390x'],
])('%s runs the programs of %s', (platform, baseline) => {
  const made = inline(CMD, { platforms: [platform] });
  expect(made.platforms.map(({ programs }) => formatPlatform(programs))).toEqual([baseline]);
  expect(made.entrypoint).toBeDefined();
});

test('FROM --platform says which programs run; the mark is the one of the platform built for', () => {
  const [only] = inline('FROM --platform=linux/arm64 b\nCMD ["/a"]').platforms;
  expect(only && formatPlatform(only.platform)).toBe('linux/amd64');
  expect(only && formatPlatform(only.programs)).toBe('linux/arm64');
});

test.each(['linux/386', 'linux/arm/v6', 'linux/loong64'])(
  '%s has no shim and leaves all unwrapped',
  (other) => {
    const made = inline(CMD, { platforms: ['linux/amd64', other] });
    expect(made).toMatchObject({ entrypoint: undefined, reason: { code: 'platform-unsupported' } });
  },
);

test.each([
  [true, 'pass', 'platforms-differ'],
  [false, 'inline', 'wrap-declined'],
])('platforms that run different programs, wrap %s', (wrap, kind, code) => {
  const options = {
    platforms: ['linux/amd64', 'linux/arm64'],
    base: ({ architecture }: { architecture: string }) => ({ cmd: [architecture] }),
    wrap,
  };
  expect(plan('FROM b', options)).toMatchObject({ kind, reason: { code } });
});

test('platforms whose bases differ but run the same are wrapped', () => {
  const options = {
    platforms: ['linux/amd64', 'linux/arm64'],
    base: ({ architecture }: { architecture: string }) => ({ cmd: ['/a'], user: architecture }),
  };
  expect(inline('FROM b', options).entrypoint).toMatchObject({ cmd: ['/a'] });
});
