import * as z from 'zod/mini';
import type { ChalkError } from '../../base/errors.ts';
import { parseImageRef, repositoryName } from '../../base/image-ref.ts';
import { parseJson } from '../../base/json.ts';
import { atRunTime, collectCi, collectGitStatus, collectHost, when } from '../../collect/index.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import type { BuildRequest } from '../../docker/build-request.ts';
import { type BuildMetadata, readBuildMetadata } from '../../docker/run-build.ts';
import type { DockerTools } from '../../docker/tools.ts';
import type { Host } from '../../host/host.ts';
import { outputOf } from '../../host/processes.ts';
import { bareDigest, digestTable, inspectImage, tagTable } from '../../image/image-facts.ts';
import type { Mark, MarkMap, MarkValue } from '../../mark/index.ts';
import type { Reason } from '../../plan/index.ts';
import { newActionId, redactItems, writeReport } from '../../report/index.ts';
import type { Attested } from '../attested.ts';
import { PRODUCT_VERSION } from '../version.ts';
import type { PreparedBuild } from './prepare.ts';

/** What became of a docker command of the user's. */
export interface Outcome {
  readonly command: DockerCommand;
  /** Which injection was used for the image that is there now, `none` when docker built what was typed. */
  readonly injection: 'inline' | 'patch' | 'label' | 'none';
  readonly reason: Reason;
  readonly exitCode: number;
  readonly errors: readonly ChalkError[];
}

/** A marked build, as far as a report speaks of it. */
export interface ReportedBuild {
  readonly request: BuildRequest;
  /** The folder of this machine the build is about, where there is one. */
  readonly folder: string | undefined;
  readonly marks: readonly Mark[];
  /** Artifact keys that are not in the marks. */
  readonly facts: Readonly<Record<string, MarkValue>>;
  /** Artifact keys that say what was added to the user's build. */
  readonly added: Readonly<Record<string, MarkValue>>;
  readonly hostFacts: Readonly<Record<string, MarkValue>>;
  readonly errors: readonly ChalkError[];
  /** The user's own Dockerfile, where it was read. */
  readonly dockerfile?: Uint8Array;
}

/** An inline build, for `markedReport`. */
export function inlineReport(build: PreparedBuild): ReportedBuild {
  return {
    ...build,
    folder: build.source.folder,
    dockerfile: build.source.dockerfile.bytes,
    added: {
      DOCKER_FILE_CHALKED: new TextDecoder().decode(build.plan.dockerfile),
      DOCKER_CHALK_ADDED_TO_DOCKERFILE: build.plan.added,
    },
  };
}

/** Where the digests of a built image are to be read. */
export type BuiltImage =
  | { readonly kind: 'metadata-file'; readonly path: string; readonly bakeTarget?: string }
  /** In the engine, under this name or ID. */
  | { readonly kind: 'local'; readonly name: string; readonly configDigest?: string | undefined };

const NOTHING: Readonly<Record<string, MarkValue>> = {};

/** The report on a build that docker carried out as it was typed. */
export async function passedReport(host: Host, outcome: Outcome): Promise<string> {
  return writeReport({
    operation: 'build',
    actionId: newActionId(host.random.bytes(8)),
    host: await hostKeys(host, outcome),
    chalks: [],
    errors: outcome.errors,
    exitCode: outcome.exitCode,
  });
}

/** The report on a marked build: one entry a platform, with the image as the engine or the registry now knows it. */
export async function markedReport(
  host: Host,
  tools: DockerTools,
  build: ReportedBuild,
  image: BuiltImage | undefined,
  outcome: Outcome,
  attested?: Attested,
): Promise<string> {
  return reportOnAll(host, tools, [{ build, image }], outcome, {}, attested);
}

/** The same for several images of one run; `keys` are host keys that say more about the run. */
export async function reportOnAll(
  host: Host,
  tools: DockerTools,
  images: readonly { readonly build: ReportedBuild; readonly image: BuiltImage | undefined }[],
  outcome: Outcome,
  keys: Readonly<Record<string, MarkValue>>,
  attested?: Attested,
): Promise<string> {
  const built = outcome.exitCode === 0;
  const [entries, known, buildx] = await Promise.all([
    Promise.all(
      images.map(({ build, image }) => chalksOf(host, tools, build, built ? image : undefined, attested)),
    ),
    hostKeys(host, outcome),
    buildxVersion(host, tools),
  ]);
  const errors = entries.flatMap((entry) => entry.errors);
  return writeReport({
    operation: 'build',
    actionId: newActionId(host.random.bytes(8)),
    host: {
      ...known,
      ...Object.fromEntries(images.flatMap(({ build }) => Object.entries(build.hostFacts))),
      ...(buildx === undefined ? {} : { _DOCKER_BUILDX_VERSION: buildx }),
      ...attested?.keys,
      ...keys,
    },
    chalks: built ? entries.flatMap(({ chalks }) => chalks) : [],
    errors: [...errors, ...outcome.errors, ...(attested?.errors ?? []), ...(attested?.warnings ?? [])],
    exitCode: outcome.exitCode,
  });
}

