import { asChalkError, ChalkError } from '../../base/errors.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import { withFlags } from '../../docker/argv/parse.ts';
import type { BuildRequest } from '../../docker/build-request.ts';
import { engineImageIds, findEngineImage } from '../../docker/image-content.ts';
import { buildProcess, readBuildMetadata, type Route } from '../../docker/run-build.ts';
import { dockerHelper, type DockerTools } from '../../docker/tools.ts';
import type { AttachedResult, Host } from '../../host/host.ts';
import { renameIds, renameInMetadata } from '../../image/patch/index.ts';
import { sealMark } from '../../mark/index.ts';
import type { LabelPlan, PatchPlan, Reason, Wrap } from '../../plan/index.ts';
import type { End } from '../end.ts';
import { type AnswerFiles, answerFiles, labelFlags, labelsFor } from './added-flags.ts';
import { learnAboutBuild, type LearnedBuild } from './learn.ts';
import { newMarkKeys, reportedKeys } from './mark-keys.ts';
import { patchImage, type PatchedImage } from './patch-image.ts';
import type { BuiltImage, Outcome, ReportedBuild } from './report.ts';

/** A build that docker carries out as it was typed, or nearly so. */
export interface FallbackRun {
  readonly host: Host;
  readonly tools: DockerTools;
  readonly command: DockerCommand;
  readonly route: Route;
  readonly request: BuildRequest;
  /** The file standard input was saved to. */
  readonly input: string | undefined;
  /** Whether docker answers on standard output alone, with the image's ID. */
  readonly quiet: boolean;
  readonly wrap: Wrap;
  readonly shimFolder: string;
  readonly runtimeConfig: string | undefined;
}

/** How it ended, and what there is to report. */
export interface FallbackEnd {
  readonly end: End;
  readonly outcome: Pick<Outcome, 'injection' | 'reason' | 'errors'>;
  /** Undefined: nothing was marked. */
  readonly marked: { readonly build: ReportedBuild; readonly image: BuiltImage | undefined } | undefined;
}

/** Injection G. Rejects when nothing has been run yet. */
export async function runLabelBuild(run: FallbackRun, plan: LabelPlan): Promise<FallbackEnd | 'not-started'> {
  const { host, command, request } = run;
  const root = await host.files.makeTemporary('docker-chalk-');
  const files = answerFiles(host, command, run.route, root, false);
  const known = await learnAboutBuild(host, request);
  const mark = sealMark(newMarkKeys(host, known.learned));
  const labels = labelsFor(mark, request.labels);
  const result = await attach(run, files, { labels, captureStdout: false });
  if (result.kind === 'not-started') return 'not-started';
  const reason: Reason = { ...plan.reason, text: `${plan.reason.text}; ${plan.why}` };
  const metadata = files.metadataFile;
  const built = isSuccess(result);
  return {
    end: result,
    outcome: { injection: built ? 'label' : 'none', reason, errors: [] },
    marked: {
      build: fallbackReport(host, request, known, [mark], { DOCKER_CHALK_ADDED_LABELS: labels }),
      image:
        metadata === undefined
          ? await localImage(host, files.iidFile)
          : { kind: 'metadata-file', path: metadata },
    },
  };
}

/**
 * Injection C. Rejects when nothing has been run yet. Once docker has succeeded the build has, whatever becomes of the
 * patch: it is made whole or not at all, and an error says why not.
 */
export async function runPatchBuild(run: FallbackRun, plan: PatchPlan): Promise<FallbackEnd | 'not-started'> {
  const { host, tools, command, request, route } = run;
  const root = await host.files.makeTemporary('docker-chalk-');
  const files = answerFiles(host, command, route, root, true);
  // The old builder's images are its cache as well; those of BuildKit are nobody's once they have lost their names. Asked
  // for while the build begins: an answer that comes too late holds the new image, which then is left alone.
  const listing = route.kind === 'buildx' ? engineImageIds(host, tools) : undefined;
  const learning = learnAboutBuild(host, request).catch((thrown: unknown) => asChalkError(thrown));
  const result = await attach(run, files, { labels: {}, captureStdout: run.quiet });
  if (result.kind === 'not-started') return 'not-started';
  const stdout = result.stdout ?? '';
  const failed = async (errors: readonly ChalkError[]): Promise<FallbackEnd> => {
    await host.terminal.writeOut(stdout);
    return { end: result, outcome: { injection: 'none', reason: plan.reason, errors }, marked: undefined };
  };
  if (!isSuccess(result)) return failed([]);
  let known: LearnedBuild;
  let patched: PatchedImage;
  try {
    const learned = await learning;
    if (learned instanceof ChalkError) throw learned;
    known = learned;
    patched = await patch(run, files, known);
  } catch (thrown) {
    return failed([asChalkError(thrown)]);
  }
  const { renamed } = patched;
  const errors: ChalkError[] = [];
  const rewriting = [
    rewrite(host, files.iidFile, (text) => renameIds(text, renamed)),
    ...(files.metadataFile === undefined
      ? []
      : [rewrite(host, files.metadataFile, (text) => renameInMetadata(text, renamed))]),
  ];
  for (const each of await Promise.allSettled(rewriting)) {
    if (each.status === 'rejected') errors.push(asChalkError(each.reason));
  }
  await host.terminal.writeOut(renameIds(stdout, renamed));
  const imagesBefore = await listing;
  if (errors.length === 0 && imagesBefore !== undefined && !imagesBefore.has(patched.before.id)) {
    await removeUnnamed(host, tools, patched.before.id);
  }
  const added = addedByPatch(patched);
  return {
    end: result,
    outcome: { injection: 'patch', reason: plan.reason, errors },
    marked: {
      build: fallbackReport(host, request, known, [patched.mark], added),
      image: { kind: 'local', name: patched.id, configDigest: renamed.configDigest[1] },
    },
  };
}

