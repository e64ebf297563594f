import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import { nodeHost } from '../../src/host/node.ts';
import { normaliseImage } from '../../src/image/normalised-hash.ts';
import { type Mark, readMark } from '../../src/mark/index.ts';
import { connectRegistries, readManifest, type Registry } from '../../src/registry/index.ts';
import { PREDICATE } from '../../src/sign/index.ts';
import {
  registryStore,
  trustKeys,
  unreadable,
  type Verdict,
  type Verification,
  verifyImage,
} from '../../src/verify/index.ts';
import { RealRegistry } from '../integration/registry/real-registry.ts';
import { expectSuccess, LAUNCHER, Sandbox } from './chalk.ts';
import type { Engine } from './engine.ts';
import { attach, markStatement, newKey, plainStatement, type TestStatement } from './signed-image.ts';
import { copyAll, editTar, imageAt, type Parts, partsOf, putIndex, putParts } from './tampered-image.ts';

/** The right key, and somebody else's. */
export const ada = newKey('ada.pub');
export const eve = newKey('eve.pub');

/** The signed image, or a copy of it in a repository of its own. */
export interface Copy {
  readonly registry: Registry;
  /** What leads to the index. */
  readonly tag: string;
  readonly index: string;
  /** The image for linux/amd64, and the one for linux/arm64. */
  readonly image: string;
  readonly other: string;
  /** Of `image`. */
  readonly mark: Mark['values'];
  readonly hash: string;
}

/** How a changed image is signed. */
export type Signing =
  /** Not at all. */
  | 'nothing'
  /** What was attached to the original is attached to it. */
  | 'copied'
  /** By the right key, with the mark and the hash of the original: who signs without looking. */
  | 'anew';

const REQUIRED = new Set(['mark', 'signature', 'content', 'provenance', 'sbom'] as const);
const connect = connectRegistries(nodeHost(), { configFolder: '/nonexistent', attempts: 1 });

/** An image for two platforms that docker chalk built, in a registry of its own, signed with everything. */
export class TamperBench {
  readonly sandbox: Sandbox;
  readonly real: RealRegistry;
  readonly original: Copy;
  readonly #programs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  #copies = 0;

  private constructor(sandbox: Sandbox, real: RealRegistry, original: Copy) {
    this.sandbox = sandbox;
    this.real = real;
    this.original = original;
    this.#programs = z
      .record(z.string(), z.record(z.string(), z.string()))
      .parse(JSON.parse(readFileSync(join(LAUNCHER, '../lib/shim/shims.json'), 'utf8')));
  }

  static async open(engine: Engine): Promise<TamperBench> {
    const sandbox = await Sandbox.open(engine);
    const real = await RealRegistry.open(engine);
    const folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('multi')}\nCOPY app /app\nENV A=1\nUSER 65534\nENTRYPOINT ["own"]\n`,
      app: 'app',
    });
    const words = ['--platform=linux/amd64,linux/arm64', '--push', '-t', `${real.host}/original:v1`, folder];
    expectSuccess(await sandbox.chalk(['build', ...words]));
    const original = await describeImage(connect({ registry: real.host, repository: 'original' }));
    for (const digest of [original.image, original.other, original.index]) {
      await attach(original.registry, digest, await statementsOf(original, digest), ada);
    }
    return new TamperBench(sandbox, real, original);
  }

  async close(): Promise<void> {
    this.real.close();
    await this.sandbox.close();
  }

  /** A repository with everything in it. */
  async fresh(): Promise<Copy> {
    this.#copies += 1;
    const registry = connect({ registry: this.real.host, repository: `copy${this.#copies}` });
    await copyAll(this.original.registry, 'original', registry, 'v1');
    return { ...this.original, registry };
  }

  async verify({ registry, tag: own }: Copy, tag = own): Promise<Verification> {
    const ref = { registry: 'x', repository: 'x', tag };
    const demands = {
      trust: trustKeys([ada.publicKey]),
      required: REQUIRED,
      platform: undefined,
      everyLayer: true,
      programs: this.#programs,
      openBase: undefined,
    };
    try {
      return await verifyImage(await registryStore(registry, ref), 'app', demands);
    } catch (error) {
      return unreadable('app', undefined, error, REQUIRED);
    }
  }