async function chalksOf(
  host: Host,
  tools: DockerTools,
  build: ReportedBuild,
  image: BuiltImage | undefined,
  attested: Attested | undefined,
): Promise<{ readonly chalks: readonly MarkMap[]; readonly errors: readonly ChalkError[] }> {
  const { folder } = build;
  const metadata =
    image?.kind === 'metadata-file' ? await readBuildMetadata(host, image.path, image.bakeTarget) : undefined;
  const [imageFacts, status] = await Promise.all([
    image === undefined ? NOTHING : imageKeys(host, tools, build, image, metadata),
    folder === undefined ? { facts: {}, errors: [] } : collectGitStatus(host, folder),
  ]);
  const chalks = build.marks.map(
    (mark): MarkMap =>
      new Map<string, MarkValue>([
        ...Object.entries(build.facts),
        ...Object.entries(status.facts),
        ...mark.values,
        ['_OP_ARTIFACT_TYPE', 'Docker Image'],
        ['_OP_ARTIFACT_CONTEXT', 'build'],
        ...Object.entries(build.added),
        ...Object.entries(imageFacts),
        ...Object.entries(
          metadata?.digest === undefined
            ? NOTHING
            : (attested?.factsOf(metadata.digest, mark.values) ?? NOTHING),
        ),
      ]),
  );
  return { chalks, errors: [...build.errors, ...status.errors] };
}

async function hostKeys(host: Host, outcome: Outcome): Promise<Readonly<Record<string, MarkValue>>> {
  const ci = await collectCi(host);
  return {
    ...when(host.clock).report,
    ...collectHost(host, { version: PRODUCT_VERSION }).report,
    ...atRunTime(ci.facts),
    _OP_ARGV: ['docker', ...outcome.command.path, ...redactItems(outcome.command.items)],
    _X_CHALK_INJECTION: outcome.injection,
    _X_CHALK_INJECTION_REASON: `${outcome.reason.code}: ${outcome.reason.text}`,
  };
}

/** Digests from the metadata file, and the rest from the engine if the image is in it. */
async function imageKeys(
  host: Host,
  tools: DockerTools,
  build: ReportedBuild,
  image: BuiltImage,
  metadata: BuildMetadata | undefined,
): Promise<Readonly<Record<string, MarkValue>>> {
  if (image.kind === 'local') {
    const local = await inspectImage(host, tools, image.name);
    const { _REPO_DIGESTS: _, _REPO_TAGS: __, ...facts } = local?.facts ?? {};
    const { configDigest } = image;
    return configDigest === undefined ? facts : { ...facts, _IMAGE_CONFIG_DIGEST: bareDigest(configDigest) };
  }
  if (metadata === undefined) return {};
  const ids = [metadata.configDigest, metadata.digest].filter((id) => id !== undefined);
  for (const id of ids) {
    const local = await inspectImage(host, tools, id);
    if (local === undefined) continue;
    // The containerd store has digests for every image, pushed or not; a report names only what a registry has.
    const { _REPO_DIGESTS: _, _REPO_TAGS: __, ...facts } = local.facts;
    return { ...facts, ...digestKeys(metadata, build.request.push) };
  }
  return digestKeys(metadata, build.request.push);
}

function digestKeys(metadata: BuildMetadata, pushed: boolean): Readonly<Record<string, MarkValue>> {
  const { digest, configDigest, mediaType } = metadata;
  const keys: Record<string, MarkValue> = {};
  if (configDigest !== undefined) keys['_IMAGE_CONFIG_DIGEST'] = bareDigest(configDigest);
  const id = configDigest ?? digest;
  if (id !== undefined) keys['_CURRENT_HASH'] = bareDigest(id);
  if (pushed && digest !== undefined) {
    const repositories = metadata.names.flatMap((name) => {
      const ref = parseImageRef(name);
      return ref === undefined ? [] : [`${repositoryName(ref)}@${digest}`];
    });
    const isIndex = mediaType?.includes('index') || mediaType?.includes('manifest.list');
    keys[isIndex ? '_REPO_LIST_DIGESTS' : '_REPO_DIGESTS'] = digestTable(repositories);
    // What is pushed by digest has a name without a tag.
    const tagged = metadata.names.filter((name) => /:[\w.-]+$/.test(name));
    if (tagged.length > 0) keys['_REPO_TAGS'] = tagTable(tagged, repositories);
  }
  return keys;
}

const PluginMetadata = z.object({ Version: z.string() });

/** From the plugin's own metadata: the quickest thing it answers. */
export async function buildxVersion(host: Host, tools: DockerTools): Promise<string | undefined> {
  if (tools.buildx === undefined) return undefined;
  const result = await host.processes.run({ file: tools.buildx, args: ['docker-cli-plugin-metadata'] });
  const parsed = PluginMetadata.safeParse(parseJson(outputOf(result) ?? ''));
  return parsed.success ? parsed.data.Version : undefined;
}
