import { join } from 'node:path';
import { asChalkError, ChalkError, describeError } from '../base/errors.ts';
import type { DockerCommand } from '../docker/argv/command.ts';
import { type Item, lastValueOf, positionals, switchIsOn, valuesOf } from '../docker/argv/parse.ts';
import { bakeReadsInput } from '../docker/bake-files.ts';
import { findFailedStep } from '../docker/build-record.ts';
import { readBuildRequest } from '../docker/build-request.ts';
import { type Builder, builderFlags, findBuilder } from '../docker/builder.ts';
import { buildProcess, type Route, wantsLegacyBuilder } from '../docker/run-build.ts';
import { asksAttestations, imageDestination } from '../docker/destination.ts';
import { type DockerTools, findTools, GUARD } from '../docker/tools.ts';
import type { AttachedResult, Host } from '../host/host.ts';
import { signalExitCode } from '../host/attached.ts';
import { decideFallback, pass, type Reason } from '../plan/index.ts';
import { runtimeConfig } from '../report/runtime-config.ts';
import { stageBuild } from './build/execute.ts';
import { explain } from './build/explain.ts';
import { type Preparation, prepareBuild, type PrepareOptions } from './build/prepare.ts';
import { runLabelBuild, runPatchBuild } from './build/fallback-build.ts';
import { inlineReport, markedReport, type Outcome, passedReport } from './build/report.ts';
import type { End } from './end.ts';
import { EXIT } from './exit-codes.ts';
import { sendReport } from './send-report.ts';

/** What Ctrl-C leaves behind in buildx (`cmd/buildx/main.go`), and a shell's word for SIGINT. */
const CANCELLED = 130;

/**
 * Runs a build, bake or push. Until docker was started, everything of ours may fail and the user's own command runs in
 * its place; once docker has succeeded, nothing is run again, whatever happens to our report.
 */
export async function runDockerCommand(
  host: Host,
  command: DockerCommand,
  options: readonly Item[],
): Promise<End> {
  if (command.kind === 'push' || command.kind === 'pull') {
    const { runTransfer } = await import('./transfer-command.ts');
    return runTransfer(host, command, options);
  }
  const runtime = runtimeConfig(valuesOf(options, 'runtime-report'));
  const tools = await findTools(host, command.globals);
  if (tools.docker === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'there is no docker on PATH', { hint: 'install Docker' });
  }
  const route = await chooseRoute(host, tools, command);
  const input = route.kind === 'buildx' ? await saveInput(host, command) : undefined;
  const strict = isStrict(host, options);
  const run = { host, tools, command, route, options, input, strict };
  if (command.kind === 'bake' && route.kind === 'buildx') {
    const { runBake } = await import('./bake/run.ts');
    const bake = {
      ...run,
      route,
      runtimeConfig: runtime,
      explain: switchIsOn(options, 'explain'),
      silent: isSilent(host, command),
      runOriginal: (...why: readonly [Reason, readonly ChalkError[]]) => runOriginal(run, ...why),
    };
    return runBake(bake, {
      wrap: !switchIsOn(options, 'no-wrap'),
      runtimeConfig: runtime !== undefined,
    });
  }
  const preparation = await preparationFor(host, tools, command, route, {
    wrap: !switchIsOn(options, 'no-wrap'),
    runtimeConfig: runtime !== undefined,
    input,
  });
  if (switchIsOn(options, 'explain')) {
    await host.terminal.writeOut(explain(preparation, command.items));
    return { kind: 'exited', code: EXIT.ok };
  }
  if (preparation.kind === 'pass') return runOriginal(run, preparation.plan.reason, preparation.errors);
  if (preparation.kind === 'fallback') return runFallback(run, preparation, runtime);
  return runMarked(run, route.kind === 'buildx' ? route.builder : undefined, preparation, runtime);
}

/** Runs a command line whose flags cannot be told apart: as it is, with the reason in the report. */
export async function runUnclear(
  host: Host,
  command: DockerCommand,
  options: readonly Item[],
  why: string,
): Promise<End> {
  const plan = pass('argv', why);
  if (switchIsOn(options, 'explain')) {
    await host.terminal.writeOut(explain({ kind: 'pass', plan, errors: [] }, command.items));
    return { kind: 'exited', code: EXIT.ok };
  }
  const tools = await findTools(host, command.globals);
  if (tools.docker === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'there is no docker on PATH', { hint: 'install Docker' });
  }
  const route: Route = { kind: 'docker', why };
  const run = { host, tools, command, route, options, input: undefined, strict: isStrict(host, options) };
  return runOriginal(run, plan.reason, []);
}

/** Runs the program a link of ours stands before with the very words that came. */
export async function runUntouched(
  host: Host,
  globals: readonly Item[],
  argv: readonly string[],
): Promise<End> {
  const tools = await findTools(host, globals);
  const file = host.launch.entry === 'buildx' ? tools.buildx : tools.docker;
  if (file === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'there is no docker behind this link', {
      hint: 'install Docker',
    });
  }
  const result = await host.processes.attach({ file, args: argv, env: { ...host.env, ...GUARD } });
  if (result.kind !== 'not-started') return result;
  throw new ChalkError('DOCKER_NOT_FOUND', `${file} could not be started`, { cause: result.cause });
}

