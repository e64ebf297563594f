import { delimiter, isAbsolute, join } from 'node:path';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { describeResult, outputOf } from '../host/processes.ts';
import type { SbomLimits } from './sbom.ts';
import { readSyftChoice, type SyftChoice } from './syft-choice.ts';
import { containerSyft } from './syft-container.ts';
import { downloadedSyft } from './syft-download.ts';
import { localSyft, type SyftProgram, withFolder } from './syft-program.ts';

const Version = z.object({ application: z.literal('syft'), version: z.string() });
const VERSION_LIMITS = { timeoutMs: 30_000, maxOutputBytes: 1024 * 1024 };

/** The Syft that `CHALK_SYFT` means, and its version; `absent` says why there is none. Throws for one that is configured and missing. */
export async function findSyft(
  host: Host,
  tools: DockerTools,
  limits: SbomLimits,
): Promise<{ readonly program: SyftProgram; readonly version: string } | { readonly absent: string }> {
  const choice = readSyftChoice(host.env['CHALK_SYFT']);
  const file = await fileOf(host, choice, limits);
  if (choice.kind === 'path' && file === undefined) return { absent: 'there is no syft on PATH' };
  const program =
    choice.kind === 'container'
      ? containerSyft(host, tools, choice.image)
      : localSyft(host, tools, file ?? 'syft');
  const answer = await withFolder(host, (folder) =>
    program.run(() => ['version', '-o', 'json'], {
      folder,
      ...VERSION_LIMITS,
      // An image may have to be pulled first.
      ...(choice.kind === 'container' ? { timeoutMs: limits.timeoutMs } : {}),
    }),
  );
  const parsed = Version.safeParse(parseJson(outputOf(answer) ?? ''));
  if (parsed.success) return { program, version: parsed.data.version };
  const isAnswer = answer.kind === 'exited' && answer.code === 0;
  const why = isAnswer
    ? 'its answer to `syft version` is not Syft’s'
    : describeResult('syft version', answer);
  if (choice.kind === 'path') return { absent: `the syft on PATH does not work: ${why}` };
  throw new ChalkError('SBOM_FAILED', `the syft of CHALK_SYFT does not work: ${why}`);
}

async function fileOf(host: Host, choice: SyftChoice, limits: SbomLimits): Promise<string | undefined> {
  switch (choice.kind) {
    case 'container':
      return undefined;
    case 'program':
      return choice.file;
    case 'download':
      return downloadedSyft(host, choice, limits.timeoutMs);
    case 'path':
      return onPath(host);
  }
}

/** Only absolute folders of PATH: `.` would run what a repository has. */
async function onPath(host: Host): Promise<string | undefined> {
  for (const folder of (host.env['PATH'] ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const stat = await host.files.stat(join(folder, 'syft')).catch(() => undefined);
    if (stat?.kind === 'file' && (stat.mode & 0o111) !== 0) return join(folder, 'syft');
  }
  return undefined;
}
