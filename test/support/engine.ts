import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

/** The testbed that `make engine` brings up. */
export type Engine = {
  /** The whole environment for a child process: our own `docker` first on PATH, a private DOCKER_CONFIG. */
  readonly env: Readonly<Record<string, string>>;
  /** `127.0.0.1:PORT`, plain HTTP; the base images are there as `REGISTRY/NAME:1`. */
  readonly registry: string;
  /** How the engine keeps images: with `graph` there are no indexes and no attestations. */
  readonly store: 'containerd' | 'graph';
};

type Answer = { readonly engine: Engine } | { readonly missing: string };

const FRONT_DOOR = fileURLToPath(new URL('engine/engine.sh', import.meta.url));

/** What suites are collected with when they will be skipped: no test body ever sees it. */
export const ABSENT: Engine = { env: {}, registry: '127.0.0.1:0', store: 'containerd' };

let answer: Answer | undefined;

/** The engine, or undefined when none is up; with `CHALK_E2E=required` that is an error instead. */
export function engine(): Engine | undefined {
  answer ??= ask();
  if ('engine' in answer) return answer.engine;
  if (process.env['CHALK_E2E'] === 'required') {
    throw new Error(`CHALK_E2E=required, but there is no engine to test with.\n${answer.missing}`);
  }
  return undefined;
}

/** A suite that needs the engine. Without one its tests are collected, skipped, and counted as skipped. */
export function describeWithEngine(name: string, suite: (engine: Engine) => void): void {
  const found = engine();
  describe.skipIf(found === undefined)(name, () => {
    suite(found ?? ABSENT);
  });
}

/** The same suite once for each image store whose engine is up; it may do less in the second. */
export function describeWithEveryStore(
  name: string,
  suite: (engine: Engine, place: 'first' | 'second') => void,
): void {
  const first = engine();
  if (first === undefined) return describeWithEngine(name, (absent) => suite(absent, 'first'));
  const second = ask(first.store === 'graph' ? 'containerd' : 'graph');
  const engines = 'engine' in second ? [first, second.engine] : [first];
  for (const each of engines) {
    describe(`${name} (${each.store} store)`, () => suite(each, each === first ? 'first' : 'second'));
  }
}

/** A shell takes the export lines, so quoting and `unset` mean here what they mean to a person using them. */
function ask(store?: Engine['store']): Answer {
  const script = 'lines=$(bash "$1" env) && eval "$lines" && exec env -0';
  const result = spawnSync('bash', ['-c', script, 'bash', FRONT_DOOR], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...(store === undefined ? {} : { CHALK_ENGINE_STORE: store }) },
  });
  if (result.error !== undefined) return { missing: result.error.message };
  if (result.status !== 0) return { missing: result.stderr.trim() };
  const env = parse(result.stdout);
  const registry = env['CHALK_TEST_REGISTRY'];
  const answered = env['CHALK_TEST_STORE'];
  if (registry === undefined || (answered !== 'containerd' && answered !== 'graph')) {
    return { missing: `engine.sh env said nothing of use (store: ${answered ?? 'none'})` };
  }
  return { engine: { env, registry, store: answered } };
}

function parse(text: string): Record<string, string> {
  const entries = text.split('\0').filter((entry) => entry.includes('='));
  const pairs = entries.map((entry): [string, string] => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== '_' && name !== 'SHLVL'));
}
