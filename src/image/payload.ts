import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { formatPlatform, type Platform } from '../base/platform.ts';
import type { Host } from '../host/host.ts';

/** What goes into the named context, one folder a platform. */
export interface PayloadPart {
  readonly folder: string;
  readonly programs: Platform;
  readonly mark: string;
}

const PROGRAMS = ['shim', 'reporter'] as const;

/** Far more than a program of ours has. */
const MAX_PROGRAM_BYTES = 64 * 1024 * 1024;

/** `shims.json`, written with the programs: platform folder to program to its SHA-256. */
const Shims = z.record(z.string(), z.record(z.string(), z.string()));

/**
 * Lays the payload out below `root`: `<folder>/programs/.chalk/shim` and `reporter`, `<folder>/chalk.json`, and
 * `runtime.json` where there is one; without a shim folder the marks alone. The COPY lines set the modes.
 *
 * Builders take a file for unchanged that has the name, size and time of the last build's (fsutil's `compareStat`), and
 * layers hold the times of files. So a program's time follows from its content: the same layer in every image, and never
 * an old program for a new one. A mark keeps the time it was written at, for it is always new.
 *
 * Throws `SHIM_MISSING` when this installation has no programs for a platform.
 */
export async function writePayload(
  host: Host,
  root: string,
  shimFolder: string | undefined,
  parts: readonly PayloadPart[],
  runtimeConfig: string | undefined,
): Promise<void> {
  await host.files.makeFolder(root, 0o755);
  const shims = shimFolder === undefined ? {} : await readShims(host, shimFolder);
  await Promise.all(
    parts.map(async ({ folder, programs, mark }) => {
      const to = join(root, folder);
      await host.files.makeFolder(to, 0o755);
      await host.files.write(join(to, 'chalk.json'), mark, 0o644);
      if (shimFolder !== undefined) await copyPrograms(host, shimFolder, shims, programs, to);
    }),
  );
  if (runtimeConfig !== undefined) {
    const path = join(root, 'runtime.json');
    await host.files.write(path, runtimeConfig, 0o644);
    await host.files.setTime(path, timeOfText(runtimeConfig));
  }
}

async function readShims(host: Host, shimFolder: string): Promise<z.infer<typeof Shims>> {
  const path = join(shimFolder, 'shims.json');
  const parsed = Shims.safeParse(parseJson(await host.files.readText(path).catch(() => '')));
  if (parsed.success) return parsed.data;
  throw new ChalkError('SHIM_MISSING', `${path} is missing or damaged`, {
    hint: 'install docker-chalk again',
  });
}

async function copyPrograms(
  host: Host,
  shimFolder: string,
  shims: z.infer<typeof Shims>,
  programs: Platform,
  to: string,
): Promise<void> {
  const chalk = join(to, 'programs', '.chalk');
  await host.files.makeFolder(chalk, 0o755);
  for (const program of PROGRAMS) {
    const { from, digest } = await findProgram(host, shimFolder, shims, programs, program);
    await host.files.copy(from, join(chalk, program), 0o755);
    await host.files.setTime(join(chalk, program), timeOf(digest));
  }
  await host.files.setTime(chalk, 0);
}

/** A program for an image, with the time that follows from its content. */
export interface Program {
  readonly name: string;
  readonly time: number;
  readonly content: Uint8Array;
}

/** The programs for a platform, as they are. Throws `SHIM_MISSING` and `FILE_UNREADABLE`. */
export async function readPrograms(host: Host, shimFolder: string, platform: Platform): Promise<Program[]> {
  const shims = await readShims(host, shimFolder);
  return Promise.all(
    PROGRAMS.map(async (name) => {
      const { from, digest } = await findProgram(host, shimFolder, shims, platform, name);
      return { name, time: timeOf(digest), content: await host.files.read(from, MAX_PROGRAM_BYTES) };
    }),
  );
}

/** The time of a runtime configuration in an image: it follows from the text as well. */
export function timeOfText(text: string): number {
  return timeOf(createHash('sha256').update(text).digest('hex'));
}

async function findProgram(
  host: Host,
  shimFolder: string,
  shims: z.infer<typeof Shims>,
  programs: Platform,
  program: string,
): Promise<{ readonly from: string; readonly digest: string }> {
  const folder = platformFolder(programs);
  const digest = shims[folder]?.[program];
  const from = join(shimFolder, folder, program);
  if (digest === undefined || (await host.files.stat(from)) === undefined) {
    throw new ChalkError('SHIM_MISSING', `${from} is missing for ${formatPlatform(programs)}`, {
      hint: 'install docker-chalk again',
    });
  }
  return { from, digest };
}

/** A time between 1970 and 1978 that stands for a content, in seconds. */
function timeOf(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 7), 16);
}

/** `linux-arm-v7` for linux/arm/v7: a name that is one path element, and the one the COPY lines build from TARGET*. */
export function platformFolder(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '-');
}
