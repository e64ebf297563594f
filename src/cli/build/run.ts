import { join } from 'node:path';
import { asChalkError, ChalkError, describeError } from '../../base/errors.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import { type Item, lastValueOf, switchIsOn } from '../../docker/argv/parse.ts';
import { findFailedStep } from '../../docker/build-record.ts';
import { type Builder, builderFlags } from '../../docker/builder.ts';
import { cannotAnswer, checksAreErrors, failsByItself, failsOwnChecks } from '../../docker/rehearsal.ts';
import { buildProcess, type Route } from '../../docker/run-build.ts';
import type { DockerTools } from '../../docker/tools.ts';
import { signalExitCode } from '../../host/attached.ts';
import type { AttachedResult, Host } from '../../host/host.ts';
import { pass, type Reason } from '../../plan/index.ts';
import type { End } from '../end.ts';
import { EXIT } from '../exit-codes.ts';
import { sendReport } from '../send-report.ts';
import { wrapOption } from '../wrap-option.ts';
import { attestBuilds, beginSigning } from './attest.ts';
import { withBuildkitSbom } from './buildkit-sbom.ts';
import { stageBuild } from './execute.ts';
import { runLabelBuild, runPatchBuild } from './fallback-build.ts';
import type { Preparation, PreparedBuild } from './prepare.ts';
import { inlineReport, markedReport, type Outcome, passedReport } from './report.ts';

/** What Ctrl-C leaves behind in buildx (`cmd/buildx/main.go`), and a shell's word for SIGINT. */
const CANCELLED = 130;

/** One run of a command line, and what it is run with. */
export interface Run {
  readonly host: Host;
  readonly tools: DockerTools;
  readonly command: DockerCommand;
  readonly route: Route;
  readonly options: readonly Item[];
  /** The file standard input was saved to; every process that is to read it gets it from there. */
  readonly input: string | undefined;
  /** Failures of ours are failures: for who wants no image without a mark. */
  readonly strict: boolean;
}

export function isStrict(host: Host, options: readonly Item[]): boolean {
  return switchIsOn(options, 'strict') || /^(1|t|true|yes|on)$/i.test(host.env['CHALK_STRICT'] ?? '');
}

/** Builds what was typed, and marks the image afterwards: by a patch in the engine, or by labels. */
export async function runFallback(
  run: Run,
  { plan, request, errors }: Extract<Preparation, { kind: 'fallback' }>,
  runtime: string | undefined,
): Promise<End> {
  const { host, tools, command, options } = run;
  if (run.strict && plan.kind === 'label') {
    // Labels lead to a mark; none is in the image.
    return runOriginal(run, { ...plan.reason, text: `${plan.reason.text}; ${plan.why}` }, errors);
  }
  const shimFolder = join(import.meta.dirname, 'shim');
  const wrap = wrapOption(host, options);
  const quiet = isSilent(host, command);
  const fallback = { ...run, request, quiet, wrap, shimFolder, runtimeConfig: runtime };
  const signing = await beginSigning(host, options, request.push);
  let ended;
  try {
    ended = plan.kind === 'patch' ? await runPatchBuild(fallback, plan) : await runLabelBuild(fallback, plan);
  } catch (thrown) {
    const reason = pass('internal', 'the build could not be prepared').reason;
    return runOriginal(run, reason, [...errors, asChalkError(thrown)]);
  }
  if (ended === 'not-started') return runOriginal(run, plan.reason, errors);
  const { end, marked } = ended;
  const [failure] = ended.outcome.errors;
  if (failure !== undefined && !quiet) {
    await host.terminal.writeError(`docker chalk: the image has no mark: ${describeError(failure)}\n`);
  }
  const outcome: Outcome = {
    ...ended.outcome,
    command,
    exitCode: exitCodeOfResult(end),
    errors: [...errors, ...ended.outcome.errors],
  };
  const isPushed = marked !== undefined && outcome.exitCode === EXIT.ok;
  const attested = isPushed ? await attestBuilds(host, tools, run, signing, [marked], quiet) : undefined;
  const sent = await sendReport(host, options, () =>
    marked === undefined
      ? passedReport(host, outcome)
      : markedReport(host, tools, marked.build, marked.image, outcome, attested),
  );
  return judged(run, end, failure ?? attested?.errors[0] ?? sent);
}

/** Builds with our lines in a copy of the Dockerfile. Fails only as the user's own build would. */
export async function runMarked(
  run: Run,
  builder: Builder | undefined,
  preparation: Extract<Preparation, { kind: 'prepared' }>,
  runtime: string | undefined,
): Promise<End> {
  const { host, tools, command, route, options } = run;
  const { build } = preparation;
  let staged;
  try {
    staged = await stageBuild(host, command, build, join(import.meta.dirname, 'shim'), runtime);
  } catch (thrown) {
    return runOriginal(run, pass('internal', 'the build could not be prepared').reason, [
      ...build.errors,
      asChalkError(thrown),
    ]);
  }
  const signing = await beginSigning(host, options, build.request.push);
  const items = await withBuildkitSbom(run, staged.items);
  const process = buildProcess(host, tools, command, route, items, staged);
  const result = await host.processes.attach(process);
  const errors: ChalkError[] = [];
  if (result.kind === 'not-started') {
    return runOriginal(run, pass('internal', 'buildx could not be started').reason, [
      new ChalkError('PROCESS_FAILED', `${process.file} could not be started`, { cause: result.cause }),
    ]);
  }
  if (result.kind === 'exited' && result.code !== EXIT.ok && result.code !== CANCELLED) {
    // Strict builds are not run a second time without a mark: the failure stands.
    const why = run.strict ? undefined : await whyOurs(run, builder, build, staged.dockerfile, result.code);
    if (why !== undefined) {
      const error = new ChalkError('PROCESS_FAILED', `the marked build exited with ${result.code}: ${why}`);
      return runOriginal(run, pass('internal', 'the marked build failed').reason, [error]);
    }
  }
  const outcome: Outcome = {
    command,
    injection: 'inline',
    reason: build.plan.reason,
    exitCode: exitCodeOfResult(result),
    errors,
  };
  const image = { kind: 'metadata-file', path: staged.metadataFile } as const;
  const silent = isSilent(host, command);
  const reported = inlineReport(build);
  const attested =
    outcome.exitCode === EXIT.ok
      ? await attestBuilds(host, tools, run, signing, [{ build: reported, image }], silent)
      : undefined;
  const failure = await sendReport(
    host,
    options,
    () => markedReport(host, tools, reported, image, outcome, attested),
    silent,
  );
  return judged(run, result, attested?.errors[0] ?? failure);
}

