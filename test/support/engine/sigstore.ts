import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';

/** A Sigstore of our own on this machine's loopback: real servers, and an issuer of identity tokens for them. */
export interface Sigstore {
  readonly folder: string;
  readonly fulcio: string;
  /** Version 2. */
  readonly rekor: string;
  readonly timestamp: string;
  /** Who vouches for e-mail addresses. */
  readonly issuer: string;
  /** Who vouches for jobs, with the claims of GitHub's tokens. */
  readonly jobIssuer: string;
  readonly trustedRoot: string;
  readonly signingConfig: string;
  token(claims: Readonly<Record<string, unknown>>, issuer?: string): string;
  close(): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('sigstore.sh', import.meta.url));
const STARTED = '2026-01-01T00:00:00Z';
const PATIENCE_MS = 60_000;

/**
 * The folder of the servers' programs, built where they are not there yet: minutes, once. Undefined where they cannot be
 * had; with `CHALK_E2E=required` that is an error instead.
 */
export async function sigstorePrograms(): Promise<string | undefined> {
  const { code, stdout, stderr } = await run('bash', [SCRIPT], process.env);
  if (code === 0) return stdout.trim();
  if (process.env['CHALK_E2E'] === 'required') {
    throw new Error(`CHALK_E2E=required, but there is no private Sigstore to test with.\n${stderr}`);
  }
  return undefined;
}

