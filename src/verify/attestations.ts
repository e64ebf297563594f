import * as z from 'zod/mini';
import { asChalkError, ChalkError } from '../base/errors.ts';
import type { MarkMap } from '../mark/index.ts';
import type { Manifest } from '../registry/index.ts';
import {
  attLayers,
  bundleIn,
  type Envelope,
  isAbout,
  PREDICATE,
  readBundle,
  readEnvelope,
  readMarkStatement,
  readStatement,
  type Statement,
} from '../sign/index.ts';
import { eachLimited } from './failures.ts';
import type { ImageStore } from './store.ts';
import type { Signed, Trust } from './trust.ts';

/** What is attached to a manifest as an attestation. */
export type Found =
  | ({ readonly kind: 'found'; readonly what: string } & Signed)
  | { readonly kind: 'unreadable'; readonly what: string; readonly error: ChalkError };

/** What an attestation turned out to be. */
export type Attestation =
  /** By somebody who was named, about this manifest. */
  | {
      readonly kind: 'good';
      readonly what: string;
      readonly by: string;
      readonly says: StatementKind;
      /** Of a mark's statement. */
      readonly mark: MarkMap | undefined;
      readonly content: readonly SignedContent[];
    }
  | { readonly kind: 'elsewhere'; readonly what: string; readonly by: string; readonly subjects: string }
  | { readonly kind: 'foreign'; readonly what: string; readonly says: StatementKind; readonly why: string }
  | { readonly kind: 'unreadable'; readonly what: string; readonly error: ChalkError };

export type StatementKind = 'mark' | 'signature' | 'provenance' | 'sbom' | 'other';

export interface SignedContent {
  readonly version: number;
  readonly sha256: string;
}

/** More than anybody attaches; whoever can attach that many can also remove ours. */
const MAX_ATTESTATIONS = 256;
const MAX_ENVELOPE_BYTES = 128 * 1024 * 1024;
const AT_ONCE = 4;

/**
 * Reads what is attached to a manifest: below the `.att` tag, and as bundles that refer to it. Undefined where the store
 * keeps no attestations. One that cannot be read does not hide the others. Throws where not even the list can be read.
 */
export async function readAttestations(
  store: ImageStore,
  digest: string,
): Promise<readonly Found[] | undefined> {
  const attached = await store.attached(digest);
  if (attached === undefined) return undefined;
  const { att, referrers } = attached;
  const below = att === undefined ? [] : belowTag(store, att);
  const referring = referrers.map((each) => () => fromReferrer(store, each.digest, digest));
  const all = [...below, ...referring];
  if (all.length > MAX_ATTESTATIONS) {
    throw new ChalkError('REGISTRY_TOO_LARGE', `${digest} has ${all.length} attestations`);
  }
  const read = await eachLimited(all, AT_ONCE, (work) => work());
  return withoutRepeats(read.filter((each) => each !== undefined));
}

type Work = () => Promise<Found | undefined>;

function belowTag(store: ImageStore, manifest: Manifest): readonly Work[] {
  try {
    return attLayers(manifest.bytes, 'the .att tag').map(({ descriptor }) => async () => {
      const what = `.att ${short(descriptor.digest)}`;
      return guarded(what, async () => {
        const bytes = await store.readBlob(descriptor.digest, MAX_ENVELOPE_BYTES);
        return { kind: 'found', what, envelope: readEnvelope(bytes, what), bundle: undefined };
      });
    });
  } catch (error) {
    return [async () => ({ kind: 'unreadable', what: 'the .att tag', error: asChalkError(error) })];
  }
}

/** Undefined for what refers to the manifest without being an attestation. */
function fromReferrer(store: ImageStore, referrer: string, subject: string): Promise<Found | undefined> {
  const what = `bundle ${short(referrer)}`;
  return guarded(what, async () => {
    const manifest = await store.getManifest(referrer);
    const place = bundleIn(manifest.bytes, subject);
    if (place === undefined) return undefined;
    const bytes = await store.readBlob(place.digest, MAX_ENVELOPE_BYTES);
    const { content } = readBundle(bytes, what);
    // A signature over a file is about no image.
    if (content.kind === 'message') return undefined;
    return { kind: 'found', what, envelope: content.envelope, bundle: bytes };
  });
}

