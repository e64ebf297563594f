/** The programs in images for every platform there is a shim for, built without running anything of theirs. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { expectSuccess, readKeys, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

const PLATFORMS = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/ppc64le',
  'linux/riscv64',
  'linux/s390x',
];
const SHIMS = fileURLToPath(new URL('../../plugin/lib/shim', import.meta.url));

/** Docker's kinds are what a build without attestations has. */
const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

const Digest = z.object({ digest: z.string() });
const Index = z.object({
  manifests: z.array(
    z.extend(Digest, {
      platform: z.object({ os: z.string(), architecture: z.string(), variant: z.optional(z.string()) }),
    }),
  ),
});
const Manifest = z.object({ config: Digest, layers: z.array(Digest) });
const Config = z.object({ config: z.object({ Entrypoint: z.array(z.string()) }) });

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

describeWithEngine('images for every platform', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  /** Builds for all platforms and pushes; by platform the entrypoint, the layers and the files in ours. */
  const built = async (program: string, platforms: readonly string[]) => {
    const repository = sandbox.name();
    const get = async (path: string) => {
      const accept = ACCEPT.join(', ');
      const answer = await fetch(`http://${engine.registry}/v2/${repository}/${path}`, {
        headers: { accept },
      });
      expect(answer.status, path).toBe(200);
      return Buffer.from(await answer.arrayBuffer());
    };
    const folder = sandbox.project({
      app: 'never run',
      Dockerfile: `FROM scratch\nCOPY app /app\nENTRYPOINT ["${program}"]\n`,
    });
    const words = ['build', `--platform=${platforms.join(',')}`, '--provenance=false', '--push'];
    expectSuccess(await sandbox.chalk([...words, '-t', `${engine.registry}/${repository}:v1`, folder]));
    const index = Index.parse(JSON.parse((await get('manifests/v1')).toString()));
    const images = index.manifests.map(async ({ digest, platform }) => {
      const manifest = Manifest.parse(JSON.parse((await get(`manifests/${digest}`)).toString()));
      const config = Config.parse(JSON.parse((await get(`blobs/${manifest.config.digest}`)).toString()));
      const root = join(sandbox.root, digest.replace(':', '-'));
      mkdirSync(root);
      for (const layer of manifest.layers) {
        const unpack = await sandbox.run('tar', ['-xzf', '-', '-C', root], {
          input: await get(`blobs/${layer.digest}`),
        });
        expectSuccess(unpack);
      }
      const parts = [platform.os, platform.architecture, platform.variant].filter(
        (part) => part !== undefined,
      );
      return [
        parts.join('/'),
        { root, layers: manifest.layers, entrypoint: config.config.Entrypoint },
      ] as const;
    });
    return new Map(await Promise.all(images));
  };
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

  test.runIf(engine.store === 'containerd')(
    'each has its own programs and mark; all images of one version share the layer of the programs',
    async () => {
      const images = await built('/app', PLATFORMS);
      expect([...images.keys()].toSorted()).toEqual(PLATFORMS.toSorted());
      for (const [platform, { root, entrypoint }] of images) {
        expect(entrypoint).toEqual(['/.chalk/shim', '--', '/app']);
        for (const program of ['shim', 'reporter']) {
          const own = join(SHIMS, platform.replaceAll('/', '-'), program);
          expect(hash(join(root, '.chalk', program)), `${platform} ${program}`).toBe(hash(own));
        }
        const mark = readKeys(readFileSync(join(root, 'chalk.json'), 'utf8'));
        expect(mark).toMatchObject({ DOCKER_PLATFORM: platform });
      }
      const others = await built('/other', PLATFORMS);
      for (const [platform, { layers }] of images) {
        // The user's layer, the programs, the mark.
        expect(layers).toHaveLength(3);
        expect(others.get(platform)?.layers[1], platform).toEqual(layers[1]);
        expect(others.get(platform)?.layers[2], platform).not.toEqual(layers[2]);
      }
    },
  );

  test.runIf(engine.store === 'containerd')(
    'a platform without a shim: marked, entrypoint left alone',
    async () => {
      for (const platform of ['linux/386', 'linux/arm/v6']) {
        const [image] = (await built('/app', [platform, 'linux/amd64'])).values();
        expect(image?.entrypoint).toEqual(['/app']);
        expect(image?.layers).toHaveLength(2);
      }
    },
  );
});
