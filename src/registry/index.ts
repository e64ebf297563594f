export { orNothing } from './client.ts';
export { connectRegistries, type RegistrySettings, type RepositoryName } from './connect.ts';
export { insecureRegistries } from './engine-settings.ts';
export { type LayerFile, readLayerFile } from './layer-file.ts';
export {
  attestedDigest,
  type Descriptor,
  isListedImage,
  type Manifest,
  type ManifestContent,
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  MEDIA_TYPES,
  readManifest,
} from './manifest.ts';
export { digestOf, isDigest } from './reading.ts';
export { attachReferrers, listReferrers, type NewReferrer, referrersTag } from './referrers.ts';
export {
  type BlobOutcome,
  blobOf,
  type ManifestHead,
  type NewBlob,
  type NewManifest,
  type NewTagged,
  type PutBlobOptions,
  type Registry,
  type StoredManifest,
  type TagChange,
} from './registry.ts';
export { UnpackedLayer } from './unpacked-layer.ts';
