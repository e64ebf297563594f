import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentOf, type Artifact, type Content } from '../../../src/sign/index.ts';
import { expectSuccess, finish, type Result } from '../../support/chalk.ts';
import type { Engine } from '../../support/engine.ts';

/** A folder with the real cosign in it, and no network but the testbed's registry. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'chalk-sign-'));
  readonly #env: Readonly<Record<string, string>>;

  constructor(engine: Engine) {
    const { PATH = '' } = engine.env;
    this.#env = { PATH, HOME: this.folder, XDG_CONFIG_HOME: join(this.folder, 'config') };
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  async run(
    file: string,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Result> {
    const child = spawn(file, words, {
      cwd: this.folder,
      env: { ...this.#env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Without a terminal of the person who runs the tests.
      detached: true,
    });
    return finish(child);
  }

  /** cosign with this password; by another path where another version is meant. */
  async cosign(words: readonly string[], password = '', program = 'cosign'): Promise<Result> {
    return this.run(program, words, { COSIGN_PASSWORD: password });
  }

  /** What cosign's signing commands need to stay on this machine. */
  async offline(): Promise<string[]> {
    expectSuccess(await this.cosign(['signing-config', 'create', '--out', this.path('signing-config.json')]));
    return ['--signing-config', this.path('signing-config.json'), '--yes'];
  }

  /** An empty trusted root, for versions that would fetch the public one. */
  trustedRoot(): string {
    return this.write(
      'trusted-root.json',
      '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
    );
  }
}

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** A repository of the testbed's registry, by the few requests these tests need. */
export class Repository {
  readonly name: string;
  readonly #base: string;

  constructor(engine: Engine, name: string) {
    this.name = `${engine.registry}/${name}`;
    this.#base = `http://${engine.registry}/v2/${name}`;
  }

  async pushBlob({ bytes, descriptor }: Content): Promise<void> {
    const started = await fetch(`${this.#base}/blobs/uploads/`, { method: 'POST' });
    const place = new URL(started.headers.get('location') ?? '', this.#base);
    place.searchParams.set('digest', descriptor.digest);
    const headers = { 'content-type': 'application/octet-stream' };
    const done = await fetch(place, { method: 'PUT', body: Buffer.from(bytes), headers });
    if (done.status !== 201) throw new Error(`blob: ${done.status}`);
  }

  async pushManifest({ bytes, descriptor }: Content, tag = descriptor.digest): Promise<void> {
    const done = await fetch(`${this.#base}/manifests/${tag}`, {
      method: 'PUT',
      body: Buffer.from(bytes),
      headers: { 'content-type': descriptor.mediaType },
    });
    if (done.status !== 201) throw new Error(`manifest: ${done.status} ${await done.text()}`);
  }

  async push({ blobs, manifest }: Artifact, tag?: string): Promise<void> {
    for (const blob of blobs) await this.pushBlob(blob);
    await this.pushManifest(manifest, tag);
  }

  async manifest(tag: string): Promise<Uint8Array> {
    return this.#get(`manifests/${tag}`, {
      accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
    });
  }

  async blob(digest: string): Promise<Uint8Array> {
    return this.#get(`blobs/${digest}`, {});
  }

  async #get(path: string, headers: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const response = await fetch(`${this.#base}/${path}`, { headers });
    if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** An image with one small layer that no other image has; its manifest. */
  async pushImage(text: string): Promise<Content> {
    const json = (value: object, type: string) => contentOf(Buffer.from(JSON.stringify(value)), type);
    const layer = contentOf(Buffer.from(text), 'application/vnd.oci.image.layer.v1.tar');
    const rootfs = { type: 'layers', diff_ids: [layer.descriptor.digest] };
    const config = json(
      { architecture: 'amd64', os: 'linux', config: {}, rootfs },
      'application/vnd.oci.image.config.v1+json',
    );
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = json(
      { schemaVersion: 2, mediaType, config: config.descriptor, layers: [layer.descriptor] },
      mediaType,
    );
    await this.push({ blobs: [layer, config], manifest }, text);
    return manifest;
  }

  /** The index below the tag that stands in for the referrers API. */
  async pushReferrers(subject: Content, artifacts: readonly Artifact[]): Promise<void> {
    for (const artifact of artifacts) await this.push(artifact);
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const index = {
      schemaVersion: 2,
      mediaType,
      manifests: artifacts.map(({ manifest }) => manifest.descriptor),
    };
    await this.pushManifest(
      contentOf(Buffer.from(JSON.stringify(index)), mediaType),
      subject.descriptor.digest.replace(':', '-'),
    );
  }
}
