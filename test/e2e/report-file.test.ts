/** Where reports of builds go, what they look like, and that losing one loses nothing else. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, matching, onlyChalk, readReport, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('report', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nARG SECRET\nCMD ["true"]\n` });
  });
  afterAll(async () => sandbox.close());

  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  test('by default: a private file in a private folder, one JSON array a line', async () => {
    const ours = await sandbox.mark(folder, ['--build-arg', 'SECRET=hunter2', '--label', 'a=b']);
    const before = sandbox.reports().length;
    await sandbox.mark(folder);
    expect(sandbox.reports()).toHaveLength(before + 1);
    expect([mode(sandbox.reportFile), mode(join(sandbox.state, 'docker-chalk'))]).toEqual(['600', '700']);
    const report = sandbox.reports()[before - 1];
    const id = (await sandbox.inspect(ours)).Id.replace('sha256:', '');
    expect(report).toMatchObject({
      _OPERATION: 'build',
      _OP_EXIT_CODE: 0,
      _OP_CHALK_COUNT: 1,
      _X_CHALK_INJECTION: 'inline',
      _X_CHALK_INJECTION_REASON: matching(/^wrapped: /),
      _ACTION_ID: matching(/^[0-9a-f]{16}$/),
      _CHALKS: [
        {
          DOCKER_TAGS: [`${ours}:latest`],
          DOCKER_LABELS: { a: 'b' },
          _CURRENT_HASH: id,
          _OP_ARTIFACT_TYPE: 'Docker Image',
        },
      ],
    });
    expect(report).not.toHaveProperty('_OP_ERRORS');
    expect(readFileSync(sandbox.reportFile, 'utf8')).not.toContain('hunter2');
  });

  test('--report - prints it behind what docker prints there', async () => {
    const name = sandbox.name();
    const result = expectSuccess(await sandbox.chalk(['--report', '-', 'build', '-q', '-t', name, folder]));
    const [id, line, ...others] = result.stdout.split('\n');
    expect(id).toBe((await sandbox.inspect(name)).Id);
    expect(onlyChalk(readReport(line ?? ''))).toMatchObject({ DOCKER_TAGS: [`${name}:latest`] });
    expect([others, result.stderr]).toEqual([[''], '']);
  });

  test('--report FILE, more than once; then not to the default place', async () => {
    const before = sandbox.reports().length;
    const project = sandbox.project({});
    const places = [join(project, 'new', 'a.jsonl'), join(project, 'b c.jsonl')];
    const options = places.flatMap((place) => ['--report', place]);
    expectSuccess(await sandbox.chalk([...options, 'build', '-q', '-t', sandbox.name(), folder]));
    const [first, second] = places.map((place) => readFileSync(place, 'utf8'));
    expect(readReport(first ?? '')).toMatchObject({ _OPERATION: 'build' });
    expect(second).toBe(first);
    expect(sandbox.reports()).toHaveLength(before);
  });

  test('a relative --report FILE is meant from where the command runs', async () => {
    const cwd = sandbox.project({});
    expectSuccess(await sandbox.chalk(['--report=r.jsonl', 'build', '-t', sandbox.name(), folder], { cwd }));
    expect(existsSync(join(cwd, 'r.jsonl'))).toBe(true);
  });

  test('--no-report writes none', async () => {
    const before = sandbox.reports().length;
    expectSuccess(await sandbox.chalk(['--no-report', 'build', '-t', sandbox.name(), folder]));
    expect(sandbox.reports()).toHaveLength(before);
  });

  test('a place that cannot be written: the image is there, exit status 0, one line', async () => {
    const state = join(sandbox.root, 'no-state');
    writeFileSync(state, '');
    const name = sandbox.name();
    const env = { XDG_STATE_HOME: state };
    const result = await sandbox.chalk(['build', '-t', name, folder], { env });
    expect(result.code).toBe(0);
    expect(result.stderr.match(/^docker chalk: .*$/gm)).toEqual([
      expect.stringMatching(/^docker chalk: SINK_FAILED: /),
    ]);
    // Who asked for quiet gets it.
    const quiet = await sandbox.chalk(['build', '-q', '-t', name, folder], { env });
    expect(quiet).toEqual({ code: 0, stdout: `${(await sandbox.inspect(name)).Id}\n`, stderr: '' });
  });

  test('a dead sink stops no other', async () => {
    const project = sandbox.project({});
    mkdirSync(join(project, 'folder'));
    const options = ['--report', join(project, 'folder'), '--report', join(project, 'file')];
    const result = expectSuccess(await sandbox.chalk([...options, 'build', '-t', sandbox.name(), folder]));
    expect(result.stderr).toMatch(/^docker chalk: SINK_FAILED: /m);
    expect(readReport(readFileSync(join(project, 'file'), 'utf8'))).toMatchObject({ _OP_EXIT_CODE: 0 });
  });

  test('a failed build is reported with its exit status, and no image', async () => {
    const failing = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN exit 7\n` });
    expect((await sandbox.chalk(['build', failing])).code).toBe(1);
    expect(sandbox.lastReport()).toMatchObject({ _OP_EXIT_CODE: 1, _OP_CHALK_COUNT: 0 });
  });

  test('--explain says what would be done, and builds nothing', async () => {
    const name = sandbox.name();
    const result = expectSuccess(await sandbox.chalk(['--explain', 'build', '-t', name, folder]));
    expect(result.stdout).toContain('[wrapped]');
    expect(result.stdout).toContain('/.chalk/shim');
    expect((await sandbox.docker(['image', 'inspect', name])).code).toBe(1);
  });
});
