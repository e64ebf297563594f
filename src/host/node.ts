import { randomBytes } from 'node:crypto';
import { hostname, machine, release, type, version } from 'node:os';
import { attachProcess } from './attached.ts';
import { nodeFiles } from './files.ts';
import type { Environment, Host } from './host.ts';
import { runProcess } from './processes.ts';

/** The host the product runs on: this process, this machine. */
export function nodeHost(): Host {
  const env = userEnvironment(process.env);
  return {
    env,
    cwd: process.cwd(),
    platform: process.platform,
    get system() {
      return {
        sysname: type(),
        nodename: hostname(),
        release: release(),
        version: version(),
        machine: machine(),
      };
    },
    files: nodeFiles(),
    processes: {
      run: (command) => runProcess(command, env),
      attach: (command) => attachProcess(command, hasControllingTerminal()),
    },
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      offsetMinutes: (at) => -new Date(at).getTimezoneOffset(),
    },
    random: { bytes: (count) => randomBytes(count) },
    terminal: {
      stdoutIsTerminal: process.stdout.isTTY,
      stderrIsTerminal: process.stderr.isTTY,
      writeOut: (text) => write(process.stdout, text),
      writeError: (text) => write(process.stderr, text),
    },
  };
}

/** The environment as the user has it: the launcher keeps NODE_OPTIONS away from this process, not from the build. */
function userEnvironment(env: Environment): Environment {
  const { CHALK_NODE_OPTIONS: nodeOptions, ...rest } = env;
  return nodeOptions === undefined ? env : { ...rest, NODE_OPTIONS: nodeOptions };
}

/** A terminal on any standard stream is the one whose Ctrl-C reaches our whole group. */
function hasControllingTerminal(): boolean {
  return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
}

async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    // A reader that closed the pipe is no failure of ours.
    stream.once('error', () => resolve());
    stream.write(text, () => resolve());
  });
}
