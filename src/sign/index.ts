export { type Answer, ask, askPassword } from './ask.ts';
export {
  type Artifact,
  bundleArtifact,
  bundleIn,
  type Content,
  contentOf,
  type Descriptor,
  MANIFEST_MEDIA_TYPE,
} from './artifact.ts';
export { attArtifact, attHolds, type AttLayer, attLayers, attTag } from './att.ts';
export { type Bundle, BUNDLE_MEDIA_TYPE, readBundle, writeBundle } from './bundle.ts';
export {
  type Envelope,
  envelopeJson,
  type EnvelopeJson,
  type EnvelopeSignature,
  type EnvelopeVerdict,
  pae,
  readEnvelope,
  signEnvelope,
  verifyEnvelope,
  writeEnvelope,
} from './dsse.ts';
export { openKeyFile, readKeyFile, type SealedKey, writeKeyFile } from './key-file.ts';
export {
  keyFilesAt,
  type KeyPair,
  type KeyPaths,
  keyPaths,
  openKey,
  openKeyPair,
  readKeyPair,
  readSealedKey,
  saveKeyPair,
  testKey,
} from './key-store.ts';
export {
  generateSigningKey,
  type PublicKey,
  readPrivateKey,
  readPublicKey,
  sameKey,
  sign,
  type SigningKey,
  verify,
  writePrivateKey,
} from './keys.ts';
export {
  type ImageContent,
  readMarkStatement,
  writeIndexStatement,
  writeMarkStatement,
} from './mark-statement.ts';
export {
  newPassword,
  Password,
  passwordFromEnvironment,
  passwordFromFile,
  type PasswordVariable,
} from './password.ts';
export { keySigner, type SignedStatement, type Signer } from './signer.ts';
export {
  imageSubject,
  isAbout,
  PREDICATE,
  readStatement,
  type Statement,
  STATEMENT_PAYLOAD,
  type Subject,
  writeStatement,
} from './statement.ts';
