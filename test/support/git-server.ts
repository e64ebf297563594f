import { execFileSync, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream';

/** git's own server program behind HTTP on this machine's loopback; it asks for a token where it was given one. */
export interface GitServer {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  /** How many requests came with the token, and how many without. */
  readonly seen: { allowed: number; refused: number };
  close(): void;
}

/**
 * Serves the bare repositories in a folder.
 *
 * @param token the password that is asked for, whoever the user is; none: everybody may read.
 */
export async function serveGit(folder: string, token?: string): Promise<GitServer> {
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  const seen = { allowed: 0, refused: 0 };
  const server = createServer((request, response) => {
    if (token !== undefined && passwordOf(request) !== token) {
      seen.refused += 1;
      request.resume();
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    seen.allowed += 1;
    answer(program, folder, request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port');
  return {
    address: `http://127.0.0.1:${bound.port}`,
    seen,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function passwordOf({ headers }: IncomingMessage): string | undefined {
  const encoded = /^basic (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
}

/** The Common Gateway Interface (RFC 3875), as far as git uses it. */
function answer(program: string, folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { method = 'GET', headers } = request;
  const url = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn(program, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: headers['content-type'],
      CONTENT_LENGTH: headers['content-length'],
      HTTP_CONTENT_ENCODING: headers['content-encoding'],
      HTTP_GIT_PROTOCOL: [headers['git-protocol']].flat()[0],
    },
  });
  pipeline(request, child.stdin, () => undefined);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('error', () => response.destroy());
  child.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    const lines = output.subarray(0, end).toString('latin1').split('\r\n');
    const fields = lines.map((line): [string, string] => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    });
    const status = fields.find(([name]) => name === 'status')?.[1] ?? '200';
    const kept = fields.filter(([name]) => name !== 'status' && name !== '');
    response
      .writeHead(end === -1 ? 500 : Number.parseInt(status, 10), Object.fromEntries(kept))
      .end(output.subarray(end + 4));
  });
}
