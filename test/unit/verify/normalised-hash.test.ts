import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { normaliseImage } from '../../../src/image/normalised-hash.ts';
import { judgeLayer, MAX_OWN_LAYER_BYTES } from '../../../src/image/own-layer.ts';
import { digestOf } from '../../../src/registry/index.ts';
import { hashOf, makeImage, newMark, ownLayer, piecesOf, RUN } from '../../support/signed-image.ts';
import { codeOf } from '../sign/support.ts';

type Entry = Parameters<ReturnType<typeof pack>['entry']>[0] & { readonly text?: string };

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { text, ...header } of entries) archive.entry(header, text ?? '');
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const judge = (tar: Uint8Array, stored = tar) => judgeLayer(piecesOf(stored), digestOf(tar));
const MARK = { name: 'chalk.json', mode: 0o444, text: '{}' };
const FOLDER: Entry = { name: '.chalk/', type: 'directory', mode: 0o555 };
const SHIM = { name: '.chalk/shim', mode: 0o555, text: 'shim' };

describe('a layer of ours', () => {
  test('is one that holds nothing else, however it is packed', async () => {
    const tar = await tarOf([FOLDER, SHIM, { ...SHIM, name: '.chalk/reporter' }, MARK]);
    for (const stored of [tar, gzipSync(tar), zstdCompressSync(tar)]) {
      const judged = await judge(tar, stored);
      if (judged.kind !== 'ours') throw new Error(judged.why);
      expect([...judged.layer.files.keys()]).toEqual(['.chalk/shim', '.chalk/reporter', 'chalk.json']);
      expect(Buffer.from(judged.layer.mark ?? []).toString()).toBe('{}');
    }
    expect(await judge(await tarOf([MARK]))).toMatchObject({ kind: 'ours' });
  });

  test.each<[string, readonly Entry[]]>([
    ['nothing', []],
    ['the folder alone', [FOLDER]],
    ['another file', [MARK, { name: 'etc/passwd', text: 'x' }]],
    ['another file first', [{ name: 'etc/passwd', text: 'x' }, MARK]],
    ['another program of that folder', [FOLDER, SHIM, { ...SHIM, name: '.chalk/evil' }]],
    ['another folder', [{ ...FOLDER, name: 'etc/' }, MARK]],
    ['the root', [{ ...FOLDER, name: './' }, MARK]],
    ['a path that is written otherwise', [{ ...MARK, name: './chalk.json' }]],
    ['a way around', [{ ...SHIM, name: '.chalk/../bin/sh' }]],
    ['a whiteout', [MARK, { name: 'bin/.wh.sh' }]],
    ['a whiteout of our folder', [FOLDER, { name: '.chalk/.wh..wh..opq' }, MARK]],
    ['a link', [{ name: 'chalk.json', type: 'symlink', linkname: '/etc/passwd' }]],
    ['a hard link', [{ name: 'chalk.json', type: 'link', linkname: 'etc/passwd' }]],
    ['a device', [MARK, { name: '.chalk/shim', type: 'character-device' }]],
    ['a FIFO', [{ name: '.chalk/shim', type: 'fifo' }, MARK]],
    ['a folder in place of a file', [{ ...FOLDER, name: 'chalk.json/' }]],
    ['a file in place of the folder', [{ name: '.chalk', text: 'x' }, MARK]],
    ['a set-user-ID program', [{ ...SHIM, mode: 0o4555 }]],
    ['a set-group-ID folder', [{ ...FOLDER, mode: 0o2755 }, SHIM]],
    ['a file of somebody', [{ ...MARK, uid: 1000 }]],
    ['a file of some group', [{ ...MARK, gid: 1000 }]],
    ['a file of somebody by name', [{ ...MARK, uname: 'mallory' }]],
    ['a file twice', [MARK, MARK]],
    ['extended attributes', [{ ...SHIM, pax: { 'SCHILY.xattr.security.capability': 'x' } }]],
    ['a long name', [{ ...SHIM, pax: { path: 'bin/sh' } }]],
    ['a sparse file', [{ ...SHIM, pax: { 'GNU.sparse.major': '1' } }]],
    ['a mark beyond all measure', [{ ...MARK, text: 'x'.repeat(1024 * 1024 + 1) }]],
  ])('is none with %s', async (_, entries) => {
    expect(await judge(await tarOf(entries))).toMatchObject({ kind: 'content' });
  });

  test('times in extended headers are nobody’s content', async () => {
    const tar = await tarOf([{ name: 'PaxHeader', text: '30 mtime=1700000000.123456789\n' }, MARK]);
    const sum = Number.parseInt(tar.toString('latin1', 148, 154), 8) + 0x78 - 0x30;
    tar.write('x', 156, 'latin1');
    tar.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
    expect(await judge(tar)).toMatchObject({ kind: 'ours' });
  });

  test('is none with something behind its end, in its padding, or without its end', async () => {
    const tar = await tarOf([MARK]);
    const more = Buffer.concat([tar, await tarOf([{ name: 'etc/passwd', text: 'x' }])]);
    expect(await judge(more)).toMatchObject({ kind: 'content', why: 'there is something behind its end' });
    expect(await judge(Buffer.concat([tar, Buffer.alloc(10_240)]))).toMatchObject({ kind: 'ours' });
    const padded = Buffer.from(tar);
    padded[512 + 100] = 1;
    expect(await judge(padded)).toMatchObject({ kind: 'content' });
    expect(await judge(tar.subarray(0, 1024))).toMatchObject({ kind: 'content', why: 'it is cut off' });
    expect(await judge(tar.subarray(0, 600))).toMatchObject({ kind: 'content', why: 'it is cut off' });
    const broken = Buffer.from(tar);
    broken[0] = 0x64;
    expect(await judge(broken)).toMatchObject({ kind: 'content', why: 'it is no plain archive' });
  });

  test('is none of another diff ID, and stops at the first thing that is not ours', async () => {
    const tar = await tarOf([MARK]);
    expect(await judgeLayer(piecesOf(tar), digestOf(Buffer.from('x')))).toMatchObject({
      kind: 'content',
      why: 'it is not the layer of the config',
    });
    let read = 0;
    async function* endless() {
      yield await tarOf([{ name: 'big', text: 'x' }]);
      for (;;) {
        read += 1;
        yield Buffer.alloc(1024 * 1024);
      }
    }
    expect(await judgeLayer(endless(), digestOf(tar))).toMatchObject({ kind: 'content' });
    expect(read).toBeLessThan(3);
  });

  test('zeros without end are no layer', async () => {
    async function* endless() {
      yield await tarOf([MARK]);
      for (;;) yield Buffer.alloc(1024 * 1024);
    }
    expect(await judgeLayer(endless(), digestOf(Buffer.alloc(0)))).toMatchObject({ kind: 'content' });
  });

  test('what the stream throws is thrown', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from([0x1f, 0x8b, 8, 0]);
      throw new RangeError('the network is gone');
    }
    await expect(judgeLayer(failing(), 'sha256:')).rejects.toThrow('the network is gone');
  });
});

