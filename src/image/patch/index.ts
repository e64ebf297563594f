export { type Renamed, renameIds, renameInMetadata } from './answers.ts';
export {
  type Blob,
  type Listed,
  packDockerArchive,
  packOciArchive,
  patchManifest,
  readListed,
} from './archive.ts';
export { patchConfig, type PatchableConfig, PATCH_STEP, readConfig } from './config.ts';
export { type LayerContent, packLayer } from './layer.ts';
export { rebuildConfig } from './rebuild.ts';
