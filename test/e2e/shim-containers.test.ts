/** The shim in real containers: a program cannot tell whether it is there, whatever the container is allowed to do. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createBlackHole, type Server as PlainServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, compilePrograms, mark, reporterPath, shimPath } from '../shim/support.ts';
import { expectSuccess, type Result, Sandbox, until } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

const SHIM = ['/.chalk/shim', '--'];

describeWithEngine('the shim in containers', (engine) => {
  let sandbox: Sandbox;
  let image = '';
  let scratch = '';

  beforeAll(async () => {
    build();
    sandbox = await Sandbox.open(engine);
    scratch = mkdtempSync(join(tmpdir(), 'chalk-shim-e2e-'));
    const programs = join(scratch, 'programs');
    compilePrograms(programs);
    const files = Object.fromEntries(
      readdirSync(programs).map((name) => [`bin/${name}`, readFileSync(join(programs, name))]),
    );
    const folder = sandbox.project({
      ...files,
      'shim/shim': readFileSync(shimPath()),
      'shim/reporter': readFileSync(reporterPath()),
      'chalk.json': mark,
      Dockerfile: [
        `FROM ${sandbox.base('busybox')}`,
        'COPY --chmod=0555 shim/ /.chalk/',
        'COPY --chmod=0555 bin/ /bin/',
        'COPY --chmod=0444 chalk.json /chalk.json',
        'ENTRYPOINT []',
        'CMD ["true"]',
      ].join('\n'),
    });
    image = await sandbox.plain(folder);
  });
  afterAll(async () => {
    await sandbox.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const run = async (options: readonly string[], words: readonly string[]): Promise<Result> =>
    sandbox.docker(['run', '--rm', '--hostname=fixed', ...options, image, ...words]);

  /** A seccomp profile that answers one call with "operation not permitted". */
  const denying = (call: string): string => {
    const path = join(scratch, `deny-${call}.json`);
    const rule = { names: [call], action: 'SCMP_ACT_ERRNO', errnoRet: 1 };
    writeFileSync(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    return `--security-opt=seccomp=${path}`;
  };

  describe('the state of the program is the same with and without', () => {
    test.each<[string, ...string[]]>([
      ['nothing special'],
      ['a user without a name', '--user=65534'],
      ['user and group', '--user=1000:1000', '--group-add=44'],
      ['read-only', '--read-only'],
      ['no capabilities', '--cap-drop=ALL'],
      ['one capability more', '--cap-add=SYS_NICE'],
      ['no new privileges', '--security-opt=no-new-privileges'],
      ['one process only', '--pids-limit=1'],
      ['few descriptors', '--ulimit=nofile=64:64'],
      ['few processes of the user', '--ulimit=nproc=8:8', '--user=4711'],
      ['core files', '--ulimit=core=1000000'],
      ['an init of docker', '--init'],
      ['the processes of the host', '--pid=host'],
      ['a terminal', '--tty'],
      ['an open input', '--interactive'],
      ['64 MB', '--memory=64m'],
      ['8 MB', '--memory=8m'],
      ['half a processor', '--cpus=0.5'],
      ['first to be killed', '--oom-score-adj=500'],
      ['no seccomp', '--security-opt=seccomp=unconfined'],
      ['the network of the host', '--network=host'],
      ['no network', '--network=none'],
      ['the names of the host', '--ipc=host', '--cgroupns=host'],
      [
        'another folder and odd variables',
        '--workdir=/tmp',
        '--env=A=b c',
        '--env=EMPTY=',
        '--env=GODEBUG=x',
      ],
      ['a file system in memory', '--tmpfs=/tmp'],
      ['a system setting', '--sysctl=net.ipv4.ip_unprivileged_port_start=0'],
      [
        'all of the hardening at once',
        '--user=1000',
        '--read-only',
        '--cap-drop=ALL',
        '--security-opt=no-new-privileges',
        '--pids-limit=16',
        '--memory=32m',
      ],
    ])('%s', async (_, ...options) => {
      const wanted = [...options, '--env=CHALK_REPORT_FILE=/nonexistent/report'];
      const [without, withShim] = await Promise.all([
        run(wanted, ['/bin/probe', 'x', '']),
        run(wanted, [...SHIM, '/bin/probe', 'x', '']),
      ]);
      expect(without.stdout.split('\n').length, without.stderr).toBeGreaterThan(40);
      expect(withShim).toEqual(without);
    });
  });

  test.each([
    'clone',
    'clone3',
    'fork',
    'setsid',
    'close_range',
    'socket',
    'connect',
    'wait4',
    'pipe2',
    'openat2',
    'getdents64',
    'ppoll',
    'dup3',
    'setpriority',
  ])('a profile that refuses %s: the program runs, whatever becomes of the report', async (call) => {
    const options = [denying(call), '--env=CHALK_REPORT_URL=http://127.0.0.1:1/'];
    const without = await run(options, ['/bin/exit-codes', 'exit', '42']);
    for (const mode of ['exec', 'heartbeat', 'sync', 'init']) {
      const words = ['/.chalk/shim', `--mode=${mode}`, '--', '/bin/exit-codes', 'exit', '42'];
      expect(await run(options, words), mode).toEqual(without);
    }
  });

  test('signals of docker kill end the program as they would alone', async () => {
    for (const [signal, code] of [
      ['KILL', 137],
      ['TERM', 9],
    ] as const) {
      for (const words of [[], SHIM]) {
        const script = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.02; done';
        const options = ['--detach', '--env=CHALK_REPORT_FILE=/nonexistent/r'];
        const started = await sandbox.docker(['run', ...options, image, ...words, 'sh', '-c', script]);
        const container = expectSuccess(started).stdout.trim();
        await until('the program', async () =>
          (await sandbox.docker(['logs', container])).stdout.includes('ready') ? true : undefined,
        );
        expectSuccess(await sandbox.docker(['kill', `--signal=${signal}`, container]));
        const waited = await sandbox.docker(['wait', container]);
        await sandbox.docker(['rm', '--force', container]);
        expect(waited.stdout.trim(), `${signal} ${words.join(' ')}`).toBe(String(code));
      }
    }
  });

  test('a sink that swallows everything: docker stop takes no longer', async () => {
    const hole = createBlackHole(() => undefined);
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    const port = portOf(hole);
    const stopTime = async (words: readonly string[]): Promise<number> => {
      const script = 'trap "exit 0" TERM; echo ready; while :; do sleep 0.02; done';
      const options = ['--network=host', `--env=CHALK_REPORT_URL=http://127.0.0.1:${port}/`];
      const started = await sandbox.docker([
        'run',
        '--detach',
        ...options,
        image,
        ...words,
        'sh',
        '-c',
        script,
      ]);
      const container = expectSuccess(started).stdout.trim();
      await until('the program', async () =>
        (await sandbox.docker(['logs', container])).stdout.includes('ready') ? true : undefined,
      );
      const before = performance.now();
      expectSuccess(await sandbox.docker(['stop', container]));
      const took = performance.now() - before;
      await sandbox.docker(['rm', '--force', container]);
      return took;
    };
    const times: { plain: number[]; shim: number[] } = { plain: [], shim: [] };
    for (let round = 0; round < 5; round++) {
      times.plain.push(await stopTime([]));
      times.shim.push(await stopTime(SHIM));
    }
    hole.close();
    const median = (list: number[]): number => list.toSorted((a, b) => a - b)[2] ?? Number.NaN;
    expect(median(times.shim)).toBeLessThan(median(times.plain) + 300);
  });

  describe('reports arrive', () => {
    let server: Server;
    let bodies: string[] = [];
    let sink = '';
    beforeAll(async () => {
      server = createServer((request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        request.on('end', () => {
          bodies.push(body);
          response.writeHead(204).end();
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      sink = `--env=CHALK_REPORT_URL=http://127.0.0.1:${portOf(server)}/`;
    });
    afterAll(() => void server.close());

    const many = async (count: number, words: readonly string[]): Promise<string[]> => {
      bodies = [];
      for (let left = count; left > 0; left--) expectSuccess(await run(['--network=host', sink], words));
      return bodies;
    };

    test('of containers that live 50 ms: 100 of 100, where the processors are not all taken', async () => {
      const arrived = (await many(100, [...SHIM, 'sleep', '0.05'])).length;
      const taken = (loadavg()[0] ?? 0) > availableParallelism();
      // 50 ms of a machine on which others wait for a processor are hardly any.
      if (taken) process.stderr.write(`load ${loadavg()[0]}: ${arrived} of 100 reports\n`);
      expect(arrived).toBeGreaterThanOrEqual(taken ? 50 : 100);
    }, 300_000);

    test('of the shortest ones, where the report comes first or init waits: 20 of 20', async () => {
      expect(await many(20, ['/.chalk/shim', '--mode=sync', '--', 'true'])).toHaveLength(20);
      const reports = await many(20, ['/.chalk/shim', '--mode=init', '--', 'true']);
      expect(reports.filter((body) => body.includes('"_OPERATION":"postexec"'))).toHaveLength(20);
      expect(reports.filter((body) => body.includes('"_OPERATION":"exec"'))).toHaveLength(20);
    });
  });

  describe('programs that look after children', () => {
    /** The programs of this machine, in the container. */
    const ours = ['/usr', '/lib', '/lib64', '/etc/ssl', '/etc/alternatives', '/etc/java-17-openjdk']
      .filter((folder) => existsSync(folder))
      .map((folder) => `--volume=${folder}:${folder}:ro`);
    const idle = 'setTimeout(() => process.exit(process.listenerCount("x") + 7), 700)';
    const programs: readonly [string, readonly string[]][] = [
      ['sh', ['/bin/sh', '-c', 'sleep 0.7 & wait; exit 7']],
      ['tini -w', ['/usr/bin/tini', '-w', '-v', '--', '/bin/sh', '-c', 'sleep 0.7; exit 7']],
      ['dumb-init -v', ['/usr/bin/dumb-init', '-v', '/bin/sh', '-c', 'sleep 0.7; exit 7']],
      ['node', ['/usr/bin/node', '-e', idle]],
      ['python', ['/usr/bin/python3', '-c', 'import time; time.sleep(0.7); raise SystemExit(7)']],
      ['java', ['/usr/bin/java', '-version']],
    ];
    const there = programs.filter(([, [file]]) => file === '/bin/sh' || existsSync(file ?? ''));

    test.each(there)('%s', async (_, words) => {
      const start = async (through: readonly string[]): Promise<Result & { zombies: string }> => {
        const name = sandbox.name();
        const options = ['--rm', `--name=${name}`, '--env=CHALK_REPORT_FILE=/nonexistent/r', ...ours];
        const running = sandbox.docker(['run', ...options, image, ...through, ...words]);
        const look = until('the container', async () => {
          const { stdout } = await sandbox.docker([
            'exec',
            name,
            'sh',
            '-c',
            'sleep 0.3; cat /proc/[0-9]*/stat',
          ]);
          return stdout === '' ? undefined : stdout;
        }).catch(() => '');
        const states = await Promise.race([look, running.then(() => '')]);
        const zombies = states.split('\n').filter((line) => / Z \d/.test(line));
        return { ...(await running), zombies: zombies.join('\n') };
      };
      const withShim = await start(SHIM);
      expect(withShim.code).toBe(words.includes('-version') ? 0 : 7);
      expect(withShim.zombies).toBe('');
      expect(withShim.stderr).not.toMatch(
        /reaped zombie|unknown (process|child)|A child with PID (?!\d+ (exited|was)[^]*exit)/i,
      );
    });
  });
});

function portOf(server: PlainServer): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
