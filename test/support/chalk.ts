import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import type { Engine } from './engine.ts';

/** What a command did. */
export type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
};

/** A file's text or bytes; a link by its target. */
export type Files = Readonly<Record<string, string | Uint8Array | { readonly link: string }>>;

const Words = z.nullish(z.array(z.string()));
const Image = z.object({
  Id: z.string(),
  Architecture: z.string(),
  RootFS: z.object({ Layers: z.array(z.string()) }),
  Config: z.looseObject({ Entrypoint: Words, Cmd: Words }),
});
export type Image = z.infer<typeof Image>;
export type Keys = Readonly<Record<string, unknown>>;
export type Report = Keys & { readonly _CHALKS?: readonly Keys[] | undefined };
const ReportLine = z.array(z.looseObject({ _CHALKS: z.optional(z.array(z.looseObject({}))) }));

/** The plugin of this checkout. */
export const LAUNCHER = fileURLToPath(new URL('../../plugin/docker-chalk', import.meta.url));

/**
 * A user of docker with a home, a docker configuration and a temporary folder of their own, and docker-chalk installed.
 * All images are named `NAME.n`; `close` removes them, and the folders.
 */
export class Sandbox {
  readonly root = mkdtempSync(join(tmpdir(), 'chalk-e2e-'));
  readonly config = join(this.root, 'config');
  readonly state = join(this.root, 'state');
  readonly temporary = join(this.root, 'tmp');
  readonly reportFile = join(this.state, 'docker-chalk', 'reports.jsonl');
  readonly engine: Engine;
  readonly env: Readonly<Record<string, string>>;
  readonly #name = `chalk-e2e-${process.pid}-${Math.floor(performance.now())}`;
  #count = 0;

  private constructor(engine: Engine) {
    this.engine = engine;
    const home = join(this.root, 'home');
    for (const folder of [home, this.temporary, join(this.config, 'cli-plugins')])
      mkdirSync(folder, { recursive: true });
    linkPlugins(engine, join(this.config, 'cli-plugins'));
    this.env = {
      ...Object.fromEntries(
        Object.entries(engine.env).filter(([name]) => !/^(CHALK_|NODE_OPTIONS$)/.test(name)),
      ),
      HOME: home,
      XDG_STATE_HOME: this.state,
      DOCKER_CONFIG: this.config,
      TMPDIR: this.temporary,
      GIT_CONFIG_NOSYSTEM: '1',
    };
  }

  static async open(engine: Engine): Promise<Sandbox> {
    const sandbox = new Sandbox(engine);
    const installed = await sandbox.run(LAUNCHER, ['chalk', 'install']);
    if (installed.code !== 0) throw new Error(`docker chalk install: ${installed.stderr}`);
    return sandbox;
  }

  async close(): Promise<void> {
    const left = await this.docker([
      'image',
      'ls',
      '--format',
      '{{.Repository}}:{{.Tag}}',
      `${this.#name}.*`,
    ]);
    const images = left.stdout.split('\n').filter((line) => line !== '');
    if (images.length > 0) await this.docker(['image', 'rm', '--force', ...images]);
    rmSync(this.root, { recursive: true, force: true });
  }

  /** A name for an image or a container that nobody else uses. */
  name(): string {
    this.#count += 1;
    return `${this.#name}.${this.#count}`;
  }

  /** A base image of the testbed. */
  base(name: string): string {
    return `${this.engine.registry}/${name}:1`;
  }

