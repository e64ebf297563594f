import { join } from 'node:path';
import { asChalkError, type ChalkError } from '../../base/errors.ts';
import type { Platform } from '../../base/platform.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import { type BakeDefinition, type BakeTarget, linkedTargets } from '../../docker/bake-definition.ts';
import { findUngranted } from '../../docker/bake-entitlements.ts';
import { bakeBuildsNothing, isRemoteBake } from '../../docker/bake-files.ts';
import { targetCommand } from '../../docker/bake-request.ts';
import { type BuildRequest, requestOf } from '../../docker/build-request.ts';
import { imageDestination } from '../../docker/destination.ts';
import { refusedProgress } from '../../docker/refused-values.ts';
import type { BaseConfig } from '../../dockerfile/index.ts';
import { sealMark } from '../../mark/index.ts';
import { decideFallback, pass, PAYLOAD_CONTEXT, type Reason, type ReasonCode } from '../../plan/index.ts';
import { labelsFor } from '../build/added-flags.ts';
import { fallbackReport } from '../build/fallback-build.ts';
import { learnAboutBuild, type LearnedBuild } from '../build/learn.ts';
import { newMarkKeys } from '../build/mark-keys.ts';
import { configOfBuild, type PreparedBuild, prepareBuild, type PrepareOptions } from '../build/prepare.ts';
import type { ReportedBuild } from '../build/report.ts';
import { askDefinition, type BakeLine } from './definition.ts';
import { askingOnce } from './once.ts';

/** What will happen to one target. */
export type TargetPlan =
  | {
      readonly kind: 'marked';
      readonly target: BakeTarget;
      /** The build command the target stands for. */
      readonly command: DockerCommand;
      readonly build: PreparedBuild;
    }
  /** Built as it is but for some labels. */
  | {
      readonly kind: 'labelled';
      readonly target: BakeTarget;
      readonly reason: Reason;
      readonly build: ReportedBuild;
      readonly labels: Readonly<Record<string, string>>;
      /** Why the image is not patched. */
      readonly why: string;
    }
  /** Built as it is; then the image in the engine is patched. */
  | {
      readonly kind: 'patched';
      readonly target: BakeTarget;
      readonly reason: Reason;
      readonly request: BuildRequest;
      readonly known: LearnedBuild;
    }
  /** Built as it is, in the same run. */
  | { readonly kind: 'left'; readonly target: BakeTarget; readonly reason: Reason };

export type BakePreparation =
  | {
      readonly kind: 'prepared';
      readonly definition: BakeDefinition;
      readonly targets: readonly TargetPlan[];
      readonly errors: readonly ChalkError[];
    }
  | { readonly kind: 'pass'; readonly reason: Reason; readonly errors: readonly ChalkError[] };

export type BakeOptions = Pick<PrepareOptions, 'wrap' | 'runtimeConfig'>;

/** With a target like this buildx fails before the first step: it does so alone, and once. */
const WILL_FAIL: ReadonlySet<ReasonCode> = new Set(['argv', 'context-unreadable', 'dockerfile-unreadable']);

/** Finds out all that must be known before a bake. Never rejects. */
export async function prepareBake(line: BakeLine, options: BakeOptions): Promise<BakePreparation> {
  try {
    return await prepare(line, options);
  } catch (thrown) {
    const error = asChalkError(thrown);
    return { kind: 'pass', reason: pass('internal', error.message).reason, errors: [error] };
  }
}

async function prepare(line: BakeLine, options: BakeOptions): Promise<BakePreparation> {
  const { host, command } = line;
  const leave = (...why: Parameters<typeof pass>): BakePreparation => ({
    kind: 'pass',
    reason: pass(...why).reason,
    errors: [],
  });
  const nothing = bakeBuildsNothing(command.items);
  if (nothing !== undefined) return leave('no-image', nothing);
  const refused = refusedProgress(command.items, host);
  if (refused !== undefined) return leave('argv', refused);
  const definition = await askDefinition(line, command.items);
  if ('failed' in definition) return leave('bake', definition.failed);
  const ungranted = await findUngranted(host, command.items, definition);
  if (ungranted !== undefined) return leave('bake', `buildx will ask for leave first: ${ungranted}`);
  const known = new TargetPlanner({ ...line, host: askingOnce(host) }, definition, options);
  const planned = await Promise.all([...definition.values()].map((target) => known.plan(target)));
  const targets = planned.map(({ plan }) => plan);
  const errors = planned.flatMap((each) => each.errors);
  const hopeless = targets.find((plan) => plan.kind === 'left' && WILL_FAIL.has(plan.reason.code));
  if (hopeless?.kind === 'left') return { kind: 'pass', reason: hopeless.reason, errors };
  if (targets.some(({ kind }) => kind !== 'left')) return { kind: 'prepared', definition, targets, errors };
  return { kind: 'pass', reason: reasonOfAll(targets), errors };
}

