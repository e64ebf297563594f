export { type Encoding, encodeMark, encodeValue, encodingOfVersion } from './encode.ts';
export { type FoundMark, type MarkSearch, findMark, readMarkAt } from './find.ts';
export {
  type MetadataIdentity,
  RANDOM_ID_BYTES,
  base32v,
  chalkIdOfHash,
  idOfBytes,
  isId,
  isSha256,
  metadataIdentity,
  randomChalkId,
} from './ids.ts';
export { type Mark, type SealOptions, sealMark } from './mark.ts';
export { compareBytes, inMarkOrder, inReportOrder, orderMarkKeys, orderReportKeys } from './order.ts';
export { type ReadValue, MAX_TEXT_BYTES, readMark, readValue, readWhole } from './text.ts';
export { type Content, type Finding, type FindingCode, type Verdict, validateMark } from './validate.ts';
export {
  type MarkMap,
  type MarkObject,
  type MarkRecord,
  type MarkValue,
  MAX_DEPTH,
  MarkFloat,
  entriesOf,
  float,
  isList,
  isMarkMap,
  isMarkObject,
  memberOf,
  normalize,
  normalizeObject,
  stringOf,
} from './value.ts';
export { MAGIC, PLACEHOLDER, writeMark, writeValue } from './write.ts';
