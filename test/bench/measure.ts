import { spawnSync } from 'node:child_process';

/** One line of the answer. */
export interface Row {
  readonly what: string;
  readonly figures: string;
  readonly goal: string;
  readonly met: boolean;
}

/** Medians in milliseconds of two things done in turn, after one round that does not count. */
export function pairs(
  rounds: number,
  ours: (round: number) => void,
  plain: (round: number) => void,
): [number, number] {
  const times: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round += 1) {
    const took = [ours, plain].map((task) => {
      const start = performance.now();
      task(round + 1);
      return performance.now() - start;
    });
    if (round < 0) continue;
    times[0].push(took[0] ?? Number.NaN);
    times[1].push(took[1] ?? Number.NaN);
  }
  return [median(times[0]), median(times[1])];
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** Runs a program to its end; what it prints. Throws where it fails. */
export function must(env: NodeJS.ProcessEnv, file: string, args: readonly string[]): string {
  const result = spawnSync(file, args, {
    env,
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (result.status !== 0)
    throw new Error(`${file} ${args.join(' ')}: ${result.stderr || String(result.error)}`);
  return result.stdout;
}
