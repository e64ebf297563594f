/** Runs tasks, at most so many of them at once; those that wait keep their order. */
export type Bounded = <T>(task: () => Promise<T>) => Promise<T>;

/** A task must not wait for another one of the same limit: all places may be taken by such as wait. */
export function bounded(limit: number): Bounded {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= limit) {
      const turn = Promise.withResolvers<void>();
      waiting.push(turn.resolve);
      await turn.promise;
    } else running += 1;
    try {
      return await task();
    } finally {
      // The place goes to the next in line, or becomes free.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
