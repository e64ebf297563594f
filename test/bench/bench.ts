import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildRows } from './builds.ts';
import { ms, must as run, pairs as inTurn, type Row } from './measure.ts';
import { runtimeRows } from './runtime.ts';
import { signingRows } from './signing.ts';

/*
 * What docker-chalk adds, measured against the same thing without it: interleaved pairs in one run, medians. Absolute
 * times depend on the machine and are shown; only differences and ratios have a goal.
 */
const root = join(import.meta.dirname, '..', '..');
const launcher = join(root, 'plugin', 'docker-chalk');
const work = mkdtempSync(join(tmpdir(), 'chalk-bench-'));
const PAIRS = 20;

const env = { ...process.env, XDG_STATE_HOME: join(work, 'state'), DOCKER_CONFIG: join(work, 'config') };
const registry = process.env['CHALK_TEST_REGISTRY'] ?? '';
const must = (file: string, args: readonly string[]) => run(env, file, args);
const pairs = (ours: () => void, plain: () => void) => inTurn(PAIRS, ours, plain);

try {
  cpSync(process.env['DOCKER_CONFIG'] ?? '', join(work, 'config'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  must(launcher, ['chalk', 'install']);
  const own = [metadata(), passThrough(), ...buildRows({ work, env, registry })];
  const rows = [
    ...own,
    ...(await signingRows(work, env, launcher, registry)),
    ...(await runtimeRows(work, env, launcher, `${registry}/busybox:1`)),
  ];
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, figures, goal, met } of rows) {
    console.log(`${met ? 'ok  ' : 'OVER'}  ${what.padEnd(width)}  ${figures}  (goal: ${goal})`);
  }
  if (rows.some(({ met }) => !met)) process.exitCode = 1;
} finally {
  const format = '{{.Repository}}:{{.Tag}}';
  const ours = ['chalk-bench-*', '*/chalk-bench-*'].flatMap((name) => ['--filter', `reference=${name}`]);
  const images = must('docker', ['image', 'ls', '--format', format, ...ours]).split('\n');
  must('docker', ['image', 'rm', '--force', ...images.filter((line) => line !== '')]);
  rmSync(work, { recursive: true, force: true });
}

function metadata(): Row {
  const [ours, nothing] = pairs(
    () => must(launcher, ['docker-cli-plugin-metadata']),
    () => must('/bin/sh', ['-c', ':']),
  );
  return {
    what: 'metadata answer',
    figures: `${ms(ours)}, an empty shell ${ms(nothing)}`,
    goal: 'at most 5 ms',
    met: ours <= 5,
  };
}

function passThrough(): Row {
  const [ours, plain] = pairs(
    () => must(launcher, ['chalk', 'image', 'ls', '--quiet']),
    () => must('docker', ['image', 'ls', '--quiet']),
  );
  const [version, plainVersion] = pairs(
    () => must(launcher, ['version']),
    () => must('docker', ['version']),
  );
  return {
    what: 'pass-through of docker version',
    figures: `${ms(version)} against ${ms(plainVersion)}; image ls ${ms(ours)} against ${ms(plain)}`,
    goal: 'at most 5 ms more',
    met: version - plainVersion <= 5,
  };
}
