import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import {
  expectSuccess,
  type Files,
  LAUNCHER,
  matching,
  readKeys,
  type Result,
  Sandbox,
} from '../support/chalk.ts';
import { describeWithEngine, describeWithEveryStore, type Engine } from '../support/engine.ts';
import { pushGenerator, realSyft, SYFT_VERSION } from '../support/syft.ts';
import { findTools } from '../../src/docker/tools.ts';
import { nodeHost } from '../../src/host/node.ts';
import { connectRegistries, digestOf, readManifest, type Registry } from '../../src/registry/index.ts';
import { buildkitAttestation, engineStore, type SbomFormat } from '../../src/sbom/index.ts';
import {
  attArtifact,
  attTag,
  bundleArtifact,
  generateSigningKey,
  imageSubject,
  PREDICATE,
  signEnvelope,
  STATEMENT_PAYLOAD,
  writeBundle,
  writeStatement,
} from '../../src/sign/index.ts';
import { PASSWORD, RealRegistry, USER } from '../integration/registry/real-registry.ts';
import { Bench } from '../integration/sign/support.ts';

const LIB = join(dirname(LAUNCHER), 'lib');

/** A user with the real Syft where `syft` says, and nowhere else. */
class User {
  readonly sandbox: Sandbox;
  readonly #syft: string;
  readonly #images: string[] = [];

  constructor(sandbox: Sandbox, syft: string) {
    this.sandbox = sandbox;
    this.#syft = syft;
  }

  /** A name in a registry; what the engine has of it is gone after `close`. */
  name(registry = this.sandbox.engine.registry): string {
    const name = `${registry}/${this.sandbox.name()}:1`;
    this.#images.push(name);
    return name;
  }

