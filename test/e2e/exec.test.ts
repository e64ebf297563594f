/** `docker chalk exec`: a program of this machine, reported as one in a container would be. */
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseReport } from '../shim/support.ts';
import { Sandbox, until } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('exec', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  test('the program runs with its words, output and exit status, with and without a sink', async () => {
    const words = ['exec', '--', 'sh', '-c', 'echo "$0 $1"; exit 7', 'a b', '--'];
    const env = { CHALK_REPORT_FILE: join(sandbox.root, 'report-1') };
    for (const options of [{}, { env }]) {
      expect(await sandbox.chalk(words, options)).toEqual({ code: 7, stdout: 'a b --\n', stderr: '' });
    }
    expect((await sandbox.chalk(['exec', '--', './missing'], { env })).code).toBe(127);
  });

  test('its report: the process, without the secrets among its words', async () => {
    const file = join(sandbox.root, 'report-2');
    const words = ['exec', '--', 'sh', '-c', 'sleep 1; :', 'one', '--password=secret-4711'];
    expect(await sandbox.chalk(words, { env: { CHALK_REPORT_FILE: file } })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const text = await until('the report', () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined));
    const { host, chalk } = parseReport(text);
    expect(host).toMatchObject({ _OPERATION: 'exec', _OP_CHALK_COUNT: 0 });
    expect(chalk['_PROCESS_EXE_PATH']).toMatch(/sh$/);
    expect(chalk['_OP_ARTIFACT_PATH']).toMatch(/\/sh$/);
    expect(text).not.toContain('secret-4711');
  });

  // Marked by Chalk itself; the first is a program for x86-64.
  const marked = ['elf_true', 'script.sh', 'app.py'].filter(
    (name) => name !== 'elf_true' || arch() === 'x64',
  );
  test.each(marked)('the mark of %s is in its report', async (name) => {
    const file = join(sandbox.root, `report-${name}`);
    const bytes = readFileSync(fileURLToPath(new URL(`../fixtures/vectors/marked/${name}`, import.meta.url)));
    const id = /"CHALK_ID"\s*:\s*"([^"]+)"/.exec(bytes.toString('latin1'))?.[1];
    const folder = sandbox.project({ [name]: bytes });
    chmodSync(join(folder, name), 0o755);
    const options = { cwd: folder, env: { CHALK_REPORT_FILE: file } };
    expect(await sandbox.chalk(['exec', '--', `./${name}`], options)).toMatchObject({ code: 0, stderr: '' });
    const text = await until('the report', () => {
      const written = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return written.endsWith('\n') ? written : undefined;
    });
    const { host, chalk } = parseReport(text);
    expect(host).toMatchObject({ _OPERATION: 'exec', _OP_CHALK_COUNT: 1 });
    expect(chalk).toMatchObject({ CHALK_ID: id, _OP_ARTIFACT_PATH: join(folder, name) });
  });

  test('CHALK_SHIM=off: only the program', async () => {
    const file = join(sandbox.root, 'report-3');
    const env = { CHALK_REPORT_FILE: file, CHALK_SHIM: 'off' };
    expect(await sandbox.chalk(['exec', '--', 'true'], { env })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(existsSync(file)).toBe(false);
  });
});
