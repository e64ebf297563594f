/**
 * Every effect the product has on the world, in one object. `cli` builds the real one (`host/node.ts`) and passes it
 * down; no other stage imports a Node module that spawns, reads or connects (a test of the import graph says so).
 */
export interface Host {
  readonly env: Environment;
  readonly cwd: string;
  readonly platform: string;
  readonly system: System;
  readonly launch: Launch;
  readonly files: Files;
  readonly processes: Processes;
  readonly http: Http;
  readonly clock: Clock;
  readonly random: Random;
  readonly terminal: Terminal;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What `uname` prints, for facts about the machine; read when asked for. */
export interface System {
  readonly sysname: string;
  readonly nodename: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
}

/** How this program was started. */
export interface Launch {
  /** As docker's plugin, by the link before docker on PATH, or by the one before buildx. */
  readonly entry: 'plugin' | 'wrapper' | 'buildx';
  /** The launcher, links resolved; undefined when there was none (tests, a run from source). */
  readonly launcher: string | undefined;
}

/** Reads reject with `FILE_UNREADABLE`, writes with `FILE_UNWRITABLE`; the system's error is the cause. */
export interface Files {
  /** The whole file. Refuses more than `maxBytes` (default 16 MiB), and anything that is no regular file. */
  read(path: string, maxBytes?: number): Promise<Uint8Array>;
  readText(path: string, maxBytes?: number): Promise<string>;
  /** What a path is, links followed; undefined when there is nothing. */
  stat(path: string): Promise<FileStat | undefined>;
  realPath(path: string): Promise<string>;
  list(path: string): Promise<readonly string[]>;
  write(path: string, content: Uint8Array | string, mode: number): Promise<void>;
  /** Appends in one write, so that lines of processes running at once do not mix. Creates the file with `mode`. */
  append(path: string, content: string, mode: number): Promise<void>;
  copy(from: string, to: string, mode: number): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  makeFolder(path: string, mode: number): Promise<void>;
  /** A new private folder (0700) below the system's temporary folder; removed by `removeTemporary`. */
  makeTemporary(prefix: string): Promise<string>;
  /** Removes the folders `makeTemporary` made; synchronous, so that a signal handler can call it. */
  removeTemporary(): void;
  setTime(path: string, seconds: number): Promise<void>;
  /** Copies our standard input to its end into a new private file; it can be read only once. */
  spoolInput(path: string): Promise<void>;
  /** The first bytes of a file. */
  readHead(path: string, bytes: number): Promise<Uint8Array>;
  remove(path: string): Promise<void>;
}

export interface FileStat {
  readonly kind: 'file' | 'folder' | 'other';
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly device: number;
  readonly inode: number;
}

export interface Processes {
  /** Runs a helper program to its end and returns what it did; never rejects, never touches our own standard streams. */
  run(command: Command): Promise<ProcessResult>;
  /**
   * Runs the program the user asked for: it inherits our terminal and standard streams, signals reach it as if we were
   * not there (`host/attached.ts`).
   */
  attach(command: AttachedCommand): Promise<AttachedResult>;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** The complete environment; default: ours. */
  readonly env?: Environment;
  readonly cwd?: string;
  readonly input?: Uint8Array | string;
  /** A file in place of `input`. */
  readonly inputFile?: string;
  /** Milliseconds; default 30,000. */
  readonly timeoutMs?: number;
  /** Bytes of standard output kept, more is an `overflow`; default 64 MiB. */
  readonly maxOutputBytes?: number;
}

/** What a helper program did, as data; `describeResult` writes it for a person. */
export type ProcessResult =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout: Uint8Array; readonly stderr: string }
  | { readonly kind: 'killed'; readonly signal: string; readonly stderr: string }
  | { readonly kind: 'timed-out'; readonly afterMs: number; readonly stderr: string }
  | { readonly kind: 'overflow'; readonly maxOutputBytes: number }
  | { readonly kind: 'not-started'; readonly cause: Error };

export interface AttachedCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  /** A file in place of our own standard input, which was read before. */
  readonly inputFile?: string;
  /** Keeps what the program prints on standard output, and nothing else, for us to print: short answers only. */
  readonly captureStdout?: boolean;
  /** docker's plugin socket, where the program itself does not listen to it: when it closes the program gets SIGTERM. */
  readonly cancelAddress?: string;
}

export type AttachedResult =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout?: string }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals; readonly stdout?: string }
  | { readonly kind: 'not-started'; readonly cause: Error };

/** One request, one answer: no redirect is followed, nothing is sent that the caller did not write, nothing is tried twice. */
export interface Http {
  /** Resolves when the answer's head is here; never rejects. */
  send(request: HttpRequest): Promise<HttpResult>;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent in chunks unless the headers have its `content-length`. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Milliseconds in which nothing is heard; default 30,000. */
  readonly silenceMs?: number;
  /** Milliseconds for everything, the body of the answer with it; default: no limit. */
  readonly timeoutMs?: number;
  readonly tls?: TlsSettings;
}

export interface TlsSettings {
  /** PEM; trusted besides the system's own. */
  readonly authorities?: readonly string[];
  /** PEM; who we are, for servers that ask. */
  readonly client?: { readonly certificate: string; readonly key: string };
  /** False takes every certificate. */
  readonly verify?: boolean;
}

export type HttpResult =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** Names in lower case; several of one name are joined by commas. */
      readonly headers: Readonly<Record<string, string>>;
      /** Throws where the answer is cut off. Must be read to its end, or left to `discard`. */
      readonly body: AsyncIterable<Uint8Array>;
      discard(): void;
    }
  | { readonly kind: 'failed'; readonly failure: HttpFailure; readonly cause: Error };

export type HttpFailure =
  | 'no-name'
  | 'refused'
  /** It speaks, but not what was expected: no TLS, or no HTTP. */
  | 'other-protocol'
  | 'certificate'
  | 'timed-out'
  /** The connection ended in the middle. */
  | 'broken';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from some fixed point; never goes back. */
  monotonic(): number;
  /** Minutes east of UTC at that time, where this process runs. */
  offsetMinutes(at: number): number;
}

export interface Random {
  bytes(count: number): Uint8Array;
}

export interface Terminal {
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Resolves when the text has left this process. */
  writeOut(text: string): Promise<void>;
  writeError(text: string): Promise<void>;
}
