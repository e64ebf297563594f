import { createHash, type Hash } from 'node:crypto';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/**
 * A layer's archive, unpacked as it comes: by gzip, zstd or nothing, by its first bytes, as engines do. Reading throws what
 * the stream or the unpacking throws.
 */
export class UnpackedLayer {
  /** How many bytes were read. */
  size = 0;
  /** Whether the source was read to its end, where it says whether it was the one asked for. */
  ended = false;
  readonly #source: AsyncIterator<Buffer>;
  readonly #hash: Hash = createHash('sha256');
  #buffer: Buffer = Buffer.alloc(0);
  #out: AsyncIterator<unknown> | undefined;
  #stream: Readable | undefined;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, as many as there are at once, at most `count`; undefined at the end. */
  async some(count: number): Promise<Buffer | undefined> {
    while (this.#buffer.length === 0) {
      const step = await (await this.#unpacked()).next();
      if (step.done === true) return undefined;
      if (!(step.value instanceof Uint8Array)) continue;
      this.#buffer = Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength);
    }
    const part = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(part.length);
    this.size += part.length;
    this.#hash.update(part);
    return part;
  }

  /** Exactly so many bytes; undefined where there are fewer. */
  async exactly(count: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part === undefined) return undefined;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** `sha256:…` of all bytes read so far; once everything was read, the diff ID. */
  digest(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  /** Reads no further. */
  async close(): Promise<void> {
    this.#stream?.destroy();
    await this.#source.return?.();
  }

  async #unpacked(): Promise<AsyncIterator<unknown>> {
    if (this.#out !== undefined) return this.#out;
    let head: Buffer = Buffer.alloc(0);
    while (head.length < 4 && !this.ended) head = Buffer.concat([head, ...(await this.#packed())]);
    const unpacker = unpackerFor(head);
    // Its iteration throws what either of the two threw.
    this.#stream = pipeline(Readable.from(this.#from(head)), unpacker, () => undefined);
    this.#out = this.#stream[Symbol.asyncIterator]();
    return this.#out;
  }

  async *#from(head: Buffer): AsyncGenerator<Buffer, void, undefined> {
    yield head;
    while (!this.ended) yield* await this.#packed();
  }

  /** The next piece of the source; none at its end. */
  async #packed(): Promise<readonly Buffer[]> {
    const step = await this.#source.next();
    if (step.done !== true) return [step.value];
    this.ended = true;
    return [];
  }
}

function unpackerFor(head: Buffer): PassThrough | ReturnType<typeof createGunzip> {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip();
  if (head.length >= 4 && head.readUInt32LE() === 0xfd2fb528) return createZstdDecompress();
  return new PassThrough();
}
