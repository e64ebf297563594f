import { join } from 'node:path';
import { formatPlatform, type Platform } from '../base/platform.ts';
import type { Host } from '../host/host.ts';
import { ChalkError } from '../base/errors.ts';

/** What goes into the named context, one folder a platform. */
export interface PayloadPart {
  readonly folder: string;
  readonly programs: Platform;
  readonly mark: string;
}

/** Layers are the same bytes in every image only if the times in them are. */
const FIXED_TIME_SECONDS = 0;

const PROGRAMS = ['shim', 'reporter'] as const;

/**
 * Lays the payload out below `root`: `<folder>/shim`, `<folder>/reporter`, `<folder>/chalk.json`, and `runtime.json`
 * where there is one; without a shim folder the marks alone. Modes are set by the COPY lines. Throws `SHIM_MISSING` when this installation has no programs for
 * a platform.
 */
export async function writePayload(
  host: Host,
  root: string,
  shimFolder: string | undefined,
  parts: readonly PayloadPart[],
  runtimeConfig: string | undefined,
): Promise<void> {
  const put = async (path: string, content: string) => {
    await host.files.write(path, content, 0o644);
    await host.files.setTime(path, FIXED_TIME_SECONDS);
  };
  await host.files.makeFolder(root, 0o755);
  await Promise.all(
    parts.map(async ({ folder, programs, mark }) => {
      await host.files.makeFolder(join(root, folder), 0o755);
      await put(join(root, folder, 'chalk.json'), mark);
      for (const program of shimFolder === undefined ? [] : PROGRAMS) {
        const from = join(shimFolder ?? '', platformFolder(programs), program);
        const to = join(root, folder, program);
        if ((await host.files.stat(from)) === undefined) {
          throw new ChalkError('SHIM_MISSING', `${from} is missing for ${formatPlatform(programs)}`, {
            hint: 'install docker-chalk again',
          });
        }
        await host.files.copy(from, to, 0o755);
        await host.files.setTime(to, FIXED_TIME_SECONDS);
      }
    }),
  );
  if (runtimeConfig !== undefined) await put(join(root, 'runtime.json'), runtimeConfig);
}

/** `linux-arm-v7` for linux/arm/v7: a name that is one path element, and the one the COPY lines build from TARGET*. */
export function platformFolder(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '-');
}
