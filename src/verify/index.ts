export { verifyArtifact } from './artifact.ts';
export { attestedMarks, judgeAttestations, readAttestations } from './attestations.ts';
export { type Check, DEFAULT_REQUIREMENTS, type Requirement, type Verdict } from './checks.ts';
export { archiveFiles, folderFiles, layoutStore } from './layout.ts';
export { type Policy, readPolicy, ruleFor } from './policy.ts';
export { type OwnPrograms } from './shim.ts';
export { type ImageStore, registryStore, registryStoreAt } from './store.ts';
export {
  type Identity,
  type KeylessVerifier,
  type Trust,
  trustAny,
  trustIdentities,
  trustKeys,
} from './trust.ts';
export {
  type ImageDemands,
  type Verification,
  type Verified,
  unreadable,
  verifyImage,
} from './verify-image.ts';
