import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../../src/host/host.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { until } from '../../support/chalk.ts';
import type { Engine } from '../../support/engine.ts';

export const USER = 'ada';
export const PASSWORD = 'lovelace';
/** `PASSWORD` by bcrypt, the only way distribution takes. */
const HTPASSWD = `${USER}:$2y$05$Q0hBTEtURVNUU0FMVDEyM.waSZethNAnx6cuG8prjwe3QsziM/rsa\n`;

export interface RealRegistryOptions {
  readonly login?: boolean;
  readonly tls?: boolean;
  /** Asks clients for a certificate of its own authority. */
  readonly clientCertificates?: boolean;
}

/** A registry of its own for a test: the testbed's program on another port. */
export class RealRegistry {
  readonly folder = mkdtempSync(join(tmpdir(), 'chalk-registry-'));
  readonly host: string;
  /** Where `certs.d` and `config.json` of this test's docker are. */
  readonly config = join(this.folder, 'docker');
  readonly #process: ChildProcess;
  #log = '';

  private constructor(engine: Engine, port: number, options: RealRegistryOptions) {
    this.host = `127.0.0.1:${port}`;
    mkdirSync(this.config);
    if (options.tls === true) makeCertificates(this.folder);
    writeFileSync(join(this.folder, 'htpasswd'), HTPASSWD);
    const at = (name: string) => JSON.stringify(join(this.folder, name));
    writeFileSync(
      join(this.folder, 'config.yml'),
      [
        'version: 0.1',
        'log: { level: error, accesslog: { disabled: true } }',
        `storage: { filesystem: { rootdirectory: ${at('data')} } }`,
        options.login === true
          ? `auth: { htpasswd: { realm: "a test, and more", path: ${at('htpasswd')} } }`
          : '',
        'http:',
        `  addr: "${this.host}"`,
        options.tls === true
          ? `  tls:\n    certificate: ${at('server.crt')}\n    key: ${at('server.key')}`
          : '',
        options.clientCertificates === true ? `    clientcas: [${at('ca.crt')}]` : '',
      ].join('\n'),
    );
    this.#process = spawn('docker-registry', ['serve', join(this.folder, 'config.yml')], {
      env: { ...engine.env, OTEL_TRACES_EXPORTER: 'none' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process.on('error', (error) => {
      this.#log += String(error);
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
  }

  static async open(engine: Engine, options: RealRegistryOptions = {}): Promise<RealRegistry> {
    const registry = new RealRegistry(engine, await freePort(), options);
    const { http } = nodeHost();
    const url = `${options.tls === true ? 'https' : 'http'}://${registry.host}/v2/`;
    await until(`docker-registry at ${registry.host} ${registry.#log}`, async () => {
      const result = await http.send({ method: 'GET', url, tls: { verify: false } });
      if (result.kind === 'answered') result.discard();
      // With client certificates, being turned away is an answer.
      return result.kind === 'answered' || result.failure !== 'refused' ? true : undefined;
    });
    return registry;
  }

  close(): void {
    this.#process.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Docker's configuration; what is left out is not there. */
  configure(config: unknown): void {
    writeFileSync(join(this.config, 'config.json'), JSON.stringify(config));
  }

  /** Puts files of the registry's folder into its `certs.d`. */
  trust(files: Readonly<Record<string, string>>): void {
    const folder = join(this.config, 'certs.d', this.host);
    mkdirSync(folder, { recursive: true });
    for (const [name, from] of Object.entries(files)) {
      openssl(this.folder, ['sh', '-c', `cp "${from}" "${join(folder, name)}"`]);
    }
  }

  /** Puts other bytes where the registry keeps a blob, as a thief of its disk would. */
  overwriteBlob(digest: string, content: Uint8Array): void {
    const hex = digest.replace('sha256:', '');
    const root = join(this.folder, 'data/docker/registry/v2/blobs/sha256');
    writeFileSync(join(root, hex.slice(0, 2), hex, 'data'), content);
  }

  /** This machine, with a home of its own and these programs first on PATH. */
  hostWith(programs?: string): Host {
    const host = nodeHost();
    const path = [programs, host.env['PATH']].filter(Boolean).join(':');
    return { ...host, env: { ...host.env, PATH: path, HOME: this.folder, XDG_CONFIG_HOME: this.folder } };
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** An authority, a server's certificate for this machine, and a client's. */
function makeCertificates(folder: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl(folder, [
    'openssl',
    'req',
    '-x509',
    ...key,
    '-subj',
    '/CN=test authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  ]);
  for (const name of ['server', 'client']) {
    const extra = [
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
    ];
    openssl(folder, [
      'openssl',
      'req',
      '-x509',
      ...key,
      ...extra,
      '-addext',
      'basicConstraints=critical,CA:FALSE',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    ]);
  }
}

function openssl(folder: string, [file = '', ...words]: readonly string[]): void {
  const result = spawnSync(file, words, { cwd: folder, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${file} ${words.join(' ')}: ${result.stderr}`);
}
