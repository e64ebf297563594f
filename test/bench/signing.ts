import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { writeProvenance } from '../../src/attest/index.ts';
import { nodeHost } from '../../src/host/node.ts';
import { blobOf, connectRegistries, digestOf, MEDIA_TYPES } from '../../src/registry/index.ts';
import { ms, must, pairs, type Row } from './measure.ts';
import { PROVENANCE } from './provenance.ts';

const root = join(import.meta.dirname, '..', '..');
const ROUNDS = 10;
/** Syft takes seconds each time. */
const SBOM_ROUNDS = 5;
const PACKAGES = 3000;

/** A user who signs, and the registry everything is in. */
interface Bench {
  readonly work: string;
  readonly env: NodeJS.ProcessEnv;
  readonly launcher: string;
  readonly registry: string;
  readonly key: string;
}

/** What signing, verifying and SBOMs take, against cosign and Syft. */
export async function signingRows(
  work: string,
  env: NodeJS.ProcessEnv,
  launcher: string,
  registry: string,
): Promise<Row[]> {
  const config = join(work, 'keys');
  mkdirSync(config);
  const own = { ...env, XDG_CONFIG_HOME: config, CHALK_SBOM: 'off' };
  const password = /^CHALK_PASSWORD=(.*)$/m.exec(must(own, launcher, ['chalk', 'setup']))?.[1] ?? '';
  const bench: Bench = {
    work,
    env: { ...own, CHALK_PASSWORD: password, COSIGN_PASSWORD: password },
    launcher,
    registry,
    key: join(config, 'docker-chalk', 'chalk.key'),
  };
  return [await signing(bench), verifying(bench), ...sbom(bench), pushing(bench)];
}

/** Processes both, on images nobody has signed; ours leaves the statement in both of cosign's layouts, cosign in its one. */
async function signing({ work, env, registry, key }: Bench): Promise<Row> {
  const program = join(work, 'attest.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'attest.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['sigstore', '@sigstore/*'],
    banner: {
      js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
    },
  });
  const node = join(root, 'plugin', 'lib', 'node');
  const repository = 'chalk-bench-signing';
  const digests = await images(registry, repository, 2 * (ROUNDS + 1));
  const predicate = join(work, 'predicate.json');
  writeFileSync(predicate, writeProvenance(PROVENANCE));
  const offline = join(work, 'signing-config.json');
  must(env, 'cosign', ['signing-config', 'create', '--out', offline]);
  const about = ['--key', key, '--type', 'slsaprovenance1', '--predicate', predicate];
  const [ours, theirs] = pairs(
    ROUNDS,
    (round) => must(env, node, [program, key, registry, repository, digests[2 * round] ?? '']),
    (round) => {
      const name = `${registry}/${repository}@${digests[2 * round + 1]}`;
      must(env, 'cosign', ['attest', '--yes', '--signing-config', offline, ...about, name]);
    },
  );
  return ratio('sign and attach one statement', 'cosign attest', ours, theirs, 1);
}

/** Images of nothing, each with a digest of its own. */
async function images(registry: string, repository: string, count: number): Promise<readonly string[]> {
  const into = connectRegistries(nodeHost(), { configFolder: '/nonexistent' })({ registry, repository });
  const digests: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const value = {
      os: 'linux',
      architecture: 'amd64',
      author: `${process.pid} ${index}`,
      rootfs: { type: 'layers', diff_ids: [] },
    };
    const config = Buffer.from(JSON.stringify(value));
    await into.putBlob(blobOf(config, digestOf(config)));
    const entry = { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length };
    const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.image, config: entry, layers: [] };
    const bytes = Buffer.from(JSON.stringify(manifest));
    digests.push((await into.putManifest({ mediaType: MEDIA_TYPES.image, bytes }, `v${index}`)).digest);
  }
  return digests;
}

