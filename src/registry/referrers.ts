import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { orNothing } from './client.ts';
import { type Descriptor, type Manifest, MEDIA_TYPES, readManifest } from './manifest.ts';
import type { NewManifest, Registry, StoredManifest } from './registry.ts';

/** A manifest whose `subject` is the manifest it belongs to. */
export interface NewReferrer extends NewManifest {
  /** Repeated in the listing, as the registry itself would. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Where referrers are listed in registries without the API (OCI distribution 1.1, "Referrers Tag Schema"). */
export function referrersTag(digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':', 2);
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/**
 * What refers to a manifest, by the API or the tag. Not filtered: cosign's own entries under the tag have another type
 * than what they lead to.
 */
export async function listReferrers(registry: Registry, digest: string): Promise<readonly Descriptor[]> {
  const listed = await registry.referrers(digest);
  if (listed !== undefined) return listed;
  const manifest = await orNothing(registry.getManifest(referrersTag(digest)));
  return manifest === undefined ? [] : indexOf(manifest).manifests;
}

/**
 * Stores manifests that refer to one subject, then lists them where the registry does not do so itself: all of them in one
 * change of the tag. What is listed already stays as it is.
 */
export async function attachReferrers(
  registry: Registry,
  subject: string,
  referrers: readonly NewReferrer[],
): Promise<readonly StoredManifest[]> {
  const stored = await Promise.all(referrers.map((referrer) => registry.putManifest(referrer)));
  const unnoted = stored.flatMap((manifest, place) => {
    const referrer = referrers[place];
    return manifest.subjectNoted || referrer === undefined ? [] : [descriptorOf(manifest, referrer)];
  });
  if (unnoted.length > 0 && (await registry.referrers(subject)) === undefined) {
    await registry.changeTag(referrersTag(subject), (current) => withEntries(current, unnoted));
  }
  return stored;
}

function descriptorOf({ mediaType, digest, size }: StoredManifest, referrer: NewReferrer) {
  return {
    mediaType,
    digest,
    size,
    ...(referrer.artifactType === undefined ? {} : { artifactType: referrer.artifactType }),
    ...(referrer.annotations === undefined ? {} : { annotations: referrer.annotations }),
  };
}

/** The index with these entries, everything else of it as it was; undefined where it has them all. */
function withEntries(
  current: Manifest | undefined,
  entries: readonly ReturnType<typeof descriptorOf>[],
): NewManifest | undefined {
  const there = current === undefined ? [] : indexOf(current).manifests;
  const missing = entries.filter(({ digest }) => !there.some((each) => each.digest === digest));
  if (missing.length === 0) return undefined;
  const old: unknown = current === undefined ? {} : parseJson(current.bytes.toString('utf8'));
  const whole: Record<string, unknown> = typeof old === 'object' && old !== null ? { ...old } : {};
  const kept: readonly unknown[] = Array.isArray(whole['manifests']) ? whole['manifests'] : [];
  const mediaType = current?.mediaType ?? MEDIA_TYPES.index;
  const text = JSON.stringify({ schemaVersion: 2, mediaType, ...whole, manifests: [...kept, ...missing] });
  return { mediaType, bytes: Buffer.from(text, 'utf8') };
}

function indexOf(manifest: Manifest) {
  const content = readManifest(manifest);
  if (content.kind === 'index') return content;
  throw new ChalkError('RESPONSE_INVALID', `the list of referrers ${manifest.digest} is an image`, {
    hint: 'somebody else uses its tag',
  });
}
