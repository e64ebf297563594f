/** Signing by identity. Loaded when it was asked for: its libraries are no part of a usual build. */
export { ambientIdentity } from './ambient.ts';
export { addressesOf, type Addresses, type KeylessOptions } from './options.ts';
export { keylessSigner } from './signer.ts';
export { readTrustedRoot, type TrustedRoot, trustedRootOf } from './trusted-root.ts';
export { fetchTrustedRoot } from './tuf.ts';
export { type IdentityPolicy, type KeylessVerdict, verifyKeyless } from './verify.ts';
