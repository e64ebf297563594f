/** Reports: what is in them, where they go, and what never gets into them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { hostname, release } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  build,
  chalkId,
  compilePrograms,
  isRoot,
  keepingShim,
  mark,
  parseReport,
  readText,
  type Report,
  Root,
  scratchFolder,
  until,
  whyNotRoot,
} from './support.ts';

const observe = [...keepingShim, 'observer'];
const base = { PATH: '/bin' };

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

describe.skipIf(!isRoot)(`reports${whyNotRoot}`, () => {
  let programs = '';
  let root: Root;
  beforeAll(() => {
    build();
    programs = scratchFolder();
    compilePrograms(programs);
  });
  afterAll(() => {
    rmSync(programs, { recursive: true });
  });
  beforeEach(() => {
    root = new Root(programs);
  });
  afterEach(async () => root.remove());

  /** Starts the program, keeps it running until its report (and whatever else) is there, and returns the report. */
  const reportOf = async (
    env: Readonly<Record<string, string>> = {},
    { argv = observe, uid = 0, alsoAwait = async (): Promise<unknown> => undefined } = {},
  ): Promise<Report> => {
    const running = root.start(argv, { env: { ...base, CHALK_REPORT_FILE: '/tmp/report', ...env }, uid });
    const [report] = await root.reports('tmp/report');
    await alsoAwait();
    await running.finish();
    if (report === undefined) throw new Error('no report');
    return report;
  };

  test.each([0, 1000])('user %i: the mark, the process and the host are in it', async (uid) => {
    const { host, chalk } = await reportOf({}, { argv: [...observe, 'a b', 'é'], uid });
    const marked: unknown = JSON.parse(mark.toString());
    expect(chalk).toMatchObject(Object(marked));
    expect(chalk).toMatchObject({
      CHALK_ID: chalkId,
      _OP_ARTIFACT_TYPE: 'Docker Container',
      _PROCESS_PID: 1,
      _PROCESS_PARENT_PID: 0,
      _PROCESS_ARGV: ['observer', 'a b', 'é'],
      _PROCESS_EXE_PATH: '/bin/observer',
      _PROCESS_COMMAND_NAME: 'observer',
      _PROCESS_CWD: '/',
      _PROCESS_UID: [uid, uid, uid, uid],
      _PROCESS_GID: [uid, uid, uid, uid],
      _X_CHALK_MARK_SHA256: createHash('sha256').update(mark).digest('hex'),
      _X_CHALK_MARK_MODE: '0444',
      _X_CHALK_MARK_UID: 0,
      _X_CHALK_PROCESS_EXE_SHA256: createHash('sha256')
        .update(readFileSync(join(programs, 'observer')))
        .digest('hex'),
    });
    expect(host).toMatchObject({
      _OPERATION: 'exec',
      _ACTION_ID: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
      _DATETIME: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/) as unknown,
      _OP_HOSTNAME: hostname(),
      _OP_HOST_SYSNAME: 'Linux',
      _OP_HOST_RELEASE: release(),
      _OP_CHALK_COUNT: 1,
      _X_CHALK_BOOT_ID: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    });
    expect(Math.abs(Number(host['_TIMESTAMP']) - Date.now())).toBeLessThan(60_000);
    expect(statSync(root.at('tmp/report')).mode & 0o777).toBe(0o600);
  });

  test('not PID 1: its own number, and that of its parent', async () => {
    const running = root.start(observe, {
      env: { ...base, CHALK_REPORT_FILE: '/tmp/report' },
      sharedPids: true,
    });
    const [report] = await root.reports('tmp/report');
    await running.finish();
    expect(report?.chalk).toMatchObject({
      _PROCESS_PID: running.child.pid,
      _PROCESS_PARENT_PID: process.pid,
    });
  });

  describe('secrets', () => {
    const canary = 'Kanarienvogel4711';

    test('planted in environment, arguments, URLs and files are in no sink', async () => {
      const server = await Sink.start();
      root.write('tmp/token', `${canary}\n`);
      root.write('tmp/headers', `X-Team: shop\nno header, but ${canary}\n`);
      const argv = [
        '--password',
        canary,
        `--api-token=${canary}`,
        `DB_SECRET=${canary}`,
        `postgres://u:${canary}@db/x`,
        `https://h/?access_key=${canary}`,
        '-H',
        `Authorization: Bearer ${canary}`,
        `eyJhbGciOiJI.${canary}.x`,
        `export MY_TOKEN=${canary}; mysql --password ${canary}`,
      ];
      const report = await reportOf(
        {
          DB_PASSWORD: canary,
          AWS_SECRET_ACCESS_KEY: canary,
          AWS_SESSION_TOKEN: canary,
          CHALK_REPORT_TOKEN_FILE: '/tmp/token',
          CHALK_REPORT_HEADERS_FILE: '/tmp/headers',
          CHALK_REPORT_HEADERS: `${canary} is no header`,
          CHALK_K8S_METADATA: `{"cluster":{"endpoint":"https://user:${canary}@cluster"}}`,
          CHALK_K8S_POD_NAME: 'pod',
          CHALK_REPORT_URL: `${server.url.replace('://', `://user:${canary}@`)} ftp://u:${canary}@h/ https://u:${canary}@[/`,
          CHALK_K8S_SECRET: canary,
          GODEBUG: canary,
        },
        { argv: [...observe, ...argv], alsoAwait: async () => server.first() },
      );
      const posted = await server.first();
      await server.stop();
      expect(parseReport(posted.body).host['_ACTION_ID']).toBe(report.host['_ACTION_ID']);
      expect(posted.headers.authorization).toContain(canary); // what it is for
      for (const text of [
        posted.body,
        readText(root.at('tmp/report')),
        JSON.stringify({ ...posted.headers, authorization: '' }),
      ]) {
        expect(text).not.toContain(canary);
      }
      expect(report.chalk['_PROCESS_ARGV']).toContain('<<redact>>');
    });

    test('in a configuration that cannot be read, or names sinks that cannot be used: the report says so without them', async () => {
      for (const broken of [
        `{"sinks":[{"type":"https","url":"https://u:${canary}@h/"},"${canary}`,
        JSON.stringify({ sinks: [{ type: canary }, { type: 'https', url: `${canary}://h/` }] }),
        JSON.stringify({ sinks: [{ type: 'https', url: 'http://127.0.0.1:1/', token_file: `/${canary}` }] }),
      ]) {
        root.write('.chalk/runtime.json', broken);
        const { host } = await reportOf();
        expect(host['_OP_ERRORS'], broken).toContainEqual(expect.stringMatching(/^config: /));
        expect(readText(root.at('tmp/report')), broken).not.toContain(canary);
        rmSync(root.at('tmp/report'));
      }
    });

    test('nothing of ours keeps them in /proc: the program’s own not even while reporting, a sink’s only so long', async () => {
      const server = await Sink.start('never');
      const sinkSecret = 'Buchfink4711';
      const running = root.start([...observe, `--password=${canary}`], {
        env: { ...base, DB_PASSWORD: canary, CHALK_REPORT_URL: server.url, CHALK_REPORT_TOKEN: sinkSecret },
      });
      await server.first();
      const shown = (name: string): string => {
        const pid = running.descendant(name) ?? Number.NaN;
        return ['environ', 'cmdline'].map((file) => readText(`/proc/${pid}/${file}`) ?? 'gone').join();
      };
      // Not its arguments but its environment, which is root's to read (below).
      expect(shown('reporter')).toContain(sinkSecret);
      for (const name of ['reporter', 'chalk-keeper']) expect(shown(name), name).not.toContain(canary);
      expect(shown('chalk-keeper').replaceAll('\0', '')).toBe(',');
      await running.finish();
      await server.stop();
    });

    test('no variable of the environment is reported, not even a name', async () => {
      await reportOf({ UNUSUAL_NAME: 'unusual value', ...base });
      expect(readText(root.at('tmp/report'))).not.toMatch(/UNUSUAL|unusual|CHALK_REPORT_FILE/);
    });
  });

  describe('hostile /chalk.json', () => {
    const at = (): string => root.at('chalk.json');
    test.each<[string, () => void, RegExp]>([
      ['absent', (): void => rmSync(at()), /no such file/],
      ['FIFO', (): void => (rmSync(at()), void execFileSync('mkfifo', [at()])), /not a regular file/],
      ['link to /dev/zero', (): void => (rmSync(at()), symlinkSync('/dev/zero', at())), /symbolic links/],
      ['link to /etc/shadow', (): void => (rmSync(at()), symlinkSync('/etc/shadow', at())), /symbolic links/],
      ['3 GB, sparse', (): void => truncateSync(at(), 3 * 1024 ** 3), /larger than allowed/],
      ['200,000 deep', (): void => root.write('chalk.json', '['.repeat(200_000)), /nested too deep/],
      ['no JSON', (): void => root.write('chalk.json', 'hello'), /not a JSON object/],
      ['no mark', (): void => root.write('chalk.json', '{"a":1}'), /MAGIC/],
      [
        'with run-time keys',
        (): void => root.write('chalk.json', mark.toString().replace('"AUTHOR"', '"_PROCESS_PID"')),
        /run-time keys/,
      ],
    ])('%s: the report says so, without it', async (_, spoil, why) => {
      chmodSync(at(), 0o644);
      spoil();
      const { host, chalk } = await reportOf();
      expect(JSON.stringify(host['_OP_ERRORS'])).toMatch(why);
      expect(host['_OP_CHALK_COUNT']).toBe(0);
      expect(chalk['MAGIC']).toBeUndefined();
      expect(chalk['_PROCESS_PID']).toBe(1);
    });
  });

  describe('runtime.json', () => {
    const sinks = (...list: unknown[]): string => JSON.stringify({ sinks: list });

    test('names sinks that the environment adds to and replaces', async () => {
      root.write(
        '.chalk/runtime.json',
        sinks({ type: 'file', path: '/tmp/baked' }, { type: 'https', url: 'http://127.0.0.1:1/' }),
      );
      const running = root.start(observe, { env: base });
      expect((await root.reports('tmp/baked'))[0]?.chalk['CHALK_ID']).toBe(chalkId);
      await running.finish();
      rmSync(root.at('tmp/baked'));
      await reportOf();
      expect(readText(root.at('tmp/baked'))).toBeUndefined();
    });

    test.each<[string, () => void]>([
      ['writable by others', (): void => chmodSync(root.at('.chalk/runtime.json'), 0o646)],
      ['owned by another', (): void => chownSync(root.at('.chalk/runtime.json'), 1000, 0)],
      ['in a folder others can write to', (): void => chmodSync(root.at('.chalk'), 0o777)],
    ])('%s: not believed, and the report says so', async (_, spoil) => {
      const server = await Sink.start();
      root.write('.chalk/runtime.json', sinks({ type: 'file', path: '/tmp/foreign' }));
      spoil();
      const running = root.start(observe, { env: { ...base, CHALK_REPORT_URL: server.url } });
      const { body } = await server.first();
      await running.finish();
      await server.stop();
      expect(JSON.stringify(parseReport(body).host['_OP_ERRORS'])).toContain('not trusted');
      expect(readText(root.at('tmp/foreign'))).toBeUndefined();
    });
  });

  describe('http', () => {
    test('one POST with its headers, repeated after a 503 with the same body and id', async () => {
      const server = await Sink.start(503, 200);
      const env = {
        ...base,
        CHALK_REPORT_FILE: '/tmp/report',
        CHALK_REPORT_URL: `${server.url}in?x=1`,
        CHALK_REPORT_TOKEN: 'tok',
      };
      const running = root.start(observe, { env });
      const host = (await root.reports('tmp/report'))[0]?.host ?? {};
      await until('the repeat', () => server.requests[1]);
      await running.finish();
      await server.stop();
      const [first, second] = server.requests;
      expect(first?.headers).toMatchObject({
        'content-type': 'application/json',
        authorization: 'Bearer tok',
        'x-chalk-action-id': host['_ACTION_ID'],
        'x-chalk-operation': 'exec',
        'x-chalk-attempt': '1',
        'x-chalk-digest-sha256': createHash('sha256')
          .update(first?.body ?? '')
          .digest('hex'),
      });
      expect(second?.headers).toMatchObject({
        'x-chalk-action-id': host['_ACTION_ID'],
        'x-chalk-attempt': '2',
      });
      expect(second?.body).toBe(first?.body);
      expect(first?.path).toBe('/in?x=1');
    });

    test('a proxy gets the report, and no question for metadata', async () => {
      const proxy = await Sink.start(200);
      const env = {
        HTTP_PROXY: proxy.url,
        CHALK_REPORT_URL: 'http://sink.invalid/in',
        ECS_CONTAINER_METADATA_URI_V4: 'http://metadata.invalid/v4/x',
      };
      const { host } = await reportOf(env, { alsoAwait: async () => proxy.first() });
      await proxy.stop();
      expect(proxy.requests.map(({ path }) => path)).toEqual(['http://sink.invalid/in']);
      expect(host).toMatchObject({ _OP_CLOUD_PROVIDER: 'aws', _OP_CLOUD_PROVIDER_SERVICE_TYPE: 'aws_ecs' });
    });

    test('a redirect is not followed, and the token stays here', async () => {
      const server = await Sink.start(307);
      const env = { CHALK_REPORT_URL: server.url, CHALK_REPORT_TOKEN: 'tok' };
      await reportOf(env, { alsoAwait: async () => server.first() });
      await server.stop();
      expect(server.requests).toHaveLength(1);
    });

    test('waiting for an answer, the reporter has no capability, cannot be looked into, and dies with the program', async () => {
      const server = await Sink.start('never');
      const running = root.start(observe, { env: { ...base, CHALK_REPORT_URL: server.url } });
      await server.first();
      const reporter = running.descendant('reporter') ?? Number.NaN;
      const status = readText(`/proc/${reporter}/status`) ?? '';
      expect(status.match(/^Cap(Prm|Eff|Inh|Amb):\t0{16}$/gm)).toHaveLength(4);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(statSync(`/proc/${reporter}/environ`).uid).toBe(0);
      expect(readText(`/proc/${reporter}/environ`)).not.toContain('PATH=');
      const started = performance.now();
      expect(await running.finish()).toMatchObject({ code: 7, stderr: '' });
      // By itself it would wait for 5 s, and for 3 s more where a cloud is asked (`main.go`).
      expect(performance.now() - started).toBeLessThan(4500);
      await server.stop();
    });
  });

  describe('standard output', () => {
    const env = { ...base, CHALK_REPORT_FILE: '-' };

    test.each<[string, number, string]>([
      ['a pipe', 0, '"$@" | cat'],
      [
        'a pipe of root, program of another user that owns it',
        1000,
        '{ chown 1000 /proc/self/fd/1; "$@"; } | cat',
      ],
      [
        'a terminal',
        0,
        String.raw`printf '%s ' "$@" > "$root/tmp/run"; script -qec ". $root/tmp/run" /dev/null`,
      ],
    ])('%s gets the report as one line of its own', async (_, uid, around) => {
      const running = root.start(observe, { env, uid, around });
      await until('the line', () =>
        /ready[^]*CHALK_ID|CHALK_ID[^]*ready/.test(running.stdout) ? true : undefined,
      );
      const { stdout, stderr } = await running.finish();
      const started = stdout.replaceAll('\r', '').replace(/^sigchld=.*\n/m, '');
      expect(started.replace('^D\b\b', '')).toMatch(/^(ready\n\[\{.*\}\]\n|\[\{.*\}\]\nready\n)$/);
      expect(stderr).toBe('');
    });

    test('a regular file is left to the program: two writers with an offset each would spoil it', async () => {
      const around = 'exec "$@" > "$root/tmp/out"';
      const running = root.start(observe, {
        env: { ...env, CHALK_REPORT_URL: 'http://127.0.0.1:1/' },
        around,
      });
      await until('the end of the reporter', () => {
        const keeper = running.descendant('chalk-keeper');
        return keeper !== undefined &&
          readText(`/proc/${keeper}/environ`)?.replaceAll('\0', '') === '' &&
          running.descendant('reporter') === undefined
          ? true
          : undefined;
      });
      await running.finish();
      expect(readText(root.at('tmp/out'))).toBe('ready\nsigchld=0 wait=-1 No child processes zombies=0\n');
    });

    test('which cannot be opened anew (a socket) costs only the report', async () => {
      const result = await root.run(['/.chalk/shim', '--', 'exit-codes', 'exit', '3'], { env });
      expect(result).toMatchObject({ code: 3, stdout: '', stderr: '' });
    });
  });
});

interface Posted {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver on loopback that answers with the codes given, the last one for ever; or never. */
class Sink {
  readonly requests: readonly Posted[];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string, requests: readonly Posted[]) {
    this.#server = server;
    this.url = url;
    this.requests = requests;
  }

  static async start(...answers: (number | 'never')[]): Promise<Sink> {
    const requests: Posted[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const answer = answers[Math.min(requests.length, answers.length - 1)] ?? 200;
        requests.push({ path: request.url, headers: request.headers, body });
        if (answer !== 'never') response.writeHead(answer, { location: '/elsewhere' }).end();
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return new Sink(server, `http://127.0.0.1:${address.port}/`, requests);
  }

  async first(): Promise<Posted> {
    return until('a POST', () => this.requests[0]);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
