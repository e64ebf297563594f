export { type Codec, type CodecFile, type Reading } from './codec.ts';
export { CODECS, type ReadArtifact, codecFor, readArtifact } from './registry.ts';
