import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment, Host } from '../../../src/host/host.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { runProcess } from '../../../src/host/processes.ts';

const WHEN = '1704164645 +0530';

/** A private folder for one test, with a git that reads nobody's settings. */
export interface Sandbox extends Disposable {
  readonly folder: string;
  /** Runs git in a folder of the sandbox; throws when it fails. */
  readonly git: (cwd: string, ...args: readonly string[]) => string;
  /** A repository with one commit, `app.txt` in it. */
  readonly repository: (name?: string, ...initArgs: readonly string[]) => string;
  /** A private key for `gpg.format=ssh`, and the settings to sign with it. */
  readonly signing: () => readonly string[];
}

export function sandbox(): Sandbox {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'chalk-collect-')));
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Zoë',
    GIT_AUTHOR_EMAIL: 'zoe@example.com',
    GIT_AUTHOR_DATE: WHEN,
    GIT_COMMITTER_NAME: 'C',
    GIT_COMMITTER_EMAIL: 'c@example.com',
    GIT_COMMITTER_DATE: WHEN,
  };
  const run = (file: string, cwd: string, args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(file, args, { cwd, env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const git = (cwd: string, ...args: readonly string[]) => run('git', cwd, args);
  return {
    folder,
    git,
    repository: (name = 'app', ...initArgs) => {
      const path = join(folder, name);
      git(folder, 'init', '-q', '-b', 'main', ...initArgs, path);
      writeFileSync(join(path, 'app.txt'), 'one\n');
      git(path, 'add', '.');
      git(path, 'commit', '-q', '-m', 'subject\n\nbody');
      return path;
    },
    signing: () => {
      const key = join(folder, 'key');
      run('ssh-keygen', folder, ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
      return ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`];
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The real host, in another environment. */
export function hostWith(env: Environment): Host {
  const host = nodeHost();
  return {
    ...host,
    env,
    processes: { ...host.processes, run: (command) => runProcess({ env, ...command }) },
  };
}
