import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, describe, expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { SBOM_LIMITS } from '../../../src/sbom/index.ts';
import { syftSource } from '../../../src/sbom/syft.ts';
import { inRegistry, matching, TOOLS } from '../../unit/sbom/support.ts';
import { until } from '../../support/chalk.ts';

/** Programs of this machine in Syft's place, which behave as programs may. */
const root = mkdtempSync(join(tmpdir(), 'chalk-sbom-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const VERSION = `if [ "$1" = version ]; then echo '{"application":"syft","version":"1.2.3"}'; exit 0; fi`;
const HEAD = '{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"';
let count = 0;

/** A user with this script as the only `syft`. */
function userWith(
  script: string,
  env: Readonly<Record<string, string>> = {},
): Host & { readonly home: string } {
  count += 1;
  const home = join(root, String(count));
  mkdirSync(join(home, 'bin'), { recursive: true });
  const file = join(home, 'bin', 'syft');
  writeFileSync(file, `#!/bin/sh\n${VERSION}\n${script}\n`);
  chmodSync(file, 0o755);
  const PATH = `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`;
  return { ...nodeHost(), home, env: { HOME: home, PATH, CHALK_PASSWORD: 'hidden', ...env } };
}

const make = (host: Host, limits = SBOM_LIMITS) => syftSource(host, TOOLS, limits).make(inRegistry(), 'spdx');

test('one that works, once for an image', async () => {
  const host = userWith(`echo "$@" >>"$HOME/asked"; printf '${HEAD}x"}'`);
  const first = await make(host);
  expect(first).toMatchObject({
    kind: 'made',
    sbom: { text: `${HEAD}x"}`, tool: { name: 'syft', version: '1.2.3' }, origin: 'syft' },
  });
  await expect(make(host)).resolves.toEqual(first);
  expect(readFileSync(join(host.home, 'asked'), 'utf8').split('\n')).toHaveLength(2);
});

test('it sees no password, and runs in a folder that is gone afterwards', async () => {
  const host = userWith(
    `env >"$HOME/env"; pwd >"$HOME/pwd"; touch left-over "$TMPDIR/layers"; printf '${HEAD}x"}'`,
  );
  await make(host);
  const seen = readFileSync(join(host.home, 'env'), 'utf8');
  expect(seen).not.toMatch(/PASSWORD|hidden/);
  expect(seen).toMatch(/^SYFT_CHECK_FOR_APP_UPDATE=false$/m);
  const folder = readFileSync(join(host.home, 'pwd'), 'utf8').trim();
  expect(folder).toMatch(/docker-chalk-sbom-/);
  expect(existsSync(folder)).toBe(false);
});

describe('one that fails', () => {
  test.each([
    ['prints nothing', ':', /^what syft printed is nothing where SPDX JSON was expected$/],
    ['prints garbage', 'echo "panic: no such thing"', /is no JSON object \(offset 0\)/],
    ['stops in the middle', `printf '${HEAD}'`, /is no JSON object/],
    ['prints another format', 'echo \'{"bomFormat":"CycloneDX","specVersion":"1.6"}\'', /is no SPDX/],
    ['prints no UTF-8', `printf '${HEAD}\\377"}'`, /^what syft printed is not UTF-8$/],
    [
      'exits with a failure',
      'echo "could not determine source" >&2; exit 3',
      /^syft exited with 3: could not determine/,
    ],
    ['prints an SBOM and fails', `printf '${HEAD}x"}'; exit 1`, /^syft exited with 1$/],
    ['is killed', 'kill -9 $$', /^syft was killed by SIGKILL$/],
  ])('%s', async (_, script, message) => {
    const host = userWith(script);
    await expect(make(host)).rejects.toMatchObject({ code: 'SBOM_FAILED', message: matching(message) });
    expect(existsSync(join(host.home, '.cache', 'docker-chalk', 'sbom'))).toBe(false);
  });

  test('hangs: it is killed', async () => {
    const host = userWith('echo $$ >"$HOME/pid"; exec sleep 1000');
    await expect(make(host, { ...SBOM_LIMITS, timeoutMs: 2000 })).rejects.toMatchObject({
      code: 'SBOM_FAILED',
      message: 'syft did not answer within 2000 ms',
    });
    const pid = readFileSync(join(host.home, 'pid'), 'utf8').trim();
    await until('its end', () => (isRunning(pid) ? undefined : true));
  });

  test('never stops printing: it is killed at the limit', async () => {
    const host = userWith('echo $$ >"$HOME/pid"; exec yes');
    await expect(make(host, { ...SBOM_LIMITS, maxBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'SBOM_FAILED',
      message: 'syft printed more than 1000000 bytes',
      hint: matching(/neither signed nor stored/),
    });
    const pid = readFileSync(join(host.home, 'pid'), 'utf8').trim();
    await until('its end', () => (isRunning(pid) ? undefined : true));
  });
});

/** Whether a process is there and no zombie. */
function isRunning(pid: string): boolean {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  return stat !== '' && !/\) Z /.test(stat);
}

test('200 MB are an SBOM like any other', { timeout: 300_000 }, async () => {
  const size = 200_000_000;
  const host = userWith(`printf '${HEAD}'; head -c ${size} /dev/zero | tr '\\0' x; printf '"}'`);
  const attempt = await make(host);
  expect(attempt.kind === 'made' && attempt.sbom.text.length).toBe(HEAD.length + size + 2);
  expect(readdirSync(join(host.home, '.cache', 'docker-chalk', 'sbom'))).toHaveLength(1);
});

describe('a pinned download', () => {
  const program = `#!/bin/sh\n${VERSION}\nprintf '${HEAD}fetched"}'\n`;
  const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

  async function serving<T>(answer: RequestListener, use: (address: string) => Promise<T>): Promise<T> {
    const server = createServer(answer);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    const address = server.address();
    try {
      return await use(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  const fetched = (url: string, pin: string) => {
    const host = userWith('exit 1', { CHALK_SYFT: `${url}#sha256=${pin}` });
    return { host, made: () => make(host) };
  };

  test('a program, by way of another address; fetched once', async () => {
    let asked = 0;
    await serving(
      (request, response) => {
        asked += 1;
        if (request.url === '/syft') response.writeHead(302, { location: '/elsewhere' }).end();
        else response.end(program);
      },
      async (address) => {
        const { host, made } = fetched(`${address}/syft`, sha256(program));
        await expect(made()).resolves.toMatchObject({ kind: 'made', sbom: { text: `${HEAD}fetched"}` } });
        rmSync(join(host.home, '.cache', 'docker-chalk', 'sbom'), { recursive: true });
        await expect(made()).resolves.toMatchObject({ kind: 'made' });
        expect(asked).toBe(2);
      },
    );
  });

  test('an archive as Syft’s releases are', async () => {
    const archive = pack();
    archive.entry({ name: 'README.md' }, 'x');
    archive.entry({ name: 'syft', mode: 0o755 }, program);
    archive.finalize();
    const bytes = gzipSync(await buffer(archive));
    await serving(
      (_, response) => response.end(bytes),
      async (address) => {
        await expect(fetched(`${address}/s.tar.gz`, sha256(bytes)).made()).resolves.toMatchObject({
          kind: 'made',
        });
      },
    );
  });

  test.each([
    ['another checksum', (response: ServerResponse) => response.end('rm -rf /'), /its checksum is/],
    ['an error', (response: ServerResponse) => response.writeHead(404).end(), /answered 404/],
    [
      'a way out of TLS',
      (response: ServerResponse) => response.writeHead(302, { location: 'http://plain.example/syft' }).end(),
      /leads to an address without TLS/,
    ],
    [
      'a circle',
      (response: ServerResponse) => response.writeHead(302, { location: '/' }).end(),
      /leads on more than 5 times/,
    ],
    [
      'half of it',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '1000' }).write('x');
        response.destroy();
      },
      /Syft could not be fetched/,
    ],
  ])('%s: nothing is run', async (_, answer, message) => {
    await serving(
      (_request, response) => answer(response),
      async (address) => {
        const { host, made } = fetched(`${address}/syft`, sha256(program));
        await expect(made()).rejects.toMatchObject({ code: 'SBOM_FAILED', message: matching(message) });
        expect(existsSync(join(host.home, '.cache'))).toBe(false);
      },
    );
  });

  test('nobody listens', async () => {
    const address = await serving(
      () => undefined,
      async (gone) => gone,
    );
    await expect(fetched(`${address}/syft`, sha256(program)).made()).rejects.toMatchObject({
      code: 'SBOM_FAILED',
      message: matching(/^Syft could not be fetched from http:\/\/127/),
    });
  });
});
