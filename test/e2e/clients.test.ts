/** Programs that build images through docker, as they come from npm, with no option of ours. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { expectSuccess, Sandbox } from '../support/chalk.ts';
import { installedClients } from '../support/clients.ts';
import { describeWithEngine } from '../support/engine.ts';

const INSTALLATION_MS = 600_000;

describeWithEngine('real clients', (engine) => {
  let sandbox: Sandbox;
  let packages = '';
  let bin = '';
  beforeAll(async () => {
    packages = installedClients();
    sandbox = await Sandbox.open(engine);
    bin = join(sandbox.root, 'bin');
    mkdirSync(bin);
  }, INSTALLATION_MS);
  afterAll(async () => sandbox.close());

  /** They ask public servers about themselves; here nobody answers. */
  const offline = {
    HTTPS_PROXY: 'http://127.0.0.1:1',
    https_proxy: 'http://127.0.0.1:1',
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
  };
  const WAYS = [
    ['the buildx shim', ['--buildx-shim']],
    ['the wrapper', ['--wrapper']],
  ] as const;
  const enter = async (words: readonly string[]) => {
    const way = words.map((word) => (word === '--wrapper' ? `--wrapper=${bin}` : word));
    expectSuccess(await sandbox.chalk(['install', ...way]));
    const path = words.includes('--wrapper')
      ? `${bin}:${sandbox.env['PATH'] ?? ''}`
      : (sandbox.env['PATH'] ?? '');
    return {
      env: { ...offline, PATH: path },
      leave: async () => void (await sandbox.chalk(['uninstall', ...way])),
    };
  };
  const isMarked = async (image: string) => {
    expectSuccess(await sandbox.chalk(['extract', image]));
    expect((await sandbox.inspect(image)).Config.Entrypoint?.[0]).toBe('/.chalk/shim');
  };

  test.each(WAYS)('@devcontainers/cli build, by %s', async (_, words) => {
    const image = `${sandbox.name()}:1`;
    const workspace = sandbox.project({
      '.devcontainer/devcontainer.json': '{ "build": { "dockerfile": "Dockerfile" } }',
      '.devcontainer/Dockerfile': `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n`,
    });
    const { env, leave } = await enter(words);
    const program = join(packages, '@devcontainers', 'cli', 'devcontainer.js');
    const data = join(sandbox.root, 'user-data');
    const line = [
      'build',
      '--workspace-folder',
      workspace,
      '--image-name',
      image,
      '--user-data-folder',
      data,
    ];
    const { stdout } = expectSuccess(await sandbox.run(process.execPath, [program, ...line], { env }));
    await leave();
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'success', imageName: [image] });
    await isMarked(image);
  });

  test.each(WAYS)('@docker/actions-toolkit, as build-push-action uses it, by %s', async (_, words) => {
    const image = `${sandbox.name()}:1`;
    const context = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    const program = join(sandbox.root, 'action.mjs');
    const from = (path: string) => JSON.stringify(join(packages, '@docker/actions-toolkit/lib', path));
    writeFileSync(
      program,
      `import { Build } from ${from('buildx/build.js')};
import { Buildx } from ${from('buildx/buildx.js')};
import { Exec } from ${from('exec.js')};
const buildx = new Buildx();
const build = new Build({ buildx });
const satisfied = await buildx.versionSatisfies('>=0.10.0');
const command = await buildx.getCommand([
  'build', '--iidfile', build.getImageIDFilePath(), '--metadata-file', build.getMetadataFilePath(),
  '--attest', 'type=provenance,mode=max', '--tag', process.argv[2], process.argv[3],
]);
const { exitCode, stderr } = await Exec.getExecOutput(command.command, command.args, { ignoreReturnCode: true, silent: true });
const answer = {
  exitCode, satisfied, stderr: exitCode === 0 ? '' : stderr,
  id: build.resolveImageID(), digest: build.resolveDigest(build.resolveMetadata()), ref: build.resolveRef(),
};
process.stdout.write('\\nanswer ' + JSON.stringify(answer) + '\\n');
`,
    );
    const { env, leave } = await enter(words);
    const { stdout } = expectSuccess(
      await sandbox.run(process.execPath, [program, image, context], {
        env: { ...env, RUNNER_TEMP: sandbox.temporary },
      }),
    );
    await leave();
    const Answer = z.object({
      exitCode: z.number(),
      satisfied: z.boolean(),
      stderr: z.string(),
      id: z.string(),
      digest: z.string(),
      ref: z.string(),
    });
    const answer = Answer.parse(JSON.parse(/^answer (.*)$/m.exec(stdout)?.[1] ?? ''));
    const { Id } = await sandbox.inspect(image);
    expect(answer).toMatchObject({ exitCode: 0, satisfied: true, stderr: '', id: Id, digest: Id });
    await isMarked(image);
  });
});
