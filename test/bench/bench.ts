import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
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
  const own = [metadata(), passThrough(), ...cachedBuild()];
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
  const pushed = must('docker', ['image', 'ls', '--format', format, '--filter', 'reference=*/chalk-bench-*']);
  const images = pushed.split('\n').filter((line) => line !== '');
  must('docker', ['image', 'rm', '--force', 'chalk-bench', 'chalk-bench-plain', ...images]);
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

function cachedBuild(): Row[] {
  const context = join(work, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), `FROM ${registry}/busybox:1\nRUN echo built > /built\n`);
  must('git', ['init', '--quiet', context]);
  const commit = () =>
    must('git', [
      '-C',
      context,
      '-c',
      'user.name=B',
      '-c',
      'user.email=b@example.com',
      'commit',
      '--quiet',
      '--allow-empty',
      '--message=c',
    ]);
  commit();
  const layers = (image: string) => {
    const output = must('docker', ['image', 'inspect', '--format', '{{json .RootFS.Layers}}', image]);
    return z.array(z.string()).parse(JSON.parse(output));
  };
  const build = (words: string[], tag: string) =>
    must('docker', [...words, '--quiet', '--tag', tag, context]);
  const [ours, plain] = pairs(
    () => build(['chalk', 'build'], 'chalk-bench'),
    () => build(['build'], 'chalk-bench-plain'),
  );
  const before = layers('chalk-bench');
  commit();
  build(['chalk', 'build'], 'chalk-bench');
  const changed = layers('chalk-bench').filter((layer) => !before.includes(layer)).length;
  return [
    {
      what: 'cached build of two lines',
      figures: `${ms(ours)} against ${ms(plain)}`,
      goal: 'at most 500 ms more',
      met: ours - plain <= 500,
    },
    {
      what: 'layers rebuilt for a new commit',
      figures: `${changed} of ${before.length}`,
      goal: 'only our last one',
      met: changed === 1,
    },
  ];
}