/** One reason for targets none of which is marked. */
function reasonOfAll(targets: readonly TargetPlan[]): Reason {
  const left = targets.flatMap((plan) => (plan.kind === 'left' ? [plan] : []));
  const [first] = left;
  const text = left.map(({ target, reason }) => `${target.name}: ${reason.text}`).join('; ');
  const code = left.every(({ reason }) => reason.code === first?.reason.code) ? first?.reason.code : 'bake';
  return { code: code ?? 'bake', text };
}

class TargetPlanner {
  readonly #line: BakeLine;
  readonly #definition: BakeDefinition;
  readonly #options: BakeOptions;
  readonly #remote: boolean;
  /** Targets that others are built on: what is in their configs gets into the others'. */
  readonly #bases: ReadonlySet<string>;

  constructor(line: BakeLine, definition: BakeDefinition, options: BakeOptions) {
    this.#line = line;
    this.#definition = definition;
    this.#options = options;
    this.#remote = isRemoteBake(line.command.items);
    this.#bases = new Set([...definition.values()].flatMap((target) => linkedTargets(target)));
  }

  async plan(
    target: BakeTarget,
  ): Promise<{ readonly plan: TargetPlan; readonly errors: readonly ChalkError[] }> {
    const left = (reason: Reason, errors: readonly ChalkError[] = []) => ({
      plan: { kind: 'left', target, reason } as const,
      errors,
    });
    if (target.contexts.has(PAYLOAD_CONTEXT)) {
      return left(pass('bake', `a context of the target is named ${PAYLOAD_CONTEXT}`).reason);
    }
    const { host, tools, route } = this.#line;
    const translated = await this.#translate(target, []);
    if (translated.kind === 'refused') return left(pass('bake', translated.why).reason);
    const { command, options } = translated;
    const preparation = await prepareBuild(host, tools, command, route.builder, options);
    if (preparation.kind === 'prepared') {
      return { plan: { kind: 'marked', target, command, build: preparation.build }, errors: [] };
    }
    const { reason } = preparation.plan;
    const other = this.#bases.has(target.name) ? undefined : await this.#fallback(target, command, reason);
    return other === undefined
      ? left(reason, preparation.errors)
      : { plan: other, errors: preparation.errors };
  }

  /** What else can be done for a target no lines are added for; only an image that is kept gets a mark, or labels. */
  async #fallback(
    target: BakeTarget,
    command: DockerCommand,
    reason: Reason,
  ): Promise<TargetPlan | undefined> {
    const { host, route } = this.#line;
    const read = requestOf(host, command);
    if (read.kind === 'refused') return undefined;
    const { request } = read;
    const plan = decideFallback({
      reason,
      destination: imageDestination(command.items, route.builder.driver, host.env),
      noImage: request.noImage,
      platforms: request.platforms,
      attestations: asksAttestations(target),
    });
    if (plan.kind === 'pass' || WILL_FAIL.has(reason.code) || reason.code === 'dockerfile-syntax') {
      return undefined;
    }
    const known = await learnAboutBuild(host, request);
    if (plan.kind === 'patch') return { kind: 'patched', target, reason, request, known };
    const mark = sealMark(newMarkKeys(host, known.learned));
    const labels = labelsFor(mark, request.labels);
    const build = fallbackReport(host, request, known, [mark], { DOCKER_CHALK_ADDED_LABELS: labels });
    return { kind: 'labelled', target, reason, build, labels, why: plan.why };
  }

  async #translate(target: BakeTarget, users: readonly string[]) {
    const { host, command } = this.#line;
    const surroundings = { command, cwd: host.cwd, env: host.env, remote: this.#remote };
    const translated = targetCommand(target, surroundings);
    if (translated.kind === 'refused') return translated;
    const options: PrepareOptions = {
      ...this.#options,
      input: translated.inline === undefined ? undefined : await this.#writeInline(translated.inline),
      contextConfig: (value, platform) => this.#configOf(value, platform, [...users, target.name]),
    };
    return { kind: 'command', command: translated.command, options } as const;
  }

  /** A Dockerfile in the definition is read as one on standard input. */
  async #writeInline(text: string): Promise<string> {
    const { host } = this.#line;
    const path = join(await host.files.makeTemporary('docker-chalk-input-'), 'input');
    await host.files.write(path, text, 0o600);
    return path;
  }

  /** The config of the image that `target:name` stands for. buildx refuses circles; here they end in what is not known. */
  async #configOf(
    value: string,
    platform: Platform,
    users: readonly string[],
  ): Promise<BaseConfig | undefined> {
    const target = value.startsWith('target:')
      ? this.#definition.get(value.slice('target:'.length))
      : undefined;
    if (target === undefined || users.includes(target.name)) return undefined;
    const { host, tools, route } = this.#line;
    const translated = await this.#translate(target, users);
    if (translated.kind === 'refused') return undefined;
    const { command, options } = translated;
    return configOfBuild(host, tools, command, route.builder, options, platform).catch(() => undefined);
  }
}

/** Whether a target asks for attestations by name, `type=sbom` or its fields. */
function asksAttestations({ printed }: BakeTarget): boolean {
  const { attest } = printed;
  return Array.isArray(attest) && attest.some((entry) => !/\bdisabled\W+(1|t)/i.test(JSON.stringify(entry)));
}
