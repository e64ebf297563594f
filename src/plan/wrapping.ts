import type { EffectiveConfig } from '../dockerfile/index.ts';
import { SHIM_PATH } from './lines.ts';
import type { Reason, Wrapping } from './plan.ts';

/** What the shim does in a container; `entrypoint-shim/README.md` has the table. `CHALK_SHIM` there is stronger. */
export const RUNTIME_MODES = ['exec', 'heartbeat', 'sync', 'lambda', 'init', 'off'] as const;
export type RuntimeMode = (typeof RUNTIME_MODES)[number];

/** Whether images are wrapped, and in which mode; `true` says nothing about it. */
export type Wrap = boolean | RuntimeMode;

/** How the image's program is wrapped, or why it is left alone. */
export type WrapDecision =
  | { readonly kind: 'wrap'; readonly wrapping: Wrapping }
  | { readonly kind: 'leave'; readonly reason: Reason };

/**
 * `["/.chalk/shim","--",…entrypoint…]`. An image with a CMD alone gets an entrypoint of the shim alone: what is then run
 * is the shim's argument, whether it comes from CMD or from `docker run`. A shim that came with the base image is
 * replaced, never started by another; its mode stays unless another is asked for, as an ENTRYPOINT is inherited.
 */
export function decideWrapping(
  { entrypoint, cmd }: Pick<EffectiveConfig, 'entrypoint' | 'cmd'>,
  wrap: Wrap = true,
): WrapDecision {
  const { options, words: own } = withoutShim(entrypoint);
  const [program] = own.length > 0 ? own : cmd;
  if (program === undefined) {
    return leave('no-program', 'the image has neither ENTRYPOINT nor CMD, so nothing is there to wrap');
  }
  if (program.trim() === '') {
    return leave('unrunnable-entrypoint', 'the image names an empty program, which docker refuses to run');
  }
  const mode = typeof wrap === 'string' ? wrap : modeOf(options);
  const shim = mode === undefined ? [SHIM_PATH, '--'] : [SHIM_PATH, `--mode=${mode}`, '--'];
  return { kind: 'wrap', wrapping: { before: own, after: [...shim, ...own], cmd } };
}

/** The entrypoint a wrapped image had before it was wrapped, and the shim's own options; any other as it is. */
function withoutShim(entrypoint: readonly string[]): {
  readonly options: readonly string[];
  readonly words: readonly string[];
} {
  const [shim, first] = entrypoint;
  if (shim !== SHIM_PATH) return { options: [], words: entrypoint };
  // As the shim reads it: without an option in front, every word is the program's.
  if (first === undefined || !first.startsWith('-')) return { options: [], words: entrypoint.slice(1) };
  const end = entrypoint.indexOf('--');
  return end === -1
    ? { options: entrypoint.slice(1), words: [] }
    : { options: entrypoint.slice(1, end), words: entrypoint.slice(end + 1) };
}

/** The last mode of the shim's options that is known, as the shim takes it. */
function modeOf(options: readonly string[]): RuntimeMode | undefined {
  return options.flatMap((option) => RUNTIME_MODES.filter((mode) => option === `--mode=${mode}`)).at(-1);
}

function leave(code: Reason['code'], text: string): WrapDecision {
  return { kind: 'leave', reason: { code, text } };
}
