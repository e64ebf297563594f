import { asChalkError } from '../base/errors.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { buildkitSource } from './buildkit.ts';
import type { SbomChoice } from './choice.ts';
import {
  SBOM_LIMITS,
  type SbomFormat,
  type SbomImage,
  type SbomLimits,
  type SbomOutcome,
  type SbomSource,
} from './sbom.ts';
import { scoutSource } from './scout.ts';
import { demanded, firstOf } from './sources.ts';
import { syftSource } from './syft.ts';
import { resolveTarget } from './target.ts';

/** What SBOM is wanted of which image. */
export interface SbomRequest {
  readonly image: SbomImage;
  readonly format: SbomFormat;
  readonly source: SbomChoice['source'];
  readonly limits?: SbomLimits;
}

/**
 * Makes or finds an SBOM of one image of one platform. Never throws: what went wrong is `failed`, and nobody being there to
 * make one is `none`, unless the source was named. Takes up to `limits.timeoutMs` a program; nothing of it may stand before a
 * build.
 */
export async function makeSbom(host: Host, tools: DockerTools, request: SbomRequest): Promise<SbomOutcome> {
  const { image, format, source, limits = SBOM_LIMITS } = request;
  if (source === 'off') return { kind: 'none', why: 'it was switched off' };
  try {
    const target = await resolveTarget(host, tools, image);
    const attempt = await sourceOf(host, tools, source, limits).make(target, format);
    return attempt.kind === 'made' ? attempt : { kind: 'none', why: attempt.why };
  } catch (thrown) {
    return { kind: 'failed', error: asChalkError(thrown, 'SBOM_FAILED') };
  }
}

function sourceOf(
  host: Host,
  tools: DockerTools,
  source: Exclude<SbomChoice['source'], 'off'>,
  limits: SbomLimits,
): SbomSource {
  switch (source) {
    case 'docker':
      return demanded(
        buildkitSource(host, tools),
        'build it with --sbom=true, or with docker chalk --sbom=docker',
      );
    case 'scout':
      return demanded(
        scoutSource(host, tools, limits),
        'install the docker scout plugin, or take --sbom=syft',
      );
    case 'syft':
      return demanded(syftSource(host, tools, limits), 'install syft, or name one with CHALK_SYFT');
    case 'auto':
      return firstOf([
        buildkitSource(host, tools),
        scoutSource(host, tools, limits),
        syftSource(host, tools, limits),
      ]);
  }
}
