import { join, resolve } from 'node:path';
import { asChalkError, ChalkError } from '../../base/errors.ts';
import { type Item, switchIsOn } from '../../docker/argv/parse.ts';
import { withoutTargets } from '../../docker/bake-metadata.ts';
import { findFailedSteps } from '../../docker/build-record.ts';
import { builderFlags } from '../../docker/builder.ts';
import { looksRemote } from '../../docker/build-request.ts';
import { buildProcess } from '../../docker/run-build.ts';
import type { Host } from '../../host/host.ts';
import { signalExitCode } from '../../host/attached.ts';
import { pass, type Reason, type Wrap } from '../../plan/index.ts';
import type { Attested } from '../attested.ts';
import { attestBuilds, beginSigning, type BuiltBuild } from '../build/attest.ts';
import { inlineReport, reportOnAll } from '../build/report.ts';
import type { End } from '../end.ts';
import { EXIT } from '../exit-codes.ts';
import { sendReport } from '../send-report.ts';
import type { BakeLine } from './definition.ts';
import { askingOnce } from './once.ts';
import { explainBake } from './explain.ts';
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
  const left = targets.find((plan) => plan.kind === 'left' && plan.reason.code !== 'no-image');
  if (run.strict && left?.kind === 'left') return runOriginal(left.reason, preparation.errors);
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
  const process = buildProcess(host, tools, command, route, staged.items, { environment, inputFile: input });
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
  const after = { ...run, host: askingOnce(host) };
  const attested =
    exitCode === EXIT.ok
      ? await attestBuilds(after.host, tools, run, signing, images, run.silent)
      : undefined;
  const write = () => report(after, preparation.errors, targets, staged, images, exitCode, attested);
  const sent = await sendReport(host, options, write, run.silent);
  return judge(result, attested?.errors[0] ?? sent);
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
    if (step.kind !== 'at-line') return step.kind === 'in-output';
    return plan?.kind === 'marked' ? plan.build.plan.isUserLine(step.line) : true;
  });
  if (isUsers) return undefined;
  const [first] = steps;
  if (first === undefined) return 'the builder keeps no record of a failed target';
  return first.step.kind === 'unclear' ? first.step.why : `the step is ours: ${first.step.message}`;
}

async function report(
  run: BakeRun,
  errors: readonly ChalkError[],
  targets: readonly TargetPlan[],
  { labelled }: StagedBake,
  images: readonly BuiltBuild[],
  exitCode: number,
  attested: Attested | undefined,
): Promise<string> {
  const marked = targets.filter((plan) => plan.kind === 'marked');
  const others = labelled ? targets.filter((plan) => plan.kind === 'labelled') : [];
  const codes = new Set(
    marked.length > 0
      ? marked.map(({ build }) => build.plan.reason.code)
      : targets.flatMap((plan) => (plan.kind === 'marked' ? [] : [plan.reason.code])),
  );
  const [code = marked.length > 0 ? 'wrapped' : 'bake'] = codes.size === 1 ? codes : [];
  const perTarget = targets.map((plan): [string, Readonly<Record<string, string>>] => {
    const reason = plan.kind === 'marked' ? plan.build.plan.reason : plan.reason;
    const injection =
      plan.kind === 'marked' ? 'inline' : plan.kind === 'labelled' && labelled ? 'label' : 'none';
    const why = plan.kind === 'labelled' ? `; ${plan.why}` : '';
    return [plan.target.name, { injection, reason: `${reason.code}: ${reason.text}${why}` }];
  });
  const text = `${marked.length} of ${targets.length} targets are marked`;
  const outcome = {
    command: run.command,
    injection: marked.length > 0 ? 'inline' : others.length > 0 ? 'label' : 'none',
    reason: { code, text },
    exitCode,
    errors,
  } as const;
  return reportOnAll(
    run.host,
    run.tools,
    images,
    outcome,
    { _X_CHALK_BAKE_TARGETS: Object.fromEntries(perTarget) },
    attested,
  );
}
