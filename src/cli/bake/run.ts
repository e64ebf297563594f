import { join, resolve } from 'node:path';
import { asChalkError, ChalkError, describeError } from '../../base/errors.ts';
import { type Item, switchIsOn } from '../../docker/argv/parse.ts';
import { withoutTargets } from '../../docker/bake-metadata.ts';
import { findFailedSteps } from '../../docker/build-record.ts';
import { builderFlags } from '../../docker/builder.ts';
import { looksRemote } from '../../docker/build-request.ts';
import { cannotAnswer } from '../../docker/rehearsal.ts';
import { buildProcess } from '../../docker/run-build.ts';
import type { Host } from '../../host/host.ts';
import { signalExitCode } from '../../host/attached.ts';
import { pass, type Reason, type Wrap } from '../../plan/index.ts';
import type { Attested } from '../attested.ts';
import { attestBuilds, beginSigning, type BuiltBuild } from '../build/attest.ts';
import { withBakeSbom } from '../build/buildkit-sbom.ts';
import { inlineReport, type Outcome, reportOnAll } from '../build/report.ts';
import type { End } from '../end.ts';
import { EXIT } from '../exit-codes.ts';
import { sendReport } from '../send-report.ts';
import type { BakeLine } from './definition.ts';
import { askingOnce } from './once.ts';
import { explainBake } from './explain.ts';
import { awaitPatches, type BakePatches, NO_PATCHES } from './patch.ts';
import { prepareBake, type TargetPlan } from './prepare.ts';
import { stageBake, type StagedBake } from './stage.ts';

export interface BakeRun extends BakeLine {
  /** Our own options. */
  readonly options: readonly Item[];
  /** A program reads standard error. */
  readonly silent: boolean;
  /** No image without a mark. */
  readonly strict: boolean;
  readonly wrap: Wrap;
  readonly runtimeConfig: string | undefined;
}

/** What a bake has in common with every other command of docker's. */
export interface Doors {
  /** Carries the line out as it was typed. */
  readonly runOriginal: (reason: Reason, errors: readonly ChalkError[]) => Promise<End>;
  /** What a run that docker finished ends with, when something of ours went wrong behind it. */
  readonly judge: (end: End, failure: ChalkError | undefined) => Promise<End>;
}

/** What Ctrl-C leaves behind in buildx. */
const CANCELLED = 130;

/**
 * Runs a bake with every target marked that can be. Until buildx was started everything of ours may fail and the line
 * runs as it was typed; once buildx has succeeded, nothing is run again.
 */
export async function runBake(run: BakeRun, { runOriginal, judge }: Doors): Promise<End> {
  const { host, tools, command, route, input, options } = run;
  const preparation = await prepareBake(run, {
    wrap: run.wrap,
    runtimeConfig: run.runtimeConfig !== undefined,
  });
  if (switchIsOn(options, 'explain')) {
    await host.terminal.writeOut(explainBake(preparation));
    return { kind: 'exited', code: EXIT.ok };
  }
  if (preparation.kind === 'pass') return runOriginal(preparation.reason, preparation.errors);
  const { definition, targets } = preparation;
  const bare = targets.find(
    (plan) => plan.kind === 'labelled' || (plan.kind === 'left' && plan.reason.code !== 'no-image'),
  );
  if (run.strict && bare !== undefined && bare.kind !== 'marked') {
    return runOriginal(bare.reason, preparation.errors);
  }
  let staged;
  try {
    const shimFolder = join(import.meta.dirname, 'shim');
    staged = await stageBake(run, definition, targets, shimFolder, run.runtimeConfig);
  } catch (thrown) {
    return runOriginal(pass('internal', 'the bake could not be prepared').reason, [
      ...preparation.errors,
      asChalkError(thrown),
    ]);
  }
  if (staged.kind === 'pass') return runOriginal(staged.reason, preparation.errors);
  const images = reportedBuilds(targets, staged);
  const signing = await beginSigning(
    host,
    options,
    images.some(({ build }) => build.request.push),
  );
  const started = host.clock.now();
  const { environment } = staged;
  const items = await withBakeSbom(run, definition, staged.items);
  const process = buildProcess(host, tools, command, route, items, { environment, inputFile: input });
  const patch = awaitPatches(run, targets);
  const result = await host.processes.attach(process);
  if (result.kind === 'not-started') {
    const error = new ChalkError('PROCESS_FAILED', `${process.file} could not be started`, {
      cause: result.cause,
    });
    return runOriginal(pass('internal', 'buildx could not be started').reason, [error]);
  }
  if (result.kind === 'exited' && result.code !== EXIT.ok && result.code !== CANCELLED) {
    const why = await whyOurs(run, targets, staged, started);
    // Strict runs are not repeated without a mark: the failure stands.
    if (why !== undefined && !run.strict) {
      const error = new ChalkError('PROCESS_FAILED', `the marked bake exited with ${result.code}: ${why}`);
      return runOriginal(pass('internal', 'the marked bake failed').reason, [error]);
    }
  }
  await tidyMetadata(host, staged);
  const exitCode = result.kind === 'exited' ? result.code : signalExitCode(result.signal);
  const patches = exitCode === EXIT.ok ? await patch(staged.metadataFile) : NO_PATCHES;
  for (const [name, failure] of run.silent ? [] : patches.failed) {
    await host.terminal.writeError(
      `docker chalk: the image of ${name} has no mark: ${describeError(failure)}\n`,
    );
  }
  const built = [...images, ...patches.images.values()];
  const after = { ...run, host: askingOnce(host) };
  const attested =
    exitCode === EXIT.ok ? await attestBuilds(after.host, tools, run, signing, built, run.silent) : undefined;
  const [unpatched] = patches.failed.values();
  const errors = [...preparation.errors, ...patches.failed.values()];
  const write = () => report(after, errors, targets, { staged, patches, built }, exitCode, attested);
  const sent = await sendReport(host, options, write, run.silent);
  return judge(result, unpatched ?? attested?.errors[0] ?? sent);
}

