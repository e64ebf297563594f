/** Every way in, installed by our own command, used as people and tools use it, and undone. */
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('ways in', (engine) => {
  let sandbox: Sandbox;
  let folder = '';
  let bin = '';
  let wrapped: { readonly env: Readonly<Record<string, string>> };
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n`,
      'compose.yaml': `services:\n  app:\n    image: ${sandbox.name()}\n    build: .\n`,
    });
    bin = join(sandbox.root, 'bin');
    mkdirSync(bin);
    wrapped = { env: { PATH: `${bin}:${sandbox.env['PATH'] ?? ''}` } };
  });
  afterEach(async () => {
    await sandbox.chalk(['uninstall', '--wrapper', bin, '--builder-alias', '--buildx-shim']);
  });
  afterAll(async () => sandbox.close());

  const install = async (...words: string[]) => {
    const { code, stderr } = await sandbox.chalk(['install', ...words]);
    expect(code, stderr).toBe(0);
  };
  const count = () => (existsSync(sandbox.reportFile) ? sandbox.reports().length : 0);

  /** One build, one mark, one report: no way in stands behind another. */
  const isMarkedOnce = async (words: readonly string[], options = {}) => {
    const [name, before] = [sandbox.name(), count()];
    const built = await sandbox.docker([...words, '-q', '-t', name, folder], options);
    expect(built.code, built.stderr).toBe(0);
    expect(built.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(built.stderr).toBe('');
    expect((await sandbox.chalk(['extract', name])).code).toBe(0);
    // The extraction wrote a report as well.
    expect(count() - before).toBe(2);
  };

  test('the wrapper catches every spelling of build, and nothing else', async () => {
    await install('--wrapper', bin);
    for (const words of [
      ['build'],
      ['image', 'build'],
      ['buildx', 'build'],
      ['builder', 'build'],
      ['chalk', 'build'],
    ]) {
      await isMarkedOnce(words, wrapped);
    }
    for (const words of [
      ['version'],
      ['buildx', 'version'],
      ['info', '-f', '{{.Driver}}'],
      ['--help'],
      ['nonsense'],
    ]) {
      expect(await sandbox.docker(words, wrapped)).toEqual(await sandbox.docker(words));
    }
  });

  test('the builder alias catches docker build', async () => {
    await install('--builder-alias');
    await isMarkedOnce(['build']);
    await isMarkedOnce(['image', 'build']);
    expect((await sandbox.docker(['builder', 'prune', '--help'])).stdout).toContain('docker buildx prune');
  });

  test('the buildx shim catches docker build and buildx build, and answers as buildx for everything else', async () => {
    const before = await sandbox.docker(['buildx', 'version']);
    await install('--buildx-shim');
    await isMarkedOnce(['build']);
    await isMarkedOnce(['buildx', 'build']);
    expect(await sandbox.docker(['buildx', 'version'])).toEqual(before);
    const metadata = await sandbox.docker([
      'info',
      '-f',
      '{{range .ClientInfo.Plugins}}{{.Name}} {{.Version}}{{println}}{{end}}',
    ]);
    expect(metadata.stdout).toContain(`buildx ${before.stdout.split(' ')[1] ?? ''}`);
  });

  test('the buildx shim catches compose', async () => {
    await install('--buildx-shim');
    const before = count();
    const built = await sandbox.docker(['compose', '-f', join(folder, 'compose.yaml'), 'build', '-q']);
    expect(built.code, built.stderr).toBe(0);
    expect(count() - before).toBe(1);
    expect(sandbox.lastReport()._CHALKS).toHaveLength(1);
  });

  test('all of them at once mark once', async () => {
    await install('--plugin', '--wrapper', bin, '--builder-alias', '--buildx-shim');
    const doctor = await sandbox.chalk(['doctor'], wrapped);
    expect(doctor.code, doctor.stdout).toBe(0);
    for (const words of [['build'], ['buildx', 'build'], ['chalk', 'build'], ['chalk', 'buildx', 'build']]) {
      await isMarkedOnce(words, wrapped);
    }
  });

  test('uninstall leaves docker’s configuration as it was', async () => {
    const path = join(sandbox.config, 'config.json');
    const original =
      '{\n\t"auths": {},\n\t"cliPluginsExtraDirs": [\n\t\t"/opt/none"\n\t],\n\t"psFormat": "x"\n}\n';
    writeFileSync(path, original);
    await install('--builder-alias', '--buildx-shim');
    expect(readFileSync(path, 'utf8')).not.toBe(original);
    await sandbox.chalk(['uninstall', '--builder-alias', '--buildx-shim']);
    expect(readFileSync(path, 'utf8')).toBe(original);
    expect(existsSync(join(sandbox.config, 'chalk', 'cli-plugins', 'docker-buildx'))).toBe(false);
    writeFileSync(path, '{}\n');
  });

  test('somebody else’s file is never replaced or removed', async () => {
    writeFileSync(join(bin, 'docker'), 'theirs');
    for (const word of ['install', 'uninstall']) {
      const { code, stderr } = await sandbox.chalk([word, '--wrapper', bin]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^docker chalk: FILE_UNWRITABLE: .*is another program/);
    }
    expect(lstatSync(join(bin, 'docker')).isFile()).toBe(true);
    rmSync(join(bin, 'docker'));
    writeFileSync(join(sandbox.config, 'config.json'), 'no json');
    const { code, stderr } = await sandbox.chalk(['install', '--builder-alias']);
    expect({ code, readable: /CONFIG_INVALID/.test(stderr) }).toEqual({ code: 1, readable: true });
    writeFileSync(join(sandbox.config, 'config.json'), '{}\n');
  });

  test('doctor says what is broken and how to mend it', async () => {
    await install('--wrapper', bin);
    const { code, stdout } = await sandbox.chalk(['doctor']);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    const other = join(sandbox.root, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'docker'), '#!/bin/sh\n', { mode: 0o755 });
    const behind = await sandbox.chalk(['doctor'], {
      env: { PATH: `${sandbox.env['PATH'] ?? ''}:${bin}` },
    });
    expect(behind.stdout).toMatch(/WRONG {2}wrapper: PATH finds another docker first: put .* before/);
    expect(behind.code).toBe(1);
  });
});
