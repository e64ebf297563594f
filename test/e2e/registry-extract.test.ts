/** `docker chalk extract` of images that are in a registry, and nowhere else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeHost } from '../../src/host/node.ts';
import {
  blobOf,
  connectRegistries,
  digestOf,
  type ManifestContent,
  MEDIA_TYPES,
  readManifest,
} from '../../src/registry/index.ts';
import { PASSWORD, RealRegistry, USER } from '../integration/registry/real-registry.ts';
import { expectSuccess, matching, onlyChalk, readReport, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

describeWithEngine('extract from a registry', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  const several = engine.store === 'containerd';
  const extract = (...words: string[]) => sandbox.chalk(['extract', ...words]);
  const connect = connectRegistries(nodeHost(), { configFolder: '/nonexistent' });

  /** Builds and pushes with docker chalk; the engine keeps nothing of it. */
  const push = async (dockerfile: string, words: readonly string[] = [], registry = engine.registry) => {
    const name = `${registry}/${sandbox.name()}:v1`;
    const folder = sandbox.project({ Dockerfile: dockerfile });
    expectSuccess(await sandbox.chalk(['build', '--push', '-t', name, ...words, folder]));
    await sandbox.docker(['image', 'rm', '--force', name]);
    return name;
  };
  const busybox = () => `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n`;
  const isHere = async (name: string) => (await sandbox.docker(['image', 'inspect', name])).code === 0;

  test('the mark is the one of the build; nothing is pulled, and nothing is left', async () => {
    const name = await push(busybox());
    const built = onlyChalk(sandbox.lastReport());
    for (const words of [
      [name],
      ['--remote', name],
      [`registry://${name}`],
      ['--platform', 'linux/amd64', name],
    ]) {
      const report = readReport(expectSuccess(await extract('--json', ...words)).stdout);
      expect(onlyChalk(report)).toMatchObject({
        CHALK_ID: built['CHALK_ID'],
        METADATA_ID: built['METADATA_ID'],
        _VALIDATED_METADATA: true,
        _OP_ARTIFACT_TYPE: 'Docker Image',
      });
    }
    const table = await extract('--remote', name);
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(/^image +127\.0\.0\.1:\S+:v1.*\nmark +valid\nCHALK_ID +/);
    expect(await isHere(name)).toBe(false);
  });

  test('it says the same as the image once it is pulled', async () => {
    const name = await push(`${busybox()}LABEL a=b\nUSER 65534\nWORKDIR /tmp\n`);
    const remote = onlyChalk(readReport(expectSuccess(await extract('--json', '--remote', name)).stdout));
    expectSuccess(await sandbox.docker(['pull', '-q', name]));
    const local = onlyChalk(readReport(expectSuccess(await extract('--json', name)).stdout));
    await sandbox.docker(['image', 'rm', '--force', name]);
    // What the engine alone knows, and what its store has other names for.
    const own = /^_(?:CURRENT_HASH|IMAGE_SIZE|IMAGE_CREATION|REPO_)/;
    const shared = Object.entries(local).filter(([key]) => !own.test(key));
    expect(remote).toMatchObject(Object.fromEntries(shared));
  });

  test.runIf(several)('several platforms: each has its own, --platform chooses', async () => {
    const name = await push(`FROM ${sandbox.base('multi')}\nCMD ["own"]\n`, [
      '--platform=linux/amd64,linux/arm64',
    ]);
    const built = sandbox.lastReport()._CHALKS ?? [];
    const report = readReport(expectSuccess(await extract('--json', name)).stdout);
    const ids = (chalks: typeof built) =>
      new Map(chalks.map((chalk) => [chalk['DOCKER_PLATFORM'], chalk['METADATA_ID']]));
    expect(ids(report._CHALKS ?? [])).toEqual(ids(built));
    expect(ids(built).size).toBe(2);
    const table = expectSuccess(await extract(name)).stdout;
    expect(table.match(/^image .*\(linux\/(?:amd64|arm64)\)$/gm)).toHaveLength(2);
    for (const platform of ['linux/amd64', 'linux/arm64/v8']) {
      const one = onlyChalk(
        readReport(expectSuccess(await extract('--json', '--platform', platform, name)).stdout),
      );
      expect(platform).toContain(one['DOCKER_PLATFORM']);
    }
    expect(await extract('--platform=linux/s390x', name)).toEqual({
      code: 1,
      stdout: '',
      stderr: matching(
        /^docker chalk: IMAGE_NOT_FOUND: .* has no linux\/s390x, but linux\/amd64, linux\/arm64\n$/,
      ),
    });
    expect((await extract('--platform=linux', name)).code).toBe(125);
  });

  test('no mark of its own: exit status 1, and why', async () => {
    const bare = await extract('--remote', sandbox.base('busybox'));
    expect(bare).toMatchObject({ code: 1, stderr: '', stdout: matching(/^mark +none: /m) });
    const marked = await push(busybox());
    const child = `${engine.registry}/${sandbox.name()}:v1`;
    const folder = sandbox.project({ Dockerfile: `FROM ${marked}\nENV A=1\n` });
    expectSuccess(await sandbox.docker(['build', '--push', '-t', child, folder]));
    await sandbox.docker(['image', 'rm', '--force', child, marked]);
    const table = await extract('--remote', child);
    expect(table).toMatchObject({
      code: 1,
      stdout: matching(/^mark +none: its \/chalk\.json came with a base image/m),
    });
    const json = await extract('--json', '--remote', child);
    expect(json.stderr).toMatch(/^docker chalk: .* has no mark: .*\n$/);
    expect(readReport(json.stdout)).toMatchObject({ _OP_CHALK_COUNT: 0 });
  });

  test('a mark that was changed: exit status 2', async () => {
    const name = `${engine.registry}/${sandbox.name()}:v1`;
    const folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCOPY chalk.json /chalk.json\n`,
      'chalk.json': '{"MAGIC":"dadfedabbadabbed","CHALK_ID":"AAAAAA-AAAA-AAAA-AAAAAA"}',
    });
    expectSuccess(await sandbox.docker(['build', '--push', '-t', name, folder]));
    await sandbox.docker(['image', 'rm', '--force', name]);
    expect(await extract('--remote', name)).toMatchObject({ code: 2, stdout: matching(/^mark +invalid$/m) });
  });

  test('a name that neither has', async () => {
    const name = `${engine.registry}/${sandbox.name()}:v1`;
    expect(await extract(name)).toEqual({
      code: 1,
      stdout: '',
      stderr: matching(
        /^docker chalk: IMAGE_NOT_FOUND: there is no image or container named .*, nor is there one in 127.*\n$/,
      ),
    });
    expect(await extract('--remote', name)).toMatchObject({
      code: 1,
      stderr: matching(/^docker chalk: REGISTRY_NOT_FOUND: /),
    });
    expect((await extract('--remote', 'UPPER')).code).toBe(125);
    // An ID is asked of nobody but the engine.
    expect((await extract('0123456789ab')).stderr).toMatch(/in this engine \(docker pull/);
  });

  test('a registry that is not there; no engine is needed for one that is', async () => {
    const dead = await extract('--remote', '127.0.0.1:1/nothing:v1');
    expect(dead).toMatchObject({
      code: 1,
      stdout: '',
      stderr: matching(/^docker chalk: REGISTRY_UNREACHABLE: [^\n]*\n$/),
    });
    const name = await push(busybox());
    const words = ['-H', 'unix:///nowhere.sock', 'chalk', 'extract', '--remote', name];
    expect((await sandbox.run('docker', words)).code).toBe(0);
  });

  test('no container image, and an index without images', async () => {
    const repository = sandbox.name();
    const registry = connect({ registry: engine.registry, repository });
    const empty = Buffer.from('{}');
    await registry.putBlob(blobOf(empty, digestOf(empty)));
    const chart = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.image,
      config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: digestOf(empty), size: 2 },
      layers: [],
    };
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [] };
    for (const [tag, value] of Object.entries({ chart, index })) {
      const bytes = Buffer.from(JSON.stringify(value));
      await registry.putManifest({ mediaType: value.mediaType, bytes }, tag);
    }
    const name = `${engine.registry}/${repository}`;
    expect((await extract(`${name}:chart`)).stderr).toMatch(/MEDIA_TYPE_UNKNOWN: .*helm/);
    expect((await extract('--remote', `${name}:index`)).stderr).toMatch(/IMAGE_NOT_FOUND: .* lists no image/);
  });

  test('a layer somebody changed in the registry', async () => {
    const real = await RealRegistry.open(engine);
    try {
      const name = await push(busybox(), [], real.host);
      expectSuccess(await extract('--remote', name));
      const registry = connect({ registry: real.host, repository: name.slice(real.host.length + 1, -3) });
      const top = readManifest(await registry.getManifest('v1'));
      real.overwriteBlob((await imageIn(top)).layers.at(-1)?.digest ?? '', Buffer.from('another content'));
      expect(await extract('--remote', name)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: matching(/^docker chalk: DIGEST_MISMATCH: the blob [^\n]*\n$/),
      });

      async function imageIn(content: ManifestContent) {
        if (content.kind === 'image') return content;
        const [first] = content.manifests;
        const image = readManifest(await registry.getManifest(first?.digest ?? ''));
        if (image.kind !== 'image') throw new Error('an index in an index');
        return image;
      }
    } finally {
      real.close();
    }
  });

  test('behind a login: docker’s own is used, and without it the reason is told', async () => {
    const real = await RealRegistry.open(engine, { login: true });
    try {
      expectSuccess(
        await sandbox.docker(['login', '-u', USER, '--password-stdin', real.host], { input: PASSWORD }),
      );
      const name = await push(busybox(), [], real.host);
      expectSuccess(await extract('--remote', name));
      expectSuccess(await extract(name));
      expectSuccess(await sandbox.docker(['logout', real.host]));
      const refused = await extract('--remote', name);
      expect(refused).toMatchObject({
        code: 1,
        stdout: '',
        stderr: matching(/^docker chalk: REGISTRY_UNAUTHORIZED: .*docker login/),
      });
    } finally {
      real.close();
    }
  });
});
