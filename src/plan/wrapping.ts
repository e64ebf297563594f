import type { EffectiveConfig } from '../dockerfile/index.ts';
import { SHIM_PATH } from './lines.ts';
import type { Reason, Wrapping } from './plan.ts';

/** How the image's program is wrapped, or why it is left alone. */
export type WrapDecision =
  | { readonly kind: 'wrap'; readonly wrapping: Wrapping }
  | { readonly kind: 'leave'; readonly reason: Reason };

/**
 * `["/.chalk/shim","--",…entrypoint…]`. An image with a CMD alone gets an entrypoint of the shim alone: what is then run
 * is the shim's argument, whether it comes from CMD or from `docker run`. A shim that came with the base image is
 * replaced, never started by another.
 */
export function decideWrapping({
  entrypoint,
  cmd,
}: Pick<EffectiveConfig, 'entrypoint' | 'cmd'>): WrapDecision {
  const own = withoutShim(entrypoint);
  const [program] = own.length > 0 ? own : cmd;
  if (program === undefined) {
    return leave('no-program', 'the image has neither ENTRYPOINT nor CMD, so nothing is there to wrap');
  }
  if (program.trim() === '') {
    return leave('unrunnable-entrypoint', 'the image names an empty program, which docker refuses to run');
  }
  return { kind: 'wrap', wrapping: { before: own, after: [SHIM_PATH, '--', ...own], cmd } };
}

/** The entrypoint a wrapped image had before it was wrapped; any other as it is. */
function withoutShim(entrypoint: readonly string[]): readonly string[] {
  if (entrypoint[0] !== SHIM_PATH) return entrypoint;
  const end = entrypoint.indexOf('--');
  return end === -1 ? entrypoint.slice(1) : entrypoint.slice(end + 1);
}

function leave(code: Reason['code'], text: string): WrapDecision {
  return { kind: 'leave', reason: { code, text } };
}
