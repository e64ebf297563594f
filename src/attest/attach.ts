import { asChalkError, ChalkError } from '../base/errors.ts';
import { attachReferrers, blobOf, type NewTagged, type Registry } from '../registry/index.ts';
import {
  type Artifact,
  attArtifact,
  attHolds,
  attTag,
  bundleArtifact,
  type Content,
  type SignedStatement,
} from '../sign/index.ts';
import type { Bounded } from './bounded.ts';
import type { Form } from './existing.ts';
import type { ImageSubject } from './image.ts';

/** A signed statement, and in which forms a manifest is still without it. */
export interface Attachment {
  readonly predicateType: string;
  readonly signed: SignedStatement;
  readonly missing: ReadonlySet<Form>;
}

/** All there is to attach to one manifest, ready to be pushed. */
export interface SubjectArtifacts {
  readonly subject: ImageSubject;
  readonly referrers: readonly Artifact[];
  readonly layers: readonly (Pick<Attachment, 'predicateType' | 'signed'> & {
    readonly artifact: Artifact;
  })[];
}

/**
 * Statements in both layouts cosign knows. Its older versions look only below the `.att` tag, its newer ones no longer do
 * so once an image has a single bundle. `created` is in milliseconds.
 */
export function artifactsFor(
  subject: ImageSubject,
  attachments: readonly Attachment[],
  created: number,
): SubjectArtifacts {
  return {
    subject,
    referrers: attachments
      .filter(({ missing }) => missing.has('bundle'))
      .map(({ signed, predicateType }) => bundleArtifact(signed.bundle, subject, predicateType, created)),
    layers: attachments
      .filter(({ missing }) => missing.has('att'))
      .map(({ signed, predicateType }) => ({
        signed,
        predicateType,
        artifact: attArtifact(undefined, signed.envelope, predicateType, signed.attAnnotations),
      })),
  };
}

/**
 * Stores what the manifests of all subjects will point to, each blob once. Nothing that can be found is stored before all of
 * it is there, so that a registry that stops taking blobs leaves no image half signed.
 */
export async function storeBlobs(
  registry: Registry,
  subjects: readonly SubjectArtifacts[],
  limit: Bounded,
): Promise<void> {
  const blobs = new Map<string, Content>();
  for (const { referrers, layers } of subjects) {
    // The second blob of an `.att` image is its config, which depends on what is below the tag by then.
    const all = [
      ...referrers.flatMap((each) => each.blobs),
      ...layers.flatMap(({ artifact }) => artifact.blobs[0] ?? []),
    ];
    for (const blob of all) blobs.set(blob.descriptor.digest, blob);
  }
  await Promise.all(
    [...blobs.values()].map(({ bytes, descriptor }) =>
      limit(() => registry.putBlob(blobOf(bytes, descriptor.digest))),
    ),
  );
}

/** Puts manifests and tags in place. Answers with what failed: one layout may be there without the other. */
export async function publish(
  registry: Registry,
  { subject, referrers, layers }: SubjectArtifacts,
): Promise<readonly ChalkError[]> {
  const tag = attTag(subject.digest);
  const done = await Promise.allSettled([
    referrers.length === 0
      ? undefined
      : attachReferrers(
          registry,
          subject.digest,
          referrers.map(({ manifest: { bytes, descriptor } }) => ({ ...descriptor, bytes })),
        ),
    layers.length === 0
      ? undefined
      : registry.changeTag(tag, (current) => withLayers(current?.bytes, layers)),
  ]);
  return done.flatMap((each) => (each.status === 'rejected' ? [explained(asChalkError(each.reason))] : []));
}

function withLayers(
  current: Uint8Array | undefined,
  layers: SubjectArtifacts['layers'],
): NewTagged | undefined {
  let bytes = current;
  let latest: Artifact | undefined;
  for (const { signed, predicateType } of layers) {
    if (bytes !== undefined && attHolds(bytes, signed.envelope)) continue;
    latest = attArtifact(bytes, signed.envelope, predicateType, signed.attAnnotations);
    bytes = latest.manifest.bytes;
  }
  if (latest === undefined) return undefined;
  const { manifest, blobs } = latest;
  const config = blobs.slice(1).map((blob) => blobOf(blob.bytes, blob.descriptor.digest));
  return { mediaType: manifest.descriptor.mediaType, bytes: manifest.bytes, blobs: config };
}

/** Registries refuse to change a tag in several ways; people have to know which tags these are. */
function explained(error: ChalkError): ChalkError {
  if (error.code !== 'REGISTRY_REFUSED') return error;
  return new ChalkError(error.code, error.message, {
    hint: 'where tags are immutable, exempt those that begin with sha256-: signatures are added below them',
    cause: error,
  });
}