/** The targets that have a mark, inline or by labels, with what docker says of each. */
function reportedBuilds(
  targets: readonly TargetPlan[],
  { metadataFile, labelled }: StagedBake,
): readonly BuiltBuild[] {
  const marked = targets.flatMap((plan) =>
    plan.kind === 'marked' ? [{ target: plan.target, build: inlineReport(plan.build) }] : [],
  );
  const others = targets.filter((plan) => plan.kind === 'labelled');
  return [...marked, ...(labelled ? others : [])].map(({ target, build }) => ({
    build: { ...build, added: { ...build.added, _X_CHALK_BAKE_TARGET: target.name } },
    image: { kind: 'metadata-file', path: metadataFile, bakeTarget: target.name },
  }));
}

/** The user's metadata file holds the user's targets. Should it not be ours to write, there is one target too many in it. */
async function tidyMetadata(host: Host, { metadataFile, surplus }: StagedBake): Promise<void> {
  if (surplus.length === 0) return;
  try {
    const text = withoutTargets(await host.files.readText(metadataFile), surplus);
    if (text !== undefined) await host.files.write(metadataFile, text, 0o644);
  } catch {
    // What is in it is true all the same.
  }
}

/**
 * Why a failed bake may have failed through us; undefined where the builder's records prove that a step of the user's
 * failed in some target, which then fails without us as well.
 */
async function whyOurs(
  run: BakeRun,
  targets: readonly TargetPlan[],
  staged: StagedBake,
  started: number,
): Promise<string | undefined> {
  const { host, tools, route } = run;
  const files = targets.flatMap(({ kind, target }) => {
    const copy = staged.dockerfiles.get(target.name);
    const ours = copy === undefined ? [] : [{ dockerfile: copy }];
    const builtAsItIs = kind !== 'marked' || staged.copied.includes(target.name);
    if (!builtAsItIs || target.inline !== undefined || looksRemote(target.context)) return ours;
    const dockerfile = resolve(host.cwd, target.context, target.dockerfile);
    return [...ours, { dockerfile, since: started }];
  });
  const steps = await findFailedSteps(host, tools, builderFlags(route.builder), files);
  const isUsers = steps.some(({ dockerfile, step }) => {
    const plan = targets.find(({ target }) => staged.dockerfiles.get(target.name) === dockerfile);
    if (step.kind !== 'at-line') return step.kind === 'in-output' || step.kind === 'in-context';
    return plan?.kind === 'marked' ? plan.build.plan.isUserLine(step.line) : true;
  });
  if (isUsers) return undefined;
  const copies = [...staged.dockerfiles.values()];
  const flags = builderFlags(route.builder);
  if (copies.length > 0 && (await cannotAnswer(host, tools, run.command, flags, copies))) return undefined;
  const [first] = steps;
  if (first === undefined) return 'the builder keeps no record of a failed target';
  return first.step.kind === 'unclear' ? first.step.why : `the step is ours: ${first.step.message}`;
}

/** What there is to say of the images of a bake. */
interface BakeResult {
  readonly staged: StagedBake;
  readonly patches: BakePatches;
  readonly built: readonly BuiltBuild[];
}

async function report(
  run: BakeRun,
  errors: readonly ChalkError[],
  targets: readonly TargetPlan[],
  { staged, patches, built }: BakeResult,
  exitCode: number,
  attested: Attested | undefined,
): Promise<string> {
  const ends = targets.map((plan) => {
    const reason = plan.kind === 'marked' ? plan.build.plan.reason : plan.reason;
    return { plan, reason, injection: injectionOf(plan, staged, patches) };
  });
  const used = new Set(ends.map(({ injection }) => injection));
  const injection = (['inline', 'patch', 'label'] as const).find((each) => used.has(each)) ?? 'none';
  const counted = injection === 'inline' ? ends.filter((each) => each.injection === 'inline') : ends;
  const codes = new Set(counted.map(({ reason }) => reason.code));
  const [code = injection === 'inline' ? 'wrapped' : 'bake'] = codes.size === 1 ? codes : [];
  const perTarget = ends.map(({ plan, reason, injection: how }) => {
    const why = plan.kind === 'labelled' ? `; ${plan.why}` : '';
    return [plan.target.name, { injection: how, reason: `${reason.code}: ${reason.text}${why}` }] as const;
  });
  const marked = ends.filter((each) => each.injection === 'inline' || each.injection === 'patch');
  const text = `${marked.length} of ${targets.length} targets are marked`;
  const outcome: Outcome = { command: run.command, injection, reason: { code, text }, exitCode, errors };
  return reportOnAll(
    run.host,
    run.tools,
    built,
    outcome,
    { _X_CHALK_BAKE_TARGETS: Object.fromEntries(perTarget) },
    attested,
  );
}

function injectionOf(
  { kind, target }: TargetPlan,
  { labelled }: StagedBake,
  { images }: BakePatches,
): Outcome['injection'] {
  switch (kind) {
    case 'marked':
      return 'inline';
    case 'patched':
      return images.has(target.name) ? 'patch' : 'none';
    case 'labelled':
      return labelled ? 'label' : 'none';
    case 'left':
      return 'none';
  }
}
