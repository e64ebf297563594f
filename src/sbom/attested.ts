import { asChalkError, ChalkError } from '../base/errors.ts';
import { listReferrers, orNothing, type Registry } from '../registry/index.ts';
import {
  attLayers,
  attTag,
  bundleIn,
  type Envelope,
  type EnvelopeVerdict,
  type PublicKey,
  readBundle,
  readEnvelope,
  STATEMENT_PAYLOAD,
  verifyEnvelope,
} from '../sign/index.ts';
import { readSbom } from './document.ts';
import { predicateOf } from './buildkit.ts';
import { scanObject } from './json-scan.ts';
import { predicateTypeOf, type Sbom, SBOM_FORMATS, type SbomFormat, type Target } from './sbom.ts';

/** An SBOM somebody signed, and whether it was one of the keys that were given. */
export interface AttestedSbom {
  readonly sbom: Omit<Sbom, 'origin'>;
  readonly verdict: EnvelopeVerdict;
}

/** An SBOM of 256 MiB in base64, and what is around it. */
const MAX_ENVELOPE_BYTES = 384 * 1024 * 1024;
const MAX_ATTESTATIONS = 64;

/**
 * The newest SBOM attested of an image in a registry: below cosign's `.att` tag, or as a bundle that refers to it. With keys, the
 * newest that one of them signed. Undefined where there is none; throws `ATTESTATION_INVALID` where there are some and none is
 * what was asked for, and what the registry's client throws.
 */
export async function findAttestedSbom(
  target: Target,
  formats: readonly SbomFormat[],
  keys: readonly PublicKey[],
): Promise<AttestedSbom | undefined> {
  const { place } = target;
  if (place.kind === 'engine') return undefined;
  const refusals: string[] = [];
  for (const digest of digestsOf(target)) {
    for await (const envelope of envelopes(place.registry, digest, formats, refusals)) {
      const found = sbomIn(envelope, digest, formats, refusals);
      if (found === undefined) continue;
      const verdict = verifyEnvelope(envelope, keys);
      if (verdict.kind === 'verified' || keys.length === 0) return { sbom: found, verdict };
      refusals.push(verdict.why);
    }
  }
  if (refusals.length === 0) return undefined;
  throw new ChalkError(
    'ATTESTATION_INVALID',
    `no SBOM of ${place.asked} can be used: ${refusals.join('; ')}`,
    {
      hint: '--source makes one instead of reading one',
    },
  );
}

/** The manifest; and the index where it is an index for this one image, since that is what `cosign attest NAME:TAG` signs. */
function digestsOf({ digest, place }: Target): readonly string[] {
  if (place.kind === 'engine' || place.index === undefined) return [digest];
  const images = place.index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
  return images.length === 1 ? [digest, place.asked.slice(place.asked.lastIndexOf('@') + 1)] : [digest];
}

/** What is attested of a digest and may be an SBOM, newest first. What cannot be read is told in `refusals`. */
async function* envelopes(
  registry: Registry,
  digest: string,
  formats: readonly SbomFormat[],
  refusals: string[],
): AsyncGenerator<Envelope, void, undefined> {
  const types = formats.map(predicateTypeOf);
  const readable = async (read: () => Promise<Envelope | undefined>): Promise<Envelope | undefined> => {
    try {
      return await read();
    } catch (error) {
      const { code, message } = asChalkError(error);
      if (code !== 'ATTESTATION_INVALID') throw error;
      refusals.push(message);
      return undefined;
    }
  };
  const tag = await orNothing(registry.getManifest(attTag(digest)));
  const layers = tag === undefined ? [] : attLayers(tag.bytes, `${registry.name}:${attTag(digest)}`);
  for (const { descriptor, predicateType } of layers.toReversed().slice(0, MAX_ATTESTATIONS)) {
    if (predicateType !== undefined && !types.includes(predicateType)) continue;
    const envelope = await readable(async () =>
      readEnvelope(await registry.readBlob(descriptor.digest, MAX_ENVELOPE_BYTES), descriptor.digest),
    );
    if (envelope !== undefined) yield envelope;
  }
  const referrers = await listReferrers(registry, digest);
  for (const { digest: referrer } of referrers.toReversed().slice(0, MAX_ATTESTATIONS)) {
    const envelope = await readable(async () => {
      const manifest = await orNothing(registry.getManifest(referrer));
      const bundle = manifest === undefined ? undefined : bundleIn(manifest.bytes, digest);
      if (bundle === undefined) return undefined;
      const { content } = readBundle(
        await registry.readBlob(bundle.digest, MAX_ENVELOPE_BYTES),
        bundle.digest,
      );
      return content.kind === 'dsse' ? content.envelope : undefined;
    });
    if (envelope !== undefined) yield envelope;
  }
}

/** The SBOM in an envelope; undefined for a statement of another kind. */
function sbomIn(
  { payload, payloadType }: Envelope,
  digest: string,
  formats: readonly SbomFormat[],
  refusals: string[],
): Omit<Sbom, 'origin'> | undefined {
  if (payloadType !== STATEMENT_PAYLOAD) return undefined;
  const text = new TextDecoder().decode(payload);
  const scan = scanObject(text);
  const type = scan.kind === 'object' ? scan.members.get('predicateType') : undefined;
  const format = SBOM_FORMATS.find((each) => type === JSON.stringify(predicateTypeOf(each)));
  if (format === undefined || !formats.includes(format)) return undefined;
  const what = `the attested SBOM of ${digest}`;
  try {
    return readSbom(predicateOf(text, digest, what), format, { what });
  } catch (error) {
    refusals.push(asChalkError(error).message);
    return undefined;
  }
}
