import { basename } from 'node:path';
import { asChalkError, ChalkError, type ErrorCode } from '../../base/errors.ts';
import { formatPlatform, normalizePlatform, type Platform, samePlatform } from '../../base/platform.ts';
import {
  type Collected,
  collectCi,
  collectGit,
  gitContextFacts,
  pathWithinRepository,
} from '../../collect/index.ts';
import { dockerFacts } from '../../collect/docker-facts.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import { type BuildRequest, requestOf } from '../../docker/build-request.ts';
import { type Builder, builderFlags } from '../../docker/builder.ts';
import { askBuilder, type BuilderAnswer } from '../../docker/builder-answer.ts';
import { type ImageConfig, lookUpImages, wantedKey } from '../../docker/image-config.ts';
import { refusedValue } from '../../docker/refused-values.ts';
import type { DockerTools } from '../../docker/tools.ts';
import {
  type BaseConfig,
  type BuildOptions,
  type Dockerfile,
  type NeededImage,
  neededBaseImages,
  resolveConfig,
} from '../../dockerfile/index.ts';
import type { Host } from '../../host/host.ts';
import { type Mark, type MarkValue, sealMark } from '../../mark/index.ts';
import {
  decidePlan,
  type InlinePlan,
  type LabelPlan,
  pass,
  type PassPlan,
  type PatchPlan,
  type PlatformConfig,
  type ReasonCode,
  type Wrap,
} from '../../plan/index.ts';
import { newMarkKeys, reportedKeys } from './mark-keys.ts';
import { type BuildSource, readSource } from './source.ts';

/** A build that will be marked: the plan, and everything it needs that is on this machine. */
export interface PreparedBuild {
  readonly plan: InlinePlan;
  readonly request: BuildRequest;
  readonly source: BuildSource;
  /** One a platform, in the plan's order. */
  readonly marks: readonly Mark[];
  /** Artifact keys for the report that are not in the mark. */
  readonly facts: Readonly<Record<string, MarkValue>>;
  /** Host keys for the report. */
  readonly hostFacts: Readonly<Record<string, MarkValue>>;
  /** What could not be collected; the build is marked all the same. */
  readonly errors: readonly ChalkError[];
}

export type Preparation =
  | { readonly kind: 'prepared'; readonly build: PreparedBuild }
  /** The Dockerfile stays as it is; docker builds what was typed, and the image gets its mark in another way. */
  | {
      readonly kind: 'fallback';
      readonly plan: PatchPlan | LabelPlan;
      readonly request: BuildRequest;
      readonly errors: readonly ChalkError[];
    }
  | { readonly kind: 'pass'; readonly plan: PassPlan; readonly errors: readonly ChalkError[] };

export interface PrepareOptions {
  readonly wrap: Wrap;
  readonly runtimeConfig: boolean;
  /** Whether the build can be given another target than the user's. */
  readonly canRetarget?: boolean;
  /** The file standard input was saved to, where the build reads it. */
  readonly input: string | undefined;
  /** The config behind a named context that is no image, where the caller knows it: another target of a bake. */
  readonly contextConfig?: ContextLookup;
}

export type ContextLookup = (value: string, platform: Platform) => Promise<BaseConfig | undefined>;

/** Finds out all that must be known before a build. Never rejects: what goes wrong here is a reason to leave the build alone. */
export async function prepareBuild(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  builder: Builder,
  options: PrepareOptions,
): Promise<Preparation> {
  try {
    return await prepare(host, tools, command, builder, options);
  } catch (thrown) {
    const error = asChalkError(thrown);
    return { kind: 'pass', plan: passFor(error), errors: [error] };
  }
}

