import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import { normalizePlatform } from '../base/platform.ts';
import { readArtifact } from '../codec/index.ts';
import type { Host } from '../host/host.ts';
import { signalExitCode } from '../host/attached.ts';
import { platformFolder } from '../image/payload.ts';
import { type MarkMap, writeMark } from '../mark/index.ts';
import { hostProgramWords, programWords } from '../runtime/host-process.ts';

/** Larger programs are run and reported without looking for a mark in them. */
const MAX_PROGRAM_BYTES = 512 * 1024 * 1024;

/**
 * `docker chalk exec -- PROGRAM …` runs a program of this machine and reports it as the shim reports a container's: to
 * CHALK_REPORT_URL and CHALK_REPORT_FILE. Whatever cannot be found out, the program runs; its exit status is ours.
 */
export async function execCommand(host: Host, shimFolder: string, words: readonly string[]): Promise<number> {
  const program = programWords(words);
  const [name] = program;
  if (name === undefined) {
    throw new ChalkError('ARGV_USAGE', 'exec needs a program', { hint: 'docker chalk exec -- PROGRAM' });
  }
  const [file, args] = (await reported(host, shimFolder, name, program)) ?? [
    '/bin/sh',
    ['-c', 'exec "$@"', 'sh', ...program],
  ];
  const end = await host.processes.attach({ file, args, env: host.env });
  host.files.removeTemporary();
  switch (end.kind) {
    case 'exited':
      return end.code;
    case 'killed':
      return signalExitCode(end.signal);
    case 'not-started':
      throw new ChalkError('PROCESS_FAILED', `${name} could not be started`, { cause: end.cause });
  }
}

async function reported(
  host: Host,
  shimFolder: string,
  name: string,
  program: readonly string[],
): Promise<[string, string[]] | undefined> {
  const wanted = Object.keys(host.env).some((variable) => variable.startsWith('CHALK_REPORT_'));
  if (!wanted || host.env['CHALK_SHIM'] === 'off') return undefined;
  try {
    const machine = normalizePlatform({ os: 'linux', architecture: host.system.machine });
    const reporter = join(shimFolder, platformFolder(machine), 'reporter');
    if ((await host.files.stat(reporter))?.kind !== 'file') return undefined;
    const path = await find(host, name);
    const artifact = await read(host, path);
    const markFile = await writeMarkFile(host, artifact?.mark);
    const type = artifact?.artifactType ?? 'executable';
    return [
      '/bin/sh',
      hostProgramWords({ reporter, markFile, artifactType: type, path: path ?? name, words: program }),
    ];
  } catch {
    return undefined;
  }
}

async function writeMarkFile(host: Host, mark: MarkMap | undefined): Promise<string> {
  if (mark === undefined) return '/dev/null';
  const file = join(await host.files.makeTemporary('chalk-exec-'), 'mark');
  await host.files.write(file, writeMark(mark), 0o600);
  return file;
}

async function read(host: Host, path: string | undefined) {
  if (path === undefined) return undefined;
  try {
    return readArtifact({ path, bytes: await host.files.read(path, MAX_PROGRAM_BYTES) });
  } catch {
    return undefined; // a program that cannot be read can still be run
  }
}

/** The file a shell would run. */
async function find(host: Host, name: string): Promise<string | undefined> {
  const folders = name.includes('/') ? [''] : (host.env['PATH'] ?? '').split(delimiter);
  for (const folder of folders) {
    const path = folder === '' && isAbsolute(name) ? name : resolve(host.cwd, folder, name);
    const stat = await host.files.stat(path).catch(() => undefined);
    if (stat?.kind === 'file' && (stat.mode & 0o111) !== 0) return path;
  }
  return undefined;
}