/**
 * Why a failed build may have failed through us; undefined where it is proven that it would have without us, in the same
 * words: at a line of the user's, at bringing the result where he wanted it, or before the first step.
 */
async function whyOurs(
  { host, tools, command, route, input }: Run,
  builder: Builder | undefined,
  { plan, request, source }: PreparedBuild,
  dockerfile: string,
  code: number,
): Promise<string | undefined> {
  const flags = builder === undefined ? [] : builderFlags(builder);
  const step = await findFailedStep(host, tools, flags, dockerfile);
  switch (step.kind) {
    case 'at-line':
      return plan.isUserLine(step.line) ? undefined : `line ${step.line} is ours: ${step.message}`;
    case 'in-output':
      return undefined;
    case 'in-context':
      // An archive was unpacked by us; every other context is the user's own.
      return source.delivery.kind === 'copy-unpacked' ? step.message : undefined;
    case 'unclear': {
      if (route.kind !== 'buildx') return step.why;
      if (await failsByItself(host, tools, command, route, input, code)) return undefined;
      if (await cannotAnswer(host, tools, command, flags, [dockerfile])) return undefined;
      const checks = request.buildArgs.get('BUILDKIT_DOCKERFILE_CHECK') ?? source.dockerfile.check;
      const isUsers = checksAreErrors(checks) && (await failsOwnChecks(host, tools, command, route, input));
      return isUsers ? undefined : step.why;
    }
  }
}

/** In strict mode a build that docker finished and we did not is a failure; what went wrong is said even in quiet modes. */
export async function judged(run: Run, end: End, failure: ChalkError | undefined): Promise<End> {
  const { host, command, strict } = run;
  if (!strict || failure === undefined || end.kind !== 'exited' || end.code !== EXIT.ok) return end;
  if (isSilent(host, command)) await host.terminal.writeError(`docker chalk: ${describeError(failure)}\n`);
  return { kind: 'exited', code: EXIT.failed };
}

/** Reasons for which docker fails as well, or builds nothing: strict mode leaves these to docker's own words. */
const LEFT_TO_DOCKER: ReadonlySet<Reason['code']> = new Set([
  'no-image',
  'argv',
  'context-unreadable',
  'dockerfile-unreadable',
  'dockerfile-syntax',
  'engine-unreachable',
]);

/** Carries the user's command out as it is. A failure of ours is said in one line; what docker will say itself is not. */
export async function runOriginal(run: Run, reason: Reason, errors: readonly ChalkError[]): Promise<End> {
  const { host, tools, command, route, options, input } = run;
  if (run.strict && !LEFT_TO_DOCKER.has(reason.code)) {
    throw unmarked(reason, errors[0]);
  }
  if (reason.code === 'internal' && !isSilent(host, command)) {
    const [first] = errors;
    const why = first === undefined ? reason.text : describeError(first);
    await host.terminal.writeError(`docker chalk: building without a mark: ${why}\n`);
  }
  const result = await host.processes.attach(
    buildProcess(host, tools, command, route, command.items, { inputFile: input }),
  );
  if (result.kind === 'not-started' && route.kind === 'buildx') {
    // docker knows what to say about a buildx that cannot be run.
    return runOriginal(
      { ...run, route: { kind: 'docker', why: 'buildx could not be started' } },
      reason,
      errors,
    );
  }
  if (result.kind === 'not-started') {
    throw new ChalkError('DOCKER_NOT_FOUND', 'docker could not be started', { cause: result.cause });
  }
  // What builds nothing is none of our business.
  if (reason.code === 'no-image') return result;
  const exitCode = exitCodeOfResult(result);
  const outcome: Outcome = { command, injection: 'none', reason, exitCode, errors };
  await sendReport(host, options, () => passedReport(host, outcome), isSilent(host, command));
  if (!run.strict || exitCode !== EXIT.ok) return result;
  throw unmarked(reason, errors[0]);
}

function unmarked(reason: Reason, cause: ChalkError | undefined): ChalkError {
  return new ChalkError('BUILD_UNMARKED', `this build leaves no mark: ${reason.text}`, {
    hint: 'see docker chalk --explain, or build without --strict',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Programs read standard error in these modes. */
export function isSilent(host: Host, { items }: DockerCommand): boolean {
  const progress = lastValueOf(items, 'progress') ?? host.env['BUILDKIT_PROGRESS'];
  return switchIsOn(items, 'quiet') || progress === 'rawjson' || progress === 'quiet';
}

function exitCodeOfResult(result: Exclude<AttachedResult, { kind: 'not-started' }>): number {
  return result.kind === 'exited' ? result.code : signalExitCode(result.signal);
}
