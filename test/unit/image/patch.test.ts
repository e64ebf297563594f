import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { extract } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import {
  type Blob,
  packDockerArchive,
  packLayer,
  packOciArchive,
  PATCH_STEP,
  patchConfig,
  patchManifest,
  readConfig,
  readListed,
  rebuildConfig,
  renameIds,
  renameInMetadata,
} from '../../../src/image/patch/index.ts';

const DIFF_ID = `sha256:${'d'.repeat(64)}`;
const edit = { entrypoint: ['/.chalk/shim', '--'], diffId: DIFF_ID, createdAt: '2026-01-01T00:00:00.000Z' };
const blob = (text: string): Blob => ({
  bytes: Buffer.from(text),
  digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
});

interface Entry {
  readonly name: string;
  readonly mode: number | undefined;
  readonly owner: readonly (number | undefined)[];
  readonly time: number | undefined;
  readonly type: string | null | undefined;
  readonly text: string;
}

async function entriesOf(archive: Uint8Array): Promise<Entry[]> {
  const reader = extract();
  reader.end(archive);
  const entries: Entry[] = [];
  for await (const entry of reader) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    const { name, mode, uid, gid, mtime, type } = entry.header;
    const text = Buffer.concat(chunks).toString('utf8');
    entries.push({ name, mode, owner: [uid, gid], time: mtime && mtime.getTime() / 1000, type, text });
  }
  return entries;
}

describe('config', () => {
  const text = JSON.stringify({
    created: '2020-01-01T00:00:00.123456789Z',
    'x-unknown': { b: 1, a: [null, false] },
    architecture: 'arm64',
    variant: 'v8',
    config: { Labels: { z: '1', a: '2' }, Entrypoint: ['/old'], Cmd: ['x'], OnBuild: ['RUN y'], Odd: 7 },
    rootfs: { type: 'layers', diff_ids: ['sha256:1'], more: true },
    os: 'linux',
    history: [{ created_by: 'first', author: 'me' }],
    container_config: { Image: 'i' },
  });

  test('the entrypoint, a layer and a step are new; nothing else is', () => {
    const expected = text
      .replace('["/old"]', '["/.chalk/shim","--"]')
      .replace('["sha256:1"]', `["sha256:1","${DIFF_ID}"]`)
      .replace(
        '"author":"me"}',
        `"author":"me"},{"created":"${edit.createdAt}","created_by":"${PATCH_STEP}"}`,
      );
    expect(patchConfig(readConfig(text), edit)).toBe(expected);
  });

  test('without a wrapping ENTRYPOINT is not even mentioned', () => {
    const bare = '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}';
    const patched = patchConfig(readConfig(bare), { ...edit, entrypoint: undefined });
    expect(patched).not.toContain('Entrypoint');
    expect(patched).not.toContain('"config"');
  });

  test('our step is one that extraction takes for a mark of the image’s own', () => {
    expect(PATCH_STEP).toMatch(/\b(COPY|ADD)\b.*\s\/chalk\.json(\s|$)/);
  });

  test.each(['', '[]', 'null', '{}', '{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[1]}}'])(
    '%j is refused',
    (broken) => {
      expect(() => readConfig(broken)).toThrowError(expect.objectContaining({ code: 'RESPONSE_INVALID' }));
    },
  );

  test('a number that would not come through is refused', () => {
    expect(() => readConfig(text.replace('"Odd":7', '"Odd":9223372036854775807'))).toThrowError(
      /cannot be read/,
    );
  });

  test('any member anywhere comes through, in its place', () => {
    const name = fc.string().filter((key) => !/^\d+$/.test(key) && key !== '__proto__');
    const small = (_key: string, value: unknown): unknown =>
      typeof value === 'number' ? value % 1e9 : value;
    const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value), small));
    const members = fc.array(fc.tuple(name, json), { maxLength: 6 });
    const own = new Set([
      'architecture',
      'os',
      'variant',
      'config',
      'rootfs',
      'history',
      'Entrypoint',
      'Cmd',
      'diff_ids',
    ]);
    const others = (pairs: readonly (readonly [string, unknown])[]) =>
      Object.entries(Object.fromEntries(pairs)).filter(([key]) => !own.has(key));
    fc.assert(
      fc.property(members, members, members, (outer, run, rootfs) => {
        const before = {
          ...Object.fromEntries(others(outer)),
          architecture: 'amd64',
          config: { ...Object.fromEntries(others(run)), Entrypoint: ['/a'], Cmd: ['b'] },
          os: 'linux',
          rootfs: { type: 'layers', diff_ids: ['sha256:1'], ...Object.fromEntries(others(rootfs)) },
          history: [],
        };
        const after: unknown = JSON.parse(patchConfig(readConfig(JSON.stringify(before)), edit));
        const expected = {
          ...before,
          config: { ...before.config, Entrypoint: edit.entrypoint },
          rootfs: { ...before.rootfs, diff_ids: ['sha256:1', DIFF_ID] },
          history: [{ created: edit.createdAt, created_by: PATCH_STEP }],
        };
        // Twice through JSON, for -0.
        expect(JSON.stringify(after)).toBe(JSON.stringify(JSON.parse(JSON.stringify(expected))));
      }),
    );
  });
});

