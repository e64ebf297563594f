import type { Provenance } from '../../src/attest/index.ts';

/** What both programs sign. */
export const PROVENANCE: Provenance = {
  parameters: { command: ['docker', 'build', '.'] },
  internal: {},
  dependencies: [],
  builder: 'local',
  versions: {},
  invocation: 'bench',
  started: 0,
  finished: 1000,
};