async function prepare(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  builder: Builder,
  options: PrepareOptions,
): Promise<Preparation> {
  const read = requestOf(host, command);
  if (read.kind === 'refused') return passing('argv', read.why);
  const { request } = read;
  if (request.noImage !== undefined) return passing('no-image', request.noImage);
  const refused = refusedValue(command.items, host);
  if (refused !== undefined) return passing('argv', refused);
  if (request.filesToo) {
    return passing(
      'files-too',
      "the image's files are written out as well, and are to be the user's own alone",
    );
  }
  const source = await readSource(host, tools, builder, command, request, options.input);
  if (source.kind === 'pass') return { kind: 'pass', plan: source, errors: [] };

  // Everything that waits for another program runs at once, and none of it for a network unless a base image is unknown here.
  const collecting = Promise.all([sourceFacts(host, request, source.folder), collectCi(host)]);
  const resolving = resolve(host, tools, builder, request, source.dockerfile, options.contextConfig);
  const [[git, ci], resolved] = await Promise.all([collecting, resolving]);
  if (!resolved.answer.namedContexts) {
    return passing('foreign-frontend', 'the BuildKit of this builder knows no named contexts');
  }

  const plan = decidePlan({
    dockerfile: source.dockerfile,
    configs: resolved.configs,
    checkArgument: request.buildArgs.get('BUILDKIT_DOCKERFILE_CHECK'),
    ...options,
  });
  const errors = [...git.errors, ...ci.errors];
  if (plan.kind === 'pass') return { kind: 'pass', plan, errors };

  const top = git.facts['VCS_DIR_WHEN_CHALKED'];
  const docker = dockerFacts({
    request,
    dockerfile: source.dockerfile,
    dockerfilePath: source.path,
    dockerfilePathInRepository:
      typeof top === 'string' && source.delivery.kind === 'copy-beside'
        ? await pathWithinRepository(host, source.path)
        : undefined,
    config: resolved.configs[0].config,
    baseImage: resolved.baseImage,
    platforms: plan.platforms.map(({ platform }) => formatPlatform(platform)),
  });
  const learned = { git: git.facts, ci: ci.facts, docker };
  const common = newMarkKeys(host, learned);
  const marks = plan.platforms.map(({ platform }) =>
    sealMark({ ...common, DOCKER_PLATFORM: formatPlatform(platform) }),
  );
  return {
    kind: 'prepared',
    build: {
      plan,
      request,
      source,
      marks,
      facts: reportedKeys(host, learned),
      hostFacts: resolved.answer.facts,
      errors,
    },
  };
}

/** What the image of a build will be configured to run on one platform, for builds that start from it. */
export async function configOfBuild(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  builder: Builder,
  options: PrepareOptions,
  platform: Platform,
): Promise<BaseConfig | undefined> {
  const read = requestOf(host, command);
  if (read.kind === 'refused') return undefined;
  const { request } = read;
  const source = await readSource(host, tools, builder, command, request, options.input);
  if (source.kind === 'pass') return undefined;
  const { dockerfile } = source;
  const { configs } = await resolveFor(
    host,
    tools,
    builder,
    request,
    dockerfile,
    platform,
    options.contextConfig,
  );
  const { config } = configs.find((each) => samePlatform(each.platform, platform)) ?? configs[0];
  return { ...config, os: config.stages.rootPlatform.os };
}

/** What version control says of what is built: the folder's repository, or the address of a remote one. */
function sourceFacts(host: Host, request: BuildRequest, folder: string | undefined): Promise<Collected> {
  if (folder !== undefined) return collectGit(host, folder);
  const facts = request.context.kind === 'remote' ? gitContextFacts(request.context.uri) : {};
  return Promise.resolve({ facts, errors: [] });
}

interface Resolved {
  readonly configs: readonly [PlatformConfig, ...PlatformConfig[]];
  readonly baseImage: ImageConfig | undefined;
}

/**
 * The target's config on every platform. Without `--platform` that is the engine's; asking it takes as long as asking for
 * the base image, so this machine's own is taken for it until the answer is there, and all is done again if that was wrong.
 */
