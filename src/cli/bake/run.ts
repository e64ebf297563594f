import { join, resolve } from 'node:path';
import { asChalkError, ChalkError } from '../../base/errors.ts';
import type { Item } from '../../docker/argv/parse.ts';
import { withoutTargets } from '../../docker/bake-metadata.ts';
import { findFailedSteps } from '../../docker/build-record.ts';
import { builderFlags } from '../../docker/builder.ts';
import { looksRemote } from '../../docker/build-request.ts';
import { buildProcess } from '../../docker/run-build.ts';
import type { Host } from '../../host/host.ts';
import { signalExitCode } from '../../host/attached.ts';
import { pass, type Reason } from '../../plan/index.ts';
import { inlineReport, reportOnAll } from '../build/report.ts';
import type { End } from '../end.ts';
import { EXIT } from '../exit-codes.ts';
import { sendReport } from '../send-report.ts';
import type { BakeLine } from './definition.ts';
import { explainBake } from './explain.ts';
import { type BakeOptions, prepareBake, type TargetPlan } from './prepare.ts';
import { stageBake, type StagedBake } from './stage.ts';

export interface BakeRun extends BakeLine {
  /** Our own options. */
  readonly options: readonly Item[];
  readonly explain: boolean;
  /** A program reads standard error. */
  readonly silent: boolean;
  readonly runtimeConfig: string | undefined;
  /** Carries the line out as it was typed. */
  readonly runOriginal: (reason: Reason, errors: readonly ChalkError[]) => Promise<End>;
}

/** What Ctrl-C leaves behind in buildx. */
const CANCELLED = 130;

/**
 * Runs a bake with every target marked that can be. Until buildx was started everything of ours may fail and the line
 * runs as it was typed; once buildx has succeeded, nothing is run again.
 */
export async function runBake(run: BakeRun, options: BakeOptions): Promise<End> {
  const { host, tools, command, route, input } = run;
  const preparation = await prepareBake(run, options);
  if (run.explain) {
    await host.terminal.writeOut(explainBake(preparation));
    return { kind: 'exited', code: EXIT.ok };
  }
  if (preparation.kind === 'pass') return run.runOriginal(preparation.reason, preparation.errors);
  const { definition, targets } = preparation;
  let staged;
  try {
    const shimFolder = join(import.meta.dirname, 'shim');
    staged = await stageBake(run, definition, targets, shimFolder, run.runtimeConfig);
  } catch (thrown) {
    return run.runOriginal(pass('internal', 'the bake could not be prepared').reason, [
      ...preparation.errors,
      asChalkError(thrown),
    ]);
  }
  if (staged.kind === 'pass') return run.runOriginal(staged.reason, preparation.errors);
  const started = host.clock.now();
  const { environment } = staged;
  const process = buildProcess(host, tools, command, route, staged.items, { environment, inputFile: input });
  const result = await host.processes.attach(process);
  if (result.kind === 'not-started') {
    const error = new ChalkError('PROCESS_FAILED', `${process.file} could not be started`, {
      cause: result.cause,
    });
    return run.runOriginal(pass('internal', 'buildx could not be started').reason, [error]);
  }
  if (result.kind === 'exited' && result.code !== EXIT.ok && result.code !== CANCELLED) {
    const why = await whyOurs(run, targets, staged, started);
    if (why !== undefined) {
      const error = new ChalkError('PROCESS_FAILED', `the marked bake exited with ${result.code}: ${why}`);
      return run.runOriginal(pass('internal', 'the marked bake failed').reason, [error]);
    }
  }
  await tidyMetadata(host, staged);
  const exitCode = result.kind === 'exited' ? result.code : signalExitCode(result.signal);
  const write = () => report(run, preparation.errors, targets, staged.metadataFile, exitCode);
  await sendReport(host, run.options, write, run.silent);
  return result;
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
    const builtAsItIs = kind === 'left' || staged.copied.includes(target.name);
    if (!builtAsItIs || target.inline !== undefined || looksRemote(target.context)) return ours;
    const dockerfile = resolve(host.cwd, target.context, target.dockerfile);
    return [...ours, { dockerfile, since: started }];
  });
  const steps = await findFailedSteps(host, tools, builderFlags(route.builder), files);
  const isUsers = steps.some(({ dockerfile, step }) => {
    const plan = targets.find(({ target }) => staged.dockerfiles.get(target.name) === dockerfile);
    if (step.kind === 'unclear') return false;
    return plan?.kind === 'marked' ? plan.build.plan.isUserLine(step.line) : true;
  });
  if (isUsers) return undefined;
  const [first] = steps;
  if (first === undefined) return 'the builder keeps no record of a failed target';
  return first.step.kind === 'unclear'
    ? first.step.why
    : `line ${first.step.line} is ours: ${first.step.message}`;
}

async function report(
  run: BakeRun,
  errors: readonly ChalkError[],
  targets: readonly TargetPlan[],
  metadataFile: string,
  exitCode: number,
): Promise<string> {
  const marked = targets.flatMap((plan) => (plan.kind === 'marked' ? [plan] : []));
  const codes = new Set(marked.map(({ build }) => build.plan.reason.code));
  const [code = 'wrapped'] = codes.size === 1 ? codes : [];
  const images = marked.map(({ target, build }) => {
    const inline = inlineReport(build);
    const added = { ...inline.added, _X_CHALK_BAKE_TARGET: target.name };
    return {
      build: { ...inline, added },
      image: { kind: 'metadata-file', path: metadataFile, bakeTarget: target.name } as const,
    };
  });
  const perTarget = targets.map((plan): [string, Readonly<Record<string, string>>] => {
    const reason = plan.kind === 'marked' ? plan.build.plan.reason : plan.reason;
    const injection = plan.kind === 'marked' ? 'inline' : 'none';
    return [plan.target.name, { injection, reason: `${reason.code}: ${reason.text}` }];
  });
  const text = `${marked.length} of ${targets.length} targets are marked`;
  const outcome = {
    command: run.command,
    injection: 'inline',
    reason: { code, text },
    exitCode,
    errors,
  } as const;
  return reportOnAll(run.host, run.tools, images, outcome, {
    _X_CHALK_BAKE_TARGETS: Object.fromEntries(perTarget),
  });
}