  /** Verifies the image with a change to one of its platforms, everything that leads there changed as well. */
  async tamper(
    change: (parts: Parts) => Promise<Parts> | Parts,
    signing: Signing,
    changes: Parameters<typeof putParts>[2] = {},
  ): Promise<Verification> {
    this.#copies += 1;
    const copy = { ...this.original, tag: `changed${this.#copies}` };
    const changed = await change(await partsOf(copy.registry, copy.image));
    // No two of them have the same digest, and so what is attached to one is attached to no other.
    const parts = { ...changed, config: { ...changed.config, author: copy.tag } };
    await replaceImage(copy, await putParts(copy.registry, parts, changes), signing);
    return this.verify(copy);
  }
}

/** Expects the verdict, and that these checks are among those that are not ok. */
export function expectFound(verification: Verification, verdict: Verdict, checks: readonly string[]): void {
  const found = verification.manifests.flatMap((each) =>
    each.checks.filter(({ outcome }) => outcome === 'failed' || outcome === 'unknown'),
  );
  expect(verification.verdict, JSON.stringify(found)).toBe(verdict);
  expect(found.map(({ check }) => check)).toEqual(expect.arrayContaining([...checks]));
}

/** What is attached to the image for linux/amd64: its mark, provenance, an SBOM. */
export function goodStatements({
  image,
  mark,
  hash,
}: Pick<Copy, 'image' | 'mark' | 'hash'>): TestStatement[] {
  return [
    markStatement(image, { values: mark }, hash),
    plainStatement(image, PREDICATE.provenance, '{"buildDefinition":{}}'),
    plainStatement(image, PREDICATE.spdx, '{"spdxVersion":"SPDX-2.3"}'),
  ];
}

/** The bytes with one bit changed. */
export function flipped(bytes: Uint8Array, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 0x01;
  return changed;
}

async function describeImage(registry: Registry): Promise<Copy> {
  const top = await registry.getManifest('v1');
  const content = readManifest(top);
  if (content.kind === 'image') throw new Error('there is no index');
  const digestFor = (architecture: string) =>
    content.manifests.find(({ platform }) => platform?.architecture === architecture)?.digest ?? '';
  const image = digestFor('amd64');
  return {
    registry,
    tag: 'v1',
    index: top.digest,
    image,
    other: digestFor('arm64'),
    mark: await markIn(registry, image),
    hash: await hashIn(registry, image),
  };
}

async function statementsOf(copy: Copy, image: string): Promise<readonly TestStatement[]> {
  if (image !== copy.index) {
    const [mark, hash] = await Promise.all([markIn(copy.registry, image), hashIn(copy.registry, image)]);
    return goodStatements({ image, mark, hash });
  }
  const [, ...others] = goodStatements({ ...copy, image });
  return [markStatement(image, { values: copy.mark }), ...others];
}

async function markIn(registry: Registry, digest: string): Promise<Mark['values']> {
  let text = '';
  await editTar((await partsOf(registry, digest)).layers.at(-1) ?? Buffer.alloc(0), (entries) => {
    text = entries.at(-1)?.content.toString() ?? '';
    return entries;
  });
  return readMark(text);
}

async function hashIn(registry: Registry, digest: string): Promise<string> {
  const image = await imageAt(registry, digest);
  const config = await registry.readBlob(image.config.digest, 1 << 24);
  const layers = image.layers.map((layer) => ({
    size: layer.size,
    open: () => registry.streamBlob(layer.digest, layer.size),
  }));
  return (await normaliseImage(config, layers)).hash.sha256;
}

/** Puts a changed image in the place of the original's, in the index under the tag. */
async function replaceImage(copy: Copy, digest: string, signing: Signing): Promise<void> {
  const { registry, image, index, mark, tag } = copy;
  const size = (await registry.getManifest(digest)).bytes.length;
  const top = await putIndex(
    registry,
    index,
    (entries) => entries.map((each) => (each['digest'] === image ? { ...each, digest, size } : each)),
    tag,
  );
  if (signing === 'nothing') return;
  const about = signing === 'copied' ? { image, index } : { image: digest, index: top };
  await attach(registry, digest, goodStatements({ ...copy, image: about.image }), ada);
  await attach(registry, top, [markStatement(about.index, { values: mark })], ada);
}
