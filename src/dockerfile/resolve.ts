import { ChalkError } from '../base/errors.ts';
import type { Platform } from '../base/platform.ts';
import type { Dockerfile, Stage } from './file.ts';
import { ImageState, readTrigger, StageRun, type BaseConfig, type Setter } from './image-state.ts';
import type { Instruction } from './instructions.ts';
import { resolveStages, type BuildOptions, type ResolvedStage, type ResolvedStages } from './stages.ts';

/** An image whose config decides what the target is: from a registry or store, or one only the builder can see. */
export type NeededImage =
  | { readonly kind: 'image'; readonly reference: string; readonly platform: Platform }
  | { readonly kind: 'context'; readonly name: string; readonly value: string; readonly platform: Platform };

/** Where an effective value comes from. `none`: there is no value, or an ENTRYPOINT has reset an inherited CMD. */
export type Origin =
  | { readonly kind: 'own'; readonly instruction: Instruction }
  | { readonly kind: 'parent-stage'; readonly stage: Stage }
  | { readonly kind: 'onbuild'; readonly trigger: string }
  | { readonly kind: 'base' }
  | { readonly kind: 'none' };

/** How many of the instructions that Docker's checks want only once a stage has. */
export interface StageCounts {
  readonly stage: Stage;
  /** Written in the stage. */
  readonly own: Counts;
  /** Fired by ONBUILD; known for the stages the target is built on, and counted together with `own` by the check. */
  readonly triggered: Counts;
}

export interface Counts {
  readonly entrypoint: number;
  readonly cmd: number;
  readonly healthcheck: number;
}

/** The config the target's image will have. Empty lists are what an image without the field has. */
export interface EffectiveConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly user: string;
  /** Empty: the system's default shell. */
  readonly shell: readonly string[];
  /** The triggers the image carries itself. */
  readonly onbuild: readonly string[];
  readonly entrypointOrigin: Origin;
  readonly cmdOrigin: Origin;
  readonly counts: readonly StageCounts[];
  readonly stages: ResolvedStages;
}

/** The images whose config must be known before `resolveConfig`; none for a chain that ends in scratch or in a folder. */
export function neededBaseImages(file: Dockerfile, options: BuildOptions): readonly NeededImage[] {
  const needed = neededBy(resolveStages(file, options));
  return needed === undefined ? [] : [needed];
}

/**
 * The target's effective config. `lookup` is asked once for what `neededBaseImages` names; throws `BASE_IMAGE_UNKNOWN`
 * where it knows nothing, `DOCKERFILE_SYNTAX` and `ARGV_BAD_VALUE` as `resolveStages`.
 *
 * ENTRYPOINT resets a CMD unless one stood earlier in the same stage, an ONBUILD CMD included; bare ENTRYPOINT and CMD
 * start a shell with an empty command; `[]` empties (BuildKit's `dispatchEntrypoint`, `dispatchCmd`, `withShell`).
 */
export function resolveConfig(
  file: Dockerfile,
  options: BuildOptions,
  lookup: (image: NeededImage) => BaseConfig | undefined,
): EffectiveConfig {
  const stages = resolveStages(file, options);
  const base = lookUp(neededBy(stages), lookup);
  const state = new ImageState(base, base.os ?? stages.rootPlatform.os);
  const triggered = new Map<Stage, readonly Instruction[]>();
  let triggers: readonly string[] = base.onbuild ?? [];
  for (const resolved of stages.chain.toReversed()) {
    if (resolved.replacedBy === undefined) {
      const fired = triggers.map((trigger) => readTrigger(trigger, resolved.stage));
      triggered.set(resolved.stage, fired);
      new StageRun(state, resolved.stage, file, options, stages.globalScope).run(triggers, fired);
    }
    // Also of a stage that a context replaces: BuildKit looks at its text, and drops the context image's own triggers.
    triggers = resolved.stage.instructions.flatMap((line) => (line.kind === 'onbuild' ? [line.trigger] : []));
  }
  return {
    entrypoint: state.entrypoint,
    cmd: state.cmd,
    user: state.user,
    shell: state.shell,
    onbuild: stages.target.replacedBy === undefined ? triggers : [],
    entrypointOrigin: seenFrom(state.entrypointOrigin, stages.target),
    cmdOrigin: seenFrom(state.cmdOrigin, stages.target),
    counts: file.stages.map((stage) => ({
      stage,
      own: count(stage.instructions),
      triggered: count(triggered.get(stage) ?? []),
    })),
    stages,
  };
}

/** The external base of the target's chain, where it has a config. */
function neededBy({ chain, rootPlatform: platform }: ResolvedStages): NeededImage | undefined {
  const root = chain.at(-1);
  const context = root?.replacedBy ?? (root?.base.kind === 'context' ? root.base : undefined);
  if (context !== undefined) return neededByContext(context.name, context.value, platform);
  if (root?.base.kind !== 'image') return undefined;
  return { kind: 'image', reference: root.base.reference, platform };
}

/** Folders, git and http contexts bring files without a config; `docker-image://scratch` nothing at all. */
function neededByContext(name: string, value: string, platform: Platform): NeededImage | undefined {
  const image = /^docker-image:(?:\/\/)?(.*)$/s.exec(value)?.[1];
  if (image === 'scratch') return undefined;
  if (image !== undefined) return { kind: 'image', reference: image, platform };
  return /^(?:oci-layout|target|input):/.test(value) ? { kind: 'context', name, value, platform } : undefined;
}

function lookUp(
  needed: NeededImage | undefined,
  lookup: (image: NeededImage) => BaseConfig | undefined,
): BaseConfig {
  if (needed === undefined) return {};
  const config = lookup(needed);
  if (config !== undefined) return config;
  const name = needed.kind === 'image' ? needed.reference : needed.value;
  throw new ChalkError('BASE_IMAGE_UNKNOWN', `the config of the base image ${name} is not known`);
}

function count(instructions: readonly Instruction[]): Counts {
  const of = (kind: Instruction['kind']): number =>
    instructions.filter((instruction) => instruction.kind === kind).length;
  return { entrypoint: of('entrypoint'), cmd: of('cmd'), healthcheck: of('healthcheck') };
}

function seenFrom(setter: Setter, { stage }: ResolvedStage): Origin {
  if (setter.kind === 'base' || setter.kind === 'none') return { kind: setter.kind };
  if (setter.stage !== stage) return { kind: 'parent-stage', stage: setter.stage };
  if (setter.kind === 'trigger') return { kind: 'onbuild', trigger: setter.trigger };
  return { kind: 'own', instruction: setter.instruction };
}
