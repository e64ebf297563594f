import { dirname, isAbsolute, resolve } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import type { Environment, Host, ProcessResult } from '../host/host.ts';

/** Where a repository is: its own folder, and the top of its working tree (none when bare). */
export interface Repository {
  readonly gitFolder: string;
  readonly top: string | undefined;
}

/**
 * Finds the repository that holds a folder, upwards and within one file system, as git does; undefined when there is
 * none. Looking ourselves costs less than asking git, and because git is then told the folder, it neither searches nor
 * refuses a repository that belongs to another user (CI checkouts, bind mounts): a refusal that exists because git runs
 * programs a repository names, which `runGit` rules out.
 */
export async function findRepository(host: Host, folder: string): Promise<Repository | undefined> {
  let at = await host.files.realPath(resolve(host.cwd, folder));
  const device = (await host.files.stat(at))?.device;
  for (;;) {
    const here = await repositoryAt(host, at);
    if (here) return here;
    const parent = dirname(at);
    if (parent === at || (await host.files.stat(parent))?.device !== device) return undefined;
    at = parent;
  }
}

async function repositoryAt(host: Host, folder: string): Promise<Repository | undefined> {
  const entry = resolve(folder, '.git');
  const kind = (await host.files.stat(entry))?.kind;
  if (kind === 'folder' && (await isGitFolder(host, entry))) return { gitFolder: entry, top: folder };
  if (kind === 'file') return { gitFolder: await linkedFolder(host, entry), top: folder };
  return (await isGitFolder(host, folder)) ? { gitFolder: folder, top: undefined } : undefined;
}

/** A linked working tree or a submodule: `.git` is a file that names the folder. */
async function linkedFolder(host: Host, file: string): Promise<string> {
  const text = await host.files.readText(file, 65_536);
  const folder = text.startsWith('gitdir: ') ? resolve(dirname(file), text.slice(8).trimEnd()) : undefined;
  if (folder !== undefined && (await isGitFolder(host, folder))) return folder;
  throw new ChalkError('GIT_FAILED', `${file} leads to ${folder ?? 'nothing'}, which is no git repository`, {
    hint: 'in a container, mount the repository that holds this submodule or worktree too',
  });
}

async function isGitFolder(host: Host, folder: string): Promise<boolean> {
  if ((await host.files.stat(resolve(folder, 'HEAD'))) === undefined) return false;
  const [objects, common] = await Promise.all([
    host.files.stat(resolve(folder, 'objects')),
    host.files.stat(resolve(folder, 'commondir')),
  ]);
  return objects !== undefined || common !== undefined;
}

/** Settings that would make git run a program, switched off; an empty `core.fsmonitor` is off for every version. */
const NOTHING_TO_RUN = ['core.fsmonitor=', 'core.hooksPath=/dev/null', 'core.pager=cat', 'gc.auto=0'];

export interface GitCommand {
  readonly args: readonly string[];
  readonly input?: string;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  /** Whether the user's and the machine's settings count; the repository's own always do. */
  readonly userSettings?: boolean;
  readonly settings?: readonly string[];
}

/**
 * Runs git on a repository that nobody vouched for: no program the repository names is started, no network is used, no
 * lock is taken, nothing is written.
 */
export async function runGit(
  host: Host,
  repository: Repository,
  command: GitCommand,
): Promise<ProcessResult> {
  const settings = [...NOTHING_TO_RUN, ...(command.settings ?? [])].flatMap((setting) => ['-c', setting]);
  return host.processes.run({
    file: 'git',
    args: ['--no-pager', ...settings, ...command.args],
    env: {
      ...environmentOf(host.env),
      GIT_DIR: repository.gitFolder,
      ...(repository.top === undefined ? {} : { GIT_WORK_TREE: repository.top }),
      ...(command.userSettings ? {} : { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }),
    },
    timeoutMs: command.timeoutMs,
    maxOutputBytes: command.maxOutputBytes,
    ...(command.input === undefined ? {} : { input: command.input }),
  });
}

/**
 * The user's environment without its `GIT_*`: they describe some other repository (a hook's `GIT_DIR`), or switch on
 * traces and programs. Only absolute folders of PATH stay, so that a `git` lying in the repository is never the one.
 */
function environmentOf(env: Environment): Environment {
  const kept = Object.entries(env).filter(([name]) => !/^GIT_/i.test(name));
  const path = (env['PATH'] ?? '').split(':').filter((folder) => isAbsolute(folder));
  return {
    ...Object.fromEntries(kept),
    PATH: path.join(':'),
    LC_ALL: 'C',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    // A partial clone fetches what it lacks; the first names what git from 2.45 on reads, the second works for all.
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_NO_REPLACE_OBJECTS: '1',
  };
}
