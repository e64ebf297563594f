import {
  addedCasing,
  type Dockerfile,
  execForm,
  inCasing,
  insertAtStageEnd,
  parseDockerfile,
  replaceInstruction,
  type Stage,
} from '../dockerfile/index.ts';
import type { PlannedPlatform, Wrapping } from './plan.ts';

/** The named context our files come from. One name for ever: builders find what they already have by it. */
export const PAYLOAD_CONTEXT = 'chalk-payload';

/** Where our programs are in an image. */
export const SHIM_PATH = '/.chalk/shim';

/**
 * BuildKit shows a failing step with the two lines behind it (`solver/errdefs`); these keep ours out of that picture.
 */
const OUT_OF_SIGHT = ['', ''];

/** How the ENTRYPOINT line gets in without a word from Docker's build checks. */
export type EntrypointPlacement =
  | { readonly kind: 'added' }
  /** In place of the user's own, line for line. */
  | { readonly kind: 'replaced'; readonly line: Dockerfile['lines'][number] };

export interface Additions {
  readonly platforms: readonly PlannedPlatform[];
  readonly wrapping: Wrapping | undefined;
  readonly placement: EntrypointPlacement;
  /** Whether our ENTRYPOINT would reset a CMD the stage inherits, which must then be written again. */
  readonly repeatCmd: boolean;
  readonly runtimeConfig: boolean;
  /** A stage of our own at the end of the file, by this name, in place of lines in the middle of it. */
  readonly ownStage: string | undefined;
}

export interface EditedDockerfile {
  readonly bytes: Uint8Array;
  readonly added: readonly string[];
}

/**
 * The copy of the Dockerfile that is built: the programs first (the same layer in every image of one version), the mark
 * last (the one layer that changes with every build).
 */
export function addLines(file: Dockerfile, stage: Stage, additions: Additions): EditedDockerfile {
  const casing = addedCasing(file);
  const word = (keyword: string) => inCasing(keyword, casing);
  const { platforms, wrapping, placement, repeatCmd, runtimeConfig } = additions;
  const [only, ...others] = platforms;
  const folder =
    others.length === 0 && only !== undefined
      ? only.folder
      : // BuildKit sets these for every platform it builds (`${…:+…}` needs no frontend newer than named contexts do).
        '${TARGETOS}-${TARGETARCH}${TARGETVARIANT:+-$TARGETVARIANT}';
  const copy = (mode: string, from: string, to: string) =>
    `${word('COPY')} --from=${PAYLOAD_CONTEXT} --chown=0:0 --chmod=${mode} ${from} ${to}`;

  const lines: string[] = [];
  if (others.length > 0)
    lines.push(...['OS', 'ARCH', 'VARIANT'].map((part) => `${word('ARG')} TARGET${part}`));
  if (wrapping !== undefined) {
    // The folder comes along, with its time: one that COPY makes has the time of the build, and no layer twice.
    lines.push(copy('0555', `${folder}/programs`, '/'));
    if (runtimeConfig) lines.push(copy('0444', 'runtime.json', '/.chalk/runtime.json'));
    if (placement.kind === 'added') lines.push(execForm(word('ENTRYPOINT'), wrapping.after));
    if (repeatCmd) lines.push(execForm(word('CMD'), wrapping.cmd));
  }
  lines.push(copy('0444', `${folder}/chalk.json`, '/chalk.json'));

  if (additions.ownStage !== undefined) {
    const from = `${word('FROM')} ${stage.name ?? String(stage.index)} ${word('AS')} ${additions.ownStage}`;
    const last = file.stages.at(-1) ?? stage;
    const added = [from, ...lines];
    return { bytes: insertAtStageEnd(file, last, [...OUT_OF_SIGHT, ...added]), added };
  }
  if (wrapping === undefined || placement.kind === 'added') {
    return { bytes: insertAtStageEnd(file, stage, [...OUT_OF_SIGHT, ...lines]), added: lines };
  }
  const entrypoint = execForm(placement.line.keywordText, wrapping.after);
  const replaced = parseDockerfile(replaceInstruction(file, placement.line, [entrypoint]));
  const sameStage = replaced.stages[stage.index] ?? stage;
  return {
    bytes: insertAtStageEnd(replaced, sameStage, [...OUT_OF_SIGHT, ...lines]),
    added: [entrypoint, ...lines],
  };
}
