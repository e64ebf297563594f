import { formatPlatform, type Platform } from '../base/platform.ts';
import {
  type Dockerfile,
  type EffectiveConfig,
  type Instruction,
  parseCheckOptions,
  skipCheck,
  type Stage,
  type StageCounts,
} from '../dockerfile/index.ts';
import { addLines, type EntrypointPlacement, PAYLOAD_CONTEXT } from './lines.ts';
import { type InlinePlan, pass, type PassPlan, type PlannedPlatform, type Reason } from './plan.ts';
import { decideWrapping, type Wrap } from './wrapping.ts';

/** One platform of the build, and what the target's image will be configured to run there. */
export interface PlatformConfig {
  readonly platform: Platform;
  readonly config: EffectiveConfig;
}

export interface PlanInput {
  readonly dockerfile: Dockerfile;
  /** At least one; the first is also the default. */
  readonly configs: readonly [PlatformConfig, ...PlatformConfig[]];
  /** BUILDKIT_DOCKERFILE_CHECK as the command line sets it; it replaces the `# check=` directive. */
  readonly checkArgument: string | undefined;
  readonly wrap: Wrap;
  readonly runtimeConfig: boolean;
  /** Whether the build can be given another target than the user's. */
  readonly canRetarget?: boolean;
}

/** Platforms there is a shim for. */
export const SHIM_PLATFORMS: ReadonlySet<string> = new Set([
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/ppc64le',
  'linux/riscv64',
  'linux/s390x',
]);

/** What people see of it in the progress of a build. */
const OWN_STAGE = 'chalk';

/** Docker's check against a second ENTRYPOINT, CMD or HEALTHCHECK in a stage; ours would be one. */
const ONCE_RULE = 'MultipleInstructionsDisallowed';

/** Decides about a build whose Dockerfile and base images are known. Pure; throws what `addLines` throws. */
export function decidePlan(input: PlanInput): InlinePlan | PassPlan {
  const { dockerfile, configs, checkArgument } = input;
  const [{ config }] = configs;
  const { target } = config.stages;
  if (target.replacedBy !== undefined) {
    return pass('stage-replaced', `the build context ${target.replacedBy.name} replaces the target stage`);
  }
  if (dockerfile.stages.some(({ name }) => name === PAYLOAD_CONTEXT)) {
    return pass(
      'stage-replaced',
      `a stage of the file is named ${PAYLOAD_CONTEXT}, as the context of our files is`,
    );
  }
  const windows = configs.find((each) => each.config.stages.rootPlatform.os !== 'linux');
  if (windows !== undefined) {
    const name = formatPlatform(windows.config.stages.rootPlatform);
    return pass('platform-unsupported', `images for ${name} are left alone`);
  }
  const differing = configs.find((each) => !sameProgram(each.config, config));
  if (differing !== undefined && input.wrap) {
    const name = formatPlatform(differing.platform);
    return pass('platforms-differ', `the image for ${name} runs another program, and a Dockerfile names one`);
  }
  const platforms = configs.map(plannedPlatform);
  const decision = input.wrap
    ? (unsupported(platforms) ?? decideWrapping(config, input.wrap))
    : { kind: 'leave' as const, reason: reason('wrap-declined', '--no-wrap leaves the entrypoint alone') };
  const wrapping = decision.kind === 'wrap' ? decision.wrapping : undefined;
  const checks = checkArgument ?? dockerfile.check;
  const ownStage = input.canRetarget === true ? ownStageFor(dockerfile, target.stage) : undefined;
  const placed =
    wrapping === undefined || ownStage !== undefined
      ? { placement: { kind: 'added' as const }, checks: undefined }
      : placeEntrypoint(config, checks);
  if (placed === undefined) {
    return pass('build-checks', 'a build check about the ENTRYPOINT of the target stage would be lost');
  }
  const stage = target.stage;
  const counts = countsOf(config, target.stage.index);
  const { bytes, added } = addLines(dockerfile, stage, {
    platforms,
    wrapping,
    placement: placed.placement,
    repeatCmd: (counts.cmd === 0 || ownStage !== undefined) && (wrapping?.cmd.length ?? 0) > 0,
    runtimeConfig: input.runtimeConfig,
    ownStage,
  });
  const firstLine = dockerfile.lines[0]?.startLine ?? 1;
  const replacedLine = placed.placement.kind === 'replaced' ? placed.placement.line : undefined;
  const plan: InlinePlan = {
    kind: 'inline',
    reason:
      decision.kind === 'wrap'
        ? reason(
            'wrapped',
            ownStage === undefined
              ? 'lines are added at the end of the target stage'
              : 'a stage built on the target is added at the end of the file',
          )
        : decision.reason,
    dockerfile: bytes,
    added,
    // A frontend too old for our lines fails at the line that names it, which comes before the first instruction.
    isUserLine: (line) =>
      line >= firstLine &&
      line <= (ownStage === undefined ? stage : (dockerfile.stages.at(-1) ?? stage)).lastLine.endLine &&
      !(replacedLine && line >= replacedLine.startLine && line <= replacedLine.endLine),
    checks: placed.checks,
    target: ownStage,
    platforms,
    entrypoint: wrapping,
  };
  return plan;
}

