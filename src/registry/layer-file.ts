import { pipeline } from 'node:stream/promises';
import { extract as untar } from 'tar-stream';
import { ChalkError } from '../base/errors.ts';
import { UnpackedLayer } from './unpacked-layer.ts';

const PIECE_BYTES = 64 * 1024;

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
  const unpacked = new UnpackedLayer(layer);
  const reader = untar();
  const found = findLast(reader, path, maxFileBytes);
  async function* pieces(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const piece = await unpacked.some(PIECE_BYTES);
      if (piece === undefined) return;
      if (unpacked.size > maxLayerBytes) {
        throw new ChalkError('REGISTRY_TOO_LARGE', `the layer has more than ${maxLayerBytes} bytes unpacked`);
      }
      yield piece;
    }
  }
  try {
    await pipeline(pieces, reader);
    if (!unpacked.ended) throw new Error('there is more behind its end');
    return await found;
  } catch (cause) {
    await found.catch(() => undefined);
    if (cause instanceof ChalkError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChalkError('RESPONSE_INVALID', `the layer cannot be unpacked: ${why}`, { cause });
  } finally {
    await unpacked.close();
  }
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
