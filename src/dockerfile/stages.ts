import { ChalkError } from '../base/errors.ts';
import { formatPlatform, normalizePlatform, parsePlatform, type Platform } from '../base/platform.ts';
import { findContext } from './contexts.ts';
import { expandWord, type Scope } from './expand.ts';
import type { Dockerfile, Stage } from './file.ts';
import { syntaxError } from './lines.ts';

/** What the build's command line adds to the file. */
export interface BuildOptions {
  /** `--target`: a stage's name, any case. Default: the last stage. */
  readonly target?: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** `--build-context`: name to value as given (`docker-image://…`, a folder, a URL). */
  readonly namedContexts: ReadonlyMap<string, string>;
  /** What is built for, and what the builder itself runs on. */
  readonly targetPlatform: Platform;
  readonly buildPlatform: Platform;
}

/** What stands behind a FROM. */
export type StageBase =
  | { readonly kind: 'stage'; readonly stage: ResolvedStage }
  | { readonly kind: 'scratch' }
  /** `reference` as the file has it, variables replaced. */
  | { readonly kind: 'image'; readonly reference: string }
  /** A build context overrides the image named in FROM. */
  | { readonly kind: 'context'; readonly name: string; readonly value: string };

export interface ResolvedStage {
  readonly stage: Stage;
  readonly base: StageBase;
  /** The value of `FROM --platform`; undefined where none is given. */
  readonly platform: Platform | undefined;
  /** A build context has the stage's own name: it replaces the stage, whose instructions are not run. */
  readonly replacedBy: { readonly name: string; readonly value: string } | undefined;
}

export interface ResolvedStages {
  readonly stages: readonly ResolvedStage[];
  readonly target: ResolvedStage;
  /** The target, the stage it is built on, and so on down to the one with an external base or a replacement. */
  readonly chain: readonly ResolvedStage[];
  /** What FROM and a bare `ARG name` in a stage see. */
  readonly globalScope: Scope;
  /** The platform of the chain's external base. */
  readonly rootPlatform: Platform;
}

/**
 * Evaluates every FROM. A name means the last stage of that name before it, compared as written: BuildKit stores names
 * in lower case and does not fold the case of FROM's word. Throws `DOCKERFILE_SYNTAX` for a FROM that cannot be evaluated
 * and `ARGV_BAD_VALUE` for a target that is no stage.
 */
export function resolveStages(file: Dockerfile, options: BuildOptions): ResolvedStages {
  const globalScope = evaluateGlobalArgs(file, options);
  const byName = new Map<string, ResolvedStage>();
  const stages: ResolvedStage[] = [];
  for (const stage of file.stages) {
    const resolved = resolveStage(stage, file, options, globalScope, byName);
    stages.push(resolved);
    if (stage.name !== undefined) byName.set(stage.name, resolved);
  }
  const target = options.target ? byName.get(options.target.toLowerCase()) : stages.at(-1);
  if (target === undefined) {
    throw new ChalkError(
      'ARGV_BAD_VALUE',
      `target stage ${JSON.stringify(options.target)} could not be found`,
    );
  }
  const chain = [target];
  for (let next = parent(target); next !== undefined; next = parent(next)) chain.push(next);
  const root = chain.at(-1) ?? target;
  // BuildKit ignores `--platform` of `FROM scratch`.
  const explicit = root.base.kind === 'scratch' && !root.replacedBy ? undefined : root.platform;
  return { stages, target, chain, globalScope, rootPlatform: explicit ?? options.targetPlatform };
}

/** The stage a stage inherits from; none where its base is external, or a context replaces it. */
function parent(resolved: ResolvedStage): ResolvedStage | undefined {
  return resolved.replacedBy === undefined && resolved.base.kind === 'stage'
    ? resolved.base.stage
    : undefined;
}

