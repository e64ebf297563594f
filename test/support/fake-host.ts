import { ChalkError } from '../../src/base/errors.ts';
import type {
  AttachedCommand,
  AttachedResult,
  Command,
  Environment,
  Files,
  Host,
  ProcessResult,
} from '../../src/host/host.ts';

/** What a test's world holds; everything has a harmless default. */
export interface World {
  readonly env?: Environment;
  readonly cwd?: string;
  /** Path to content. Folders are there because files are in them. */
  readonly files?: Readonly<Record<string, string>>;
  /** Programs, by path: files with the execute bit. */
  readonly programs?: readonly string[];
  /** Answers a helper process; the default starts nothing. */
  readonly run?: (command: Command) => ProcessResult;
  readonly attach?: (command: AttachedCommand) => AttachedResult;
}

/** A host without effects: files are in memory, processes answer as told, and everything asked for is on record. */
export interface FakeHost extends Host {
  readonly disk: Map<string, FakeFile>;
  readonly ran: Command[];
  readonly attached: AttachedCommand[];
  readonly printed: { out: string; error: string };
}

export interface FakeFile {
  readonly content: string;
  readonly mode: number;
}

export function fakeHost(world: World = {}): FakeHost {
  const disk = new Map<string, FakeFile>();
  for (const [path, content] of Object.entries(world.files ?? {})) disk.set(path, { content, mode: 0o644 });
  for (const path of world.programs ?? []) disk.set(path, { content: '', mode: 0o755 });
  const ran: Command[] = [];
  const attached: AttachedCommand[] = [];
  const printed = { out: '', error: '' };
  const notStarted = { kind: 'not-started', cause: new Error('no such program in this test') } as const;
  return {
    disk,
    ran,
    attached,
    printed,
    env: world.env ?? {},
    cwd: world.cwd ?? '/work',
    platform: 'linux',
    launch: { entry: 'plugin', launcher: undefined },
    system: { sysname: 'Linux', nodename: 'machine', release: '6.1.0', version: '#1', machine: 'x86_64' },
    files: fakeFiles(disk),
    processes: {
      run: async (command) => {
        ran.push(command);
        return world.run?.(command) ?? notStarted;
      },
      attach: async (command) => {
        attached.push(command);
        return world.attach?.(command) ?? notStarted;
      },
    },
    http: {
      send: async () => ({
        kind: 'failed',
        failure: 'refused',
        cause: new Error('there is no network in this test'),
      }),
    },
    clock: { now: () => 1_700_000_000_000, monotonic: () => 0, offsetMinutes: () => 0 },
    random: { bytes: (count) => new Uint8Array(count).fill(7) },
    terminal: {
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      writeOut: async (text) => {
        printed.out += text;
      },
      writeError: async (text) => {
        printed.error += text;
      },
    },
  };
}

/** A program that printed this and exited. */
export function exited(stdout: string, code = 0): ProcessResult {
  return { kind: 'exited', code, stdout: new TextEncoder().encode(stdout), stderr: '' };
}

function fakeFiles(disk: Map<string, FakeFile>): Files {
  const fileAt = (path: string): FakeFile => {
    const file = disk.get(path);
    if (file === undefined) throw new ChalkError('FILE_UNREADABLE', `cannot read ${path}`);
    return file;
  };
  const namesIn = (folder: string) => [
    ...new Set(
      [...disk.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1).split('/', 1)[0] ?? ''),
    ),
  ];
  const write = async (path: string, content: string, mode: number) => {
    disk.set(path, { content, mode });
  };
  const move = async (from: string, to: string, mode?: number) => {
    const file = fileAt(from);
    disk.set(to, { content: file.content, mode: mode ?? file.mode });
  };
  return {
    read: async (path) => new TextEncoder().encode(fileAt(path).content),
    readText: async (path) => fileAt(path).content,
    stat: async (path) => {
      const file = disk.get(path);
      const common = { uid: 0, device: 1, inode: [...disk.keys()].indexOf(path) };
      if (file !== undefined) return { kind: 'file', size: file.content.length, mode: file.mode, ...common };
      return namesIn(path).length > 0 ? { kind: 'folder', size: 0, mode: 0o755, ...common } : undefined;
    },
    realPath: async (path) => path,
    list: async (path) => {
      const names = namesIn(path);
      if (names.length === 0) throw new ChalkError('FILE_UNREADABLE', `cannot read ${path}`);
      return names;
    },
    write: async (path, content, mode) =>
      write(path, typeof content === 'string' ? content : new TextDecoder().decode(content), mode),
    append: async (path, content, mode) => {
      const old = disk.get(path);
      return write(path, (old?.content ?? '') + content, old?.mode ?? mode);
    },
    copy: move,
    symlink: async (target, path) => write(path, target, 0o777),
    rename: async (from, to) => {
      await move(from, to);
      disk.delete(from);
    },
    makeFolder: async () => {},
    makeTemporary: async (prefix) => `/tmp/${prefix}x`,
    removeTemporary: () => {},
    setTime: async () => {},
    spoolInput: async (path) => write(path, '', 0o600),
    readHead: async (path, bytes) => new TextEncoder().encode(fileAt(path).content).subarray(0, bytes),
    remove: async (path) => {
      disk.delete(path);
    },
  };
}
