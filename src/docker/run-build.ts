import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import type { AttachedCommand, Command, Host } from '../host/host.ts';
import type { DockerCommand } from './argv/command.ts';
import { renderCommand } from './argv/command.ts';
import { type Item, render } from './argv/parse.ts';
import type { Builder } from './builder.ts';
import { type DockerTools, GUARD, helperEnvironment } from './tools.ts';

/** How a command line reaches docker. */
export type Route =
  /**
   * The buildx program itself, as docker would start it: it holds docker's socket and hears every cancellation. Compose
   * starts it `standalone`, without the word and without a docker that called.
   */
  | { readonly kind: 'buildx'; readonly builder: Builder; readonly standalone: boolean }
  /** docker, for what buildx does not do or is not there for. */
  | { readonly kind: 'docker'; readonly why: string };

/** `docker build` goes to the old builder when DOCKER_BUILDKIT says so; what is no boolean is for docker to complain of. */
export function wantsLegacyBuilder(command: DockerCommand, setting: string | undefined): boolean {
  return (
    command.kind === 'build' &&
    !command.throughBuildx &&
    setting !== undefined &&
    setting !== '' &&
    !/^(1|t|true)$/i.test(setting)
  );
}

/**
 * The process that carries a command line out, with these items in place of the user's (the same ones for the original
 * build). Running the buildx file is what docker itself does for `docker build` (docker/cli `builder.go`); through
 * another docker in between, a cancellation of ours would not arrive.
 */
export function buildProcess(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  route: Route,
  items: readonly Item[],
  options: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly inputFile?: string | undefined;
    readonly captureStdout?: boolean | undefined;
  } = {},
): AttachedCommand {
  const input = {
    ...(options.inputFile === undefined ? {} : { inputFile: options.inputFile }),
    ...(options.captureStdout === true ? { captureStdout: true } : {}),
  };
  const docker = tools.docker ?? 'docker';
  if (route.kind === 'docker' || tools.buildx === undefined) {
    return { ...dockerProcess(host, docker, renderCommand({ ...command, items })), ...input };
  }
  const words = [...render(command.pathItems), command.kind, ...render(items)];
  return {
    file: tools.buildx,
    args: route.standalone ? words : [...tools.globals, 'buildx', ...words],
    env: {
      ...(route.standalone ? {} : { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: docker }),
      ...host.env,
      ...route.builder.environment,
      ...options.environment,
      ...GUARD,
    },
    ...input,
  };
}

/** The same as a helper program, whose answer is ours to read: a question to buildx about what it was told. */
export function buildQuestion(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  route: Extract<Route, { kind: 'buildx' }>,
  items: readonly Item[],
  question: Pick<Command, 'timeoutMs'> & { readonly inputFile: string | undefined },
): Command {
  const { file, args, env, inputFile } = buildProcess(host, tools, command, route, items, question);
  const caller = env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND'];
  return {
    file,
    args,
    env: {
      ...helperEnvironment(env),
      // Without it buildx takes the word `buildx` for a command of its own.
      ...(caller === undefined ? {} : { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: caller }),
    },
    ...(question.timeoutMs === undefined ? {} : { timeoutMs: question.timeoutMs }),
    ...(inputFile === undefined ? {} : { inputFile }),
  };
}

/**
 * docker run in the user's place. It makes a socket of its own for its plugins and does not look at the one we were given,
 * so that one is watched for it.
 */
export function dockerProcess(host: Host, docker: string, args: readonly string[]): AttachedCommand {
  const { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: _, DOCKER_CLI_PLUGIN_SOCKET: socket, ...env } = host.env;
  return {
    file: docker,
    args,
    env: { ...env, ...GUARD },
    ...(socket === undefined ? {} : { cancelAddress: socket }),
  };
}

/** What buildx says about a finished build in its metadata file. */
export interface BuildMetadata {
  /** `sha256:…` of the manifest or index that was made. */
  readonly digest: string | undefined;
  readonly configDigest: string | undefined;
  readonly mediaType: string | undefined;
  readonly names: readonly string[];
  readonly buildRef: string | undefined;
}

const MetadataFile = z.object({
  'containerimage.digest': z.optional(z.string()),
  'containerimage.config.digest': z.optional(z.string()),
  'containerimage.descriptor': z.optional(z.object({ mediaType: z.optional(z.string()) })),
  'image.name': z.optional(z.string()),
  'buildx.build.ref': z.optional(z.string()),
});

const BakeMetadataFile = z.record(z.string(), z.unknown());

/**
 * Reads a metadata file; undefined when the build wrote none or something else stands there. A bake writes one for all
 * its targets, by name.
 */
export async function readBuildMetadata(
  host: Host,
  path: string,
  bakeTarget?: string,
): Promise<BuildMetadata | undefined> {
  const json = parseJson(await host.files.readText(path).catch(() => ''));
  const targets = BakeMetadataFile.safeParse(json);
  const parsed = MetadataFile.safeParse(
    bakeTarget === undefined || !targets.success ? json : targets.data[bakeTarget],
  );
  if (!parsed.success) return undefined;
  const file = parsed.data;
  return {
    digest: file['containerimage.digest'],
    configDigest: file['containerimage.config.digest'],
    mediaType: file['containerimage.descriptor']?.mediaType,
    names: (file['image.name'] ?? '').split(',').filter((name) => name !== ''),
    buildRef: file['buildx.build.ref'],
  };
}
