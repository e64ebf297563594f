import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract as untar } from 'tar-stream';
import { ChalkError } from '../base/errors.ts';

/** What a layer has at one path. */
export type LayerFile =
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'other'; readonly type: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'absent' };

export interface LayerLimits {
  /** Of the file itself. */
  readonly maxFileBytes: number;
  /** Of the layer, unpacked. */
  readonly maxLayerBytes: number;
}

/**
 * Reads one file out of a layer that comes as a stream, packed by gzip, zstd or nothing: by its first bytes, as engines do.
 * The stream is read to its end, where it says whether it was the one asked for; of several entries the last counts, as it
 * does when the layer is unpacked.
 *
 * Throws what the stream throws, `RESPONSE_INVALID` for what is no layer, `REGISTRY_TOO_LARGE` beyond `maxLayerBytes`.
 */
export async function readLayerFile(
  layer: AsyncIterable<Buffer>,
  path: string,
  { maxFileBytes, maxLayerBytes }: LayerLimits,
): Promise<LayerFile> {
  const source = await watched(layer);
  const reader = untar();
  const found = findLast(reader, path, maxFileBytes);
  let size = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > maxLayerBytes) {
        throw new ChalkError('REGISTRY_TOO_LARGE', `the layer has more than ${maxLayerBytes} bytes unpacked`);
      }
      yield chunk;
    }
  };
  try {
    await pipeline(source.chunks, unpackerFor(source.head), counted, reader);
    if (!source.state.ended) throw new Error('there is more behind its end');
    return await found;
  } catch (error) {
    await found.catch(() => undefined);
    // A stream cut short breaks the unpacking as well; its own failure is the reason.
    const cause = source.state.failure ?? error;
    if (cause instanceof ChalkError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChalkError('RESPONSE_INVALID', `the layer cannot be unpacked: ${why}`, { cause });
  }
}

/** The stream with its first bytes known, and what became of it. */
async function watched(layer: AsyncIterable<Buffer>) {
  const iterator = layer[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  const state: { ended: boolean; failure?: unknown } = { ended: false };
  const next = async () => {
    const step = await iterator.next().catch((error: unknown) => {
      state.failure = error;
      throw error;
    });
    state.ended = step.done === true;
    return step;
  };
  while (head.length < 4 && !state.ended) {
    const step = await next();
    if (step.done !== true) head = Buffer.concat([head, step.value]);
  }
  async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield head;
      while (!state.ended) {
        const step = await next();
        if (step.done !== true) yield step.value;
      }
    } finally {
      if (!state.ended) await iterator.return?.();
    }
  }
  return { head, chunks: chunks(), state };
}

function unpackerFor(head: Buffer) {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip();
  if (head.length >= 4 && head.readUInt32LE() === 0xfd2fb528) return createZstdDecompress();
  return new PassThrough();
}

async function findLast(
  reader: ReturnType<typeof untar>,
  path: string,
  maxFileBytes: number,
): Promise<LayerFile> {
  let found: LayerFile = { kind: 'absent' };
  for await (const entry of reader) {
    const { name, type, size } = entry.header;
    if (name.replace(/^(?:\.?\/)+/, '').replace(/\/$/, '') !== path) {
      entry.resume();
      continue;
    }
    if (type !== 'file' && type !== 'contiguous-file') {
      found = { kind: 'other', type: type ?? 'thing' };
      entry.resume();
    } else if ((size ?? 0) > maxFileBytes) {
      found = { kind: 'too-large' };
      entry.resume();
    } else {
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
      found = { kind: 'file', bytes: Buffer.concat(chunks) };
    }
  }
  return found;
}
