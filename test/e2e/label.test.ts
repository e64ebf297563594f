/** Injection G: where an image can be neither built with a mark nor patched, labels lead from it to the report. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, onlyChalk, Sandbox } from '../support/chalk.ts';
import { describeWithEveryStore } from '../support/engine.ts';

describeWithEveryStore('label', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  /** A build whose target stage a named context replaces: there are no lines to add. */
  const replaced = () => ({
    folder: sandbox.project({ Dockerfile: 'FROM scratch AS app\nCMD ["never"]\n' }),
    words: ['--build-context', `app=docker-image://${sandbox.base('entry-cmd')}`],
  });
  const labelsOf = async (name: string): Promise<unknown> => {
    const { stdout } = expectSuccess(
      await sandbox.docker(['image', 'inspect', '-f', '{{json .Config.Labels}}', name]),
    );
    return JSON.parse(stdout);
  };
  const id: unknown = expect.stringMatching(/^[0-9A-Z]{6}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{6}$/);

  test('a pushed image: the registry has what was reported, and the user’s own labels stay', async () => {
    const { folder, words } = replaced();
    await sandbox.git(folder, 'init', '-q');
    await sandbox.git(folder, 'add', '.');
    await sandbox.git(folder, 'commit', '-q', '-m', 'one');
    const commit = await sandbox.git(folder, 'rev-parse', 'HEAD');
    const name = `${engine.registry}/${sandbox.name()}:1`;
    const own = ['--label', 'run.chalk.version=mine', '--label', 'a=b'];
    const result = expectSuccess(
      await sandbox.chalk(['build', '--push', '-t', name, ...own, ...words, folder]),
    );
    expect(result.stdout).toBe('');
    const report = sandbox.lastReport();
    expect(report['_X_CHALK_INJECTION']).toBe('label');
    expect(report['_X_CHALK_INJECTION_REASON']).toMatch(
      /^stage-replaced: .*; the image does not go to the engine alone$/,
    );
    const chalk = onlyChalk(report);
    const added = {
      'run.chalk.id': chalk['CHALK_ID'],
      'run.chalk.metadata-id': chalk['METADATA_ID'],
      'run.chalk.commit': commit,
      'run.chalk.origin': 'local',
    };
    expect(chalk['DOCKER_CHALK_ADDED_LABELS']).toEqual(added);
    await sandbox.docker(['image', 'rm', '--force', name]);
    expectSuccess(await sandbox.docker(['pull', '-q', name]));
    expect(await labelsOf(name)).toEqual({ ...added, a: 'b', 'run.chalk.version': 'mine' });
    expect(await sandbox.docker(['run', '--rm', name])).toEqual(
      await sandbox.docker(['run', '--rm', sandbox.base('entry-cmd')]),
    );
    await sandbox.docker(['image', 'rm', '--force', name]);
  });

  test('--explain names both reasons', async () => {
    const { folder, words } = replaced();
    const { stdout } = await sandbox.chalk([
      '--explain',
      'build',
      '--push',
      '-t',
      'x.invalid/y',
      ...words,
      folder,
    ]);
    expect(stdout).toMatch(/^plan +label: .*\nbecause .*\[stage-replaced\]\nand +the image does not go/);
  });

  // The rest needs exporters that a graph driver's engine has not.
  if (engine.store === 'graph') return;

  test('attestations that were asked for are kept', async () => {
    const { folder, words } = replaced();
    const name = sandbox.name();
    expectSuccess(await sandbox.chalk(['build', '--provenance=mode=max', '-t', name, ...words, folder]));
    expect(await labelsOf(name)).toMatchObject({ 'run.chalk.id': id });
    const output = join(sandbox.root, 'saved.tar');
    expectSuccess(await sandbox.docker(['image', 'save', '-o', output, name]));
    const blobs = await sandbox.run('tar', ['-xOf', output, '--wildcards', 'blobs/sha256/*']);
    expect(blobs.stdout).toContain('attestation-manifest');
  });

  test('platforms whose programs differ', async () => {
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('multi')}\nLABEL a=b\n` });
    const name = sandbox.name();
    const platforms = '--platform=linux/amd64,linux/arm64';
    expectSuccess(await sandbox.chalk(['build', platforms, '-t', name, folder]));
    expect(await labelsOf(name)).toMatchObject({ 'run.chalk.id': id, a: 'b' });
    expect(sandbox.lastReport()['_X_CHALK_INJECTION_REASON']).toMatch(/^platforms-differ: /);
  });

  test('an archive', async () => {
    const { folder, words } = replaced();
    const output = join(sandbox.root, 'image.tar');
    expectSuccess(await sandbox.chalk(['build', '-o', `type=oci,dest=${output}`, ...words, folder]));
    const blobs = await sandbox.run('tar', ['-xOf', output, '--wildcards', 'blobs/sha256/*']);
    expect(blobs.stdout).toContain('run.chalk.id');
  });
});
