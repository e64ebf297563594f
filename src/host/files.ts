import { createWriteStream, rmSync } from 'node:fs';
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ChalkError, type ErrorCode } from '../base/errors.ts';
import type { Files, FileStat } from './host.ts';

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** The real file system. */
export function nodeFiles(): Files {
  const temporary = new Set<string>();
  const reading = <T>(path: string, work: Promise<T>) => guarded('FILE_UNREADABLE', 'read', path, work);
  const writing = <T>(path: string, work: Promise<T>) => guarded('FILE_UNWRITABLE', 'write', path, work);
  const read = (path: string, maxBytes = DEFAULT_MAX_BYTES) => reading(path, readRegular(path, maxBytes));

  return {
    read,
    readText: async (path, maxBytes) => new TextDecoder().decode(await read(path, maxBytes)),
    stat: (path) => reading(path, statOrNothing(path)),
    realPath: (path) => reading(path, realpath(path)),
    list: (path) => reading(path, readdir(path)),
    // chmod as well: the mode given at creation is cut by the umask, and an old file keeps its own.
    write: (path, content, mode) =>
      writing(
        path,
        writeFile(path, content, { mode }).then(() => chmod(path, mode)),
      ),
    append: (path, content, mode) => writing(path, appendFile(path, content, { mode })),
    copy: (from, to, mode) =>
      writing(
        to,
        copyFile(from, to).then(() => chmod(to, mode)),
      ),
    symlink: (target, path) => writing(path, symlink(target, path)),
    rename: (from, to) => writing(to, rename(from, to)),
    makeFolder: async (path, mode) => {
      await writing(path, makeFolders(path, mode));
    },
    makeTemporary: async (prefix) => {
      const path = await writing(tmpdir(), mkdtemp(join(tmpdir(), prefix)));
      temporary.add(path);
      return path;
    },
    removeTemporary: () => {
      for (const path of temporary) {
        try {
          rmSync(path, { recursive: true, force: true });
        } catch {
          // What cannot be removed stays: the user's command has ended, and ends as it did.
        }
      }
      temporary.clear();
    },
    setTime: (path, seconds) => writing(path, utimes(path, seconds, seconds)),
    spoolInput: (path) => writing(path, pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }))),
    readHead: (path, bytes) => reading(path, readFirst(path, bytes)),
    remove: (path) => writing(path, rm(path, { force: true, recursive: true })),
  };
}

/** As `mkdir -p`. Node's own never comes to an end where a folder says ENOENT to a new one, as those of /proc do. */
async function makeFolders(path: string, mode: number): Promise<void> {
  try {
    await makeFolder(path, mode);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolders(dirname(path), mode);
    await makeFolder(path, mode);
  }
}

async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

async function guarded<T>(code: ErrorCode, verb: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof ChalkError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChalkError(code, `cannot ${verb} ${path}: ${why}`, { cause });
  }
}

/** Reads through one descriptor, so that what was checked is what is read; a FIFO or device is refused, never waited on. */
async function readRegular(path: string, maxBytes: number): Promise<Uint8Array> {
  const info = await stat(path);
  if (!info.isFile()) throw new ChalkError('FILE_UNREADABLE', `${path} is not a regular file`);
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) {
      throw new ChalkError('FILE_UNREADABLE', `${path} has ${size} bytes, more than the ${maxBytes} allowed`);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function readFirst(path: string, bytes: number): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function statOrNothing(path: string): Promise<FileStat | undefined> {
  try {
    const info = await stat(path);
    const kind = info.isFile() ? 'file' : info.isDirectory() ? 'folder' : 'other';
    return {
      kind,
      size: info.size,
      mode: info.mode & 0o7777,
      uid: info.uid,
      device: info.dev,
      inode: info.ino,
    };
  } catch (error) {
    if (isErrno(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