function attach(
  run: FallbackRun,
  files: AnswerFiles,
  extra: { readonly labels: Readonly<Record<string, string>>; readonly captureStdout: boolean },
): Promise<AttachedResult> {
  const { host, tools, command, route } = run;
  const items = withFlags(command.items, [...labelFlags(extra.labels), ...files.added]);
  return host.processes.attach(
    buildProcess(host, tools, command, route, items, {
      environment: files.environment,
      inputFile: run.input,
      captureStdout: extra.captureStdout,
    }),
  );
}

async function patch(run: FallbackRun, files: AnswerFiles, known: LearnedBuild): Promise<PatchedImage> {
  const { host, tools, request, route } = run;
  const [iid, metadata] = await Promise.all([
    host.files.readText(files.iidFile).catch(() => ''),
    files.metadataFile === undefined ? undefined : readBuildMetadata(host, files.metadataFile),
  ]);
  const tags = [...request.tags, ...(metadata?.names ?? [])];
  return patchImage(host, tools, {
    // A tag comes last: another build may have taken it meanwhile.
    names: [iid.trim(), metadata?.digest ?? '', ...tags].filter((name) => name !== ''),
    tags,
    builder: route.kind === 'buildx' ? route.builder : undefined,
    buildRef: metadata?.buildRef,
    markKeys: newMarkKeys(host, known.learned),
    wrap: run.wrap,
    shimFolder: run.shimFolder,
    runtimeConfig: run.runtimeConfig,
  });
}

/** Artifact keys that say what a patch changed besides the image. */
export function addedByPatch({ droppedAttestations }: PatchedImage): ReportedBuild['added'] {
  return droppedAttestations > 0 ? { _X_CHALK_ATTESTATIONS_DROPPED: droppedAttestations } : {};
}

/** Writes a file of docker's again, where it says something else now. */
export async function rewrite(host: Host, path: string, edit: (text: string) => string): Promise<void> {
  const [text, stat] = await Promise.all([host.files.readText(path), host.files.stat(path)]);
  const edited = edit(text);
  if (edited !== text) await host.files.write(path, edited, (stat?.mode ?? 0o644) & 0o777);
}

/**
 * Removes the image this build made and the patch has taken the names from. Without force docker refuses where a container
 * uses it; that it had no other name, and was not there before, is for the caller and for this to make sure.
 */
export async function removeUnnamed(host: Host, tools: DockerTools, id: string): Promise<void> {
  const image = await findEngineImage(host, tools, id);
  if (image === undefined || image.tags.length > 0) return;
  await dockerHelper(host, tools, ['image', 'rm', '--no-prune', '--', id]);
}

/** What a report says of a build whose Dockerfile was not edited. */
export function fallbackReport(
  host: Host,
  request: BuildRequest,
  known: LearnedBuild,
  marks: ReportedBuild['marks'],
  added: ReportedBuild['added'],
): ReportedBuild {
  return {
    request,
    folder: known.folder,
    marks,
    facts: reportedKeys(host, known.learned),
    added,
    hostFacts: {},
    errors: known.errors,
  };
}

async function localImage(host: Host, iidFile: string): Promise<BuiltImage | undefined> {
  const name = (await host.files.readText(iidFile).catch(() => '')).trim();
  return name === '' ? undefined : { kind: 'local', name };
}

function isSuccess(result: End): boolean {
  return result.kind === 'exited' && result.code === 0;
}
