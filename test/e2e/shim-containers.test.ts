/** The shim in real containers: a program cannot tell whether it is there, whatever the container is allowed to do. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createBlackHole, type Server as PlainServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { build, compilePrograms, mark, reporterPath, shimPath } from '../shim/support.ts';
import { expectSuccess, type Result, Sandbox, until } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

const SHIM = ['/.chalk/shim', '--'];

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

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

  /** The engine appends the variables of the command line in an order of its own, another one every time. */
  const inOneOrder = (result: Result): Result => {
    const lines = result.stdout.split('\n');
    const first = lines.findIndex((line) => line.startsWith('env '));
    const count = lines.filter((line) => line.startsWith('env ')).length;
    const sorted = lines.slice(first, first + count).toSorted();
    return { ...result, stdout: lines.toSpliced(first, count, ...sorted).join('\n') };
  };

  describe.concurrent('the state of the program is the same with and without', () => {
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
      expect(inOneOrder(withShim)).toEqual(inOneOrder(without));
    });
  });

  describe.concurrent('a profile that refuses a call', () => {
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
      'ppoll',
      'dup3',
      'setpriority',
    ])('%s: the program runs, whatever becomes of the report', async (call) => {
      const options = [denying(call), '--env=CHALK_REPORT_URL=http://127.0.0.1:1/'];
      const program = ['/bin/exit-codes', 'exit', '42'];
      const modes = ['exec', 'heartbeat', 'sync', 'init'];
      const [without, ...withShim] = await Promise.all(
        [[], ...modes.map((mode) => ['/.chalk/shim', `--mode=${mode}`, '--'])].map((through) =>
          run(options, [...through, ...program]),
        ),
      );
      expect(without).toMatchObject({ code: 42 });
      for (const [index, each] of withShim.entries()) expect(each, modes[index]).toEqual(without);
    });
  });

  /** Starts a program that says when it is ready; the container. */
  const started = async (
    options: readonly string[],
    words: readonly string[],
    trap = 'exit 9',
  ): Promise<string> => {
    const script = `trap "${trap}" TERM; echo ready; while :; do sleep 0.02; done`;
    const line = ['run', '--detach', ...options, image, ...words, 'sh', '-c', script];
    const container = expectSuccess(await sandbox.docker(line)).stdout.trim();
    await until('the program', async () =>
      (await sandbox.docker(['logs', container])).stdout.includes('ready') ? true : undefined,
    );
    return container;
  };

  test.each([
    ['KILL', '137'],
    ['TERM', '9'],
  ])('docker kill with %s ends the program as it would alone', async (signal, code) => {
    const ended = [[], SHIM].map(async (words) => {
      const container = await started(['--env=CHALK_REPORT_FILE=/nonexistent/r'], words);
      expectSuccess(await sandbox.docker(['kill', `--signal=${signal}`, container]));
      const waited = await sandbox.docker(['wait', container]);
      await sandbox.docker(['rm', '--force', container]);
      return waited.stdout.trim();
    });
    expect(await Promise.all(ended)).toEqual([code, code]);
  });

  test('a sink that swallows everything: docker stop takes no longer', async () => {
    const taken: Socket[] = [];
    const hole = createBlackHole((socket) => taken.push(socket));
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    const sink = `--env=CHALK_REPORT_URL=http://127.0.0.1:${portOf(hole)}/`;
    const stopTime = async (words: readonly string[]): Promise<number> => {
      const container = await started(['--network=host', sink], words, 'exit 0');
      const before = performance.now();
      expectSuccess(await sandbox.docker(['stop', container]));
      const took = performance.now() - before;
      const code = (await sandbox.docker(['wait', container])).stdout.trim();
      await sandbox.docker(['rm', '--force', container]);
      // 137 would say that docker lost its patience.
      expect(code).toBe('0');
      return took;
    };
    // Pairs at the same time, so that what others do costs both the same.
    const differences: number[] = [];
    for (let round = 0; round < 3; round++) {
      const [plain = 0, shim = 0] = await Promise.all([[], SHIM].map(stopTime));
      differences.push(shim - plain);
    }
    expect(taken.length).toBeGreaterThanOrEqual(3);
    for (const socket of taken) socket.destroy();
    hole.close();
    expect(Math.min(...differences)).toBeLessThan(1000);
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

    /** Bodies of the reports of that many containers, some at the same time. */
    const many = async (
      count: number,
      words: readonly string[],
      { atOnce = 2, options = [] }: { atOnce?: number; options?: readonly string[] } = {},
    ): Promise<string[]> => {
      bodies = [];
      let left = count;
      const turns = Array.from({ length: atOnce }, async () => {
        while (left-- > 0) expectSuccess(await run(['--network=host', sink, ...options], words));
      });
      await Promise.all(turns);
      return bodies;
    };

    // 50 ms in which whoever wants a processor has one, whatever else the machine has to do: each container alone and before
    // what other tests run, and its program stays for what its neighbours still had to wait.
    test('of containers that live 50 ms: 100 of 100', async () => {
      const words = [...SHIM, '/bin/lives', '50'];
      const first = { atOnce: 1, options: ['--cpu-shares=262144'] };
      await many(1, words, first); // reads the programs from the disk
      expect(await many(100, words, first)).toHaveLength(100);
    }, 900_000);

    test('of the shortest ones in mode init, which waits: 100 of 100, twice', async () => {
      const reports = await many(100, ['/.chalk/shim', '--mode=init', '--', 'true']);
      expect(reports.filter((body) => body.includes('"_OPERATION":"postexec"'))).toHaveLength(100);
      expect(reports.filter((body) => body.includes('"_OPERATION":"exec"'))).toHaveLength(100);
    }, 900_000);

    test('of the shortest ones in mode sync, where the report comes first: 20 of 20', async () => {
      expect(await many(20, ['/.chalk/shim', '--mode=sync', '--', 'true'])).toHaveLength(20);
    }, 600_000);
  });
});

function portOf(server: PlainServer): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
