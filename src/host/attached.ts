import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import type { AttachedCommand, AttachedResult } from './host.ts';

/** Signals a supervisor sends to one process; the terminal's own (INT, QUIT, TSTP, WINCH) reach the whole group. */
const FORWARDED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP'];
const FROM_THE_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/**
 * Runs the user's program on our terminal. The child shares our process group, as docker's plugins share docker's, so
 * Ctrl-C reaches it without us; passing it on again would count as the second press, at which buildx gives up cleaning
 * up. Without a terminal nobody but us gets the signal, so then INT is passed on too.
 */
export async function attachProcess(command: AttachedCommand, onTerminal: boolean): Promise<AttachedResult> {
  const { promise, resolve } = Promise.withResolvers<AttachedResult>();
  let child: ChildProcess;
  try {
    child = start(command);
  } catch (thrown) {
    return { kind: 'not-started', cause: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }
  const printed: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  const keepWaiting = (signal: NodeJS.Signals) => {
    if (!onTerminal) child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  for (const signal of FROM_THE_TERMINAL) process.on(signal, keepWaiting);
  const socket =
    command.cancelAddress === undefined
      ? undefined
      : onClose(command.cancelAddress, () => child.kill('SIGTERM'));
  child.on('error', (cause) => resolve({ kind: 'not-started', cause }));
  const ended = (code: number | null, signal: NodeJS.Signals | null) => {
    const stdout = command.captureStdout === true ? { stdout: Buffer.concat(printed).toString('utf8') } : {};
    resolve(
      signal === null
        ? { kind: 'exited', code: code ?? 0, ...stdout }
        : { kind: 'killed', signal, ...stdout },
    );
  };
  // 'close' comes when all that was printed is here.
  if (command.captureStdout === true) child.on('close', ended);
  else child.on('exit', ended);
  const result = await promise;
  socket?.destroy();
  for (const signal of FORWARDED) process.off(signal, forward);
  for (const signal of FROM_THE_TERMINAL) process.off(signal, keepWaiting);
  return result;
}

function start(command: AttachedCommand): ChildProcess {
  const input = command.inputFile === undefined ? undefined : openSync(command.inputFile, 'r');
  try {
    return spawn(command.file, command.args, {
      env: { ...command.env },
      stdio: [input ?? 'inherit', command.captureStdout === true ? 'pipe' : 'inherit', 'inherit'],
    });
  } finally {
    if (input !== undefined) closeSync(input);
  }
}

/**
 * docker tells a plugin to stop by closing a socket (cli-plugins/socket): `@name` is an abstract one, anything else a path.
 * Only a close after a connection counts.
 */
function onClose(address: string, act: () => void): Socket {
  const socket = connect(address.startsWith('@') ? `\0${address.slice(1)}` : address);
  let connected = false;
  socket.on('connect', () => {
    connected = true;
  });
  socket.on('error', () => undefined);
  socket.on('end', () => {
    if (connected) act();
  });
  // Nothing is ever said on it, but the end is only seen by who reads.
  socket.resume();
  return socket;
}

/** The exit status a shell gives to a program that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
