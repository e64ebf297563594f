/** Whatever is broken on our side, docker builds the image, and one line says that it has no mark. */
import { chmodSync, cpSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LAUNCHER, matching, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('fail open', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  /** A copy of the installed plugin, to be broken. */
  let plugin = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["echo", "x"]\n` });
  });
  afterAll(async () => sandbox.close());
  beforeEach(() => {
    plugin = sandbox.project({});
    cpSync(join(LAUNCHER, '..'), plugin, { recursive: true, verbatimSymlinks: true });
    const link = join(sandbox.config, 'cli-plugins', 'docker-chalk');
    rmSync(link);
    symlinkSync(join(plugin, 'docker-chalk'), link);
  });

  /** A build that docker alone carried out; what was said of it, in one line or two. */
  const unmarked = async (options: RunOptions = {}): Promise<string> => {
    const name = sandbox.name();
    const { code, stderr } = await sandbox.chalk(['build', '--progress=plain', '-t', name, folder], options);
    expect(code, stderr).toBe(0);
    expect((await sandbox.inspect(name)).Config.Entrypoint ?? []).toEqual([]);
    const said = stderr.match(/^docker chalk: .*\n/gm)?.join('') ?? '';
    expect(said).toMatch(/^(docker chalk: [^\n]*\n)?docker chalk: building without a mark[^\n]*\n$/);
    expect(stderr).not.toContain(' at ');
    return said;
  };

  test('the programs for the image are missing', async () => {
    rmSync(join(plugin, 'lib', 'shim'), { recursive: true });
    expect(await unmarked()).toContain('SHIM_MISSING');
    const name = sandbox.name();
    const quiet = await sandbox.chalk(['build', '-q', '-t', name, folder]);
    expect(quiet).toEqual({ code: 0, stdout: `${(await sandbox.inspect(name)).Id}\n`, stderr: '' });
    expect(sandbox.lastReport()).toMatchObject({ _OP_EXIT_CODE: 0, _OP_ERRORS: [matching(/SHIM_MISSING/)] });
  });

  test('the program is missing, or its runtime', async () => {
    rmSync(join(plugin, 'lib', 'chalk.mjs'));
    expect(await unmarked()).toContain('is not complete');
    rmSync(join(plugin, 'lib', 'node'));
    expect(await unmarked()).toContain('is not complete');
  });

  test.each(['broken', 'missing'] as const)('any part of the program is %s', async (state) => {
    for (const name of readdirSync(join(plugin, 'lib')).filter((each) => each.startsWith('part-'))) {
      if (state === 'missing') rmSync(join(plugin, 'lib', name));
      else writeFileSync(join(plugin, 'lib', name), 'this is no program');
    }
    expect(await unmarked()).toContain('does not work here: ');
    const failing = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN exit 3\n` });
    expect((await sandbox.chalk(['build', failing])).code).toBe(1);
    expect((await sandbox.chalk(['build', '--no-such-flag', '.'])).code).toBe(125);
    expect(await sandbox.chalk(['extract', 'x'])).toMatchObject({ code: 1, stdout: '' });
  });

  test('there is no place for temporary files', async () => {
    const line = await unmarked({ env: { TMPDIR: '/nowhere/at/all' } });
    expect(line).toContain('FILE_UNWRITABLE');
  });

  test('docker’s history does not answer: a failed build is built again without us', async () => {
    const real = join(sandbox.config, 'cli-plugins', 'docker-buildx');
    const fake = `#!/bin/sh\ncase " $* " in *" history "*) exit 1 ;; esac\nexec "${real}.real" "$@"\n`;
    cpSync(real, `${real}.real`, { verbatimSymlinks: true });
    rmSync(real);
    writeFileSync(real, fake);
    chmodSync(real, 0o755);
    try {
      const failing = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN exit 3\n` });
      const { code, stderr } = await sandbox.chalk(['build', failing]);
      expect(code).toBe(1);
      expect(stderr.match(/^docker chalk: .*$/gm)).toHaveLength(1);
    } finally {
      rmSync(real);
      cpSync(`${real}.real`, real, { verbatimSymlinks: true });
    }
  });
});
