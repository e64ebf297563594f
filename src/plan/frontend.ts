import { parseImageRef } from '../base/image-ref.ts';

/** Named contexts came with Dockerfile 1.4 (BuildKit 0.10); our lines copy from one. */
const FIRST_MINOR_WITH_CONTEXTS = 4;

/**
 * Whether a `# syntax=` names Docker's own Dockerfile frontend, pinned, of the labs channel, upstream or mirrored under
 * another registry's name, and none so old that it has no named contexts. A frontend pinned by digest alone does not
 * tell its age; should it be too old, the build fails before its first step and is run again as it was.
 */
export function understandsNamedContexts(frontend: string): boolean {
  const ref = parseImageRef(frontend);
  const name = ref?.repository.split('/').at(-1);
  if (ref === undefined || (name !== 'dockerfile' && name !== 'dockerfile-upstream')) return false;
  // The channel before `labs`; it ended with 1.2.
  if (ref.tag?.includes('experimental')) return false;
  const version = /^v?(\d+)(?:\.(\d+))?/.exec(ref.tag ?? '');
  if (version === null) return true;
  const [, major, minor] = version;
  if (major === '0') return false;
  return major !== '1' || minor === undefined || Number(minor) >= FIRST_MINOR_WITH_CONTEXTS;
}
