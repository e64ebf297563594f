import { expect, test } from 'vitest';
import { decideFallback, type FallbackInput } from '../../../src/plan/index.ts';

const LINUX = { os: 'linux' };
const usual: FallbackInput = {
  reason: { code: 'foreign-frontend', text: 'why' },
  destination: 'engine',
  noImage: undefined,
  platforms: [],
  attestations: false,
};

test.each([
  'legacy-builder',
  'no-buildx',
  'context-stdin',
  'context-remote',
  'dockerfile-stdin',
  'dockerfile-remote',
  'dockerfile-syntax',
  'dockerfile-unreadable',
  'foreign-frontend',
  'stage-replaced',
  'base-context',
  'base-unknown',
  'platform-unknown',
  'build-checks',
] as const)('%s: the one image in the engine is patched, and its reason stays', (code) => {
  const reason = { code, text: 'why' };
  expect(decideFallback({ ...usual, reason })).toEqual({ kind: 'patch', reason });
  expect(decideFallback({ ...usual, reason, platforms: [LINUX] }).kind).toBe('patch');
  expect(decideFallback({ ...usual, reason, destination: 'elsewhere' }).kind).toBe('label');
});

test.each<[string, Partial<FallbackInput>]>([
  ['pushed, archived or kept by another driver', { destination: 'elsewhere' }],
  ['several platforms', { platforms: [LINUX, LINUX] }],
  ['Windows', { platforms: [{ os: 'windows' }] }],
  ['no shim', { reason: { code: 'platform-unsupported', text: 'why' } }],
  ['attestations asked for', { attestations: true }],
])('%s: labels', (_, changed) => {
  const plan = decideFallback({ ...usual, ...changed });
  expect(plan).toMatchObject({ kind: 'label', reason: { text: 'why' } });
  expect(plan.kind === 'label' && plan.why).toMatch(/\w/);
});

test.each<[string, Partial<FallbackInput>, string]>([
  ['nothing is built', { noImage: '--check builds nothing' }, 'no-image'],
  ['nothing is kept', { destination: 'nowhere' }, 'no-image'],
  ['bake', { reason: { code: 'bake', text: 'why' } }, 'bake'],
  ['flags nobody knows', { reason: { code: 'argv', text: 'why' } }, 'argv'],
  ['no engine', { reason: { code: 'engine-unreachable', text: 'why' } }, 'engine-unreachable'],
  ['our own failure', { reason: { code: 'internal', text: 'why' } }, 'internal'],
])('%s: left alone', (_, changed, code) => {
  expect(decideFallback({ ...usual, ...changed })).toMatchObject({ kind: 'pass', reason: { code } });
});
