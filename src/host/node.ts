import { randomBytes } from 'node:crypto';
import { hostname, machine, release, type, version } from 'node:os';
import { attachProcess } from './attached.ts';
import { nodeFiles } from './files.ts';
import type { Environment, Host, Http, Launch } from './host.ts';
import { runProcess } from './processes.ts';

/** The host the product runs on: this process, this machine. */
export function nodeHost(): Host {
  const env = userEnvironment(process.env);
  return {
    env,
    cwd: process.cwd(),
    platform: process.platform,
    launch: launchOf(process.env),
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
      run: (command) => runProcess(withoutPasswords(command, env)),
      attach: (command) => attachProcess(withoutPasswords(command, env), hasControllingTerminal()),
    },
    http: lazyHttp(env),
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

/** Loaded with the first request: most builds send none of their own. */
function lazyHttp(env: Environment): Http {
  let sender: Promise<Http['send']> | undefined;
  return {
    send: async (request) => {
      sender ??= import('./http.ts').then(({ httpSender }) => httpSender(env));
      return (await sender)(request);
    },
  };
}

/**
 * The environment as the user has it: without what the launcher tells us, and with the NODE_OPTIONS it keeps away from this
 * process, but not from the build.
 */
function userEnvironment(env: Environment): Environment {
  const { CHALK_NODE_OPTIONS: nodeOptions, CHALK_ENTRY: _, CHALK_LAUNCHER: __, ...rest } = env;
  return nodeOptions === undefined ? rest : { ...rest, NODE_OPTIONS: nodeOptions };
}

/** What unlocks signing keys is for this process alone. */
const PASSWORDS = ['CHALK_PASSWORD', 'COSIGN_PASSWORD'];

/** Takes our passwords from a child's environment, unless its command line asks for one by name (`--secret env=…`). */
function withoutPasswords<T extends { readonly args: readonly string[]; readonly env?: Environment }>(
  command: T,
  defaultEnv: Environment,
): T & { readonly env: Environment } {
  const asked = PASSWORDS.filter((name) => command.args.some((word) => word.includes(name)));
  const env = Object.entries(command.env ?? defaultEnv).filter(
    ([name]) => !PASSWORDS.includes(name) || asked.includes(name),
  );
  return { ...command, env: Object.fromEntries(env) };
}

function launchOf(env: Environment): Launch {
  const entry = env['CHALK_ENTRY'];
  return {
    entry: entry === 'wrapper' || entry === 'buildx' ? entry : 'plugin',
    launcher: env['CHALK_LAUNCHER'],
  };
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