/** One run of a command line, and what it is run with. */
interface Run {
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

function isStrict(host: Host, options: readonly Item[]): boolean {
  return switchIsOn(options, 'strict') || /^(1|t|true|yes|on)$/i.test(host.env['CHALK_STRICT'] ?? '');
}

/** A build that reads standard input does so once, and it may have to be built twice. */
async function saveInput(host: Host, command: DockerCommand): Promise<string | undefined> {
  const { items } = command;
  const reads =
    command.kind === 'bake'
      ? bakeReadsInput(items, host.env)
      : positionals(items).includes('-') || lastValueOf(items, 'file') === '-';
  if (!reads) return undefined;
  const folder = await host.files.makeTemporary('docker-chalk-input-').catch(() => undefined);
  // Nothing was read so far: docker reads it itself, and the build is left alone.
  if (folder === undefined) return undefined;
  const path = join(folder, 'input');
  await host.files.spoolInput(path);
  return path;
}

async function chooseRoute(host: Host, tools: DockerTools, command: DockerCommand): Promise<Route> {
  if (wantsLegacyBuilder(command, host.env['DOCKER_BUILDKIT'])) {
    return { kind: 'docker', why: `DOCKER_BUILDKIT is ${host.env['DOCKER_BUILDKIT']}` };
  }
  if (tools.buildx === undefined) return { kind: 'docker', why: 'there is no buildx' };
  const standalone = host.launch.entry === 'buildx' && !host.env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND'];
  return { kind: 'buildx', builder: await findBuilder(host, tools.config, command), standalone };
}

async function preparationFor(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  route: Route,
  options: PrepareOptions,
): Promise<Preparation> {
  const leave = (...why: Parameters<typeof pass>): Passed => ({
    kind: 'pass',
    plan: pass(...why),
    errors: [],
  });
  if (route.kind === 'docker') {
    const passed = leave(tools.buildx === undefined ? 'no-buildx' : 'legacy-builder', route.why);
    if (command.kind === 'bake') return passed;
    return fallbackFor(host, command, 'docker', passed);
  }
  const prepared = await prepareBuild(host, tools, command, route.builder, options);
  return prepared.kind === 'pass' ? fallbackFor(host, command, route.builder.driver, prepared) : prepared;
}

type Passed = Extract<Preparation, { kind: 'pass' }>;

/** What else can be done for a build whose Dockerfile is not to be edited. */
function fallbackFor(host: Host, command: DockerCommand, driver: string, passed: Passed): Preparation {
  const read = readBuildRequest(command, host.env, host.cwd);
  if (read.kind === 'refused') return passed;
  const { request } = read;
  const plan = decideFallback({
    reason: passed.plan.reason,
    destination: imageDestination(command.items, driver, host.env),
    noImage: request.noImage,
    platforms: request.platforms,
    attestations: asksAttestations(command.items),
  });
  if (plan.kind === 'pass') return { ...passed, plan };
  return { kind: 'fallback', plan, request, errors: passed.errors };
}

async function runFallback(
  run: Run,
  { plan, request, errors }: Extract<Preparation, { kind: 'fallback' }>,
  runtime: string | undefined,
): Promise<End> {
  const { host, tools, command, options } = run;
  const shimFolder = join(import.meta.dirname, 'shim');
  const wrap = !switchIsOn(options, 'no-wrap');
  const quiet = isSilent(host, command);
  const fallback = { ...run, request, quiet, wrap, shimFolder, runtimeConfig: runtime };
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
  const sent = await sendReport(host, options, () =>
    marked === undefined
      ? passedReport(host, outcome)
      : markedReport(host, tools, marked.build, marked.image, outcome),
  );
  return judged(run, end, failure ?? sent);
}

async function runMarked(
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
  const process = buildProcess(host, tools, command, route, staged.items, staged);
  const result = await host.processes.attach(process);
  const errors: ChalkError[] = [];
  if (result.kind === 'not-started') {
    return runOriginal(run, pass('internal', 'buildx could not be started').reason, [
      new ChalkError('PROCESS_FAILED', `${process.file} could not be started`, { cause: result.cause }),
    ]);
  }
  if (result.kind === 'exited' && result.code !== EXIT.ok && result.code !== CANCELLED) {
    const step = await findFailedStep(
      host,
      tools,
      builder === undefined ? [] : builderFlags(builder),
      staged.dockerfile,
    );
    // Strict builds are not run a second time without a mark: the failure stands.
    if (!run.strict && (step.kind === 'unclear' || !build.plan.isUserLine(step.line))) {
      const why = step.kind === 'unclear' ? step.why : `line ${step.line} is ours: ${step.message}`;
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
  const failure = await sendReport(
    host,
    options,
    () => markedReport(host, tools, inlineReport(build), image, outcome),
    isSilent(host, command),
  );
  return judged(run, result, failure);
}

/** In strict mode a build that docker finished and we did not is a failure; what went wrong is said even in quiet modes. */
async function judged(run: Run, end: End, failure: ChalkError | undefined): Promise<End> {
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
async function runOriginal(run: Run, reason: Reason, errors: readonly ChalkError[]): Promise<End> {
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
function isSilent(host: Host, { items }: DockerCommand): boolean {
  const progress = lastValueOf(items, 'progress') ?? host.env['BUILDKIT_PROGRESS'];
  return switchIsOn(items, 'quiet') || progress === 'rawjson' || progress === 'quiet';
}

function exitCodeOfResult(result: Exclude<AttachedResult, { kind: 'not-started' }>): number {
  return result.kind === 'exited' ? result.code : signalExitCode(result.signal);
}
