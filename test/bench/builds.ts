import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ms, must, pairs, type Row } from './measure.ts';

/** What builds are measured with: docker with our plugin, and the registry of the base image. */
interface Bench {
  readonly work: string;
  readonly env: NodeJS.ProcessEnv;
  readonly registry: string;
}

const ROUNDS = 20;
/** Builds of many images take longer, and differ less from one another. */
const FEW_ROUNDS = 5;
const LONG_SECONDS = 30;
const LONG_ROUNDS = 2;
const PLATFORMS = 'amd64 amd64/v2 amd64/v3 arm64 arm/v7 ppc64le riscv64 s390x';
const LARGE_MB = 400;

/** What a build costs more than docker's own, for every way one is made. */
export function buildRows(bench: Bench): Row[] {
  const commit = repositoryIn(bench);
  return [...cached(bench, commit), long(bench), platforms(bench), bake(bench), compose(bench), patch(bench)];
}

/** A Git repository, as most builds are in one. Answers with what makes a commit. */
function repositoryIn({ env, work }: Bench): () => void {
  must(env, 'git', ['init', '--quiet', join(work, 'context')]);
  const author = ['-c', 'user.name=B', '-c', 'user.email=b@example.com'];
  const commit = ['commit', '--quiet', '--allow-empty', '--message=c'];
  return () => must(env, 'git', ['-C', join(work, 'context'), ...author, ...commit]);
}

function cached(bench: Bench, commit: () => void): Row[] {
  const { env, registry } = bench;
  const context = contextOf(bench, { Dockerfile: `FROM ${registry}/busybox:1\nRUN echo built > /built\n` });
  commit();
  const layers = () => {
    const format = '{{json .RootFS.Layers}}';
    const output = must(env, 'docker', ['image', 'inspect', '--format', format, 'chalk-bench-ours']);
    return z.array(z.string()).parse(JSON.parse(output));
  };
  const build = (words: readonly string[], tag: string) =>
    must(env, 'docker', [...words, '--quiet', '--tag', tag, context]);
  const ours = () => build(['chalk', 'build'], 'chalk-bench-ours');
  const times = pairs(ROUNDS, ours, () => build(['build'], 'chalk-bench-plain'));
  const before = layers();
  commit();
  ours();
  const after = layers();
  const changed = after.filter((layer) => !before.includes(layer)).length;
  return [
    more('cached build of two lines', times, 400),
    {
      what: 'layers rebuilt for a new commit',
      figures: `${changed} of ${after.length}`,
      goal: 'only our last one',
      met: changed === 1,
    },
  ];
}

function long(bench: Bench): Row {
  const { env, registry } = bench;
  const context = contextOf(bench, { Dockerfile: `FROM ${registry}/busybox:1\nRUN sleep ${LONG_SECONDS}\n` });
  const build = (words: readonly string[], tag: string) =>
    must(env, 'docker', [...words, '--quiet', '--no-cache', '--tag', tag, context]);
  const [ours, plain] = pairs(
    LONG_ROUNDS,
    () => build(['chalk', 'build'], 'chalk-bench-ours'),
    () => build(['build'], 'chalk-bench-plain'),
  );
  const percent = (ours / plain - 1) * 100;
  return {
    what: `build of ${LONG_SECONDS} seconds`,
    figures: `${ms(ours)} against ${ms(plain)}, ${percent.toFixed(1)} % more`,
    goal: 'at most 2 % more',
    met: percent <= 2,
  };
}

/** No program of the image's is run, so that no platform has to be emulated. */
function platforms(bench: Bench): Row {
  const { env } = bench;
  const context = contextOf(bench, { Dockerfile: 'FROM scratch\nCOPY a /a\nENTRYPOINT ["/a"]\n', a: 'a' });
  const list = PLATFORMS.split(' ').map((name) => `linux/${name}`);
  const build = (words: readonly string[], tag: string) =>
    must(env, 'docker', [...words, '--quiet', '--platform', list.join(','), '--tag', tag, context]);
  const times = pairs(
    FEW_ROUNDS,
    () => build(['chalk', 'build'], 'chalk-bench-ours'),
    () => build(['build'], 'chalk-bench-plain'),
  );
  return more(`cached build for ${list.length} platforms`, times, 1000);
}

function bake(bench: Bench): Row {
  const { env, registry } = bench;
  const names = Array.from({ length: 10 }, (_, index) => `t${index}`);
  const target = (name: string) => ({
    'dockerfile-inline': `FROM ${registry}/busybox:1\nRUN echo ${name} > /built\n`,
    tags: [`chalk-bench-${name}`],
  });
  const file = {
    group: { default: { targets: names } },
    target: Object.fromEntries(names.map((name) => [name, target(name)])),
  };
  const context = contextOf(bench, { 'docker-bake.json': JSON.stringify(file) });
  const run = (words: readonly string[]) =>
    must(env, 'docker', [...words, 'bake', '--progress=quiet', '--file', join(context, 'docker-bake.json')]);
  const times = pairs(
    FEW_ROUNDS,
    () => run(['chalk']),
    () => run(['buildx']),
  );
  return more('cached bake of 10 targets', times, 1000);
}

function compose(bench: Bench): Row {
  const { env, registry } = bench;
  const names = Array.from({ length: 5 }, (_, index) => `s${index}`);
  const service = (name: string) => ({
    image: `chalk-bench-${name}`,
    build: { context: '.', dockerfile_inline: `FROM ${registry}/busybox:1\nRUN echo ${name} > /built\n` },
  });
  const file = { services: Object.fromEntries(names.map((name) => [name, service(name)])) };
  const context = contextOf(bench, { 'compose.yaml': JSON.stringify(file) });
  const run = (words: readonly string[]) =>
    must(env, 'docker', [...words, 'compose', '--file', join(context, 'compose.yaml'), 'build', '--quiet']);
  const times = pairs(
    FEW_ROUNDS,
    () => run(['chalk']),
    () => run([]),
  );
  return more('cached compose build of 5 services', times, 1000);
}

/** A file nobody can parse as ours do: the image is changed after docker made it. */
function patch(bench: Bench): Row {
  const { env, registry } = bench;
  const context = contextOf(bench, {
    Dockerfile:
      `FROM ${registry}/busybox:1\n` +
      `RUN dd if=/dev/urandom of=/large bs=1M count=${LARGE_MB} 2>/dev/null\nCMD ["true"]\n`,
  });
  const legacy = { ...env, DOCKER_BUILDKIT: '0' };
  const build = (words: readonly string[], tag: string) =>
    must(legacy, 'docker', [...words, '--quiet', '--tag', tag, context]);
  const times = pairs(
    FEW_ROUNDS,
    () => build(['chalk', 'build'], 'chalk-bench-ours'),
    () => build(['build'], 'chalk-bench-plain'),
  );
  return more(`patch of an image of ${LARGE_MB} MB`, times, 1000);
}

/** The folder all contexts are written to in turn. */
function contextOf({ work }: Bench, files: Readonly<Record<string, string>>): string {
  const context = join(work, 'context');
  mkdirSync(context, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(context, name), content);
  return context;
}

function more(what: string, [ours, plain]: readonly [number, number], most: number): Row {
  return {
    what,
    figures: `${ms(ours)} against ${ms(plain)}`,
    goal: `at most ${most} ms more`,
    met: ours - plain <= most,
  };
}
