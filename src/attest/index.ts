export { type Attestation, attestImages } from './attest.ts';
export type {
  AttachedStatement,
  ForPlatform,
  ImageSubject,
  PushedImage,
  Sbom,
  StatementKind,
} from './image.ts';
export {
  BUILD_TYPE,
  BUILDER_IDS,
  type Dependency,
  imageUri,
  type Provenance,
  withoutPaths,
  writeProvenance,
} from './provenance.ts';
export { allSubjects, forImage, type Subjects, subjectsOf } from './subjects.ts';
