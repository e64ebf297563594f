import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import {
  type Artifact,
  contentOf,
  type Descriptor,
  DescriptorFile,
  MANIFEST_MEDIA_TYPE,
} from './artifact.ts';
import { type Envelope, writeEnvelope } from './dsse.ts';

const CONFIG_MEDIA_TYPE = 'application/vnd.oci.image.config.v1+json';
const ENVELOPE_MEDIA_TYPE = 'application/vnd.dsse.envelope.v1+json';
const NO_TIME = '0001-01-01T00:00:00Z';

/** One attestation below an image's `.att` tag. */
export interface AttLayer {
  /** Of the envelope. */
  readonly descriptor: Descriptor;
  /** What the annotation says; the statement inside has the last word. */
  readonly predicateType: string | undefined;
  /** Of a keyless signature, PEM. */
  readonly certificate: string | undefined;
}

const AttManifest = z.object({
  mediaType: z.optional(z.string()),
  layers: z.array(DescriptorFile),
});
const LayersAsTheyAre = z.object({ layers: z.array(z.looseObject({ digest: z.string() })) });

/** The tag of an image's attestations in cosign's older layout. */
export function attTag(digest: string): string {
  return `${digest.replace(':', '-')}.att`;
}

/**
 * The image below the `.att` tag with one attestation more: a layer each, those that are there stay as they are. `previous`
 * is the manifest the tag has now, undefined for none; `annotations` are what a keyless signature adds to its layer. The caller pushes it under `attTag`, one at a time for each subject:
 * registries have no way to say that somebody else was faster.
 *
 * Throws `ATTESTATION_INVALID` where something else has that tag, which is not ours to replace.
 */
export function attArtifact(
  previous: Uint8Array | undefined,
  envelope: Envelope,
  predicateType: string,
  annotations: Readonly<Record<string, string>> = {},
): Artifact {
  const content = contentOf(writeEnvelope(envelope), ENVELOPE_MEDIA_TYPE);
  const added: Descriptor = {
    ...content.descriptor,
    annotations: { 'dev.cosignproject.cosign/signature': '', predicateType, ...annotations },
  };
  const layers = [...(previous === undefined ? [] : layersAsTheyAre(previous)), added];
  const config = contentOf(json(imageConfig(layers.map(({ digest }) => digest))), CONFIG_MEDIA_TYPE);
  const manifest = { schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: config.descriptor, layers };
  return { blobs: [content, config], manifest: contentOf(json(manifest), MANIFEST_MEDIA_TYPE) };
}

/** Whether the manifest of an `.att` tag has this very envelope, which is what to look for after pushing it. */
export function attHolds(manifest: Uint8Array, envelope: Envelope): boolean {
  const { digest } = contentOf(writeEnvelope(envelope), ENVELOPE_MEDIA_TYPE).descriptor;
  return layersAsTheyAre(manifest).some((layer) => layer.digest === digest);
}

/** The attestations below an `.att` tag, oldest first. Throws `ATTESTATION_INVALID`. */
export function attLayers(manifest: Uint8Array, what: string): readonly AttLayer[] {
  const parsed = AttManifest.safeParse(parseJson(new TextDecoder().decode(manifest)));
  if (!parsed.success) throw notOurs(what);
  return parsed.data.layers
    .filter(({ mediaType }) => mediaType === ENVELOPE_MEDIA_TYPE)
    .map(({ mediaType, digest, size, annotations = {} }) => ({
      descriptor: { mediaType, digest, size },
      predicateType: annotations['predicateType'],
      certificate: annotations['dev.sigstore.cosign/certificate'] || undefined,
    }));
}

/** With every member that somebody else may have given them. */
function layersAsTheyAre(manifest: Uint8Array): readonly { readonly digest: string }[] {
  const parsed = parseJson(new TextDecoder().decode(manifest));
  if (!AttManifest.safeParse(parsed).success) throw notOurs('the .att tag');
  return LayersAsTheyAre.parse(parsed).layers;
}

/** What go-containerregistry gives an image of such layers: uncompressed, so that a layer's digest is its diff ID. */
function imageConfig(digests: readonly string[]) {
  return {
    architecture: '',
    created: NO_TIME,
    history: digests.map(() => ({ created: NO_TIME })),
    os: '',
    rootfs: { type: 'layers', diff_ids: digests },
    config: {},
  };
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

function notOurs(what: string): ChalkError {
  return new ChalkError('ATTESTATION_INVALID', `${what}: it is no list of attestations`);
}
