import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Command, Environment, ProcessResult } from './host.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_OUTPUT = 64 * 1024 * 1024;
const MAX_ERROR_TEXT = 64 * 1024;

/**
 * Runs a helper program with its streams captured. Built on `spawn` alone: what a library would add (stream modes,
 * thrown errors, template commands) we would switch off again, and loading one costs more than a build may.
 */
export async function runProcess(command: Command & { readonly env: Environment }): Promise<ProcessResult> {
  const { promise, resolve } = Promise.withResolvers<ProcessResult>();
  const timeoutMs = command.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxOutputBytes = command.maxOutputBytes ?? DEFAULT_MAX_OUTPUT;
  const stdout: Buffer[] = [];
  let outputBytes = 0;
  let stderr = '';
  let stopped: 'timed-out' | 'overflow' | undefined;

  let child;
  try {
    child = start(command);
  } catch (thrown) {
    return { kind: 'not-started', cause: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }
  const stop = (why: 'timed-out' | 'overflow') => {
    stopped = why;
    child.kill('SIGKILL');
    // A grandchild may hold the pipes open: do not wait for it.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const timer = setTimeout(() => stop('timed-out'), timeoutMs);
  child.stdout?.on('data', (chunk: Buffer) => {
    outputBytes += chunk.length;
    if (outputBytes > maxOutputBytes) stop('overflow');
    else stdout.push(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    if (stderr.length < MAX_ERROR_TEXT) stderr += chunk.toString('utf8');
  });
  child.stdin?.on('error', () => {
    // The program closed its input before reading all of it; its exit code says whether that matters.
  });
  child.stdin?.end(command.input ?? '');
  child.on('error', (cause) => resolve({ kind: 'not-started', cause }));
  child.on('close', (code, signal) => {
    if (stopped === 'timed-out') resolve({ kind: 'timed-out', afterMs: timeoutMs, stderr });
    else if (stopped === 'overflow') resolve({ kind: 'overflow', maxOutputBytes });
    else if (signal !== null) resolve({ kind: 'killed', signal, stderr });
    else resolve({ kind: 'exited', code: code ?? 0, stdout: Buffer.concat(stdout), stderr });
  });
  const result = await promise;
  clearTimeout(timer);
  return result;
}

/** Throws where its input cannot be opened, or an argument is none. */
function start(command: Command & { readonly env: Environment }): ChildProcess {
  const input = command.inputFile === undefined ? undefined : openSync(command.inputFile, 'r');
  try {
    return spawn(command.file, command.args, {
      env: { ...command.env },
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      stdio: [input ?? 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
  } finally {
    if (input !== undefined) closeSync(input);
  }
}

/** The standard output of a program that exited with 0, else undefined. */
export function outputOf(result: ProcessResult): string | undefined {
  if (result.kind !== 'exited' || result.code !== 0) return undefined;
  return new TextDecoder().decode(result.stdout);
}

/** What a program did, in one line for a person or a report. */
export function describeResult(program: string, result: ProcessResult): string {
  switch (result.kind) {
    case 'exited':
      return `${program} exited with ${result.code}${lastLine(result.stderr)}`;
    case 'killed':
      return `${program} was killed by ${result.signal}${lastLine(result.stderr)}`;
    case 'timed-out':
      return `${program} did not answer within ${result.afterMs} ms`;
    case 'overflow':
      return `${program} printed more than ${result.maxOutputBytes} bytes`;
    case 'not-started':
      return `${program} could not be started: ${result.cause.message}`;
  }
}

function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${line}`;
}
