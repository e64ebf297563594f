/** What the tests of the entrypoint shim share: the built programs, a root folder to start them in, and waiting on conditions. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { arch, release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const shimFolder = join(import.meta.dirname, '../../entrypoint-shim');
export const mark = readFileSync(join(import.meta.dirname, 'mark'));
export const chalkId = 'EVJ0P3-6ZYG-D47A-Q22TYJ';

/** Starting a program in a root folder of its own needs root, as test machines have. */
export const isRoot = process.getuid?.() === 0;
export const whyNotRoot = isRoot ? '' : ' (skipped: only root can change its root folder)';

const platform = arch() === 'arm64' ? 'linux-arm64' : 'linux-amd64';

const [major = 0, minor = 0] = release()
  .split('.')
  .map((part) => Number.parseInt(part, 10));
/** From Linux 7.1 on no helper stays, unless the call that makes it so is refused, as docker's own profile does. */
export const hasAutoreap = major > 7 || (major === 7 && minor >= 1);
/** The shim in a test root, so that its helper stays on every kernel. */
export const keepingShim: readonly string[] = [
  ...(hasAutoreap ? ['/bin/deny', 'clone3'] : []),
  '/.chalk/shim',
  '--',
];

/** Builds shim and reporter, or finds them built; returns the folder of every platform's. */
export function build(output?: string): string {
  execFileSync('bash', [join(shimFolder, 'build.sh'), '--all', ...(output === undefined ? [] : [output])], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return output ?? join(shimFolder, 'build');
}

export function shimPath(): string {
  return join(shimFolder, 'build', platform, 'shim');
}

export function reporterPath(): string {
  return join(shimFolder, 'build', platform, 'reporter');
}

export function scratchFolder(): string {
  return mkdtempSync(join(tmpdir(), 'chalk-shim-test-'));
}

/** Compiles every program of `programs/` into the folder. */
export function compilePrograms(folder: string): void {
  const source = join(import.meta.dirname, 'programs');
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(source)) {
    const output = join(folder, basename(file, '.c'));
    execFileSync('gcc', ['-static', '-O1', '-Wall', '-Wextra', '-Werror', '-o', output, join(source, file)]);
  }
}

/** Polls until the condition gives something; the deadline is there only to end a broken run. */
export async function until<T>(what: string, condition: () => T | undefined, seconds = 300): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = condition();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain for ${what}`);
    await pause(5);
  }
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Number of the user; default root. */
  readonly uid?: number;
  /** Without a PID namespace of its own the program is not PID 1. */
  readonly sharedPids?: boolean;
  /** Shell text around the start, where "$@" is it: `"$@" | cat`, say. */
  readonly around?: string;
}

export interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs: its input is held open until `finish`. */
export class Running {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly #done: Promise<Finished>;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#done = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  async finish(): Promise<Finished> {
    this.child.stdin?.end();
    return this.#done;
  }

  /** The process number, as this machine sees it, of a descendant with that name. */
  descendant(name: string): number | undefined {
    const all = readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0);
    const parents = new Map<number, { parent: number; name: string }>();
    for (const pid of all) {
      const stat = readText(`/proc/${pid}/stat`);
      const match = /^\d+ \((.*)\) \S (\d+)/s.exec(stat ?? '');
      if (match?.[1] !== undefined) parents.set(pid, { parent: Number(match[2]), name: match[1] });
    }
    const isOurs = (pid: number): boolean =>
      pid === this.child.pid || (parents.has(pid) && isOurs(parents.get(pid)?.parent ?? 0));
    return [...parents].find(([pid, process]) => process.name === name && isOurs(pid))?.[0];
  }
}

/** Text of a file, or undefined if there is none (any more). */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** A root folder as an image would have it: shim, reporter, mark, the test programs in /bin. */
export class Root {
  readonly path: string;

  constructor(programs: string, options: { readonly mark?: Uint8Array | false } = {}) {
    this.path = scratchFolder();
    for (const folder of ['bin', 'proc', 'tmp', '.chalk', 'dev']) mkdirSync(this.at(folder));
    for (const program of readdirSync(programs))
      copyFileSync(join(programs, program), this.at('bin', program));
    copyFileSync(shimPath(), this.at('.chalk/shim'));
    copyFileSync(reporterPath(), this.at('.chalk/reporter'));
    if (options.mark !== false) this.write('chalk.json', options.mark ?? mark);
    chmodSync(this.path, 0o755);
    chmodSync(this.at('tmp'), 0o777);
  }

  at(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  write(name: string, content: Uint8Array | string, mode = 0o444): void {
    execFileSync('sh', ['-c', 'cat > "$1" && chmod "$2" "$1"', 'sh', this.at(name), mode.toString(8)], {
      input: content,
    });
  }

  /** Starts an argument vector there, in mount and PID namespaces of its own. */
  start(argv: readonly string[], options: StartOptions = {}): Running {
    const { env = {}, uid = 0, sharedPids = false, around = 'exec "$@"' } = options;
    const enter = [
      'mount -t proc proc "$1/proc" && touch "$1/dev/null" && mount --bind /dev/null "$1/dev/null" && root=$1 && shift',
      `set -- env -i ${Object.entries(env).map(quoted).join(' ')} "$(command -v chroot)" --userspec=${uid}:${uid} "$root" "$@"`,
      around,
    ].join('\n');
    const separate = sharedPids ? [] : ['--pid', '--fork', '--kill-child'];
    return new Running(
      spawn('unshare', ['--mount', ...separate, 'sh', '-c', enter, 'sh', this.path, ...argv]),
    );
  }

  async run(argv: readonly string[], options: StartOptions = {}): Promise<Finished> {
    return this.start(argv, options).finish();
  }

  /** The reports in a file sink, as soon as there is a whole one. */
  async reports(name: string): Promise<Report[]> {
    const text = await until(`a report in ${name}`, () => {
      const content = existsSync(this.at(name)) ? readText(this.at(name)) : undefined;
      return content?.endsWith('\n') ? content : undefined;
    });
    return text
      .trimEnd()
      .split('\n')
      .map((line) => parseReport(line));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

function quoted([name, value]: [string, string]): string {
  return `'${`${name}=${value}`.replaceAll("'", String.raw`'\''`)}'`;
}

export type Keys = Readonly<Record<string, unknown>>;

/** A report's own keys and those of its one artefact. */
export interface Report {
  readonly host: Keys;
  readonly chalk: Keys;
}

export function parseReport(text: string): Report {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || list.length !== 1) throw new Error('a report is an array of one object');
  const host = asKeys(list[0]);
  const chalks = host['_CHALKS'];
  if (!Array.isArray(chalks)) throw new Error('no _CHALKS in the report');
  return { host, chalk: asKeys(chalks[0]) };
}

function asKeys(value: unknown): Keys {
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  return Object.fromEntries(Object.entries(value));
}
