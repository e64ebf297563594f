import { parseImageRef, withDefaultTag, repositoryName } from '../base/image-ref.ts';
import { formatPlatform } from '../base/platform.ts';
import { withoutCredentials } from '../base/url.ts';
import type { BuildRequest } from '../docker/build-request.ts';
import type { ImageConfig } from '../docker/image-config.ts';
import type { Dockerfile, EffectiveConfig } from '../dockerfile/index.ts';
import { type Facts, type FactValue, known, type MarkAndReport } from './facts.ts';

export interface DockerFactsInput {
  readonly request: BuildRequest;
  /** Undefined where docker alone has read it; `config` as well, or where it could not be told. */
  readonly dockerfile: Pick<Dockerfile, 'bytes'> | undefined;
  readonly dockerfilePath: string | undefined;
  /** The Dockerfile's path from the top of its repository. */
  readonly dockerfilePathInRepository: string | undefined;
  readonly config: Pick<EffectiveConfig, 'stages'> | undefined;
  readonly baseImage: ImageConfig | undefined;
  readonly platforms: readonly string[];
}

/**
 * What the build command and the Dockerfile say (`DOCKER_*`). The Dockerfile's text, its place on this machine and the
 * build contexts are for the report alone: a mark is public wherever its image is.
 */
export function dockerFacts(input: DockerFactsInput): MarkAndReport {
  const { request, dockerfile, dockerfilePath, config, platforms } = input;
  const mark = known({
    DOCKER_TAGS: request.tags.map(withDefaultTag),
    DOCKER_LABELS: fromMap(request.labels),
    DOCKER_ANNOTATIONS: fromPairs(request.annotations),
    DOCKER_TARGET: config?.stages.target.stage.name ?? request.target,
    DOCKER_PLATFORMS: platforms,
    DOCKERFILE_PATH_WITHIN_VCTL: input.dockerfilePathInRepository,
    ...(config === undefined ? {} : baseImageFacts(config, input.baseImage)),
    DOCKER_BASE_IMAGES: config === undefined ? undefined : baseImages(config),
  });
  return {
    mark,
    report: known({
      ...mark,
      DOCKER_FILE: dockerfile === undefined ? undefined : new TextDecoder().decode(dockerfile.bytes),
      DOCKERFILE_PATH: dockerfilePath,
      DOCKER_CONTEXT: contextName(request),
    }),
  };
}

function contextName({ context }: BuildRequest): string {
  switch (context.kind) {
    case 'folder':
      return context.path;
    case 'stdin':
      return '-';
    case 'remote':
      return withoutCredentials(context.uri);
  }
}

/** The external image the target stage comes from in the end. */
function baseImageFacts(config: Pick<EffectiveConfig, 'stages'>, image: ImageConfig | undefined): Facts {
  const root = config.stages.chain.at(-1)?.base;
  if (root?.kind !== 'image') return {};
  const ref = parseImageRef(root.reference);
  if (ref === undefined) return known({ DOCKER_BASE_IMAGE: root.reference });
  const resolved = (image?.repoDigests ?? [])
    .map((text) => parseImageRef(text))
    .find((each) => each?.registry === ref.registry && each.repository === ref.repository);
  return known({
    DOCKER_BASE_IMAGE: withDefaultTag(root.reference),
    DOCKER_BASE_IMAGE_REPO: repositoryName(ref),
    DOCKER_BASE_IMAGE_REGISTRY: ref.registry,
    DOCKER_BASE_IMAGE_NAME: ref.repository,
    DOCKER_BASE_IMAGE_TAG: ref.tag,
    DOCKER_BASE_IMAGE_DIGEST: (ref.digest ?? resolved?.digest)?.replace(/^sha256:/, ''),
  });
}

/** Every stage with the image it starts from, by stage name; a stage without a name goes by its number. */
function baseImages(
  config: Pick<EffectiveConfig, 'stages'>,
): Readonly<Record<string, FactValue>> | undefined {
  const entries = config.stages.stages.map(({ stage, base, platform }): [string, FactValue] => {
    const name = stage.name ?? String(stage.index);
    const uri =
      base.kind === 'image'
        ? withDefaultTag(base.reference)
        : base.kind === 'stage'
          ? (base.stage.stage.name ?? String(base.stage.stage.index))
          : base.kind === 'context'
            ? base.name
            : 'scratch';
    return [
      name,
      known({ from: stage.from.base, uri, platform: platform ? formatPlatform(platform) : undefined }),
    ];
  });
  return Object.fromEntries(entries);
}

function fromMap(map: ReadonlyMap<string, string>): Readonly<Record<string, string>> | undefined {
  return map.size === 0 ? undefined : Object.fromEntries(map);
}

function fromPairs(words: readonly string[]): Readonly<Record<string, string>> | undefined {
  return fromMap(
    new Map(
      words.map((word) => {
        const equals = word.indexOf('=');
        return equals === -1 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
      }),
    ),
  );
}
