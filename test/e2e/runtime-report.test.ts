/** What a container says of itself, where it was told to say it, and that the program notices nothing. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { expectSuccess, matching, onlyChalk, readReport, Sandbox, until } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { serve } from '../support/http.ts';

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

describeWithEngine('runtime report', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD echo program; exec sleep 2\n`,
    });
  });
  afterAll(async () => sandbox.close());

  /** Builds with `--runtime-report`; the image and its CHALK_ID as the build reported it. */
  const marked = async (...destinations: string[]) => {
    const name = sandbox.name();
    const options = destinations.flatMap((each) => ['--runtime-report', each]);
    expectSuccess(await sandbox.chalk([...options, 'build', '-t', name, folder]));
    return { name, id: onlyChalk(sandbox.lastReport())['CHALK_ID'] };
  };
  const run = async (...words: string[]) => expectSuccess(await sandbox.docker(['run', '--rm', ...words]));

  test('none was asked for: the output is the program’s alone', async () => {
    const { name } = await marked();
    expect(await run(name)).toEqual({ code: 0, stdout: 'program\n', stderr: '' });
  });

  test('--runtime-report - and CHALK_REPORT_FILE=-: on the container’s output, with the CHALK_ID of the build', async () => {
    const built = await marked('-');
    const told = await marked();
    const outputs = [
      { id: built.id, output: await run(built.name) },
      { id: told.id, output: await run('--env', 'CHALK_REPORT_FILE=-', told.name) },
    ];
    for (const { id, output } of outputs) {
      const lines = output.stdout.trimEnd().split('\n');
      expect(lines).toHaveLength(2);
      expect(lines).toContain('program');
      const report = readReport(lines.find((line) => line !== 'program') ?? '');
      expect(onlyChalk(report)).toMatchObject({ CHALK_ID: id });
      expect(output.stderr).toBe('');
    }
  });

  test('to a URL: one POST with the report', async () => {
    const { port, requests, close } = await serve();
    try {
      const { name, id } = await marked(`http://127.0.0.1:${port}/reports`);
      expect(await run('--network', 'host', name)).toMatchObject({ stdout: 'program\n', stderr: '' });
      const request = await until('the report', () => requests[0]);
      expect(request).toMatchObject({
        method: 'POST',
        path: '/reports',
        type: matching(/^application\/json/),
      });
      expect(onlyChalk(readReport(request.body))).toMatchObject({ CHALK_ID: id });
      expect(requests).toHaveLength(1);
    } finally {
      close();
    }
  });

  test('to a URL where nobody listens: the program runs as if nothing had been asked', async () => {
    const { name } = await marked('http://127.0.0.1:1/');
    expect(await run('--network', 'none', name, 'echo', 'x')).toEqual({ code: 0, stdout: 'x\n', stderr: '' });
  });

  test('--runtime-mode and CHALK_RUNTIME_MODE: in the image, whichever way it is marked; CHALK_SHIM is stronger', async () => {
    const short = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["echo", "program"]\n`,
    });
    const ways = [
      { words: ['--runtime-mode=init'], env: { CHALK_RUNTIME_MODE: 'off' } },
      { words: [], env: { CHALK_RUNTIME_MODE: 'init' } },
      { words: ['--runtime-mode', 'init'], env: { DOCKER_BUILDKIT: '0' } },
    ];
    for (const { words, env } of ways) {
      const name = sandbox.name();
      const line = [...words, '--runtime-report', '-', 'build', '-t', name, short];
      expectSuccess(await sandbox.chalk(line, { env }));
      const { Config } = await sandbox.inspect(name);
      expect(Config.Entrypoint).toEqual(['/.chalk/shim', '--mode=init', '--']);
      const lines = (await run(name)).stdout.trimEnd().split('\n');
      expect(lines).toContain('program');
      const operations = lines
        .filter((each) => each !== 'program')
        .map((each) => readReport(each)['_OPERATION']);
      expect(operations).toHaveLength(2);
      expect(new Set(operations)).toEqual(new Set(['exec', 'postexec']));
      expect((await run('--env', 'CHALK_SHIM=off', name)).stdout).toBe('program\n');
    }
  });

  test('a mode there is not is refused before anything is built', async () => {
    for (const { words, env, shown } of [
      { words: ['--runtime-mode=later'], env: {}, shown: '--runtime-mode' },
      { words: [], env: { CHALK_RUNTIME_MODE: 'later' }, shown: 'CHALK_RUNTIME_MODE' },
    ]) {
      const name = sandbox.name();
      const result = await sandbox.chalk([...words, 'build', '-t', name, folder], { env });
      expect(result).toMatchObject({ code: 125, stdout: '' });
      expect(result.stderr).toContain(`${shown} is "later"`);
      expect((await sandbox.docker(['image', 'inspect', name])).code).toBe(1);
    }
  });

  test('a password in the URL, and what is no URL, are refused before anything is built', async () => {
    for (const destination of ['https://a:b@example.com/', 'ftp://example.com/', 'relative/path']) {
      const name = sandbox.name();
      const result = await sandbox.chalk(['--runtime-report', destination, 'build', '-t', name, folder]);
      expect(result, destination).toMatchObject({ code: 125, stdout: '' });
      expect(result.stderr, destination).toMatch(/^docker chalk: [^\n]*--runtime-report[^\n]*\n$/);
      expect(result.stderr).not.toContain('a:b');
      expect((await sandbox.docker(['image', 'inspect', name])).code).toBe(1);
    }
  });
});
