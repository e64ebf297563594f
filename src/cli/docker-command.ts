import { join } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import type { DockerCommand } from '../docker/argv/command.ts';
import { type Item, lastValueOf, positionals, switchIsOn, valuesOf } from '../docker/argv/parse.ts';
import { bakeReadsInput } from '../docker/bake-files.ts';
import { requestOf } from '../docker/build-request.ts';
import { findBuilder } from '../docker/builder.ts';
import { dockerProcess, type Route, wantsLegacyBuilder } from '../docker/run-build.ts';
import { asksAttestations, imageDestination } from '../docker/destination.ts';
import { type DockerTools, findTools, GUARD } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { decideFallback, pass, type Wrap } from '../plan/index.ts';
import { runtimeConfig } from '../report/runtime-config.ts';
import { explain } from './build/explain.ts';
import { type Preparation, prepareBuild, type PrepareOptions } from './build/prepare.ts';
import { isSilent, isStrict, judged, runFallback, runMarked, runOriginal } from './build/run.ts';
import type { End } from './end.ts';
import { EXIT } from './exit-codes.ts';
import { wrapOption } from './wrap-option.ts';

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
  const wrap = wrapOption(host, options);
  const tools = await findTools(host, command.globals);
  if (tools.docker === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'there is no docker on PATH', { hint: 'install Docker' });
  }
  const route = await chooseRoute(host, tools, command);
  const end = await carryOut(host, tools, command, route, options, runtime, wrap);
  // docker's own answer to a plugin that a signal of its own ended; as its plugin we leave that to docker.
  const isDockers = host.launch.entry === 'wrapper' && route.kind === 'buildx';
  if (isDockers && end.kind === 'killed' && !SENT_TO_ALL.has(end.signal)) {
    return { kind: 'exited', code: PLUGIN_KILLED };
  }
  return end;
}

/** Signals that a terminal or a supervisor sends: docker ends by these as its plugin does. */
const SENT_TO_ALL: ReadonlySet<NodeJS.Signals> = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM']);

/** Go's exit status -1 (docker/cli `cmd/docker/docker.go`). */
const PLUGIN_KILLED = 255;

async function carryOut(
  host: Host,
  tools: DockerTools,
  command: DockerCommand,
  route: Route,
  options: readonly Item[],
  runtime: string | undefined,
  wrap: Wrap,
): Promise<End> {
  const input = route.kind === 'buildx' ? await saveInput(host, command) : undefined;
  const strict = isStrict(host, options);
  const run = { host, tools, command, route, options, input, strict };
  if (command.kind === 'bake' && route.kind === 'buildx') {
    const { runBake } = await import('./bake/run.ts');
    const bake = { ...run, route, wrap, runtimeConfig: runtime, silent: isSilent(host, command) };
    return runBake(bake, {
      runOriginal: (reason, errors) => runOriginal(run, reason, errors),
      judge: (end, failure) => judged(run, end, failure),
    });
  }
  const preparation = await preparationFor(host, tools, command, route, {
    wrap,
    runtimeConfig: runtime !== undefined,
    canRetarget: true,
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

/** Runs the program a link of ours stands before, or docker, with these very words. */
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
  const process =
    host.launch.entry === 'plugin'
      ? dockerProcess(host, file, argv)
      : { file, args: argv, env: { ...host.env, ...GUARD } };
  const result = await host.processes.attach(process);
  if (result.kind !== 'not-started') return result;
  throw new ChalkError('DOCKER_NOT_FOUND', `${file} could not be started`, { cause: result.cause });
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
  const read = requestOf(host, command);
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
