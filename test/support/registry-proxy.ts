import {
  createServer,
  type IncomingMessage,
  request as send,
  type Server,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';

/** Answers a request in the registry's place; false leaves it to the registry. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Stands before a real registry on this machine: hands everything on but what a test answers otherwise. */
export class RegistryProxy {
  /** `GET /v2/…`, in the order in which they came. */
  readonly asked: string[] = [];
  intercept: Intercept = () => false;
  readonly #server: Server;

  private constructor(registry: string) {
    const [host = '', port = ''] = registry.split(':');
    this.#server = createServer((request, response) => {
      const { method = '', url: path = '', headers } = request;
      this.asked.push(`${method} ${path}`);
      if (this.intercept(request, response)) {
        request.resume();
        return;
      }
      // The Host header stays: the registry writes it into the addresses it gives for uploads.
      const onward = send({ host, port, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, response, () => undefined);
      });
      onward.on('error', () => response.destroy());
      pipeline(request, onward, () => undefined);
    });
  }

  static async open(registry: string): Promise<RegistryProxy> {
    const proxy = new RegistryProxy(registry);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return `127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
