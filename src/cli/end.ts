import type { AttachedResult } from '../host/host.ts';

/** How a run ends: with an exit status, or by the signal that ended the user's program. */
export type End = Exclude<AttachedResult, { kind: 'not-started' }>;
