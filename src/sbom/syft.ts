import { join } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Environment, Host, ProcessResult } from '../host/host.ts';
import { isLoopback } from '../host/loopback.ts';
import { describeResult } from '../host/processes.ts';
import { hostnameOf } from '../registry/endpoint.ts';
import { saveImage } from './save-image.ts';
import type { SbomFormat, SbomLimits, SbomSource, Target } from './sbom.ts';
import { programSource } from './sources.ts';
import { findSyft } from './syft-find.ts';
import { type SyftProgram, withFolder } from './syft-program.ts';
import { decode } from './text.ts';

/** The formats in Syft's words. */
const OUTPUT: Readonly<Record<SbomFormat, string>> = {
  spdx: 'spdx-json@2.3',
  cyclonedx: 'cyclonedx-json@1.6',
};

function outputs(format: SbomFormat): readonly string[] {
  return ['--quiet', '--output', OUTPUT[format]];
}

/** Syft over images: straight from the registry with docker's own logins, or from what `docker save` writes. */
export function syftSource(host: Host, tools: DockerTools, limits: SbomLimits): SbomSource {
  return programSource(host, 'syft', limits, async () => {
    const found = await findSyft(host, tools, limits);
    if ('absent' in found) return found;
    const { program, version } = found;
    return {
      tool: { name: 'syft', version },
      make: (target, format) =>
        withFolder(host, (folder) => scan(host, tools, program, { target, format, limits, folder })),
    };
  });
}

async function scan(
  host: Host,
  tools: DockerTools,
  program: SyftProgram,
  work: {
    readonly target: Target;
    readonly format: SbomFormat;
    readonly limits: SbomLimits;
    readonly folder: string;
  },
): Promise<string> {
  const { target, format, limits, folder } = work;
  const { place, name, digest, platform } = target;
  const began = host.clock.monotonic();
  const options = [...outputs(format), '--source-name', name, '--source-version', digest];
  if (place.kind === 'registry' && program.readsRegistries) {
    // Without it, Syft writes this machine's architecture into the image's package URL.
    const asked = platform === undefined ? [] : ['--platform', platform];
    const words = ['scan', `registry:${name}@${digest}`, ...asked, ...options];
    return printed(
      await program.run(() => words, {
        folder,
        env: registryEnvironment(place.endpoint),
        timeoutMs: limits.timeoutMs,
        maxOutputBytes: limits.maxBytes,
      }),
    );
  }
  const file = join(folder, 'image.tar');
  await saveImage(host, tools, target, file, limits.timeoutMs);
  const left = Math.max(1, limits.timeoutMs - (host.clock.monotonic() - began));
  return printed(
    await program.run((path) => ['scan', `docker-archive:${path}`, ...options], {
      folder,
      file,
      timeoutMs: left,
      maxOutputBytes: limits.maxBytes,
    }),
  );
}

/** Loopback addresses are plain by themselves, for Syft as for us. */
function registryEnvironment({
  host,
  plainAllowed,
  verify,
}: Extract<Target['place'], { kind: 'registry' }>['endpoint']): Environment {
  const plain = plainAllowed && !isLoopback(hostnameOf(host));
  return {
    ...(plain ? { SYFT_REGISTRY_INSECURE_USE_HTTP: 'true' } : {}),
    ...(verify ? {} : { SYFT_REGISTRY_INSECURE_SKIP_TLS_VERIFY: 'true' }),
  };
}

/** What Syft printed. Throws `SBOM_FAILED` where it failed. */
function printed(result: ProcessResult): string {
  if (result.kind === 'exited' && result.code === 0) return decode(result.stdout, 'syft');
  const hint =
    result.kind === 'overflow' ? 'an SBOM of that size can be neither signed nor stored' : undefined;
  throw new ChalkError('SBOM_FAILED', describeResult('syft', result), hint === undefined ? {} : { hint });
}
