/**
 * What is told of a build as SLSA provenance v1 (slsa.dev/spec/v1.1/build-provenance). Only what was seen: no level is
 * claimed anywhere, that is for who verifies to say, by the builder's ID.
 */

/** A kind of build: its parameters are those of `docker build`, as README's "Signatures" lists them. */
export const BUILD_TYPE = 'urn:docker-chalk:build:v1';
/** Who says so: this program, on somebody's machine or in a job of a CI system. Neither is a build service of its own. */
export const BUILDER_IDS = {
  local: 'urn:docker-chalk:builder:local',
  ci: 'urn:docker-chalk:builder:ci',
} as const;

export interface Provenance {
  /** What the user asked for. */
  readonly parameters: {
    /** The command's words, redacted and without a path of the machine. */
    readonly command: readonly string[];
    readonly context?: string | undefined;
    /** From the top of the repository, or as it was named. */
    readonly dockerfile?: string | undefined;
    readonly target?: string | undefined;
    readonly platforms?: readonly string[];
    /** Names alone: values may be secret. */
    readonly buildArgs?: readonly string[];
    readonly bakeTarget?: string | undefined;
  };
  /** What this program and the builder chose. */
  readonly internal: Readonly<Record<string, string>>;
  readonly dependencies: readonly Dependency[];
  readonly builder: keyof typeof BUILDER_IDS;
  /** Programs and their versions. */
  readonly versions: Readonly<Record<string, string>>;
  /** Names this run and no other. */
  readonly invocation: string;
  /** Milliseconds since the epoch. */
  readonly started: number;
  readonly finished: number;
}

/** A resource descriptor: something the build was made from, by digest. */
export interface Dependency {
  readonly name?: string;
  readonly uri?: string;
  /** By algorithm, lower-case hex. */
  readonly digest: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string | boolean>>;
}

/** The predicate as JSON. Members that are not known are left out. */
export function writeProvenance(provenance: Provenance): string {
  const { parameters, internal, dependencies, builder, versions, invocation } = provenance;
  return JSON.stringify({
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: parameters,
      internalParameters: internal,
      resolvedDependencies: dependencies,
    },
    runDetails: {
      builder: { id: BUILDER_IDS[builder], version: versions },
      metadata: {
        invocationId: invocation,
        startedOn: writeSeconds(provenance.started),
        finishedOn: writeSeconds(provenance.finished),
      },
    },
  });
}

/** A container image as package URL, the way BuildKit writes it. */
export function imageUri(
  registry: string,
  repository: string,
  tag: string | undefined,
  platform: string | undefined,
): string {
  const isHub = registry === 'docker.io';
  const path = isHub ? repository.replace(/^library\//, '') : `${registry}/${repository}`;
  const name = path
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll('%3A', ':'))
    .join('/');
  const version = tag === undefined ? '' : `@${encodeURIComponent(tag)}`;
  return `pkg:docker/${name}${version}${platform === undefined ? '' : `?platform=${encodeURIComponent(platform)}`}`;
}

/**
 * Words of a command without the paths of the machine it was typed on: a statement is public wherever its image is.
 * Relative paths say where things are in the project, and stay.
 */
export function withoutPaths(words: readonly string[]): readonly string[] {
  return words.map((word) => word.replaceAll(/(^|[=,])(?:file:\/\/)?\/[^,]*/g, '$1<<path>>'));
}

function writeSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