/**
 * The name of a stage of our own, where lines in the target stage would move those of the stages behind it, and with them
 * the places that build checks name. Not where the target has ONBUILD triggers, which would fire in that stage and be lost,
 * nor where it steers the SBOM scanner, which looks at the stage that is built.
 */
function ownStageFor(dockerfile: Dockerfile, stage: Stage): string | undefined {
  if (stage.index === dockerfile.stages.length - 1 || stage.name === undefined) return undefined;
  const staysItself = stage.instructions.some(
    (instruction) =>
      instruction.kind === 'onbuild' ||
      (instruction.kind === 'arg' && instruction.args.some(({ name }) => name.startsWith('BUILDKIT_SBOM_'))),
  );
  const taken = dockerfile.stages.some(({ name }) => name === OWN_STAGE);
  return staysItself || taken ? undefined : OWN_STAGE;
}

/**
 * Where our ENTRYPOINT goes. In a stage that has none it is simply added. Next to one of the user's it would trip a
 * check, which is silenced for this build; where that check has something to say about the user's own lines, ours takes
 * the place of the user's last ENTRYPOINT instead. A shell-form ENTRYPOINT has a finding of its own to lose: undefined.
 */
function placeEntrypoint(
  config: EffectiveConfig,
  checks: string | undefined,
): { readonly placement: EntrypointPlacement; readonly checks: string | undefined } | undefined {
  const { stage } = config.stages.target;
  const skipped = parseCheckOptions(checks ?? '').skip;
  if (countsOf(config, stage.index).entrypoint === 0 || skipped === 'all' || skipped.includes(ONCE_RULE)) {
    return { placement: { kind: 'added' }, checks: undefined };
  }
  if (!config.counts.some(hasDuplicates)) {
    return { placement: { kind: 'added' }, checks: skipCheck(checks, ONCE_RULE) };
  }
  const last = stage.instructions.findLast((instruction) => instruction.kind === 'entrypoint');
  if (last === undefined || !isExecForm(last)) return undefined;
  return { placement: { kind: 'replaced', line: last.line }, checks: undefined };
}

function isExecForm(instruction: Instruction): boolean {
  return instruction.kind === 'entrypoint' && instruction.command.form === 'exec';
}

function hasDuplicates({ own, triggered }: StageCounts): boolean {
  return (
    own.entrypoint + triggered.entrypoint > 1 ||
    own.cmd + triggered.cmd > 1 ||
    own.healthcheck + triggered.healthcheck > 1
  );
}

function countsOf(config: EffectiveConfig, index: number): { entrypoint: number; cmd: number } {
  const counts = config.counts[index];
  return {
    entrypoint: (counts?.own.entrypoint ?? 0) + (counts?.triggered.entrypoint ?? 0),
    cmd: (counts?.own.cmd ?? 0) + (counts?.triggered.cmd ?? 0),
  };
}

/** `FROM --platform` pins what runs in the image; the mark still is the one of the platform built for. */
function plannedPlatform({ platform, config }: PlatformConfig): PlannedPlatform {
  const programs = programsFor(config.stages.rootPlatform);
  return { platform, programs, folder: formatPlatform(platform).replaceAll('/', '-') };
}

/** Every variant runs the baseline's programs; the baseline of 32-bit ARM is v7, which v6 and older cannot run. */
export function programsFor(root: Platform): Platform {
  const { os, architecture, variant } = root;
  if (architecture === 'arm' && variant === 'v8') return { os, architecture, variant: 'v7' };
  return SHIM_PLATFORMS.has(`${os}/${architecture}`) ? { os, architecture } : root;
}

function unsupported(platforms: readonly PlannedPlatform[]) {
  const missing = platforms.find(({ programs }) => !SHIM_PLATFORMS.has(formatPlatform(programs)));
  if (missing === undefined) return undefined;
  const text = `there is no shim for ${formatPlatform(missing.programs)}, so the image is marked but not wrapped`;
  return { kind: 'leave' as const, reason: reason('platform-unsupported', text) };
}

function sameProgram(a: EffectiveConfig, b: EffectiveConfig): boolean {
  return JSON.stringify([a.entrypoint, a.cmd]) === JSON.stringify([b.entrypoint, b.cmd]);
}

function reason(code: Reason['code'], text: string): Reason {
  return { code, text };
}
