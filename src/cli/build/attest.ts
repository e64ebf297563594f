import type { PushedImage } from '../../attest/index.ts';
import { asChalkError, ChalkError, describeError } from '../../base/errors.ts';
import { parseImageRef, repositoryName } from '../../base/image-ref.ts';
import { parsePlatform } from '../../base/platform.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import { type Item, valuesOf } from '../../docker/argv/parse.ts';
import { type BuildMetadata, readBuildMetadata, type Route } from '../../docker/run-build.ts';
import type { DockerTools } from '../../docker/tools.ts';
import type { Host } from '../../host/host.ts';
import { type Mark, stringOf } from '../../mark/index.ts';
import type { Attested } from '../attested.ts';
import type { Signing } from '../signing.ts';
import type { BuildRun } from './provenance.ts';
import { type BuiltImage, buildxVersion, type ReportedBuild } from './report.ts';

/** The signing of what one run of buildx pushes: begun before it, done after it. */
export interface RunSigning {
  readonly signing: Signing;
  /** Milliseconds since the epoch. */
  readonly started: number;
}

/** One image of a run, and where docker says what became of it. */
export interface BuiltBuild {
  readonly build: ReportedBuild;
  readonly image: BuiltImage | undefined;
}

const SBOM_OPTIONS = ['sbom', 'sbom-format'];

const OFF: Signing = { kind: 'off', why: undefined };

/**
 * Begins to open the key, where there is something to sign. Nothing of it is loaded where nothing is pushed. Throws
 * `ARGV_BAD_VALUE` for options about SBOMs that mean nothing, before docker is started.
 */
export async function beginSigning(
  host: Host,
  options: readonly Item[],
  pushes: boolean,
): Promise<RunSigning> {
  if (SBOM_OPTIONS.some((name) => valuesOf(options, name).length > 0)) {
    const { readSbomChoice } = await import('../../sbom/index.ts');
    readSbomChoice(options, host.env);
  }
  const signing = pushes ? await (await import('../signing.ts')).startSigning(host, options, pushes) : OFF;
  return { signing, started: host.clock.now() };
}

/**
 * Signs the images of a run that docker has pushed; undefined where this run signs nothing and has nothing to say of it.
 * Never rejects.
 */
export async function attestBuilds(
  host: Host,
  tools: DockerTools,
  {
    command,
    route,
    options,
  }: { readonly command: DockerCommand; readonly route: Route; readonly options: readonly Item[] },
  { signing, started }: RunSigning,
  builds: readonly BuiltBuild[],
  silent: boolean,
): Promise<Attested | undefined> {
  if (signing.kind !== 'on' && !silent) await sayFault(host, options);
  if (signing.kind === 'off' && signing.why === undefined) return undefined;
  const { attestPushed } = await import('../attested.ts');
  const finished = host.clock.now();
  const find = async () => {
    const run = { command, route, started, finished, buildxVersion: await buildxVersion(host, tools) };
    const found = await Promise.allSettled(builds.map((each) => pushedImages(host, run, each)));
    return {
      images: found.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])),
      errors: found.flatMap((each) => (each.status === 'rejected' ? [asChalkError(each.reason)] : [])),
    };
  };
  return attestPushed(host, tools, signing, find, { options, silent });
}

/** `CHALK_SBOM` may mean something to a build that signs nothing as well, and a wrong one is said there too. */
async function sayFault(host: Host, options: readonly Item[]): Promise<void> {
  if (!host.env['CHALK_SBOM']) return;
  const { readSbomChoice } = await import('../../sbom/index.ts');
  const { fault } = readSbomChoice(options, host.env);
  if (fault !== undefined) await host.terminal.writeError(`docker chalk: no SBOM: ${describeError(fault)}\n`);
}

/** A build's image in every repository it was pushed to. Throws `RESPONSE_INVALID` where docker does not say what it pushed. */
async function pushedImages(
  host: Host,
  run: BuildRun,
  { build, image }: BuiltBuild,
): Promise<readonly PushedImage[]> {
  if (!build.request.push || image?.kind !== 'metadata-file') return [];
  const metadata = await readBuildMetadata(host, image.path, image.bakeTarget);
  if (metadata?.digest === undefined) {
    throw new ChalkError('RESPONSE_INVALID', 'docker does not say what it pushed', {
      hint: 'its metadata file has no containerimage.digest',
    });
  }
  const { digest } = metadata;
  const { provenanceOf } = await import('./provenance.ts');
  const provenance = await provenanceOf(host, run, build);
  const marks = build.marks.map((mark) => ({ mark: mark.values, platform: platformOf(mark) }));
  return repositoriesOf(metadata).map((repository) => ({ repository, digest, marks, provenance }));
}

/** Several tags of one repository are one image. */
function repositoriesOf({ names }: BuildMetadata): readonly PushedImage['repository'][] {
  const found = new Map<string, PushedImage['repository']>();
  for (const name of names) {
    const ref = parseImageRef(name);
    if (ref === undefined) continue;
    const { registry, repository } = ref;
    found.set(repositoryName(ref), { registry, repository });
  }
  return [...found.values()];
}

function platformOf({ values }: Mark) {
  const text = stringOf(values, 'DOCKER_PLATFORM');
  return text === undefined ? undefined : parsePlatform(text);
}