function resolveStage(
  stage: Stage,
  file: Dockerfile,
  options: BuildOptions,
  scope: Scope,
  byName: ReadonlyMap<string, ResolvedStage>,
): ResolvedStage {
  const { from } = stage;
  const line = from.line.startLine;
  const name = expandWord(from.base, scope, file.escape, line);
  if (name === '') throw syntaxError(line, `the base name ${JSON.stringify(from.base)} should not be blank`);
  const platform = evaluatePlatform(stage, file.escape, scope, options.buildPlatform);
  const replacement = stage.name === undefined ? undefined : findContext(options.namedContexts, stage.name);
  return {
    stage,
    base: resolveBase(name, options, byName),
    platform,
    replacedBy:
      stage.name === undefined || replacement === undefined
        ? undefined
        : { name: stage.name, value: replacement },
  };
}

function resolveBase(
  name: string,
  options: BuildOptions,
  byName: ReadonlyMap<string, ResolvedStage>,
): StageBase {
  const stage = byName.get(name);
  if (stage !== undefined) return { kind: 'stage', stage };
  if (name === 'scratch') return { kind: 'scratch' };
  const value = findContext(options.namedContexts, name);
  return value === undefined ? { kind: 'image', reference: name } : { kind: 'context', name, value };
}

function evaluatePlatform(
  stage: Stage,
  escape: string,
  scope: Scope,
  buildPlatform: Platform,
): Platform | undefined {
  const written = stage.from.platform;
  if (written === undefined) return undefined;
  const line = stage.from.line.startLine;
  const text = expandWord(written, scope, escape, line);
  const platform = parsePlatform(text) ?? completePlatform(text, buildPlatform);
  if (platform === undefined)
    throw syntaxError(line, `the platform ${JSON.stringify(written)} cannot be read`);
  return platform;
}

const SYSTEMS = new Set([
  'linux',
  'windows',
  'darwin',
  'macos',
  'freebsd',
  'netbsd',
  'openbsd',
  'wasip1',
  'js',
]);

/** `linux` or `arm64` alone: the other half is the builder's (containerd's `platforms.Parse`). */
function completePlatform(text: string, buildPlatform: Platform): Platform | undefined {
  const word = text.trim().toLowerCase();
  if (!/^[a-z0-9_.-]+$/.test(word)) return undefined;
  if (SYSTEMS.has(word)) return normalizePlatform({ ...buildPlatform, os: word });
  return normalizePlatform({ os: buildPlatform.os, architecture: word });
}

/**
 * The arguments before the first FROM, on top of the platform arguments (`defaultArgs`, `buildMetaArgs`). A build
 * argument replaces a default only where the file declares the name, or where it is a platform argument's.
 */
function evaluateGlobalArgs(file: Dockerfile, options: BuildOptions): Scope {
  const scope = new Map<string, string>();
  for (const [name, value] of platformArgs(file, options))
    scope.set(name, options.buildArgs.get(name) ?? value);
  for (const { args, line } of file.globalArgs) {
    for (const { name, value } of args) {
      const given = options.buildArgs.get(name);
      if (given !== undefined) scope.set(name, given);
      else if (value !== undefined) scope.set(name, expandWord(value, scope, file.escape, line.startLine));
    }
  }
  return scope;
}

function platformArgs(
  file: Dockerfile,
  { target, targetPlatform, buildPlatform }: BuildOptions,
): [string, string][] {
  return [
    ['BUILDPLATFORM', formatPlatform(buildPlatform)],
    ['BUILDOS', buildPlatform.os],
    ['BUILDOSVERSION', ''],
    ['BUILDARCH', buildPlatform.architecture],
    ['BUILDVARIANT', buildPlatform.variant ?? ''],
    ['TARGETPLATFORM', formatPlatform(targetPlatform)],
    ['TARGETOS', targetPlatform.os],
    ['TARGETOSVERSION', ''],
    ['TARGETARCH', targetPlatform.architecture],
    ['TARGETVARIANT', targetPlatform.variant ?? ''],
    ['TARGETSTAGE', target || file.stages.at(-1)?.name || 'default'],
  ];
}
