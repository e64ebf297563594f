import { expect, test } from 'vitest';
import { bounded } from '../../../src/attest/bounded.ts';

test('no more than the limit at once, in order, and a failure frees its place', async () => {
  const limit = bounded(2);
  let running = 0;
  let most = 0;
  const started: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<undefined>());
  const all = gates.map(({ promise }, index) =>
    limit(async () => {
      started.push(index);
      running += 1;
      most = Math.max(most, running);
      await promise.finally(() => {
        running -= 1;
      });
      return index;
    }),
  );
  gates[1]?.reject(new Error('the second fails'));
  await expect(all[1]).rejects.toThrow('the second fails');
  for (const index of [0, 2, 3, 4]) gates[index]?.resolve(undefined);
  expect((await Promise.allSettled(all)).map((each) => each.status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect([most, started]).toEqual([2, [0, 1, 2, 3, 4]]);
});
