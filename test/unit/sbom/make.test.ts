import { expect, test } from 'vitest';
import type { ProcessResult } from '../../../src/host/host.ts';
import { makeSbom } from '../../../src/sbom/index.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { DIGEST, matching, SPDX, TOOLS } from './support.ts';

const ENGINE = { image: { kind: 'engine', id: DIGEST }, format: 'spdx' } as const;
const INSPECTED = exited(JSON.stringify([{ Id: DIGEST, Os: 'linux', Architecture: 'arm64', Variant: 'v8' }]));

/** An engine with a graph driver's store, and a Syft on PATH that answers so. */
function user(scan: ProcessResult, programs: readonly string[] = ['/bin/syft']) {
  return fakeHost({
    env: { PATH: '/bin' },
    programs,
    run: ({ file, args }) => {
      if (file === '/bin/syft') {
        return args[0] === 'version' ? exited('{"application":"syft","version":"1.18.1"}') : scan;
      }
      return args.includes('inspect') ? INSPECTED : exited('');
    },
  });
}

test('switched off, nobody is asked', async () => {
  const host = fakeHost();
  await expect(makeSbom(host, TOOLS, { ...ENGINE, source: 'off' })).resolves.toMatchObject({ kind: 'none' });
  expect(host.ran).toEqual([]);
});

test('of an image in the engine, for the platform it has there', async () => {
  const host = user(exited(JSON.stringify(SPDX)));
  await expect(makeSbom(host, TOOLS, { ...ENGINE, source: 'auto' })).resolves.toMatchObject({
    kind: 'made',
    sbom: { format: 'spdx', origin: 'syft', text: JSON.stringify(SPDX) },
  });
  expect(host.ran.find(({ args }) => args.includes('save'))?.args).toContain('linux/arm64');
});

test('where nobody makes one: no failure in auto, one where a source was named', async () => {
  const host = user(exited(''), []);
  await expect(makeSbom(host, TOOLS, { ...ENGINE, source: 'auto' })).resolves.toEqual({
    kind: 'none',
    why: 'the engine keeps no attestations; the docker scout plugin is not installed; there is no syft on PATH',
  });
  for (const source of ['docker', 'scout', 'syft'] as const) {
    await expect(makeSbom(host, TOOLS, { ...ENGINE, source })).resolves.toMatchObject({
      kind: 'failed',
      error: { code: 'SBOM_FAILED', message: matching(/^there is no SBOM of /) },
    });
  }
});

test('whatever goes wrong is an answer', async () => {
  const ask = (host: ReturnType<typeof fakeHost>) => makeSbom(host, TOOLS, { ...ENGINE, source: 'auto' });
  await expect(ask(user(exited('garbage')))).resolves.toMatchObject({
    kind: 'failed',
    error: { code: 'SBOM_FAILED', message: matching(/no JSON object/) },
  });
  await expect(ask(fakeHost())).resolves.toMatchObject({
    kind: 'failed',
    error: { code: 'IMAGE_NOT_FOUND' },
  });
  const full = user(exited(JSON.stringify(SPDX)));
  full.files.makeTemporary = () => Promise.reject(new TypeError('no space'));
  await expect(ask(full)).resolves.toMatchObject({ kind: 'failed', error: { code: 'SBOM_FAILED' } });
  const wrong = fakeHost({ env: { CHALK_SYFT: 'syft' }, run: () => INSPECTED });
  await expect(ask(wrong)).resolves.toMatchObject({ kind: 'failed', error: { code: 'CONFIG_INVALID' } });
  const image = { kind: 'registry', repository: 'no name', digest: DIGEST } as const;
  await expect(makeSbom(fakeHost(), TOOLS, { image, format: 'spdx', source: 'auto' })).resolves.toMatchObject(
    { kind: 'failed', error: { code: 'ARGV_BAD_VALUE' } },
  );
});
