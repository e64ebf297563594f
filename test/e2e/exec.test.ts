/** `docker chalk exec`: a program of this machine, reported as one in a container would be. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
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

  test('its report: the process, and the mark of a script', async () => {
    const file = join(sandbox.root, 'report-2');
    const script = join(sandbox.root, 'script.sh');
    copyFileSync(fileURLToPath(new URL('../shim/mark', import.meta.url)), `${script}.mark`);
    const folder = sandbox.project({
      'run.sh': `#!/bin/sh\nsleep 1\n# ${readFileSync(`${script}.mark`, 'utf8')}\n`,
    });
    const result = await sandbox.chalk(
      ['exec', '--', 'sh', '-c', 'exec sh run.sh one --password=secret-4711'],
      {
        cwd: folder,
        env: { CHALK_REPORT_FILE: file },
      },
    );
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
    const text = await until('the report', () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined));
    const { host, chalk } = parseReport(text);
    expect(host).toMatchObject({ _OPERATION: 'exec' });
    expect(chalk['_PROCESS_EXE_PATH']).toMatch(/sh$/);
    expect(chalk['_OP_ARTIFACT_PATH']).toMatch(/\/sh$/);
    expect(text).not.toContain('secret-4711');
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