describe('a config rebuilt from what the engine tells', () => {
  const inspected = {
    Id: 'sha256:x',
    Created: '2026-01-01T00:00:00.5Z',
    Author: '',
    Comment: '',
    Architecture: 'amd64',
    Os: 'linux',
    DockerVersion: '28.0',
    RootFS: { Type: 'layers', Layers: ['sha256:1', 'sha256:2', 'sha256:3'] },
    Config: { Cmd: ['a'], Entrypoint: null, OnBuild: ['RUN x'], Healthcheck: { Test: ['CMD', 'y'] } },
  };
  const row = (CreatedBy: string, Size: string, CreatedAt = '2026-01-01T01:00:00+01:00', Comment = '') =>
    JSON.stringify({ ID: '<missing>', Comment, CreatedAt, CreatedBy, Size });
  // Newest first, as docker prints it.
  const rows = (...steps: string[]) => `${steps.toReversed().join('\n')}\n`;
  const layersOf = (text: string | undefined) =>
    z
      .object({ history: z.array(z.object({ empty_layer: z.optional(z.boolean()) })) })
      .parse(JSON.parse(text ?? ''))
      .history.map((step) => step.empty_layer !== true);

  test('all of it', () => {
    const steps = [
      row('COPY a /', '10'),
      row('RUN true', '0'),
      row('/bin/sh -c #(nop)  CMD ["a"]', '0'),
      row('ADD b', '3'),
    ];
    const text = rebuildConfig(inspected, rows(...steps));
    expect(JSON.parse(text ?? '')).toEqual({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-01-01T00:00:00.5Z',
      docker_version: '28.0',
      config: inspected.Config,
      rootfs: { type: 'layers', diff_ids: inspected.RootFS.Layers },
      history: [
        { created: '2026-01-01T00:00:00Z', created_by: 'COPY a /' },
        { created: '2026-01-01T00:00:00Z', created_by: 'RUN true' },
        { created: '2026-01-01T00:00:00Z', created_by: '/bin/sh -c #(nop)  CMD ["a"]', empty_layer: true },
        { created: '2026-01-01T00:00:00Z', created_by: 'ADD b' },
      ],
    });
  });

  test.each<[string, string[], boolean[]]>([
    [
      'RUN before CMD',
      [row('CMD x', '0'), row('RUN x', '0'), row('a', '1'), row('b', '1')],
      [false, true, true, true],
    ],
    ['layers no step accounts for', [row('a', '1')], [true]],
    [
      'more content than layers',
      ['1', '2', '3', '4'].map((size) => row('a', size)),
      [false, true, true, true],
    ],
  ])('%s: as many layers as there are', (_, steps, expected) => {
    expect(layersOf(rebuildConfig(inspected, rows(...steps)))).toEqual(expected);
  });

  test.each([
    ['buildkit.dockerfile.v0', { Env: ['A=1'], Cmd: null }],
    ['', { Env: ['A=1'], Cmd: null, Hostname: '', Image: '', Tty: false, AttachStdin: false }],
  ])('what old engines show of every image is in those of the old builder alone: %j', (comment, config) => {
    const Config = { Hostname: '', Env: ['A=1'], Cmd: null, Image: '', Tty: false, AttachStdin: false };
    const text = rebuildConfig({ ...inspected, Config }, rows(row('CMD x', '0', undefined, comment)));
    expect(JSON.parse(text ?? '')).toHaveProperty('config', config);
  });

  test('undefined for answers of another form', () => {
    expect(rebuildConfig({}, '')).toBeUndefined();
    expect(rebuildConfig(undefined, '')).toBeUndefined();
    expect(rebuildConfig(inspected, 'not json\n')).toBeUndefined();
  });
});

describe('layer', () => {
  const content = {
    mark: '{}',
    markTime: 1_800_000_000,
    programs: [
      { name: 'shim', time: 5, content: Buffer.from('S') },
      { name: 'reporter', time: 6, content: Buffer.from('R') },
    ],
    runtimeConfig: { text: 'C', time: 7 },
  };

  test('root’s files, the mark last, programs with their own times', async () => {
    const owner = [0, 0];
    expect(await entriesOf(await packLayer(content))).toEqual([
      { name: '.chalk/', mode: 0o755, owner, time: 0, type: 'directory', text: '' },
      { name: '.chalk/shim', mode: 0o555, owner, time: 5, type: 'file', text: 'S' },
      { name: '.chalk/reporter', mode: 0o555, owner, time: 6, type: 'file', text: 'R' },
      { name: '.chalk/runtime.json', mode: 0o444, owner, time: 7, type: 'file', text: 'C' },
      { name: 'chalk.json', mode: 0o444, owner, time: 1_800_000_000, type: 'file', text: '{}' },
    ]);
  });

  test('without programs the mark alone', async () => {
    const entries = await entriesOf(await packLayer({ ...content, programs: [] }));
    expect(entries.map(({ name }) => name)).toEqual(['chalk.json']);
  });

  test('the same content gives the same bytes', async () => {
    expect(await packLayer(content)).toEqual(await packLayer(content));
  });
});

