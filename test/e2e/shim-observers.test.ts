/** Programs that watch their children: none of them sees one more with the shim than without it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { build, mark, reporterPath, shimPath } from '../shim/support.ts';
import { expectSuccess, Sandbox, until } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

const SHIM = ['/.chalk/shim', '--'];
/** What the servers are unpacked to; the same for every run of the tests. */
const CACHE = process.env['CHALK_TESTBED_CACHE'] ?? join(homedir(), '.cache', 'docker-chalk-testbed');
const EXTRA = join(CACHE, 'observers');
const LIBRARIES =
  '/extra/usr/lib/x86_64-linux-gnu:/extra/usr/lib/aarch64-linux-gnu:/extra/lib/x86_64-linux-gnu';

interface Program {
  readonly name: string;
  /** Where it has to be on this machine. */
  readonly file: string;
  readonly words: readonly string[];
  /** What ends it, and with which exit status. */
  readonly signal: string;
  readonly code: number;
}

const WAITS = 'trap "exit 7" TERM; sleep 1000 & wait';
const NGINX = 'user root; error_log stderr notice; daemon off; pid /tmp/nginx.pid; worker_processes 1;';
const PROGRAMS: readonly Program[] = [
  { name: 'sh', file: '/bin/sh', words: ['/bin/sh', '-c', WAITS], signal: 'TERM', code: 7 },
  {
    name: 'tini -w',
    file: '/usr/bin/tini',
    words: ['/usr/bin/tini', '-w', '-v', '--', '/bin/sh', '-c', WAITS],
    signal: 'TERM',
    code: 7,
  },
  {
    name: 'dumb-init -v',
    file: '/usr/bin/dumb-init',
    words: ['/usr/bin/dumb-init', '-v', '/bin/sh', '-c', WAITS],
    signal: 'TERM',
    code: 7,
  },
  {
    name: 'node',
    file: process.execPath,
    words: ['/node', '-e', 'setInterval(() => 0, 1e6); process.on("SIGTERM", () => process.exit(7))'],
    signal: 'TERM',
    code: 7,
  },
  {
    name: 'python',
    file: '/usr/bin/python3',
    words: [
      '/usr/bin/python3',
      '-c',
      'import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); signal.pause(); signal.pause()',
    ],
    signal: 'TERM',
    code: 7,
  },
  {
    name: 'java',
    file: '/usr/bin/java',
    words: ['/usr/bin/java', '-Xshare:auto', '-m', 'java.rmi/sun.rmi.registry.RegistryImpl', '0'],
    signal: 'TERM',
    code: 143,
  },
  {
    name: 'nginx',
    file: join(EXTRA, 'usr/sbin/nginx'),
    words: ['/extra/usr/sbin/nginx', '-e', 'stderr', '-c', '/nginx.conf', '-g', NGINX],
    signal: 'QUIT',
    code: 0,
  },
  {
    name: 'redis',
    file: join(EXTRA, 'usr/bin/redis-check-rdb'),
    words: ['/extra/usr/bin/redis-server', '--save', '', '--port', '0', '--unixsocket', '/tmp/redis'],
    signal: 'TERM',
    code: 0,
  },
  {
    name: 'php-fpm',
    file: join(EXTRA, 'usr/sbin/php-fpm8.2'),
    words: ['/extra/usr/sbin/php-fpm8.2', '-n', '-F', '-R', '-y', '/php-fpm.conf'],
    signal: 'QUIT',
    code: 0,
  },
];

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

