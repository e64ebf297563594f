import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { readLayerFile } from '../../../src/registry/index.ts';
import { failureIn } from './double.ts';

type Entry = { name: string; type?: 'file' | 'symlink' | 'directory'; linkname?: string; content?: string };

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = '', ...header } of entries) archive.entry(header, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* inChunks(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const LIMITS = { maxFileBytes: 1000, maxLayerBytes: 100_000 };
const read = (bytes: Buffer, size = 1 << 16) => readLayerFile(inChunks(bytes, size), 'chalk.json', LIMITS);

describe('packed in every way', () => {
  const ways = { plain: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync };
  test.each(Object.entries(ways))('%s, in large pieces and single bytes', async (_, packed) => {
    const layer = packed(
      await tar([
        { name: 'a', content: 'x' },
        { name: 'chalk.json', content: '{}' },
      ]),
    );
    for (const size of [1 << 16, 7, 1]) {
      expect(await read(layer, size)).toEqual({ kind: 'file', bytes: Buffer.from('{}') });
    }
  });

  test('two members of gzip', async () => {
    const bytes = await tar([{ name: 'chalk.json', content: '{}' }]);
    const layer = Buffer.concat([gzipSync(bytes.subarray(0, 100)), gzipSync(bytes.subarray(100))]);
    expect(await read(layer)).toMatchObject({ kind: 'file' });
  });
});

describe('what stands there', () => {
  test.each<[string, Entry[], unknown]>([
    ['./chalk.json', [{ name: './chalk.json', content: '1' }], { kind: 'file', bytes: Buffer.from('1') }],
    ['/chalk.json', [{ name: '/chalk.json', content: '1' }], { kind: 'file', bytes: Buffer.from('1') }],
    [
      'the last of two',
      [
        { name: 'chalk.json', content: '1' },
        { name: 'chalk.json', content: '2' },
      ],
      { kind: 'file', bytes: Buffer.from('2') },
    ],
    [
      'a link',
      [{ name: 'chalk.json', type: 'symlink', linkname: '/etc/passwd' }],
      { kind: 'other', type: 'symlink' },
    ],
    ['a folder', [{ name: 'chalk.json/', type: 'directory' }], { kind: 'other', type: 'directory' }],
    ['only others', [{ name: 'sub/chalk.json', content: '1' }, { name: 'chalk.jsonx' }], { kind: 'absent' }],
    ['nothing', [], { kind: 'absent' }],
    ['a large file', [{ name: 'chalk.json', content: 'x'.repeat(1001) }], { kind: 'too-large' }],
    ['a deleted one', [{ name: '.wh.chalk.json' }], { kind: 'absent' }],
  ])('%s', async (_, entries, expected) => {
    expect(await read(await tar(entries))).toEqual(expected);
  });
});

describe('what cannot be read', () => {
  test('a bomb', async () => {
    const layer = gzipSync(await tar([{ name: 'zeros', content: '\0'.repeat(5_000_000) }]));
    expect(layer.length).toBeLessThan(10_000);
    expect((await failureIn(read(layer))).code).toBe('REGISTRY_TOO_LARGE');
  });

  test('half of it, packed and not', async () => {
    const whole = await tar([{ name: 'chalk.json', content: 'x'.repeat(900) }]);
    const packed = gzipSync(whole);
    for (const half of [packed.subarray(0, packed.length - 20), whole.subarray(0, 800)]) {
      expect((await failureIn(read(half))).code).toBe('RESPONSE_INVALID');
    }
  });

  test('no archive', async () => {
    expect((await failureIn(read(Buffer.alloc(2000, 'x')))).code).toBe('RESPONSE_INVALID');
    expect((await failureIn(read(Buffer.from([0x1f, 0x8b, 1, 2, 3])))).code).toBe('RESPONSE_INVALID');
  });

  test.each([gzipSync, zstdCompressSync, (bytes: Buffer) => bytes])(
    'a stream that turns out wrong at its end gives nothing, though the file was there',
    async (packed) => {
      const layer = packed(await tar([{ name: 'chalk.json', content: '{}' }]));
      const wrong = async function* () {
        yield layer;
        yield Buffer.from('more');
        throw new ChalkError('DIGEST_MISMATCH', 'it was another');
      };
      const work = readLayerFile(wrong(), 'chalk.json', LIMITS);
      expect(['DIGEST_MISMATCH', 'RESPONSE_INVALID']).toContain((await failureIn(work)).code);
    },
  );

  test('an error before the first byte', async () => {
    const broken = Readable.from([]);
    broken.destroy(new ChalkError('REGISTRY_UNREACHABLE', 'gone'));
    expect((await failureIn(readLayerFile(broken, 'chalk.json', LIMITS))).code).toBe('REGISTRY_UNREACHABLE');
  });
});
