import { ChalkError } from '../../base/errors.ts';
import { parseImageRef, repositoryName } from '../../base/image-ref.ts';
import { isObject, type JsonObject, readObject } from './json.ts';
import { packTar, type TarFile } from './layer.ts';

/** Something an image is made of: its bytes and their digest, `sha256:…`. */
export interface Blob {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

/**
 * What `docker load` is given where images are kept by graph drivers: the engine has the old layers and looks for their
 * chain before it opens their files, so none of these is there.
 */
export async function packDockerArchive(input: {
  readonly config: Blob;
  readonly layer: Blob;
  /** Of the image before the patch. */
  readonly diffIds: readonly string[];
  readonly tags: readonly string[];
}): Promise<Uint8Array> {
  const { config, layer, diffIds, tags } = input;
  const file = (digest: string) => `${digest.replace(/^sha256:/, '')}.tar`;
  const configName = `${config.digest.replace(/^sha256:/, '')}.json`;
  const manifest = [
    {
      Config: configName,
      RepoTags: tags.length > 0 ? tags : null,
      Layers: [...diffIds, layer.digest].map(file),
    },
  ];
  return packTar([
    plainFile(configName, config.bytes),
    plainFile(file(layer.digest), layer.bytes),
    plainFile('manifest.json', JSON.stringify(manifest)),
  ]);
}

/** The same for the containerd store, which has the old layers by the digests in the image's manifest. */
export async function packOciArchive(input: {
  readonly manifest: Blob & { readonly mediaType: string };
  readonly config: Blob;
  /** Compressed. */
  readonly layer: Blob;
  readonly tags: readonly string[];
}): Promise<Uint8Array> {
  const { manifest, config, layer, tags } = input;
  const descriptor = {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
  };
  const names: readonly (string | undefined)[] = tags.length > 0 ? tags.map(fullName) : [undefined];
  const index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: names.map((name) =>
      name === undefined ? descriptor : { ...descriptor, annotations: { 'io.containerd.image.name': name } },
    ),
  };
  const blob = ({ digest, bytes }: Blob) => plainFile(`blobs/${digest.replace(':', '/')}`, bytes);
  return packTar([
    plainFile('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })),
    plainFile('index.json', JSON.stringify(index)),
    blob(config),
    blob(layer),
    blob(manifest),
  ]);
}

/** A name with every default written out, as containerd keeps it. */
function fullName(tag: string): string {
  const ref = parseImageRef(tag);
  return ref === undefined ? tag : `${repositoryName(ref)}:${ref.tag ?? 'latest'}`;
}

function plainFile(name: string, content: Uint8Array | string): TarFile {
  return { name, mode: 0o644, time: 0, content };
}

/** An image manifest or index, by what it lists. */
export type Listed =
  | {
      readonly kind: 'manifest';
      readonly whole: JsonObject;
      readonly mediaType: string;
      readonly configDigest: string;
    }
  /** The images of an index, attestations left out. */
  | { readonly kind: 'index'; readonly images: readonly string[]; readonly attestations: number }
  | { readonly kind: 'other'; readonly whole: JsonObject };

/** Reads what an image's digest names in the containerd store. Throws `RESPONSE_INVALID` for what is no JSON object. */
export function readListed(text: string): Listed {
  const whole = readObject(text, 'the image’s manifest');
  if (Array.isArray(whole['manifests'])) {
    const entries: readonly unknown[] = whole['manifests'];
    const descriptors = entries.filter(isObject);
    const images = descriptors.filter((each) => !isAttestation(each));
    return {
      kind: 'index',
      images: images.map((each) => String(each['digest'])),
      attestations: descriptors.length - images.length,
    };
  }
  const config = whole['config'];
  if (!Array.isArray(whole['layers']) || !isObject(config) || typeof config['digest'] !== 'string') {
    return { kind: 'other', whole };
  }
  const { mediaType } = whole;
  return {
    kind: 'manifest',
    whole,
    mediaType: typeof mediaType === 'string' && mediaType !== '' ? mediaType : OCI_MANIFEST,
    configDigest: config['digest'],
  };
}

/** BuildKit's attestations name no platform; only the annotation is certain (`attestation-storage.md`). */
function isAttestation(descriptor: JsonObject): boolean {
  const { annotations, platform } = descriptor;
  return (
    (isObject(annotations) && annotations['vnd.docker.reference.type'] === 'attestation-manifest') ||
    (isObject(platform) && platform['os'] === 'unknown' && platform['architecture'] === 'unknown')
  );
}

/** The manifest of the patched image, as text: another config, one layer more, and all else as it was. */
export function patchManifest(
  manifest: Extract<Listed, { kind: 'manifest' }>,
  config: Blob,
  layer: Blob,
): string {
  const { whole, mediaType } = manifest;
  const { layers, config: before } = whole;
  if (!Array.isArray(layers) || !isObject(before)) {
    throw new ChalkError('RESPONSE_INVALID', 'the image’s manifest lists no layers');
  }
  const listed: readonly unknown[] = layers;
  return JSON.stringify({
    ...whole,
    config: { ...before, digest: config.digest, size: config.bytes.length },
    layers: [
      ...listed,
      {
        mediaType:
          mediaType === DOCKER_MANIFEST
            ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
            : 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: layer.digest,
        size: layer.bytes.length,
      },
    ],
  });
}