/** Starts the servers; `env` has the real cosign on its PATH, which describes them to itself. */
export async function startSigstore(
  programs: string,
  env: Readonly<Record<string, string>>,
): Promise<Sigstore> {
  const folder = mkdtempSync(join(tmpdir(), 'chalk-sigstore-'));
  const children: ChildProcess[] = [];
  const issuer = await startIssuer();
  const close = async () => {
    await Promise.all(children.map(ended));
    issuer.server.closeAllConnections();
    issuer.server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const ports = await freePorts(8);
    const at = (index: number) => `http://127.0.0.1:${ports[index]}`;
    const port = (index: number) => String(ports[index]);
    const start = (program: string, lines: readonly string[]) => {
      const log = openSync(join(folder, `${program}.log`), 'a');
      const child = spawn(join(programs, program), lines.join(' ').split(' '), {
        cwd: folder,
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      children.push(child);
    };

    writeFileSync(join(folder, 'fulcio.yaml'), fulcioConfig(issuer.url));
    const key = generateKeyPairSync('ed25519');
    writeFileSync(join(folder, 'rekor.key'), key.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(join(folder, 'rekor.pub'), key.publicKey.export({ type: 'spki', format: 'pem' }));
    mkdirSync(join(folder, 'log'));
    start('fulcio', [
      'serve --ca ephemeralca --ct-log-url= --config-path fulcio.yaml',
      `--host 127.0.0.1 --port ${port(0)} --grpc-host 127.0.0.1 --grpc-port ${port(1)}`,
      `--metrics-port ${port(2)}`,
    ]);
    // The name is the origin of its checkpoints: the host of the log's address, without the port.
    start('rekor-server', [
      'serve --hostname 127.0.0.1 --signer-filepath rekor.key --storage-dir log --checkpoint-interval 200ms',
      `--http-port ${port(3)} --grpc-port ${port(4)} --http-metrics-port ${port(5)}`,
    ]);
    // Watching the time of other machines would leave this one.
    start('timestamp-server', [
      `serve --host 127.0.0.1 --port ${port(6)} --timestamp-signer memory --disable-ntp-monitoring`,
    ]);

    const timestamp = `${at(6)}/api/v1/timestamp`;
    const [bundle, chain] = await Promise.all([
      answered(`${at(0)}/api/v2/trustBundle`, children, folder),
      answered(`${timestamp}/certchain`, children, folder),
      answered(`${at(3)}/healthz`, children, folder),
    ]);
    const Trust = z.object({ chains: z.array(z.object({ certificates: z.array(z.string()) })) });
    const [first] = Trust.parse(JSON.parse(bundle)).chains;
    writeFileSync(join(folder, 'fulcio.pem'), (first?.certificates ?? []).join('\n'));
    writeFileSync(join(folder, 'timestamp.pem'), chain);
    await describeToCosign(folder, env, {
      fulcio: at(0),
      rekor: at(3),
      timestamp,
      issuer: issuer.url,
    });
    return {
      folder,
      fulcio: at(0),
      rekor: at(3),
      timestamp,
      issuer: issuer.url,
      jobIssuer: `${issuer.url}/jobs`,
      trustedRoot: join(folder, 'trusted-root.json'),
      signingConfig: join(folder, 'signing-config.json'),
      token: (claims, from = issuer.url) => issuer.token(claims, from),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function fulcioConfig(issuer: string): string {
  const entry = (url: string, type: string) =>
    `  ${url}:\n    issuer-url: ${url}\n    client-id: sigstore\n    type: ${type}\n`;
  return `oidc-issuers:\n${entry(issuer, 'email')}${entry(`${issuer}/jobs`, 'github-workflow')}`;
}

/** cosign's own commands write what it wants to know of the servers. */
async function describeToCosign(
  folder: string,
  env: Readonly<Record<string, string>>,
  at: Readonly<Record<'fulcio' | 'rekor' | 'timestamp' | 'issuer', string>>,
): Promise<void> {
  const none = (...names: readonly string[]) => names.map((name) => `--no-default-${name}`);
  const since = `start-time=${STARTED}`;
  const operated = `${since},operator=testbed`;
  const signing = [
    'signing-config create --out signing-config.json',
    ...none('fulcio', 'oidc', 'rekor', 'tsa'),
    `--fulcio=url=${at.fulcio},api-version=1,${operated}`,
    `--rekor=url=${at.rekor},api-version=2,${operated} --rekor-config=ANY`,
    `--oidc-provider=url=${at.issuer},api-version=1,${operated}`,
    `--tsa=url=${at.timestamp},api-version=1,${operated} --tsa-config=EXACT:1`,
  ];
  const trust = [
    'trusted-root create --out trusted-root.json',
    ...none('fulcio', 'ctfe', 'rekor', 'tsa'),
    `--fulcio=url=${at.fulcio},certificate-chain=fulcio.pem,${since}`,
    `--rekor=url=${at.rekor},public-key=rekor.pub,${since},origin=127.0.0.1`,
    `--tsa=url=${at.timestamp},certificate-chain=timestamp.pem`,
  ];
  for (const lines of [signing, trust]) {
    const words = lines.join(' ').split(' ');
    const { code, stderr } = await run('cosign', words, { ...env, HOME: folder }, folder);
    if (code !== 0) throw new Error(`cosign ${words.slice(0, 2).join(' ')}: ${stderr}`);
  }
}

interface Issuer {
  readonly url: string;
  readonly server: Server;
  token(claims: Readonly<Record<string, unknown>>, issuer: string): string;
}

/** Two issuers at one address: discovery, keys, and ES256 tokens for the audience `sigstore`. */
async function startIssuer(): Promise<Issuer> {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = key.publicKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('hex').slice(0, 16);
  const place = { url: '' };
  const server = createServer((request, response) => {
    const [, base = '', path] = /^(\/jobs)?(\/.*)$/.exec(request.url ?? '') ?? [];
    const issuer = `${place.url}${base}`;
    const answers: Record<string, object> = {
      '/.well-known/openid-configuration': {
        issuer,
        jwks_uri: `${issuer}/keys`,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      },
      '/keys': { keys: [{ ...jwk, kid, use: 'sig', alg: 'ES256' }] },
    };
    const answer = answers[path ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the issuer has no port');
  place.url = `http://127.0.0.1:${address.port}`;
  return {
    url: place.url,
    server,
    token: (claims, issuer) => {
      const now = Math.floor(Date.now() / 1000);
      const body = { iss: issuer, aud: 'sigstore', iat: now, nbf: now, exp: now + 600, ...claims };
      const signed = [{ alg: 'ES256', typ: 'JWT', kid }, body]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const options = { key: key.privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${signed}.${sign('sha256', Buffer.from(signed), options).toString('base64url')}`;
    },
  };
}

/** Held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket();
      await new Promise<void>((resolve) => {
        socket.listen(0, '127.0.0.1', resolve);
      });
      return socket;
    }),
  );
  const ports = sockets.map((socket) => {
    const address = socket.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  });
  await Promise.all(
    sockets.map(async (socket) => {
      await new Promise((resolve) => {
        socket.close(resolve);
      });
    }),
  );
  return ports;
}

/** What a server says once it is up. */
async function answered(url: string, children: readonly ChildProcess[], folder: string): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return response.text();
    const gone = children.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    if (gone !== undefined || performance.now() > deadline) {
      const program = gone?.spawnfile.split('/').at(-1);
      const log = program === undefined ? '' : readFileSync(join(folder, `${program}.log`), 'utf8');
      throw new Error(`${program === undefined ? url : program} did not start\n${log.slice(-2000)}`);
    }
    await setTimeout(100);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  // Nothing in it is worth a graceful end, which takes one of them a while.
  child.kill('SIGKILL');
  await exit;
}

async function run(
  file: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd?: string,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(file, words, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const read = async (stream: AsyncIterable<Buffer>) => {
    let text = '';
    for await (const chunk of stream) text += chunk.toString('utf8');
    return text;
  };
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)]);
  return { code: await code, stdout, stderr };
}
