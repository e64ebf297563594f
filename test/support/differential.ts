import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DifferentialCase } from '../fixtures/differential/case.ts';
import { expectSuccess, Sandbox } from './chalk.ts';
import { withoutAddedLayers } from './comparable.ts';
import type { Engine } from './engine.ts';
import { type Circumstances, observe } from './observe.ts';

/** Where all command lines are run, and what is expected there. */
export type Setting = {
  readonly engine: Engine;
  readonly env?: Readonly<Record<string, string>>;
  readonly adapt?: (each: DifferentialCase, words: readonly string[]) => readonly string[];
  /** The case as it stands under this setting. */
  readonly change?: (each: DifferentialCase) => DifferentialCase;
  readonly prepare?: (sandbox: Sandbox) => Promise<void>;
  /** What a build that succeeds leaves; undefined where that is another matter. */
  readonly marked: (each: DifferentialCase) => string | undefined;
};

/** One test for each case: docker and the wrapper in docker's place, in a project of their own each, with one builder's cache. */
export function compareAll(cases: readonly DifferentialCase[], setting: Setting): void {
  const { engine, change = (each) => each } = setting;
  let sandbox: Sandbox;
  let server: Server;
  let wrapper = '';
  let places: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    await setting.prepare?.(sandbox);
    wrapper = join(sandbox.root, 'bin');
    mkdirSync(wrapper);
    expectSuccess(await sandbox.chalk(['install', '--wrapper', wrapper]));
    server = await serveContext(sandbox);
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    const images = ['busybox', 'entry-cmd', 'onbuild', 'shell', 'distroless'];
    places = {
      registry: engine.registry,
      server: `http://127.0.0.1:${address.port}`,
      ...Object.fromEntries(images.map((name) => [name, sandbox.base(name)])),
    };
  });
  afterAll(async () => {
    server.close();
    await sandbox.close();
  });

  test.concurrent.for(cases.map((each) => [each.name, change(each)] as const))('%s', async ([, each]) => {
    const how: Circumstances = {
      places,
      env: setting.env ?? {},
      adapt: (words) => setting.adapt?.(each, words) ?? words,
    };
    const plain = await observe(sandbox, each, how);
    const path = `${wrapper}:${sandbox.env['PATH'] ?? ''}`;
    const ours = await observe(sandbox, each, { ...how, env: { ...how.env, PATH: path } });
    const { injection, ...seen } = ours;
    const { injection: _, ...expected } = plain;
    expect(withoutAddedLayers(seen, expected)).toEqual(expected);
    const marked = setting.marked(each);
    if (plain.code === 0 && marked !== undefined) expect(injection ?? 'none').toBe(marked);
  });
}

/** An archive and a Dockerfile at an address. */
async function serveContext(sandbox: Sandbox): Promise<Server> {
  const folder = sandbox.project({
    Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo far >/far\nCMD ["cat", "/far"]\n`,
  });
  const files = new Map([
    ['/Dockerfile', readFileSync(join(folder, 'Dockerfile'))],
    ['/context.tar', execFileSync('tar', ['-C', folder, '-cf', '-', '.'])],
  ]);
  const server = createServer((request, response) => {
    const content = files.get(request.url ?? '');
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}
