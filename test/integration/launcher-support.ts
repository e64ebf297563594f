import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const LAUNCHER = fileURLToPath(new URL('../../plugin/docker-chalk', import.meta.url));

/** Every shell that may be somebody's `/bin/sh`, as far as this machine has it. */
export const SHELLS: readonly (readonly [string, ...string[]])[] = (
  [['/bin/sh'], ['/bin/dash'], ['/bin/bash', '--posix'], ['/bin/busybox', 'sh']] as const
).filter(([path]) => existsSync(path));

/** Who was started in the end, with what. */
export interface Started {
  readonly who: 'docker' | 'node' | 'nobody';
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A launcher installed in a folder of its own, between a docker and a runtime that only write down how they were started. */
export interface Installed {
  readonly folder: string;
  readonly docker: string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>, launcher?: string): Started;
  remove(): void;
}

/** Zero bytes between words: no argument can hold one. */
const RECORDER = `#!/bin/sh
{ printf '%s\\0' "$0" "$@"; } >"$RECORD.args"
env -0 >"$RECORD.env"
exit "\${EXIT:-0}"
`;

export function install(shell: readonly [string, ...string[]], complete = true): Installed {
  const folder = mkdtempSync(join(tmpdir(), 'chalk-launcher-'));
  const own = join(folder, 'plugin', 'docker-chalk');
  const docker = join(folder, 'bin', 'docker');
  const runtime = join(folder, 'plugin', 'lib', 'node');
  for (const name of ['bin', 'plugin', 'plugin/lib']) mkdirSync(join(folder, name));
  copyFileSync(LAUNCHER, own);
  for (const program of complete ? [docker, runtime] : [docker]) {
    writeFileSync(program, RECORDER);
    chmodSync(program, 0o755);
  }
  const text = '// the program\n';
  writeFileSync(join(folder, 'plugin', 'lib', 'chalk.mjs'), text);
  writeFileSync(join(folder, 'plugin', 'lib', 'size'), `${text.length}\n`);
  const record = join(folder, 'record');
  const [program, ...options] = shell;
  return {
    folder,
    docker,
    start: (args, env = {}, launcher = own) => {
      for (const ending of ['args', 'env']) rmSync(`${record}.${ending}`, { force: true });
      const result = spawnSync(program, [...options, launcher, ...args], {
        encoding: 'utf8',
        timeout: 10_000,
        env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, RECORD: record, ...env },
      });
      const words = readWords(`${record}.args`);
      const [self = '', ...given] = words;
      const who = self === runtime ? 'node' : self === '' ? 'nobody' : 'docker';
      return {
        who,
        args: given,
        env: Object.fromEntries(readWords(`${record}.env`).map(pair)),
        code: result.status,
        stdout: result.stdout,
        stderr: result.stderr,
      };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function readWords(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\0').slice(0, -1) : [];
}

function pair(entry: string): [string, string] {
  const at = entry.indexOf('=');
  return [entry.slice(0, at), entry.slice(at + 1)];
}