describe('archives', () => {
  const [config, layer] = [blob('{"config":1}'), blob('layer')];
  const raw = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'c', digest: 'sha256:old', size: 1, extra: 'kept' },
    layers: [{ mediaType: 'l', digest: 'sha256:1', size: 2 }],
    annotations: { a: 'b' },
  });

  test('for a graph driver: every layer listed, the new one alone inside', async () => {
    const diffIds = [`sha256:${'1'.repeat(64)}`];
    const entries = await entriesOf(
      await packDockerArchive({ config, layer, diffIds, tags: ['x:1', 'y:2'] }),
    );
    const [configName, layerName] = [`${config.digest.slice(7)}.json`, `${layer.digest.slice(7)}.tar`];
    expect(entries.map(({ name }) => name)).toEqual([configName, layerName, 'manifest.json']);
    expect(JSON.parse(entries[2]?.text ?? '')).toEqual([
      { Config: configName, RepoTags: ['x:1', 'y:2'], Layers: [`${'1'.repeat(64)}.tar`, layerName] },
    ]);
  });

  test('for the containerd store: one index entry a name, written out', async () => {
    const manifest = { ...blob('m'), mediaType: 't' };
    const names = async (tags: readonly string[]) => {
      const entries = await entriesOf(await packOciArchive({ manifest, config, layer, tags }));
      const index = entries.find(({ name }) => name === 'index.json');
      const listed: unknown = JSON.parse(index?.text ?? '');
      return listed;
    };
    const descriptor = { mediaType: 't', digest: manifest.digest, size: 1 };
    const named = (name: string) => ({ ...descriptor, annotations: { 'io.containerd.image.name': name } });
    expect(await names(['x:1', 'r.example:5000/a/b:2'])).toMatchObject({
      manifests: [named('docker.io/library/x:1'), named('r.example:5000/a/b:2')],
    });
    expect(await names([])).toMatchObject({ manifests: [descriptor] });
  });

  test('a manifest keeps what it has', () => {
    const listed = readListed(raw);
    if (listed.kind !== 'manifest') throw new Error(listed.kind);
    expect(listed.configDigest).toBe('sha256:old');
    expect(JSON.parse(patchManifest(listed, config, layer))).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'c', digest: config.digest, size: config.bytes.length, extra: 'kept' },
      layers: [
        { mediaType: 'l', digest: 'sha256:1', size: 2 },
        { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: layer.digest, size: 5 },
      ],
      annotations: { a: 'b' },
    });
    const docker = readListed(
      raw.replace(
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.docker.distribution.manifest.v2+json',
      ),
    );
    if (docker.kind !== 'manifest') throw new Error(docker.kind);
    expect(patchManifest(docker, config, layer)).toContain(
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
    );
  });

  test('an index without its attestations', () => {
    const attestation = {
      digest: 'sha256:2',
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const index = {
      manifests: [{ digest: 'sha256:1', platform: { os: 'linux', architecture: 'amd64' } }, attestation],
    };
    expect(readListed(JSON.stringify(index))).toEqual({
      kind: 'index',
      images: ['sha256:1'],
      attestations: 1,
    });
    expect(readListed('{}').kind).toBe('other');
  });
});

describe('docker’s answers', () => {
  const renamed = {
    digest: ['sha256:a', 'sha256:A'],
    configDigest: ['sha256:c', 'sha256:C'],
    descriptor: { mediaType: 'new', size: 9 },
  } as const;

  test('IDs in any text', () => {
    expect(renameIds('sha256:a\n', renamed)).toBe('sha256:A\n');
    expect(renameIds('sha256:c', renamed)).toBe('sha256:C');
    expect(renameIds('warning\nsha256:b\n', renamed)).toBe('warning\nsha256:b\n');
  });

  test('the metadata file in buildx’s own hand', () => {
    const text = `{
  "buildx.build.provenance": {
    "uri": "pkg:docker/x?a=1\\u0026b=\\u003c"
  },
  "buildx.build.ref": "r",
  "containerimage.config.digest": "sha256:c",
  "containerimage.descriptor": {
    "mediaType": "old",
    "digest": "sha256:a",
    "size": 1,
    "annotations": {
      "config.digest": "sha256:c"
    }
  },
  "containerimage.digest": "sha256:a",
  "image.name": "x"
}`;
    const expected = text
      .replaceAll('sha256:a', 'sha256:A')
      .replaceAll('sha256:c', 'sha256:C')
      .replace('"old"', '"new"')
      .replace('"size": 1', '"size": 9');
    expect(renameInMetadata(text, renamed)).toBe(expected);
  });

  test('members that are not there do not appear', () => {
    expect(renameInMetadata('{\n  "image.name": "x"\n}\n', renamed)).toBe('{\n  "image.name": "x"\n}\n');
    expect(() => renameInMetadata('[]', renamed)).toThrowError(/no JSON object/);
  });
});
