import { join } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import { withoutCredentials } from '../base/url.ts';
import type { Host } from '../host/host.ts';
import { digestOf, readLayerFile } from '../registry/index.ts';
import { cacheFolder } from './cache.ts';
import type { SyftChoice } from './syft-choice.ts';
import { mayFetch } from './syft-choice.ts';

const MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024;
const MAX_PROGRAM_BYTES = 512 * 1024 * 1024;
const MAX_REDIRECTS = 5;

/**
 * The program a pinned download has, from the user's cache or fetched now. Nothing is written or run before the checksum is
 * right. Throws `SBOM_FAILED`.
 */
export async function downloadedSyft(
  host: Host,
  { url, sha256 }: Extract<SyftChoice, { kind: 'download' }>,
  timeoutMs: number,
): Promise<string> {
  const base = cacheFolder(host);
  if (base === undefined) throw failed(url, 'there is no place for it: HOME is not set');
  const folder = join(base, 'syft');
  const file = join(folder, sha256);
  if ((await host.files.stat(file))?.kind === 'file') return file;
  const bytes = await fetchBytes(host, url, timeoutMs);
  const found = digestOf(bytes);
  if (found !== `sha256:${sha256}`) throw failed(url, `its checksum is ${found}, not sha256:${sha256}`);
  const program = await programIn(url, bytes);
  await host.files.makeFolder(folder, 0o700);
  const staged = `${file}.${Buffer.from(host.random.bytes(4)).toString('hex')}`;
  await host.files.write(staged, program, 0o700);
  await host.files.rename(staged, file);
  return file;
}

/** The release archives of Syft are gzipped tars with the program at the top. */
async function programIn(url: string, bytes: Buffer): Promise<Uint8Array> {
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  const chunks = async function* () {
    yield bytes;
  };
  const limits = { maxFileBytes: MAX_PROGRAM_BYTES, maxLayerBytes: 2 * MAX_PROGRAM_BYTES };
  const entry = await readLayerFile(chunks(), 'syft', limits);
  if (entry.kind === 'file') return entry.bytes;
  throw failed(url, 'there is no syft in the archive');
}

async function fetchBytes(host: Host, from: string, timeoutMs: number): Promise<Buffer> {
  let url = from;
  for (let step = 0; step <= MAX_REDIRECTS; step += 1) {
    const answer = await host.http.send({ method: 'GET', url, timeoutMs });
    if (answer.kind === 'failed') throw failed(url, answer.cause.message, answer.cause);
    const { location } = answer.headers;
    if (answer.status >= 300 && answer.status < 400 && location !== undefined) {
      answer.discard();
      const next = URL.canParse(location, url) ? new URL(location, url).href : '';
      if (!mayFetch(next)) throw failed(url, 'it leads to an address without TLS');
      url = next;
      continue;
    }
    if (answer.status !== 200) {
      answer.discard();
      throw failed(url, `the server answered ${answer.status}`);
    }
    return readAll(url, answer.body);
  }
  throw failed(from, `it leads on more than ${MAX_REDIRECTS} times`);
}

async function readAll(url: string, body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > MAX_DOWNLOAD_BYTES) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw failed(url, 'the connection ended too early', cause);
  }
  if (size > MAX_DOWNLOAD_BYTES) throw failed(url, `it has more than ${MAX_DOWNLOAD_BYTES} bytes`);
  return Buffer.concat(chunks);
}

function failed(url: string, why: string, cause?: unknown): ChalkError {
  return new ChalkError('SBOM_FAILED', `Syft could not be fetched from ${withoutCredentials(url)}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'CHALK_SYFT=/path/to/syft names one that is here already',
  });
}