describe('the normalised hash', async () => {
  const app = { tar: await tarOf([{ name: 'app', text: 'app' }]) };
  const marked = await ownLayer(newMark());
  const plainRun = { ...RUN, Entrypoint: ['app'] };
  const plain = await hashOf(makeImage([app], plainRun));

  test('is that of the plain build, whatever the mark and the way it got in', async () => {
    expect(await hashOf(makeImage([app, marked]))).toBe(plain);
    expect(await hashOf(makeImage([app, await ownLayer(newMark())]))).toBe(plain);
    expect(await hashOf(makeImage([app, await ownLayer(newMark(), { programs: [] })], plainRun))).toBe(plain);
    const twoLayers = [{ tar: await tarOf([FOLDER, SHIM]) }, { tar: await tarOf([MARK]) }];
    expect(await hashOf(makeImage([app, ...twoLayers]))).toBe(plain);
    const labelled = { ...plainRun, Labels: { 'run.chalk.id': 'x', 'run.chalk.commit': 'y' } };
    expect(await hashOf(makeImage([app], labelled))).toBe(plain);
  });

  test('leaves out what says nothing of what runs', async () => {
    const more = {
      created: '2026-01-01T00:00:00Z',
      author: 'me',
      history: [],
      container: 'x',
      docker_version: '1',
      variant: '',
    };
    expect(await hashOf(makeImage([app], plainRun, more))).toBe(plain);
    const empty = { ...plainRun, Image: 'sha256:1', User: '', Volumes: null, Labels: {}, ArgsEscaped: true };
    expect(await hashOf(makeImage([app], { ...empty, AttachStdin: false }))).toBe(plain);
    const turned = Object.fromEntries(Object.entries(plainRun).toReversed());
    expect(await hashOf(makeImage([app], turned))).toBe(plain);
  });

  test.each<[string, object]>([
    ['Env', { Env: ['A=2'] }],
    ['the order of Env', { Env: ['B=1', 'A=1'] }],
    ['Cmd', { Cmd: ['y'] }],
    ['Entrypoint', { Entrypoint: ['/.chalk/shim', '--', 'evil'] }],
    ['an option of the shim', { Entrypoint: ['/.chalk/shim', '--evil', '--', 'app'] }],
    ['another shim', { Entrypoint: ['/.chalk/evil', '--', 'app'] }],
    ['User', { User: 'root' }],
    ['WorkingDir', { WorkingDir: '/' }],
    ['ExposedPorts', { ExposedPorts: { '80/tcp': {} } }],
    ['Volumes', { Volumes: { '/v': {} } }],
    ['StopSignal', { StopSignal: 'SIGKILL' }],
    ['Shell', { Shell: ['/bin/evil'] }],
    ['Healthcheck', { Healthcheck: { Test: ['CMD', 'evil'] } }],
    ['OnBuild', { OnBuild: ['RUN evil'] }],
    ['Labels', { Labels: { a: 'b' } }],
    ['a label that looks like ours', { Labels: { 'run.chalk.evil': 'b' } }],
    ['a member nobody knows', { Evil: true }],
  ])('changes with %s', async (_, change) => {
    expect(await hashOf(makeImage([app, marked], { ...RUN, ...change }))).not.toBe(plain);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['architecture', { architecture: 'arm64' }],
    ['variant', { variant: 'v2' }],
    ['os', { os: 'windows' }],
    ['os.version', { 'os.version': '10' }],
    ['os.features', { 'os.features': ['x'] }],
  ])('changes with %s', async (_, more) => {
    expect(await hashOf(makeImage([app, marked], RUN, more))).not.toBe(plain);
  });

  test('a layer that is ours stays where something is above it, and content stays content', async () => {
    const other = { tar: await tarOf([{ name: 'b', text: 'b' }]) };
    expect(await hashOf(makeImage([app, marked, other, marked]))).toBe(
      await hashOf(makeImage([app, marked, other], plainRun)),
    );
    expect(await hashOf(makeImage([app, marked, other]))).not.toBe(await hashOf(makeImage([app, other])));
    const hidden = { tar: await tarOf([{ name: 'evil', text: 'x' }, MARK]) };
    expect(await hashOf(makeImage([app, hidden]))).not.toBe(plain);
  });

  test('is written down: version 1 is this text and no other', async () => {
    const { hash, entrypoint, wrapped } = await normaliseImage(
      '{"os":"linux","architecture":"amd64","config":{"Env":["é=1"],"Entrypoint":["/.chalk/shim","--"]},"rootfs":{"diff_ids":[]}}',
      [],
    );
    // printf '{"config":{"Env":["é=1"]},"layers":[],"platform":{"architecture":"amd64","os":"linux"},"version":1}' | sha256sum
    expect(hash).toEqual({
      version: 1,
      sha256: '8844d5c01e6a97078bb4dbb78a62e1800177bff67bc4049b3554496729bccdb0',
    });
    expect([entrypoint, wrapped]).toEqual([[], true]);
  });

  test('large layers are content, and nobody opens them', async () => {
    const image = makeImage([app]);
    const normalised = await normaliseImage(image.config, [
      { size: MAX_OWN_LAYER_BYTES + 1, open: () => Promise.reject(new Error('it was opened')) },
    ]);
    expect(normalised).toMatchObject({ ownLayers: [], firstContent: 'it is large' });
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no layers', '{"os":"linux","architecture":"amd64","rootfs":{}}'],
    ['another number of layers', '{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:0"]}}'],
    ['a member twice', config('"config":{"Env":["EVIL=1"]},"config":{}')],
    ['a member twice further in', config('"config":{"Env":["EVIL=1"],"Env":[]}')],
    ['a member twice, one of them escaped', config('"config":{"Env":["EVIL=1"],"\\u0045nv":[]}')],
    ['another casing', config('"Config":{"Env":["EVIL=1"]}')],
    ['another casing of the entrypoint', config('"config":{"entrypoint":["evil"]}')],
    ['a letter Go takes for another', config('"config":{"Label\u017f":{}}')],
    ['another casing of the layers', config('"config":{}', '"Diff_IDs":[],"diff_ids":[]')],
    ['an odd entrypoint', config('"config":{"Entrypoint":"evil"}')],
    ['an odd config', config('"config":[]')],
    ['a number no reader keeps', config('"config":{"A":12345678901234567890}')],
  ])('a config with %s is refused', async (_, text) => {
    expect(await codeOf(normaliseImage(text, text.includes('"diff_ids":[]') ? [] : [layerOf()]))).toBe(
      'RESPONSE_INVALID',
    );
  });
});

function config(member: string, rootfs = '"diff_ids":[]'): string {
  return `{"os":"linux","architecture":"amd64",${member},"rootfs":{${rootfs}}}`;
}

function layerOf() {
  return { size: 1, open: async () => piecesOf(Buffer.from('x')) };
}
