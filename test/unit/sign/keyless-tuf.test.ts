import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { nodeHost } from '../../../src/host/node.ts';
import { fetchPublic, fetchTrustedRoot, type Mirror, publicMirror } from '../../../src/sign/keyless/tuf.ts';
import {
  Authority,
  type DoubleHost,
  FirstRekor,
  FULCIO,
  hostWith,
  REKOR,
  TIMESTAMP,
  trustedRootText,
} from './keyless-double.ts';

// Servers are asked again after a while, and nothing here depends on how busy the machine is.
vi.setConfig({ testTimeout: 60_000 });

const URL_OF = 'https://tuf.example.com';
const LATER = '2099-01-01T00:00:00Z';
const folders: string[] = [];

/** A TUF repository: the four roles with one key, and what it hands out. */
class Tuf {
  readonly key = generateKeyPairSync('ed25519');
  readonly #files: Readonly<Record<string, string>>;
  readonly #expires: string;

  constructor(files: Readonly<Record<string, string>>, expires = LATER) {
    this.#files = files;
    this.#expires = expires;
  }

  mirror(): Mirror {
    return { url: URL_OF, root: Buffer.from(this.#signed(this.#root())) };
  }

  /** The content at an address of the mirror. */
  at(url: string): string | undefined {
    const targets = this.#signed({
      _type: 'targets',
      targets: Object.fromEntries(
        Object.entries(this.#files).map(([name, content]) => [
          name,
          { length: Buffer.byteLength(content), hashes: { sha256: sha256(content) } },
        ]),
      ),
    });
    const snapshot = this.#signed({ _type: 'snapshot', meta: { 'targets.json': { version: 1 } } });
    const timestamp = this.#signed({ _type: 'timestamp', meta: { 'snapshot.json': { version: 1 } } });
    const files: Record<string, string> = {
      'timestamp.json': timestamp,
      '1.snapshot.json': snapshot,
      '1.targets.json': targets,
    };
    for (const [name, content] of Object.entries(this.#files)) {
      files[`targets/${sha256(content)}.${name}`] = content;
    }
    return files[url.slice(URL_OF.length + 1)];
  }