describeWithEngine('programs that look after children', (engine) => {
  let sandbox: Sandbox;
  let image = '';
  let unpacked = '';
  beforeAll(async () => {
    build();
    mkdirSync(CACHE, { recursive: true });
    unpacked = spawnSync('bash', [join(import.meta.dirname, '../shim/observers.sh'), EXTRA], {
      encoding: 'utf8',
    }).stderr;
    sandbox = await Sandbox.open(engine);
    const folder = sandbox.project({
      'shim/shim': readFileSync(shimPath()),
      'shim/reporter': readFileSync(reporterPath()),
      'chalk.json': mark,
      'nginx.conf': 'events {}\nhttp { access_log off; server { listen 127.0.0.1:8080; } }\n',
      'php-fpm.conf':
        '[global]\nerror_log = /proc/self/fd/2\nlog_level = debug\n[www]\nuser = 0\nlisten = /tmp/php\npm = static\npm.max_children = 1\n',
      Dockerfile: [
        `FROM ${sandbox.base('busybox')}`,
        'COPY --chmod=0555 shim/ /.chalk/',
        'COPY --chmod=0444 chalk.json nginx.conf php-fpm.conf /',
        'RUN mkdir -p /var/log/nginx /var/lib/nginx /tmp',
        'ENTRYPOINT []',
        'CMD ["true"]',
      ].join('\n'),
    });
    image = await sandbox.plain(folder);
  });
  afterAll(async () => sandbox.close());

  /** This machine's programs and libraries, in the container. */
  const machine = ['/usr', '/lib', '/lib64', '/etc/ssl', '/etc/alternatives', '/etc/java-17-openjdk'];
  const volumes = (): string[] =>
    [...machine.map((folder) => [folder, folder]), [EXTRA, '/extra'], [process.execPath, '/node']]
      .filter(([from = '']) => existsSync(from))
      .map(([from, to]) => `--volume=${from}:${to}:ro`);

  /** What was seen once the reporter was gone, and how it ended. */
  const watched = async (program: Program, through: readonly string[]) => {
    const name = sandbox.name();
    const environment = ['--env=CHALK_REPORT_FILE=/tmp/report', `--env=LD_LIBRARY_PATH=${LIBRARIES}`];
    const line = ['run', '--detach', `--name=${name}`, ...environment, ...volumes(), image];
    expectSuccess(await sandbox.docker([...line, ...through, ...program.words]));
    const reported =
      through.length === 0
        ? 'true'
        : '[ -s /tmp/report ] && ! grep -qs "^reporter" /proc/[0-9]*/comm && grep -qs chalk-keeper /proc/[0-9]*/comm';
    // Of a program that has not come far yet there is nothing to see, so it must sleep, too.
    const ready = `${reported} && grep -qs "^State:.S" /proc/1/status && cat /proc/[0-9]*/stat`;
    const stats = await until(program.name, async () => {
      const { code, stdout } = await sandbox.docker(['exec', name, '/bin/busybox', 'sh', '-c', ready]);
      return code === 0 ? stdout : undefined;
    });
    expectSuccess(await sandbox.docker(['kill', `--signal=${program.signal}`, name]));
    const code = Number((await sandbox.docker(['wait', name])).stdout);
    const { stdout, stderr } = await sandbox.docker(['logs', name]);
    await sandbox.docker(['rm', '--force', name]);
    const log = `${stdout}${stderr}`;
    return {
      code,
      zombies: stats.split('\n').filter((each) => /\) [ZX] /.test(each)),
      // Of its own children, too: there must be as many with the shim as without it.
      children: log.match(/SIGCHLD|signal 17\b|reaped zombie|child|process \d+ exited/gi)?.length ?? 0,
      strangers: log.match(/unknown (?:process|child)|reaped zombie/gi) ?? [],
    };
  };

  describe.concurrent('with the shim as without', () => {
    test.for(PROGRAMS)('$name', async (program, { skip }) => {
      if (!existsSync(program.file)) skip(`${program.file} is not here. ${unpacked}`);
      const [without, withShim] = await Promise.all([watched(program, []), watched(program, SHIM)]);
      expect(withShim).toEqual(without);
      expect(withShim).toMatchObject({ code: program.code, zombies: [], strangers: [] });
    });
  });
});
