import { repositoryName } from '../base/image-ref.ts';
import type { Attestation, PushedImage, Sbom } from '../attest/index.ts';
import type { ChalkError } from '../base/errors.ts';
import { formatPlatform } from '../base/platform.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { makeSbom, type SbomChoice } from '../sbom/index.ts';

/** SBOMs of images that were pushed and signed, as images of which nothing else is said. */
export interface MadeSboms {
  readonly images: readonly PushedImage[];
  /** Why there is none of an image, where nobody here makes one. */
  readonly why: string | undefined;
  readonly errors: readonly ChalkError[];
}

/**
 * Makes or finds one of every image of every platform; images in two repositories have one in each. None of an image of which
 * nothing else was signed: it has no mark, and is somebody else's. Never rejects.
 */
export async function sbomsOf(
  host: Host,
  tools: DockerTools,
  { source, format }: SbomChoice,
  attestations: readonly Attestation[],
): Promise<MadeSboms> {
  const errors: ChalkError[] = [];
  let why: string | undefined;
  const images = await Promise.all(
    attestations.map(async ({ image, subjects, statements }): Promise<PushedImage> => {
      const found = await Promise.all(
        (statements.length === 0 ? [] : (subjects?.images ?? [])).map(
          async ({ platform }): Promise<readonly Sbom[]> => {
            const wanted = {
              kind: 'registry',
              repository: repositoryName(image.repository),
              digest: image.digest,
              ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
            } as const;
            const outcome = await makeSbom(host, tools, { image: wanted, format, source });
            if (outcome.kind === 'failed') errors.push(outcome.error);
            if (outcome.kind === 'none') why = outcome.why;
            return outcome.kind === 'made' ? [{ ...outcome.sbom, platform }] : [];
          },
        ),
      );
      return { repository: image.repository, digest: image.digest, sboms: found.flat() };
    }),
  );
  return { images: images.filter(({ sboms }) => (sboms?.length ?? 0) > 0), why, errors };
}
