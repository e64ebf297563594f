import { expect, test } from 'vitest';
import { cached, cacheFolder } from '../../../src/sbom/cache.ts';
import type { Maker, Target } from '../../../src/sbom/sbom.ts';
import { type FakeHost, fakeHost } from '../../support/fake-host.ts';
import { DIGEST, inRegistry } from './support.ts';

const LIMITS = { timeoutMs: 1000, maxBytes: 1000 };
const FOLDER = '/home/ada/.cache/docker-chalk/sbom';

/** A host whose clock goes on. */
function aHost(env: Readonly<Record<string, string>> = { HOME: '/home/ada' }): FakeHost {
  const host = fakeHost({ env });
  let now = 1_700_000_000_000;
  return { ...host, clock: { ...host.clock, now: () => (now += 1000) } };
}

function counted(version = '1'): Maker & { readonly made: string[] } {
  const made: string[] = [];
  return {
    made,
    tool: { name: 'syft', version },
    make: async ({ digest }, format) => {
      made.push(digest);
      return `${format} of ${digest} ${made.length}`;
    },
  };
}

const other = (digest: string): Target => ({ ...inRegistry(), digest });

test('what was made once is not made again', async () => {
  const host = aHost();
  const maker = counted();
  const first = await cached(host, maker, LIMITS).make(inRegistry(), 'spdx');
  await expect(cached(host, maker, LIMITS).make(inRegistry(), 'spdx')).resolves.toBe(first);
  expect(maker.made).toEqual([DIGEST]);
  const [name = '', ...others] = await host.files.list(FOLDER);
  expect(others).toEqual([]);
  expect(host.disk.get(`${FOLDER}/${name}`)?.mode).toBe(0o600);
});

test('another image, name, platform, format or version is another SBOM', async () => {
  const host = aHost();
  const maker = counted();
  const targets = [
    inRegistry(),
    other('sha256:1'),
    inRegistry('b.example'),
    { ...inRegistry(), platform: undefined },
  ];
  for (const target of targets) await cached(host, maker, LIMITS).make(target, 'spdx');
  await cached(host, maker, LIMITS).make(inRegistry(), 'cyclonedx');
  expect(maker.made).toHaveLength(5);
  const newer = counted('2');
  await cached(host, newer, LIMITS).make(inRegistry(), 'spdx');
  expect(newer.made).toHaveLength(1);
});

test('a file cut short is no SBOM, and the next one takes its place', async () => {
  const host = aHost();
  const maker = counted();
  await cached(host, maker, LIMITS).make(inRegistry(), 'spdx');
  const [old = ''] = await host.files.list(FOLDER);
  host.disk.set(`${FOLDER}/${old}`, { content: 'spdx of', mode: 0o600 });
  await expect(cached(host, maker, LIMITS).make(inRegistry(), 'spdx')).resolves.toMatch(/ 2$/);
  const names = await host.files.list(FOLDER);
  expect(names).toHaveLength(1);
  expect(names).not.toContain(old);
});

test.each([
  ['files', { files: 2, bytes: 1000 }],
  ['bytes', { files: 100, bytes: 2 * 'spdx of sha256:1 1'.length }],
])('the oldest go first, by %s', async (_, bounds) => {
  const host = aHost();
  const maker = counted();
  const make = (digest: string) => cached(host, maker, LIMITS, bounds).make(other(digest), 'spdx');
  for (const digest of ['sha256:1', 'sha256:2', 'sha256:3']) await make(digest);
  expect(await host.files.list(FOLDER)).toHaveLength(2);
  await make('sha256:2');
  await make('sha256:3');
  expect(maker.made).toHaveLength(3);
  await make('sha256:1');
  expect(maker.made).toHaveLength(4);
});

test('what is not ours in the folder stays', async () => {
  const host = aHost();
  host.disk.set(`${FOLDER}/notes.txt`, { content: 'mine', mode: 0o644 });
  await cached(host, counted(), LIMITS, { files: 1, bytes: 1000 }).make(inRegistry(), 'spdx');
  expect(host.disk.get(`${FOLDER}/notes.txt`)?.content).toBe('mine');
});

test('what is larger than the whole cache is made and not kept', async () => {
  const host = aHost();
  await expect(
    cached(host, counted(), LIMITS, { files: 9, bytes: 3 }).make(inRegistry(), 'spdx'),
  ).resolves.toMatch(/^spdx/);
  expect(host.disk.size).toBe(0);
});

test('a cache that cannot be written or has no place changes nothing', async () => {
  const host = aHost();
  const full = { ...host, files: { ...host.files, write: () => Promise.reject(new Error('disk full')) } };
  await expect(cached(full, counted(), LIMITS).make(inRegistry(), 'spdx')).resolves.toMatch(/ 1$/);
  await expect(cached(aHost({}), counted(), LIMITS).make(inRegistry(), 'spdx')).resolves.toMatch(/ 1$/);
});

test.each([
  [{ HOME: '/h' }, '/h/.cache/docker-chalk'],
  [{ HOME: '/h', XDG_CACHE_HOME: '/c' }, '/c/docker-chalk'],
  [{ HOME: '/h', XDG_CACHE_HOME: 'relative' }, '/h/.cache/docker-chalk'],
  [{}, undefined],
])('the place for %j', (env, folder) => {
  expect(cacheFolder(fakeHost({ env }))).toBe(folder);
});
