import { createServer } from 'node:http';

export type Request = {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: string;
};

/** A server on this machine's loopback that takes everything and keeps it. */
export async function serve(): Promise<{ port: number; requests: readonly Request[]; close: () => void }> {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      requests.push({
        method,
        path: url,
        type: headers['content-type'] ?? '',
        body: Buffer.concat(chunks).toString(),
      });
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { port: address.port, requests, close: () => server.close() };
}
