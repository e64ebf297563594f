import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
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
  const input = command.inputFile === undefined ? undefined : openSync(command.inputFile, 'r');
  const child = spawn(command.file, command.args, {
    env: { ...command.env },
    stdio: [input ?? 'inherit', command.captureStdout === true ? 'pipe' : 'inherit', 'inherit'],
  });
  const printed: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
  if (input !== undefined) closeSync(input);
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  const keepWaiting = (signal: NodeJS.Signals) => {
    if (!onTerminal) child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  for (const signal of FROM_THE_TERMINAL) process.on(signal, keepWaiting);
  child.on('error', (cause) => resolve({ kind: 'not-started', cause }));
  // 'close' comes when all that was printed is here.
  child.on(command.captureStdout === true ? 'close' : 'exit', (code, signal) => {
    const stdout = command.captureStdout === true ? { stdout: Buffer.concat(printed).toString('utf8') } : {};
    resolve(
      signal === null
        ? { kind: 'exited', code: code ?? 0, ...stdout }
        : { kind: 'killed', signal, ...stdout },
    );
  });
  const result = await promise;
  for (const signal of FORWARDED) process.off(signal, forward);
  for (const signal of FROM_THE_TERMINAL) process.off(signal, keepWaiting);
  return result;
}

/** The exit status a shell gives to a program that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
