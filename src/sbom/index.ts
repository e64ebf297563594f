export { type AttestedSbom, findAttestedSbom } from './attested.ts';
export { buildkitAttestation, readSbomChoice, type SbomChoice, wantsSbom } from './choice.ts';
export { engineStore } from './engine-store.ts';
export { makeSbom, type SbomRequest } from './make.ts';
export {
  type Origin,
  type Sbom,
  SBOM_FORMATS,
  SBOM_LIMITS,
  type SbomFormat,
  type SbomImage,
  type SbomLimits,
  type SbomOutcome,
  type Tool,
} from './sbom.ts';
export { resolveTarget } from './target.ts';
