import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Row } from './measure.ts';

const root = join(import.meta.dirname, '..', '..');
const built = join(root, 'entrypoint-shim', 'build');
const platform = `linux-${process.arch === 'x64' ? 'amd64' : process.arch}`;
const shim = join(built, platform, 'shim');
const START_ROUNDS = 500;
const CONTAINERS = 100;
const IMAGE = 'chalk-bench-lives';

/** What the programs in an image cost: start, memory, size, and whether their reports come. */
export async function runtimeRows(
  work: string,
  env: NodeJS.ProcessEnv,
  launcher: string,
  base: string,
): Promise<Row[]> {
  return [...starts(work), ...(await helper(work)), growth(), await shortLives(work, env, launcher, base)];
}

function starts(work: string): Row[] {
  const program = join(work, 'start');
  execFileSync('cc', ['-O2', '-o', program, join(import.meta.dirname, 'start.c')]);
  const sinks: readonly (readonly [string, NodeJS.ProcessEnv])[] = [
    ['without a sink', {}],
    ['with the helper', { CHALK_REPORT_FILE: '/dev/null' }],
  ];
  return sinks.map(([name, extra]) => {
    const result = spawnSync(program, [String(START_ROUNDS), shim, '--', '/bin/true', '---', '/bin/true'], {
      env: { ...process.env, ...extra },
      encoding: 'utf8',
      timeout: 300_000,
    });
    const [wrapped = Number.NaN, direct = Number.NaN] = result.stdout.trim().split(' ').map(Number);
    const ratio = wrapped / direct;
    return {
      what: `start through the shim, ${name}`,
      figures: `${wrapped} µs against ${direct} µs, ratio ${ratio.toFixed(2)} (${START_ROUNDS} pairs)`,
      goal: 'ratio at most 1.3',
      met: ratio <= 1.3,
    };
  });
}

/** A root folder of its own, as the reporter has its place in images; as root only. */
async function helper(work: string): Promise<Row[]> {
  if (process.getuid?.() !== 0) return [];
  const folder = join(work, 'root');
  for (const name of ['.chalk', 'bin', 'proc', 'sys', 'tmp'])
    mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['shim', 'reporter']) {
    writeFileSync(join(folder, '.chalk', name), readFileSync(join(built, platform, name)));
    chmodSync(join(folder, '.chalk', name), 0o555);
  }
  execFileSync('cc', [
    '-O1',
    '-static',
    '-o',
    join(folder, 'bin/observer'),
    join(root, 'test/shim/programs/observer.c'),
  ]);
  // Answers late, so that there is time to look at the reporter.
  const server = createServer((request, response) => {
    request.resume().on('end', () => setTimeout(() => response.writeHead(204).end(), 200));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const enter = 'mount -t proc proc "$0/proc" && exec chroot "$0" /.chalk/shim -- /bin/observer';
  const before = performance.now();
  const child = spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', enter, folder], {
    env: { PATH: process.env['PATH'], CHALK_REPORT_URL: `http://127.0.0.1:${port}/` },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  let reporter = 0;
  let seen = false;
  let gone = 0;
  while (gone === 0 && performance.now() - before < 30_000) {
    const now = memory('reporter', folder, 'VmHWM');
    if (now !== undefined) seen = true;
    else if (seen) gone = performance.now() - before;
    reporter = Math.max(reporter, now ?? 0);
    await pause(2);
  }
  const keeper = memory('chalk-keeper', folder, 'VmRSS') ?? Number.NaN;
  child.stdin.end();
  await new Promise((resolve) => child.on('close', resolve));
  server.close();
  rmSync(folder, { recursive: true, force: true });
  return [
    { what: 'memory of the keeper', figures: `${keeper} kB`, goal: 'at most 64 kB', met: keeper <= 64 },
    {
      what: 'memory of the reporter',
      figures: `${reporter} kB`,
      goal: 'at most 8192 kB',
      met: reporter > 0 && reporter <= 8192,
    },
    {
      what: 'the reporter is gone, its sink answering after 200 ms',
      figures: `${gone.toFixed(0)} ms after the start`,
      goal: 'within 2000 ms',
      met: gone > 0 && gone <= 2000,
    },
  ];
}

/** A figure in kB of the process of that name whose root is that folder. */
function memory(name: string, folder: string, key: string): number | undefined {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      if (!status.startsWith(`Name:\t${name}\n`)) continue;
      if (readlinkSync(`/proc/${pid}/root`) !== folder) continue;
      const value = new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(status)?.[1];
      if (value !== undefined) return Number(value);
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}

function growth(): Row {
  const sizes = readdirSync(built, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const size = ['shim', 'reporter'].map((program) => statSync(join(built, name, program)).size);
      return { name, bytes: size.reduce((sum, each) => sum + each, 0) };
    });
  const [largest = { name: '', bytes: Number.NaN }] = sizes.toSorted((a, b) => b.bytes - a.bytes);
  return {
    what: 'growth of an image',
    figures: `${largest.bytes} bytes at most (${largest.name}), one layer for all images of a version`,
    goal: 'at most 5000000 bytes, the mark included',
    met: largest.bytes <= 4_980_000,
  };
}

async function shortLives(
  work: string,
  env: NodeJS.ProcessEnv,
  launcher: string,
  base: string,
): Promise<Row> {
  const context = join(work, 'lives');
  mkdirSync(context);
  execFileSync('cc', [
    '-O1',
    '-static',
    '-o',
    join(context, 'lives'),
    join(root, 'test/shim/programs/lives.c'),
  ]);
  const dockerfile = `FROM ${base}\nCOPY lives /lives\nENTRYPOINT ["/lives", "50"]\n`;
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  const build = spawnSync(launcher, ['chalk', 'build', '--quiet', '--tag', IMAGE, context], {
    env,
    encoding: 'utf8',
  });
  if (build.status !== 0) throw new Error(build.stderr);
  let reports = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      reports += 1;
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const sink = `--env=CHALK_REPORT_URL=http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
  for (let left = CONTAINERS; left > 0; left -= 1) {
    const child = spawn('docker', ['run', '--rm', '--network=host', sink, IMAGE], { env, stdio: 'ignore' });
    await new Promise((resolve) => child.on('close', resolve));
  }
  await new Promise((resolve) => server.close(resolve));
  spawnSync('docker', ['image', 'rm', '--force', IMAGE], { env });
  return {
    what: 'reports of containers that live 50 ms',
    figures: `${reports} of ${CONTAINERS}`,
    goal: 'all',
    met: reports === CONTAINERS,
  };
}