  /** A new folder with these files in it. */
  project(files: Files, name = 'project'): string {
    const folder = join(mkdtempSync(join(this.root, 'p-')), name);
    mkdirSync(folder);
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(file, content);
      else symlinkSync(content.link, file);
      if (!(typeof content === 'object' && 'link' in content)) chmodSync(file, 0o644);
    }
    return folder;
  }

  docker(words: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.run('docker', words, options);
  }

  chalk(words: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.run('docker', ['chalk', ...words], options);
  }

  async git(cwd: string, ...words: string[]): Promise<string> {
    const identity = [
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      '-c',
      'init.defaultBranch=main',
    ];
    return expectSuccess(await this.run('git', [...identity, ...words], { cwd })).stdout.trim();
  }

  async run(file: string, words: readonly string[], options: RunOptions = {}): Promise<Result> {
    const child = this.start(file, words, options);
    return finish(child, options.input);
  }

  /** A process whose end the caller waits for; `group` makes it the leader of a process group of its own. */
  start(
    file: string,
    words: readonly string[],
    options: RunOptions & { readonly group?: boolean } = {},
  ): ChildProcess {
    return spawn(file, words, {
      cwd: options.cwd ?? this.root,
      env: { ...this.env, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: options.group === true,
    });
  }

  /** Builds a folder with `docker chalk build`, and makes sure that it was marked; the image's name. */
  async mark(folder: string, words: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    const name = this.name();
    expectSuccess(await this.chalk(['build', '-t', name, ...words, folder], options));
    const report = this.reports().find(
      ({ _OP_ARGV: argv }) => Array.isArray(argv) && argv.includes(`--tag=${name}`),
    );
    if (report?.['_X_CHALK_INJECTION'] !== 'inline') throw new Error(`not marked: ${JSON.stringify(report)}`);
    return name;
  }

  /** The same with docker alone. */
  async plain(folder: string, words: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    const name = this.name();
    expectSuccess(await this.docker(['build', '-t', name, ...words, folder], options));
    return name;
  }

  async inspect(name: string, words: readonly string[] = []): Promise<Image> {
    const { stdout } = expectSuccess(await this.docker(['image', 'inspect', ...words, name]));
    const [image] = z.array(Image).parse(JSON.parse(stdout));
    if (image === undefined) throw new Error(`${name} was inspected, and nothing came back`);
    return image;
  }

  /** The reports of this sandbox's runs so far, oldest first. */
  reports(): Report[] {
    const lines = readFileSync(this.reportFile, 'utf8').split('\n');
    return lines.slice(0, -1).map(readReport);
  }

  lastReport(): Report {
    const report = this.reports().at(-1);
    if (report === undefined) throw new Error('there is no report');
    return report;
  }
}

/** One line of a report file, or what `--report -` prints. */
export function readReport(line: string): Report {
  const [report, ...others] = ReportLine.parse(JSON.parse(line));
  if (report === undefined || others.length > 0) throw new Error(`not one report: ${line}`);
  return report;
}

/** The text of a mark, or of any other JSON object. */
export function readKeys(text: string): Keys {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}

/** For places in an expected object where a pattern must fit. */
export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

/** The one chalk of a report. */
export function onlyChalk(report: Report): Keys {
  const [chalk, ...others] = report._CHALKS ?? [];
  if (chalk === undefined || others.length > 0) throw new Error(`not one chalk: ${JSON.stringify(report)}`);
  return chalk;
}

export function expectSuccess(result: Result): Result {
  if (result.code !== 0) throw new Error(`exit ${result.code}\n${result.stdout}\n${result.stderr}`);
  return result;
}

/** Waits for a started process, with everything it printed. */
export async function finish(child: ChildProcess, input?: string | Uint8Array): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('error', reject);
  child.on('close', (code) =>
    resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
  );
  child.stdin?.on('error', () => {
    // A program that reads no input has closed it; its exit code is what the test looks at.
  });
  child.stdin?.end(input);
  return promise;
}

/** Polls until there is an answer; the last deadline of a test that waits for something outside it. */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await setTimeout(20);
  }
}

/** The user's own buildx and compose go along into the private configuration. */
function linkPlugins(engine: Engine, to: string): void {
  const from = join(engine.env['DOCKER_CONFIG'] ?? join(engine.env['HOME'] ?? '/', '.docker'), 'cli-plugins');
  for (const name of listed(from).filter((plugin) => plugin !== 'docker-chalk')) {
    symlinkSync(join(from, name), join(to, name));
  }
}

function listed(folder: string): string[] {
  return lstatSync(folder, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(folder);
}
