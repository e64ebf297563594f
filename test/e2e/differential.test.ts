/** Nobody can tell the wrapper from docker: every command line is run with both, and all that can be seen of it is compared. */
import { describe } from 'vitest';
import { APP, type DifferentialCase } from '../fixtures/differential/case.ts';
import { cases } from '../fixtures/differential/index.ts';
import { addBuilders, describeWithBuilders, describeWithOldEngine } from '../support/builders.ts';
import { compareAll } from '../support/differential.ts';
import { describeWithEveryStore } from '../support/engine.ts';

/** Every line under every builder takes an hour (`make differential`); otherwise each setting gets its share of the lines. */
const EVERYTHING = process.env['CHALK_DIFFERENTIAL'] === 'all';

/** `count` of every `step` cases, from `first` on. */
function share(first: number, step: number, count = 1): readonly DifferentialCase[] {
  if (EVERYTHING) return cases;
  return cases.filter((_, index) => (index + step - first) % step < count);
}

const textOf = ({ line }: DifferentialCase) => (typeof line === 'string' ? line : line.join(' '));
const namesOutput = (each: DifferentialCase) =>
  /--load|--push|-o |--output|--check|--call|--print|-h|--help/.test(textOf(each));

describeWithEveryStore('differential', (engine, place) => {
  const lines = place === 'first' ? share(0, 8, 4) : share(5, 8);
  compareAll(
    lines.filter(({ store }) => place === 'first' || store === undefined),
    {
      engine,
      marked: ({ marked = 'inline' }) => (place === 'first' ? marked : undefined),
    },
  );
});

describeWithBuilders('differential, with other builders', (engine, builders) => {
  const under = (builder: string) => ({
    engine,
    env: { BUILDX_BUILDER: builder },
    prepare: (sandbox: Parameters<typeof addBuilders>[0]) => addBuilders(sandbox, builders),
    // These builders leave an image in their cache alone, where there is nothing to be compared.
    adapt: (each: DifferentialCase, words: readonly string[]) => {
      const at = words.indexOf('build');
      const stays =
        at === -1 || words[0] === 'compose' || each.env?.['DOCKER_BUILDKIT'] === '0' || namesOutput(each);
      return stays ? words : [...words.slice(0, at + 1), '--load', ...words.slice(at + 1)];
    },
    marked: (each: DifferentialCase) =>
      each.marked === undefined && textOf(each).startsWith('build') && !namesOutput(each)
        ? 'inline'
        : undefined,
  });
  describe('docker-container', () => {
    compareAll(share(6, 8), under('container'));
  });
  describe('remote', () => {
    compareAll(share(2, 20), under('remote'));
  });

  describe('a frontend of its own', () => {
    compareAll(share(3, 20), {
      engine,
      prepare: () => Promise.resolve(),
      change: withFrontend,
      marked: ({ marked = 'inline' }) => marked,
    });
  });
});

describeWithOldEngine('differential, with the old engine', (old, newer) => {
  describe('and its own docker', () => {
    compareAll(share(4, 20), { engine: old, marked: () => undefined });
  });
  describe('and the newer docker', () => {
    compareAll(share(9, 40), { engine: newer, marked: () => undefined });
  });
});

/** The same file, read by a frontend from a registry, where nothing stands before its first line. */
function withFrontend(each: DifferentialCase): DifferentialCase {
  const { files = APP } = each;
  const all = typeof files === 'string' ? { Dockerfile: files } : files;
  const { Dockerfile: text } = all;
  if (text === undefined || !/^from /i.test(text)) return each;
  return { ...each, files: { ...all, Dockerfile: `# syntax={registry}/docker/dockerfile:1\n${text}` } };
}
