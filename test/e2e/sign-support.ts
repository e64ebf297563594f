import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { readPublicKey, type PublicKey } from '../../src/sign/index.ts';
import { expectSuccess, type Result, Sandbox } from '../support/chalk.ts';
import type { Engine } from '../support/engine.ts';

export const SCAI = 'https://in-toto.io/attestation/scai/v0.3';
export const SLSA = 'https://slsa.dev/provenance/v1';

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

const Entry = z.looseObject({
  digest: z.string(),
  mediaType: z.string(),
  annotations: z.optional(z.record(z.string(), z.string())),
  platform: z.optional(z.object({ os: z.string(), architecture: z.string() })),
});
const Manifest = z.looseObject({
  mediaType: z.optional(z.string()),
  manifests: z.optional(z.array(Entry)),
  layers: z.optional(z.array(Entry)),
});

/** What the report says of one statement. */
export const Attached = z.array(
  z.object({
    repository: z.string(),
    digest: z.string(),
    predicateType: z.string(),
    state: z.enum(['attached', 'there-already']),
  }),
);

/** A sandbox whose user has run `docker chalk setup`. */
export class Signer {
  readonly sandbox: Sandbox;
  readonly publicKeyFile: string;
  /** The keys and their password. */
  readonly env: Readonly<Record<string, string>>;
  readonly #repositories: string[] = [];

  private constructor(sandbox: Sandbox, password: string) {
    this.sandbox = sandbox;
    const config = configFolder(sandbox);
    this.publicKeyFile = join(config, 'docker-chalk', 'chalk.pub');
    // The machine may have a Syft.
    this.env = { XDG_CONFIG_HOME: config, CHALK_PASSWORD: password, CHALK_SBOM: 'off' };
  }

  static async open(engine: Engine): Promise<Signer> {
    const sandbox = await Sandbox.open(engine);
    mkdirSync(configFolder(sandbox));
    const env = { XDG_CONFIG_HOME: configFolder(sandbox) };
    const { stdout } = expectSuccess(await sandbox.chalk(['setup'], { env }));
    return new Signer(sandbox, /^CHALK_PASSWORD=(.*)$/m.exec(stdout)?.[1] ?? '');
  }

  get privateKeyFile(): string {
    return this.publicKeyFile.replace(/pub$/, 'key');
  }

  publicKey(): PublicKey {
    return readPublicKey(readFileSync(this.publicKeyFile, 'utf8'), 'chalk.pub');
  }

  /** A name in the registry that nobody else uses. */
  repository(): string {
    const name = this.sandbox.name().replaceAll('.', '-');
    this.#repositories.push(name);
    return name;
  }

  /** Removes the images the engine has by names in a registry, and the sandbox. */
  async close(): Promise<void> {
    const filters = this.#repositories.flatMap((name) => ['--filter', `reference=*/${name}`]);
    const words = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', ...filters];
    const { stdout } = await this.sandbox.docker(words);
    const images = stdout.split('\n').filter((line) => line !== '' && !line.endsWith(':<none>'));
    if (filters.length > 0 && images.length > 0)
      await this.sandbox.docker(['image', 'rm', '--force', ...images]);
    await this.sandbox.close();
  }

  /** `docker chalk …` with the keys. */
  chalk(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> {
    return this.sandbox.chalk(words, { env: { ...this.env, ...env } });
  }

  /** The command of the README. */
  verify(image: string, type: string, key = this.publicKeyFile, program = 'cosign'): Promise<Result> {
    const words = ['verify-attestation', '--key', key, '--type', type, '--insecure-ignore-tlog', image];
    return this.sandbox.run(program, words);
  }

  /** What the last run's report says is attached, of every image. */
  attached(): z.infer<typeof Attached> {
    const chalks = this.sandbox.lastReport()._CHALKS ?? [];
    return chalks.flatMap((chalk) => Attached.parse(chalk['_X_CHALK_ATTESTATIONS'] ?? []));
  }
}

function configFolder(sandbox: Sandbox): string {
  return join(sandbox.root, 'xdg');
}

/** A manifest with its digest; undefined where the registry has none. */
export async function manifestAt(registry: string, repository: string, reference: string) {
  const response = await fetch(`http://${registry}/v2/${repository}/manifests/${reference}`, {
    headers: { accept: ACCEPT },
  });
  const body = await response.text();
  if (response.status === 404) return undefined;
  const digest = response.headers.get('docker-content-digest') ?? '';
  return { digest, bytes: Buffer.from(body), manifest: Manifest.parse(JSON.parse(body)) };
}

export async function blobAt(registry: string, repository: string, digest: string): Promise<Buffer> {
  const response = await fetch(`http://${registry}/v2/${repository}/blobs/${digest}`);
  if (response.status !== 200) throw new Error(`${digest}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

export async function tagsOf(registry: string, repository: string): Promise<string[]> {
  const response = await fetch(`http://${registry}/v2/${repository}/tags/list`);
  const parsed = z.object({ tags: z.nullish(z.array(z.string())) }).safeParse(await response.json());
  return parsed.success ? (parsed.data.tags ?? []) : [];
}

/** The payload of the statement cosign has verified. */
export function verified({ stdout }: Result): Record<string, unknown> {
  const Envelope = z.object({ payload: z.string() });
  const line = stdout.split('\n').find((each) => each.startsWith('{')) ?? '';
  const { payload } = Envelope.parse(JSON.parse(line));
  return z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.from(payload, 'base64').toString()));
}