async function guarded(what: string, work: Work): Promise<Found | undefined> {
  try {
    return await work();
  } catch (error) {
    return { kind: 'unreadable', what, error: asChalkError(error) };
  }
}

/** The same statement is attached in both layouts: told once, with its bundle. */
function withoutRepeats(found: readonly Found[]): readonly Found[] {
  const bundled = found.flatMap((each) =>
    each.kind === 'found' && each.bundle !== undefined ? [each.envelope] : [],
  );
  return found.filter(
    (each) =>
      each.kind === 'unreadable' ||
      each.bundle !== undefined ||
      !bundled.some((envelope) => sameEnvelope(envelope, each.envelope)),
  );
}

function sameEnvelope(a: Envelope, b: Envelope): boolean {
  return (
    a.payloadType === b.payloadType &&
    Buffer.compare(a.payload, b.payload) === 0 &&
    a.signatures.length === b.signatures.length &&
    a.signatures.every(({ sig }, at) => Buffer.compare(sig, b.signatures[at]?.sig ?? new Uint8Array()) === 0)
  );
}

/** What each of them is, for whoever trusts these. */
export function judgeAttestations(
  found: readonly Found[],
  trust: Trust,
  digest: string,
): Promise<readonly Attestation[]> {
  return Promise.all(found.map(async (each) => judge(each, trust, digest)));
}

async function judge(found: Found, trust: Trust, digest: string): Promise<Attestation> {
  const { what } = found;
  if (found.kind === 'unreadable') return found;
  try {
    const verdict = await trust.verify(found);
    const statement = readStatement(found.envelope, what);
    const says = kindOf(statement);
    if (verdict.kind === 'unverified') return { kind: 'foreign', what, says, why: verdict.why };
    if (!isAbout(statement, digest)) {
      const subjects = statement.subjects.map((each) => short(each.digest['sha256'] ?? '?')).join(', ');
      return { kind: 'elsewhere', what, by: verdict.by, subjects };
    }
    const base = { kind: 'good', what, by: verdict.by, content: contentIn(statement) } as const;
    if (says !== 'mark') return { ...base, says, mark: undefined };
    const mark = readMarkStatement(found.envelope.payload, what);
    // Of attribute reports, only those with a mark are ours.
    return { ...base, says: mark === undefined ? 'other' : 'mark', mark };
  } catch (error) {
    return { kind: 'unreadable', what, error: asChalkError(error) };
  }
}

/** The marks that statements about a manifest hold, whoever signed them; what cannot be read is left out. */
export function attestedMarks(
  found: readonly Found[],
  digest: string,
): readonly { readonly mark: MarkMap; readonly envelope: Envelope }[] {
  return found.flatMap((each) => {
    if (each.kind === 'unreadable') return [];
    const { envelope, what } = each;
    try {
      const mark = isAbout(readStatement(envelope, what), digest)
        ? readMarkStatement(envelope.payload, what)
        : undefined;
      return mark === undefined ? [] : [{ mark, envelope }];
    } catch {
      return [];
    }
  });
}

const Attributes = z.object({ attributes: z.array(z.looseObject({ attribute: z.string() })) });
const Content = z.object({
  attribute: z.literal('IMAGE_CONTENT'),
  evidence: z.object({ version: z.int(), sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)) }),
});

/** The normalised hash of the image, as a second attribute beside the mark. */
function contentIn({ predicateType, predicate }: Statement): readonly SignedContent[] {
  const parsed = Attributes.safeParse(predicate);
  if (predicateType !== PREDICATE.scai || !parsed.success) return [];
  return parsed.data.attributes.flatMap((each) => {
    const content = Content.safeParse(each);
    return content.success ? [content.data.evidence] : [];
  });
}

function kindOf({ predicateType }: Statement): StatementKind {
  switch (predicateType) {
    case PREDICATE.scai:
    case PREDICATE.scaiOld:
    case PREDICATE.custom:
      return 'mark';
    case PREDICATE.signature:
      return 'signature';
    default:
      if (/^https:\/\/slsa\.dev\/provenance\/v\d/.test(predicateType)) return 'provenance';
      return /^https:\/\/(?:spdx\.dev\/Document|cyclonedx\.org\/bom)(?:\/|$)/.test(predicateType)
        ? 'sbom'
        : 'other';
  }
}

/** Enough of a digest to find it again. */
export function short(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}
