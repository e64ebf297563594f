import { ChalkError } from '../base/errors.ts';
import { type Descriptor, listReferrers, orNothing, type Registry } from '../registry/index.ts';
import {
  attLayers,
  attTag,
  bundleIn,
  type Envelope,
  PREDICATE,
  readBundle,
  readEnvelope,
  type Signer,
} from '../sign/index.ts';
import type { Bounded } from './bounded.ts';
import type { PlannedStatement } from './statements.ts';

/** Where a statement may be found at its manifest. */
export type Form = 'att' | 'bundle';

/** The envelopes that say the same already, by form. */
export type Existing = ReadonlyMap<Form, Envelope>;

/** What surrounds a payload: a signature, media types, a key's hint. A certificate would not fit. */
const MAX_AROUND_BYTES = 4096;
/** Newest first; who attached more of one type to one image than this gets one more. */
const MAX_CANDIDATES = 16;
const PREDICATE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

/**
 * Which statements are at a manifest already in the same words and signed by the same signer, in the older layout, as bundle,
 * or both. Only what has the right type and size is read. None for a signer whose signatures are all different.
 */
export async function findExisting(
  registry: Registry,
  digest: string,
  statements: readonly PlannedStatement[],
  { signed }: Signer,
  limit: Bounded,
): Promise<ReadonlyMap<PlannedStatement, Existing>> {
  if (signed === undefined || statements.length === 0) return new Map();
  const [layers, referrers] = await Promise.all([
    limit(() => orNothing(registry.getManifest(attTag(digest)))).then((manifest) =>
      manifest === undefined ? [] : unlessInvalid(() => attLayers(manifest.bytes, attTag(digest)), []),
    ),
    limit(() => listReferrers(registry, digest)),
  ]);
  const isSame = (statement: PlannedStatement, envelope: Envelope) =>
    Buffer.from(statement.payload).equals(envelope.payload) && signed(envelope);
  const inAtt = async (statement: PlannedStatement) => {
    const candidates = layers.filter(
      ({ predicateType, descriptor }) =>
        predicateType === statement.predicateType && fits(descriptor.size, statement),
    );
    return first(candidates, async ({ descriptor }) => {
      const bytes = await limit(() => registry.readBlob(descriptor.digest, descriptor.size));
      const envelope = unlessInvalid(() => readEnvelope(bytes, descriptor.digest), undefined);
      return envelope !== undefined && isSame(statement, envelope) ? envelope : undefined;
    });
  };
  const inBundle = async (statement: PlannedStatement) => {
    const candidates = referrers.filter((entry) => mayBe(entry, statement.predicateType));
    return first(candidates, async (entry) => {
      const manifest = await limit(() => orNothing(registry.getManifest(entry.digest)));
      const place = manifest === undefined ? undefined : bundleIn(manifest.bytes, digest);
      if (place === undefined || !fits(place.size, statement)) return undefined;
      const bytes = await limit(() => registry.readBlob(place.digest, place.size));
      const bundle = unlessInvalid(() => readBundle(bytes, place.digest), undefined);
      if (bundle?.content.kind !== 'dsse') return undefined;
      const { envelope } = bundle.content;
      return isSame(statement, envelope) ? envelope : undefined;
    });
  };
  const found = await Promise.all(
    statements.map(async (statement) => {
      const [att, bundle] = await Promise.all([inAtt(statement), inBundle(statement)]);
      const forms = new Map<Form, Envelope>();
      if (att !== undefined) forms.set('att', att);
      if (bundle !== undefined) forms.set('bundle', bundle);
      return [statement, forms] as const;
    }),
  );
  return new Map(found);
}

/** Entries of cosign's own have no annotations; of those that have, a mark's say another type than they hold. */
function mayBe({ annotations }: Descriptor, predicateType: string): boolean {
  const said = annotations?.[PREDICATE_ANNOTATION];
  const own = predicateType === PREDICATE.scai ? PREDICATE.signature : predicateType;
  return said === undefined || said === own;
}

function fits(size: number, { payload }: PlannedStatement): boolean {
  const encoded = Math.ceil(payload.length / 3) * 4;
  return size >= encoded && size <= encoded + MAX_AROUND_BYTES;
}

async function first<T, R>(
  candidates: readonly T[],
  look: (candidate: T) => Promise<R | undefined>,
): Promise<R | undefined> {
  for (const candidate of candidates.slice(-MAX_CANDIDATES).toReversed()) {
    const found = await look(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What somebody else attached need not be an attestation. */
function unlessInvalid<T, E>(read: () => T, otherwise: E): T | E {
  try {
    return read();
  } catch (error) {
    if (error instanceof ChalkError && error.code === 'ATTESTATION_INVALID') return otherwise;
    throw error;
  }
}