  #root(): object {
    const keyid = 'the-key';
    const role = { keyids: [keyid], threshold: 1 };
    return {
      _type: 'root',
      consistent_snapshot: true,
      keys: {
        [keyid]: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: rawHex(this.key.publicKey) } },
      },
      roles: { root: role, timestamp: role, snapshot: role, targets: role },
    };
  }

  #signed(role: object): string {
    const signed = { ...role, spec_version: '1.0.31', version: 1, expires: this.#expires };
    const sig = sign(null, Buffer.from(canonical(signed)), this.key.privateKey).toString('hex');
    return JSON.stringify({ signed, signatures: [{ keyid: 'the-key', sig }] });
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const rawHex = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');

/** Canonical JSON, as TUF has it. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

function hostOf(content: (url: string) => string | undefined, cache = newFolder()): DoubleHost {
  const host = hostWith(
    [
      ({ url }) => {
        const body = content(url);
        return body === undefined ? { status: 404, body: 'no' } : { status: 200, body };
      },
    ],
    { XDG_CACHE_HOME: cache },
  );
  return Object.assign(host, { files: nodeHost().files });
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chalk-tuf-test-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const service = (url: string, majorApiVersion: number, start: string, end?: string) => ({
  url,
  majorApiVersion,
  validFor: { start, ...(end === undefined ? {} : { end }) },
  operator: 'double',
});
const configOf = (more: object = {}) =>
  JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [
      service('https://old.example.com', 1, '2020-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
      service(FULCIO, 1, '2026-01-01T00:00:00Z'),
      service('https://next.example.com', 1, '2027-01-01T00:00:00Z'),
    ],
    rekorTlogUrls: [
      service('https://one.example.com', 1, '2021-01-01T00:00:00Z'),
      service(REKOR, 2, '2026-01-01T00:00:00Z'),
      service('https://three.example.com', 3, '2026-01-01T00:00:00Z'),
    ],
    tsaUrls: [service(TIMESTAMP, 1, '2026-01-01T00:00:00Z')],
    rekorTlogConfig: { selector: 'ANY' },
    tsaConfig: { selector: 'ANY' },
    ...more,
  });
const ROOT = trustedRootText(new Authority(), new FirstRekor());
const FILES = { 'trusted_root.json': ROOT, 'signing_config.v0.2.json': configOf() };

describe('a mirror', () => {
  test('says whom to trust and where to sign today', async () => {
    const tuf = new Tuf(FILES);
    const { root, services } = await fetchPublic(
      hostOf((url) => tuf.at(url)),
      tuf.mirror(),
    );
    expect(root.name).toBe(URL_OF);
    expect(root.material.tlogs).toHaveLength(1);
    expect(services).toEqual({ fulcio: FULCIO, rekor: { url: REKOR, version: 2 }, timestamp: TIMESTAMP });
  });

  test('is asked again only for what changes', async () => {
    const tuf = new Tuf(FILES);
    const cache = newFolder();
    await fetchTrustedRoot(
      hostOf((url) => tuf.at(url), cache),
      tuf.mirror(),
    );
    const again = hostOf((url) => tuf.at(url), cache);
    await fetchTrustedRoot(again, tuf.mirror());
    expect(again.sent.map(({ url }) => url.slice(URL_OF.length))).toEqual([
      '/2.root.json',
      '/timestamp.json',
    ]);
  });

  test('whose file was changed is not believed, nor what was changed in the cache', async () => {
    const tuf = new Tuf(FILES);
    const forged = hostOf((url) => tuf.at(url)?.replace('rekor.example.com', 'r3kor.example.com'));
    await expect(fetchTrustedRoot(forged, tuf.mirror())).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_UNUSABLE',
    });
    const cache = newFolder();
    await fetchTrustedRoot(
      hostOf((url) => tuf.at(url), cache),
      tuf.mirror(),
    );
    const [path = ''] = readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('trusted_root.json'),
    );
    writeFileSync(join(cache, path), '{}');
    const again = hostOf((url) => tuf.at(url), cache);
    expect((await fetchTrustedRoot(again, tuf.mirror())).material.tlogs).toHaveLength(1);
  });

  test('is asked for everything again where the cache is damaged', async () => {
    const tuf = new Tuf(FILES);
    const cache = newFolder();
    await fetchTrustedRoot(
      hostOf((url) => tuf.at(url), cache),
      tuf.mirror(),
    );
    const names = readdirSync(cache, { recursive: true, encoding: 'utf8' });
    const written = names.filter((name) => name.endsWith('.json'));
    expect(written).toHaveLength(5);
    expect(names.filter((name) => name.includes('.new-'))).toEqual([]);
    for (const name of written) writeFileSync(join(cache, name), '{"signed":');
    const again = hostOf((url) => tuf.at(url), cache);
    expect((await fetchTrustedRoot(again, tuf.mirror())).material.tlogs).toHaveLength(1);
  });

  test('that somebody else signed is not believed', async () => {
    const tuf = new Tuf(FILES);
    const other = new Tuf(FILES);
    await expect(
      fetchTrustedRoot(
        hostOf((url) => other.at(url)),
        tuf.mirror(),
      ),
    ).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_UNUSABLE',
    });
  });

  test('whose word is too old is not believed', async () => {
    const tuf = new Tuf(FILES, '2020-01-01T00:00:00Z');
    await expect(
      fetchTrustedRoot(
        hostOf((url) => tuf.at(url)),
        tuf.mirror(),
      ),
    ).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_UNUSABLE',
    });
  });

  test('that is not there, or lacks a file', async () => {
    const tuf = new Tuf({});
    await expect(
      fetchTrustedRoot(
        hostOf(() => undefined),
        tuf.mirror(),
      ),
    ).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_UNUSABLE',
    });
    await expect(
      fetchTrustedRoot(
        hostOf((url) => tuf.at(url)),
        tuf.mirror(),
      ),
    ).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_UNUSABLE',
      message: `${URL_OF} cannot be trusted: it has no trusted_root.json`,
    });
  });

  test.each([
    ['another type', { mediaType: 'x' }],
    ['no Fulcio of today', { caUrls: [] }],
    ['no log of today', { rekorTlogUrls: [] }],
  ])('whose list of servers has %s', async (_, more) => {
    const tuf = new Tuf({ ...FILES, 'signing_config.v0.2.json': configOf(more) });
    await expect(
      fetchPublic(
        hostOf((url) => tuf.at(url)),
        tuf.mirror(),
      ),
    ).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_UNUSABLE',
    });
  });
});

test('the public root comes with the program', () => {
  const { url, root } = publicMirror();
  expect(url).toBe('https://tuf-repo-cdn.sigstore.dev');
  expect(JSON.parse(Buffer.from(root).toString())).toMatchObject({ signed: { _type: 'root' } });
});