  async close(): Promise<void> {
    if (this.#images.length > 0) await this.sandbox.docker(['image', 'rm', '--force', ...this.#images]);
    await this.sandbox.close();
  }

  /** `docker chalk sbom …`, with Syft unless the environment says otherwise. */
  sbom(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> {
    return this.sandbox.run(join(LIB, 'node'), [join(LIB, 'chalk.mjs'), 'chalk', 'sbom', ...words], {
      env: { CHALK_SYFT: this.#syft, ...env },
    });
  }

  async pushed(words: readonly string[], dockerfile: string, files: Files = {}): Promise<string> {
    return this.pushedTo(this.sandbox.engine.registry, words, dockerfile, files);
  }

  async pushedTo(
    registry: string,
    words: readonly string[],
    dockerfile: string,
    files: Files = {},
  ): Promise<string> {
    const name = this.name(registry);
    const folder = this.sandbox.project({ Dockerfile: dockerfile, ...files });
    expectSuccess(
      await this.sandbox.docker(['buildx', 'build', '-q', '-t', name, ...words, folder], {
        env: { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' },
      }),
    );
    return name;
  }
}

const syft = realSyft();

async function open(engine: Engine): Promise<User> {
  return new User(await Sandbox.open(engine), syft ?? '');
}

const Spdx = z.object({
  spdxVersion: z.literal('SPDX-2.3'),
  name: z.string(),
  creationInfo: z.object({ creators: z.array(z.string()) }),
  packages: z.array(z.looseObject({ name: z.string() })),
});
const CycloneDx = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.6'),
  components: z.array(z.looseObject({ name: z.string() })),
});
/** Standard output must be the document and nothing else. */
const spdxIn = ({ stdout }: Result) => Spdx.parse(JSON.parse(stdout));
const spdxOf = (result: Result) => spdxIn(expectSuccess(result));
const cyclonedxOf = (result: Result) => CycloneDx.parse(JSON.parse(expectSuccess(result).stdout));
const namesIn = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

const MADE = `by syft ${SYFT_VERSION}, made now\n`;
const BUILDKITS = `docker chalk: SPDX SBOM by syft ${SYFT_VERSION}, BuildKit's own, not signed\n`;

// Every test starts Syft several times; on a machine that does other things, each takes its time.
describe.skipIf(syft === undefined)('SBOMs', { timeout: 600_000 }, () => {
  describeWithEveryStore('of images in the engine', (engine) => {
    let user: User;
    beforeAll(async () => {
      user = await open(engine);
    });
    afterAll(() => user.close());

    test('the store is known before anything is built', async () => {
      const host = { ...nodeHost(), env: user.sandbox.env };
      await expect(engineStore(host, await findTools(host, []))).resolves.toBe(engine.store);
    });

    test('made by Syft, in both formats', async () => {
      const image = await user.sandbox.plain(
        user.sandbox.project({ Dockerfile: `FROM ${user.sandbox.base('busybox')}\nRUN echo x > /x\n` }),
      );
      const spdx = await user.sbom([image]);
      expect(namesIn(spdxOf(spdx).packages)).toContain('busybox');
      expect(spdx.stderr).toBe(`docker chalk: SPDX SBOM ${MADE}`);
      const cyclonedx = await user.sbom([image, '--format', 'cyclonedx']);
      expect(namesIn(cyclonedxOf(cyclonedx).components)).toContain('busybox');
      // The same image again is the same document, with the same serial number.
      expect((await user.sbom([image, '--format', 'cyclonedx'])).stdout).toBe(cyclonedx.stdout);
      const file = join(user.sandbox.root, 'sbom.json');
      expect(await user.sbom([image, '--output', file])).toMatchObject({ code: 0, stdout: '' });
      expect(readFileSync(file, 'utf8')).toBe(spdx.stdout);
    });
  });

  describeWithEngine('of images that have several platforms, or an SBOM already', (engine) => {
    let user: User;
    let withSbom: string;
    let registry: (name: string) => Registry;

    beforeAll(async () => {
      user = await open(engine);
      const connect = connectRegistries(nodeHost(), { configFolder: user.sandbox.config });
      registry = (name) =>
        connect({ registry: engine.registry, repository: name.split('/')[1]?.split(':')[0] ?? '' });
      if (engine.store !== 'containerd' || syft === undefined) return;
      const generator = user.name();
      await pushGenerator(user.sandbox, generator, syft);
      const choice = { source: 'docker', generator, format: 'spdx' } as const;
      const attest = buildkitAttestation(choice, [], { driver: 'docker', store: engine.store });
      withSbom = await user.pushed(
        ['--push', '--attest', attest ?? ''],
        `FROM ${user.sandbox.base('busybox')}\nRUN echo sbom > /with\n`,
      );
    });
    afterAll(() => user.close());

    describe.skipIf(engine.store !== 'containerd')('with the containerd store', () => {
      test('one for each platform of an image in a registry, or in the engine', async () => {
        const packages = (arch: string) =>
          `Package: only-${arch}\nStatus: install ok installed\nVersion: 1.0\nArchitecture: ${arch}\n\n`;
        const name = await user.pushed(
          ['--platform', 'linux/amd64,linux/arm64', '--push'],
          'FROM scratch\nARG TARGETARCH\nCOPY ${TARGETARCH} /var/lib/dpkg/status\n',
          { amd64: packages('amd64'), arm64: packages('arm64') },
        );
        for (const where of [['--remote'], []]) {
          for (const arch of ['amd64', 'arm64']) {
            const made = await user.sbom([...where, name, '--platform', `linux/${arch}`]);
            expect(namesIn(spdxOf(made).packages).filter((each) => each.startsWith('only-'))).toEqual([
              `only-${arch}`,
            ]);
            // Syft would write this machine's into the address of an image in a registry.
            if (where.length > 0) expect(made.stdout).toContain(`?arch=${arch}"`);
          }
        }
        expect(await user.sbom(['--remote', name])).toMatchObject({
          code: 1,
          stdout: '',
          stderr: matching(
            /IMAGE_NOT_FOUND: .* has several platforms: linux\/amd64, linux\/arm64 \(--platform/,
          ),
        });
        expect(await user.sbom([name, '--platform', 'linux/s390x'])).toMatchObject({
          code: 1,
          stderr: matching(/SBOM_FAILED: docker image save .*linux\/s390x/),
        });
      });

      test('BuildKit’s own, from the registry and from the engine', async () => {
        // Nobody needs a Syft to read one.
        const none = { CHALK_SYFT: '', PATH: pathWithout(user.sandbox, 'syft') };
        const remote = await user.sbom(['--remote', withSbom], none);
        expect(namesIn(spdxOf(remote).packages)).toContain('busybox');
        expect(spdxIn(remote).creationInfo.creators.join()).toContain('buildkit');
        expect(remote.stderr).toBe(BUILDKITS);
        const local = await user.sbom([withSbom], none);
        expect(local).toEqual(remote);
        expect(await user.sbom([`registry://${withSbom}`, '--source', 'docker'], none)).toEqual(remote);
      });

      test('BuildKit’s is SPDX: for CycloneDX, and by name, Syft makes one', async () => {
        const cyclonedx = await user.sbom(['--remote', withSbom, '--format', 'cyclonedx']);
        expect(namesIn(cyclonedxOf(cyclonedx).components)).toContain('busybox');
        const made = await user.sbom(['--remote', withSbom, '--source', 'syft']);
        expect(spdxOf(made).creationInfo.creators.join()).not.toContain('buildkit');
        expect(made.stderr).toContain(MADE);
      });
    });

    test('Syft in a container, with the image copied in', async () => {
      const name = user.name();
      const folder = user.sandbox.project({
        Dockerfile: `FROM ${user.sandbox.base('busybox')}\nUSER 0\nCOPY --chmod=0755 syft /syft\nENTRYPOINT ["/syft"]\n`,
        syft: readFileSync(syft ?? ''),
      });
      expectSuccess(await user.sandbox.docker(['build', '-q', '-t', name, '--push', folder]));
      const { digest } = await registry(name).getManifest('1');
      const pinned = { CHALK_SYFT: `docker://${name}@${digest}` };
      const image = await user.pushed(['--push'], `FROM ${user.sandbox.base('busybox')}\nRUN echo y > /y\n`);
      const made = await user.sbom([image], pinned);
      expect(namesIn(spdxOf(made).packages)).toContain('busybox');
      expect(made.stderr).toContain(MADE);
      expect(namesIn(spdxOf(await user.sbom(['--remote', image], pinned)).packages)).toContain('busybox');
      const containers = await user.sandbox.docker(['ps', '-aq', '--filter', `ancestor=${name}`]);
      expect(containers.stdout).toBe('');
    });

    test('behind a login: Syft has docker’s own', async () => {
      const real = await RealRegistry.open(engine, { login: true });
      try {
        const login = ['login', '-u', USER, '--password-stdin', real.host];
        expectSuccess(await user.sandbox.docker(login, { input: PASSWORD }));
        const dockerfile = `FROM ${user.sandbox.base('busybox')}\nRUN echo l > /l\n`;
        const image = await user.pushedTo(real.host, ['--push'], dockerfile);
        expect(namesIn(spdxOf(await user.sbom(['--remote', image])).packages)).toContain('busybox');
        expectSuccess(await user.sandbox.docker(['logout', real.host]));
        expect(await user.sbom(['--remote', image])).toMatchObject({
          code: 1,
          stdout: '',
          stderr: matching(/REGISTRY_UNAUTHORIZED/),
        });
      } finally {
        real.close();
      }
    });

    test('nobody here makes one', async () => {
      const image = await user.pushed(['--load'], `FROM ${user.sandbox.base('busybox')}\nRUN echo z > /z\n`);
      const none = { CHALK_SYFT: '', PATH: pathWithout(user.sandbox, 'syft') };
      expect(await user.sbom([image], none)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: matching(
          /^docker chalk: SBOM_FAILED: .*: .*scout plugin is not installed; there is no syft on PATH/,
        ),
      });
      for (const source of ['docker', 'scout', 'syft']) {
        const named = await user.sbom([image, '--source', source], none);
        expect(named).toMatchObject({
          code: 1,
          stdout: '',
          stderr: matching(/SBOM_FAILED: there is no SBOM of /),
        });
      }
      expect(await user.sbom(['chalk-e2e-nowhere.invalid/x:1'])).toMatchObject({ code: 1, stdout: '' });
      expect(await user.sbom([image, '--source', 'trivy'])).toMatchObject({ code: 125, stdout: '' });
      expect(await user.sbom([image, '--source', 'syft', '--key', LAUNCHER])).toMatchObject({ code: 125 });
    });

    describe('attested', () => {
      const SPDX = '{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"attested", "packages":[]}';
      const CDX = '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}';
      const KEY_PASSWORD = 'correct horse';
      const ours = generateSigningKey(nodeHost().random, 'ours');
      let bench: Bench;

      beforeAll(async () => {
        bench = new Bench(engine);
        expectSuccess(await bench.cosign(['generate-key-pair'], KEY_PASSWORD));
        bench.write('ours.pub', ours.publicKey.pem);
      });

      afterAll(() => rmSync(bench.folder, { recursive: true, force: true }));

      const envelopeOf = (digest: string, format: SbomFormat, text: string) => {
        const type = format === 'spdx' ? PREDICATE.spdx : PREDICATE.cyclonedx;
        const statement = writeStatement([imageSubject('app', digest)], type, text);
        return signEnvelope(statement, STATEMENT_PAYLOAD, [ours]);
      };
      const push = async (into: Registry, artifact: ReturnType<typeof attArtifact>, tag?: string) => {
        for (const { bytes, descriptor } of artifact.blobs) {
          await into.putBlob({ digest: descriptor.digest, size: bytes.length, open: () => bytes });
        }
        const { bytes, descriptor } = artifact.manifest;
        await into.putManifest({ mediaType: descriptor.mediaType, bytes }, tag);
      };
      const image = (text: string) =>
        user.pushed(['--push'], `FROM ${user.sandbox.base('busybox')}\nRUN echo ${text} > /attested\n`);

      test('below the .att tag: the newest, and with keys the newest they verify', async () => {
        const name = await image('att');
        const into = registry(name);
        const { digest } = await into.getManifest('1');
        const first = attArtifact(undefined, envelopeOf(digest, 'spdx', SPDX), PREDICATE.spdx);
        await push(into, first, attTag(digest));
        const second = attArtifact(
          first.manifest.bytes,
          envelopeOf(digest, 'cyclonedx', CDX),
          PREDICATE.cyclonedx,
        );
        await push(into, second, attTag(digest));

        expect(await user.sbom(['--remote', name])).toMatchObject({
          code: 0,
          stdout: `${CDX}\n`,
          stderr: matching(/attested, signature not verified \(--key PUB does\)\n$/),
        });
        expect(await user.sbom(['--key', bench.path('ours.pub'), '--format=spdx', name])).toMatchObject({
          code: 0,
          stdout: `${SPDX}\n`,
          stderr: matching(/attested, signature verified by \S+ours\.pub\n$/),
        });
        expect(await user.sbom(['--key', bench.path('cosign.pub'), name])).toMatchObject({
          code: 1,
          stdout: '',
          stderr: matching(/ATTESTATION_INVALID: no SBOM of .* can be used: its signature is not by /),
        });
        const made = await user.sbom(['--remote', name, '--source', 'syft']);
        expect(namesIn(spdxOf(made).packages)).toContain('busybox');
      });

      test('about another image, it is no SBOM of this one', async () => {
        const name = await image('other');
        const into = registry(name);
        const { digest } = await into.getManifest('1');
        const elsewhere = envelopeOf(digestOf(Buffer.from('x')), 'spdx', SPDX);
        await push(into, attArtifact(undefined, elsewhere, PREDICATE.spdx), attTag(digest));
        expect(await user.sbom(['--key', bench.path('ours.pub'), name])).toMatchObject({
          code: 1,
          stdout: '',
          stderr: matching(/ATTESTATION_INVALID: .* about another image/),
        });
        expect(await user.sbom(['--key', bench.path('ours.pub'), await image('none')])).toMatchObject({
          code: 1,
          stderr: matching(/ATTESTATION_INVALID: no SBOM is attested of /),
        });
      });

      test('as a bundle beside the image', async () => {
        const name = await image('bundle');
        const into = registry(name);
        const manifest = await into.getManifest('1');
        const subject = { ...manifest, size: manifest.bytes.length };
        const bundle = writeBundle(envelopeOf(manifest.digest, 'spdx', SPDX), ours.publicKey);
        const artifact = bundleArtifact(bundle, subject, PREDICATE.spdx, 0);
        await push(into, artifact);
        const index = {
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.index.v1+json',
          manifests: [artifact.manifest.descriptor],
        };
        const bytes = Buffer.from(JSON.stringify(index));
        await into.putManifest({ mediaType: index.mediaType, bytes }, manifest.digest.replace(':', '-'));
        expect(await user.sbom(['--key', bench.path('ours.pub'), name])).toMatchObject({
          code: 0,
          stdout: `${SPDX}\n`,
        });
      });

      test('by cosign, of a tag that is an index', async () => {
        const name = engine.store === 'containerd' ? withSbom : await image('cosign');
        bench.write('sbom.json', SPDX);
        const words = [
          '--key',
          bench.path('cosign.key'),
          '--type',
          'spdxjson',
          '--predicate',
          bench.path('sbom.json'),
        ];
        const { digest, ...top } = await registry(name).getManifest('1');
        expect(readManifest({ digest, ...top }).kind).toBe(engine.store === 'containerd' ? 'index' : 'image');
        const reference = `${name}@${digest}`;
        expectSuccess(
          await bench.cosign(
            ['attest', ...words, ...(await bench.offline()), '--allow-insecure-registry', reference],
            KEY_PASSWORD,
          ),
        );
        const read = await user.sbom(['--key', bench.path('cosign.pub'), name]);
        expect(readKeys(expectSuccess(read).stdout)).toMatchObject({ name: 'attested' });
        expect(read.stderr).toMatch(/signature verified by \S+cosign\.pub\n$/);
      });
    });
  });
});

/** A PATH with docker on it, and not this program. */
function pathWithout(sandbox: Sandbox, name: string): string {
  const folder = join(sandbox.root, `without-${name}`);
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  for (const program of ['docker', 'sh', 'sed', 'grep']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${program}`], {
      encoding: 'utf8',
      env: sandbox.env,
    });
    symlinkSync(stdout.trim(), join(folder, program));
  }
  return folder;
}
