import type { Platform } from '../base/platform.ts';

/** Why a plan is what it is: a stable code for machines, a sentence for people. */
export interface Reason {
  readonly code: ReasonCode;
  readonly text: string;
}

export type ReasonCode =
  // The image is marked and wrapped.
  | 'wrapped'
  // The image is marked, its entrypoint is left alone.
  | 'no-program'
  | 'wrap-declined'
  | 'unrunnable-entrypoint'
  // Docker builds exactly what was typed.
  | 'no-image'
  | 'files-too'
  | 'argv'
  | 'bake'
  | 'legacy-builder'
  | 'no-buildx'
  | 'context-stdin'
  | 'context-remote'
  | 'context-unreadable'
  | 'dockerfile-stdin'
  | 'dockerfile-remote'
  | 'dockerfile-unreadable'
  | 'dockerfile-syntax'
  | 'foreign-frontend'
  | 'stage-replaced'
  | 'base-context'
  | 'base-unknown'
  | 'engine-unreachable'
  | 'platform-unknown'
  | 'platform-unsupported'
  | 'platforms-differ'
  | 'build-checks'
  | 'internal';

/** Injection A: lines at the end of the target stage of a private copy of the Dockerfile. */
export interface InlinePlan {
  readonly kind: 'inline';
  readonly reason: Reason;
  /** The copy, whole. */
  readonly dockerfile: Uint8Array;
  /** The lines that were added, without line feeds. */
  readonly added: readonly string[];
  /** 1-based lines of the user's file that the copy holds unmoved and unchanged; a failure elsewhere may be ours. */
  readonly isUserLine: (line: number) => boolean;
  /** The value for BUILDKIT_DOCKERFILE_CHECK that keeps the build checks the user's own; undefined when none is needed. */
  readonly checks: string | undefined;
  /** The stage to build in place of the user's target. */
  readonly target: string | undefined;
  readonly platforms: readonly PlannedPlatform[];
  readonly entrypoint: Wrapping | undefined;
}

export interface PlannedPlatform {
  /** What is built for, which names the mark; `variants` folder in the payload. */
  readonly platform: Platform;
  /** The platform of the programs in the image: `FROM --platform` may pin another. */
  readonly programs: Platform;
  readonly folder: string;
}

export interface Wrapping {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly cmd: readonly string[];
}

/** Injection C: docker builds what was typed; then the image in the engine gets one layer and another entrypoint. */
export interface PatchPlan {
  readonly kind: 'patch';
  /** Why no lines are added to the Dockerfile. */
  readonly reason: Reason;
}

/** Injection G: docker builds what was typed, with some labels more. */
export interface LabelPlan {
  readonly kind: 'label';
  /** Why no lines are added to the Dockerfile. */
  readonly reason: Reason;
  /** Why the image cannot be patched either. */
  readonly why: string;
}

/** The user's command line is carried out as it is. */
export interface PassPlan {
  readonly kind: 'pass';
  readonly reason: Reason;
}

export function pass(code: ReasonCode, text: string): PassPlan {
  return { kind: 'pass', reason: { code, text } };
}
