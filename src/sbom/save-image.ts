import { ChalkError } from '../base/errors.ts';
import { dockerHelper, type DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { describeResult } from '../host/processes.ts';
import type { Target } from './sbom.ts';

/**
 * Writes an image of the engine into an archive, which is also what Syft would do by itself, but through docker: its contexts,
 * ssh and TLS are then the user's own. Throws `SBOM_FAILED`.
 */
export async function saveImage(
  host: Host,
  tools: DockerTools,
  { digest, platform, place }: Target,
  file: string,
  timeoutMs: number,
): Promise<void> {
  const reference = place.kind === 'engine' ? digest : place.asked;
  const save = async (flags: readonly string[]) =>
    dockerHelper(host, tools, ['image', 'save', '--output', file, ...flags, '--', reference], { timeoutMs });
  let result = await save(platform === undefined ? [] : ['--platform', platform]);
  // Engines before 28 have no choice of platform, and need none where it is their own.
  if (place.kind === 'engine' && platform === place.own && refusesPlatform(result)) result = await save([]);
  if (result.kind === 'exited' && result.code === 0) return;
  const message = describeResult('docker image save', result);
  if (place.kind === 'engine') throw new ChalkError('SBOM_FAILED', message);
  throw new ChalkError('SBOM_FAILED', message, {
    hint: 'a Syft in a container reads images of the engine alone: `docker pull` it, or put syft on PATH',
  });
}

function refusesPlatform(result: Awaited<ReturnType<typeof dockerHelper>>): boolean {
  return (
    result.kind === 'exited' &&
    result.code !== 0 &&
    /unknown flag: --platform|"--platform" requires API version/.test(result.stderr)
  );
}