/** Everything `docker chalk verify` looks at, against one statement by cosign. */
function verifying({ env, launcher, registry, key, work }: Bench): Row {
  const name = `${registry}/chalk-bench-verify:1`;
  const context = join(work, 'verify');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), `FROM ${registry}/busybox:1\nRUN echo verify > /verify\n`);
  must(env, launcher, ['chalk', 'build', '--quiet', '--push', '--tag', name, context]);
  const pub = key.replace(/key$/, 'pub');
  const about = ['--key', pub, '--type', 'slsaprovenance1', '--insecure-ignore-tlog'];
  const [ours, theirs] = pairs(
    ROUNDS,
    () => must(env, launcher, ['chalk', 'verify', '--key', pub, name]),
    () => must(env, 'cosign', ['verify-attestation', ...about, name]),
  );
  return ratio('verify', 'cosign verify-attestation', ours, theirs, 1.2);
}

/** An image with as many packages as a program of some size has, in a registry; nothing of it is kept between rounds. */
function sbom({ env, launcher, registry, work }: Bench): Row[] {
  const found = spawnSync('bash', [join(root, 'test', 'support', 'engine', 'syft.sh')], { encoding: 'utf8' });
  if (found.status !== 0) return [];
  const syft = found.stdout.trim();
  const context = join(work, 'sbom');
  mkdirSync(context);
  const packages = Array.from(
    { length: PACKAGES },
    (_, index) =>
      `Package: p${index}\nStatus: install ok installed\nVersion: 1.${index}\nArchitecture: amd64\n`,
  );
  writeFileSync(join(context, 'status'), packages.join('\n'));
  writeFileSync(
    join(context, 'Dockerfile'),
    `FROM ${registry}/busybox:1\nCOPY status /var/lib/dpkg/status\n`,
  );
  const name = `${registry}/chalk-bench-sbom:1`;
  must(env, 'docker', ['build', '--quiet', '--push', '--tag', name, context]);
  const [ours, theirs] = pairs(
    SBOM_ROUNDS,
    (round) => {
      const own = { ...env, CHALK_SYFT: syft, XDG_CACHE_HOME: join(work, `cache-${round}`) };
      must(own, launcher, ['chalk', 'sbom', '--remote', '--source', 'syft', name]);
    },
    () => must(env, syft, ['scan', '--quiet', '--output', 'spdx-json@2.3', `registry:${name}`]),
  );
  return [ratio('SBOM of 3000 packages', 'Syft alone', ours, theirs, 1.05)];
}

/** An image that is in the registry already, so that what is measured is not the transfer. */
function pushing({ env, launcher, registry, work }: Bench): Row {
  const context = join(work, 'push');
  mkdirSync(context);
  const names: string[] = [];
  // A second push finds the signature there: each round has an image of its own.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const name = `${registry}/chalk-bench-push:${round}`;
    writeFileSync(
      join(context, 'Dockerfile'),
      `FROM ${registry}/busybox:1\nRUN echo ${process.pid} ${round} > /push\n`,
    );
    must(env, launcher, ['chalk', '--no-sign', 'build', '--quiet', '--push', '--tag', name, context]);
    names.push(name);
  }
  const [ours, plain] = pairs(
    ROUNDS,
    (round) => must(env, launcher, ['chalk', 'push', '--quiet', names[round] ?? '']),
    (round) => must(env, 'docker', ['push', '--quiet', names[round] ?? '']),
  );
  return {
    what: 'push that is signed',
    figures: `${ms(ours)} against ${ms(plain)}`,
    goal: 'at most 1000 ms more',
    met: ours - plain <= 1000,
  };
}

function ratio(what: string, other: string, ours: number, theirs: number, goal: number): Row {
  return {
    what,
    figures: `${ms(ours)}, ${other} ${ms(theirs)}, ratio ${(ours / theirs).toFixed(2)}`,
    goal: `ratio at most ${goal}`,
    met: ours / theirs <= goal,
  };
}
