/** Builds that go to a registry, and builds for several platforms. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { expectSuccess, onlyChalk, readKeys, readReport, Sandbox } from '../support/chalk.ts';
import { describeWithEngine, describeWithEveryStore } from '../support/engine.ts';

const Manifest = z.object({
  mediaType: z.optional(z.string()),
  manifests: z.optional(
    z.array(z.object({ digest: z.string(), platform: z.optional(z.object({ architecture: z.string() })) })),
  ),
  layers: z.optional(z.array(z.object({ digest: z.string() }))),
});

const ACCEPT = ['index', 'manifest'].map((kind) => `application/vnd.oci.image.${kind}.v1+json`);
const DOCKER = ['manifest.list', 'manifest'].map(
  (kind) => `application/vnd.docker.distribution.${kind}.v2+json`,
);

describeWithEveryStore('push', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  test('build --push: the digests in the report are the registry’s', async () => {
    const repository = sandbox.name();
    const folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["cat", "/chalk.json"]\n`,
    });
    expectSuccess(
      await sandbox.chalk(['build', '--push', '-t', `${engine.registry}/${repository}:v1`, folder]),
    );
    const { digest, manifest } = await fromRegistry(engine.registry, repository, 'v1');
    const chalk = onlyChalk(sandbox.lastReport());
    const key = manifest.manifests === undefined ? '_REPO_DIGESTS' : '_REPO_LIST_DIGESTS';
    expect(chalk[key]).toEqual({ [engine.registry]: { [repository]: [digest.replace('sha256:', '')] } });
    expect(chalk['DOCKER_TAGS']).toEqual([`${engine.registry}/${repository}:v1`]);
    const pulled = await sandbox.docker([
      'run',
      '--rm',
      '--pull=always',
      '-q',
      `${engine.registry}/${repository}:v1`,
    ]);
    expect(readKeys(pulled.stdout)).toMatchObject({ CHALK_ID: chalk['CHALK_ID'] });
    await sandbox.docker(['image', 'rm', '--force', `${engine.registry}/${repository}:v1`]);
  });

  test('docker chalk push is docker push', async () => {
    const name = `${engine.registry}/${sandbox.name()}:v1`;
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    expectSuccess(await sandbox.chalk(['build', '-t', name, folder]));
    const plain = expectSuccess(await sandbox.docker(['push', '-q', name]));
    expect(await sandbox.chalk(['push', '-q', name])).toEqual(plain);
    expect((await sandbox.chalk(['push', `${engine.registry}/nothing:here`])).code).toBe(1);
    await sandbox.docker(['image', 'rm', '--force', name]);
  });

  test('a registry that is not there: docker’s exit status, the user’s steps run once', async () => {
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    const words = ['build', '--push', '-t', '127.0.0.1:1/nothing:v1', folder];
    const plain = await sandbox.docker(words);
    const ours = await sandbox.chalk(words);
    expect([ours.code, ours.stdout]).toEqual([plain.code, plain.stdout]);
  });
});

describeWithEngine('several platforms', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  test.runIf(engine.store === 'containerd')(
    'one CHALK_ID, a METADATA_ID and a shim for each platform',
    async () => {
      const repository = sandbox.name();
      const name = `${engine.registry}/${repository}:v1`;
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('multi')}\nCMD ["own"]\n` });
      expectSuccess(
        await sandbox.chalk(['build', '--platform', 'linux/amd64,linux/arm64', '--push', '-t', name, folder]),
      );
      const chalks = sandbox.lastReport()._CHALKS ?? [];
      const distinct = (key: string) => new Set(chalks.map((chalk) => chalk[key]));
      expect(distinct('DOCKER_PLATFORM')).toEqual(new Set(['linux/amd64', 'linux/arm64']));
      expect([distinct('CHALK_ID').size, distinct('METADATA_ID').size]).toEqual([1, 2]);

      const { digest, manifest } = await fromRegistry(engine.registry, repository, 'v1');
      for (const chalk of chalks) {
        expect(chalk['_REPO_LIST_DIGESTS']).toEqual({
          [engine.registry]: { [repository]: [digest.replace('sha256:', '')] },
        });
      }
      for (const [architecture, machine] of [
        ['amd64', 0x3e],
        ['arm64', 0xb7],
      ] as const) {
        const own = manifest.manifests?.find(({ platform }) => platform?.architecture === architecture);
        const byDigest = `${engine.registry}/${repository}@${own?.digest}`;
        expectSuccess(await sandbox.docker(['pull', '-q', '--platform', `linux/${architecture}`, byDigest]));
        const report = readReport(expectSuccess(await sandbox.chalk(['extract', '--json', byDigest])).stdout);
        const chalk = chalks.find((each) => each['DOCKER_PLATFORM'] === `linux/${architecture}`);
        expect(onlyChalk(report)).toMatchObject({
          METADATA_ID: chalk?.['METADATA_ID'],
          _VALIDATED_METADATA: true,
        });
        const container = expectSuccess(
          await sandbox.docker(['create', '--platform', `linux/${architecture}`, byDigest]),
        ).stdout.trim();
        const to = sandbox.project({});
        expectSuccess(await sandbox.docker(['cp', `${container}:/.chalk/shim`, to]));
        const elf = expectSuccess(
          await sandbox.run('od', ['-An', '-tu2', '-j18', '-N2', `${to}/shim`]),
        ).stdout;
        expect(Number(elf)).toBe(machine);
        await sandbox.docker(['rm', container]);
        await sandbox.docker(['image', 'rm', '--force', byDigest]);
      }
    },
  );

  test.runIf(engine.store === 'containerd')(
    '--load of several platforms: the image runs, and its mark is its own',
    async () => {
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('multi')}\nCMD ["own"]\n` });
      const name = await sandbox.mark(folder, ['--platform=linux/amd64', '--platform=linux/arm64']);
      expect((await sandbox.docker(['run', '--rm', name])).stdout).toBe('own\n');
      expect((await sandbox.chalk(['extract', name])).code).toBe(0);
    },
  );
});

async function fromRegistry(registry: string, repository: string, tag: string) {
  const response = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, {
    headers: { accept: [...ACCEPT, ...DOCKER].join(', ') },
  });
  const digest = response.headers.get('docker-content-digest') ?? '';
  return { digest, manifest: Manifest.parse(await response.json()) };
}