async function resolve(
  host: Host,
  tools: DockerTools,
  builder: Builder,
  request: BuildRequest,
  dockerfile: Dockerfile,
  contextConfig: ContextLookup | undefined,
): Promise<Resolved & { readonly answer: BuilderAnswer }> {
  const guess = normalizePlatform({ os: 'linux', architecture: host.system.machine });
  const [answer, first] = await Promise.all([
    askBuilder(host, tools, builder),
    resolveFor(host, tools, builder, request, dockerfile, guess, contextConfig).catch((error: unknown) =>
      asChalkError(error),
    ),
  ]);
  const { platform } = answer;
  if (platform === undefined) {
    throw new ChalkError('ENGINE_UNREACHABLE', 'the builder does not say what it builds for');
  }
  if (!samePlatform(platform, guess)) {
    return {
      ...(await resolveFor(host, tools, builder, request, dockerfile, platform, contextConfig)),
      answer,
    };
  }
  if (first instanceof ChalkError) throw first;
  return { ...first, answer };
}

async function resolveFor(
  host: Host,
  tools: DockerTools,
  builder: Builder,
  request: BuildRequest,
  dockerfile: Dockerfile,
  buildPlatform: Platform,
  contextConfig: ContextLookup | undefined,
): Promise<Resolved> {
  const [firstPlatform = buildPlatform, ...others] = request.platforms;
  const optionsFor = (targetPlatform: Platform): BuildOptions => ({
    ...(request.target === undefined ? {} : { target: request.target }),
    buildArgs: request.buildArgs,
    namedContexts: request.namedContexts,
    targetPlatform,
    buildPlatform,
  });
  const needed = [firstPlatform, ...others].flatMap((platform) =>
    neededBaseImages(dockerfile, optionsFor(platform)),
  );
  const wanted = needed.flatMap((image) =>
    image.kind === 'image' ? [{ ref: image.reference, platform: image.platform }] : [],
  );
  const local = builder.driver === 'docker' && !request.pull;
  const images = await lookUpImages(
    host,
    tools,
    wanted,
    local ? 'engine-then-registry' : 'registry',
    builderFlags(builder),
  );
  const contexts = new Map<string, BaseConfig | undefined>();
  for (const image of needed) {
    if (image.kind === 'image') continue;
    contexts.set(neededKey(image), await contextConfig?.(image.value, image.platform));
  }
  const configFor = (platform: Platform): PlatformConfig => ({
    platform,
    config: resolveConfig(dockerfile, optionsFor(platform), (image) =>
      image.kind === 'image' ? images.get(neededKey(image)) : contexts.get(neededKey(image)),
    ),
  });
  return {
    configs: [configFor(firstPlatform), ...others.map(configFor)],
    baseImage: [...images.values()][0],
  };
}

function neededKey(image: NeededImage): string {
  return wantedKey({ ref: image.kind === 'image' ? image.reference : image.value, platform: image.platform });
}

/** Failures docker will meet as well, and say in its own words. */
const DOCKERS_OWN: Partial<Record<ErrorCode, ReasonCode>> = {
  ARGV_BAD_VALUE: 'argv',
  CONTEXT_UNREADABLE: 'context-unreadable',
  DOCKERFILE_UNREADABLE: 'dockerfile-unreadable',
  DOCKERFILE_SYNTAX: 'dockerfile-syntax',
  BASE_IMAGE_UNKNOWN: 'base-unknown',
  ENGINE_UNREACHABLE: 'engine-unreachable',
};

/** The reason for leaving a build alone that an error of ours is. */
function passFor(error: ChalkError): PassPlan {
  return pass(DOCKERS_OWN[error.code] ?? 'internal', error.message);
}

function passing(...why: Parameters<typeof pass>): Extract<Preparation, { kind: 'pass' }> {
  return { kind: 'pass', plan: pass(...why), errors: [] };
}

/** The ignore and policy files BuildKit looks for beside the Dockerfile it was given (`dockerui`, buildx 0.31). */
export function siblingsOf(dockerfile: string): string[] {
  return ['.dockerignore', '.rego'].map((ending) => `${basename(dockerfile)}${ending}`);
}
