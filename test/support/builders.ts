import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { expectSuccess, type Sandbox } from './chalk.ts';
import { ABSENT, type Engine, engine } from './engine.ts';

/** What `engine.sh builders` brings up beside the engine. */
export type Builders = {
  /** The name under which a builder of the docker-container driver finds the BuildKit that already runs. */
  readonly container: string;
  /** The image it is made of. */
  readonly image: string;
  /** The address of a BuildKit for the remote driver. */
  readonly remote: string;
};

const FRONT_DOOR = fileURLToPath(new URL('engine/engine.sh', import.meta.url));

/** Building BuildKit takes minutes, once. */
const TIMEOUT_MS = 900_000;

/** A suite that needs these builders too. Where they cannot be had it counts as skipped; with `CHALK_E2E=required` that is an error. */
export function describeWithBuilders(
  name: string,
  suite: (engine: Engine, builders: Builders) => void,
): void {
  const found = engine();
  const env = found === undefined ? undefined : ask('builders', { CHALK_ENGINE_STORE: found.store });
  const [container, image, remote] = ['BUILDER', 'BUILDKIT', 'REMOTE'].map(
    (each) => env?.[`CHALK_TEST_${each}`] ?? '',
  );
  const complete = { container: container ?? '', image: image ?? '', remote: remote ?? '' };
  describe.skipIf(Object.values(complete).includes(''))(name, () => suite(found ?? ABSENT, complete));
}

/** A suite on Debian 12's engine 20.10, whose own docker has no buildx; `newer` is that engine under the newer docker. */
export function describeWithOldEngine(name: string, suite: (old: Engine, newer: Engine) => void): void {
  const found = engine();
  const env = found === undefined ? undefined : ask('old-engine', {});
  const { registry } = found ?? ABSENT;
  const newer = { ...found?.env, DOCKER_HOST: env?.['DOCKER_HOST'] ?? '' };
  describe.skipIf(env === undefined)(name, () => {
    suite({ env: env ?? {}, registry, store: 'graph' }, { env: newer, registry, store: 'graph' });
  });
}

/**
 * Makes the builders known to a sandbox as `container` and `remote`. A builder whose container runs already is used as it
 * is; it goes with the engine, so the sandbox forgets it and does not remove it.
 */
export async function addBuilders(sandbox: Sandbox, { container, image, remote }: Builders): Promise<void> {
  const create = async (...words: string[]) => {
    expectSuccess(await sandbox.docker(['buildx', 'create', ...words]));
  };
  const options = ['--driver-opt', `image=${image},network=host`];
  await create('--name', 'container', '--node', `${container}0`, '--driver', 'docker-container', ...options);
  await create('--name', 'remote', '--driver', 'remote', remote);
}

/** The environment a command of the testbed's front door makes; undefined where it cannot be had. */
function ask(
  command: string,
  extra: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  const script = 'lines=$(bash "$1" "$2") && eval "$lines" && exec env -0';
  const result = spawnSync('bash', ['-c', script, 'bash', FRONT_DOOR, command], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    env: { ...process.env, ...extra },
  });
  if (result.status !== 0) {
    if (process.env['CHALK_E2E'] !== 'required') return undefined;
    throw new Error(`CHALK_E2E=required, but engine.sh ${command} failed.\n${result.stderr}`, {
      cause: result.error,
    });
  }
  return Object.fromEntries(
    result.stdout
      .split('\0')
      .filter((entry) => /^[A-Za-z]/.test(entry))
      .map((entry): [string, string] => [entry.split('=', 1)[0] ?? '', entry.slice(entry.indexOf('=') + 1)]),
  );
}
