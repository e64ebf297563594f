import type { FoundText } from '../image/extract.ts';
import { type MarkMap, type MarkValue, writeMark } from '../mark/index.ts';
import type { Manifest, Registry } from '../registry/index.ts';
import { envelopeJson, type EnvelopeJson } from '../sign/index.ts';
import { attestedMarks, readAttestations, registryStoreAt } from '../verify/index.ts';

/** A mark out of a statement attached to an image. */
export interface AttestedMark {
  readonly found: FoundText;
  /** `_SIGNATURES` of the report: the envelopes the mark was in. */
  readonly signatures: MarkValue;
}

/**
 * The mark that statements about a manifest hold. Nobody says here who signed them, and whoever may push could have
 * attached one: where several differ, or none can be read, it is not for this place to say, and the image itself is asked.
 */
export async function attestedMark(
  registry: Registry,
  manifest: Manifest,
): Promise<AttestedMark | undefined> {
  const store = registryStoreAt(registry, manifest);
  // What cannot be listed or read is not there: the layer with the mark is asked next, and has its own failures.
  const found = (await readAttestations(store, manifest.digest).catch(() => undefined)) ?? [];
  const attested = attestedMarks(found, manifest.digest);
  const [text, ...others] = new Set(attested.map(({ mark }) => textOf(mark)));
  if (text === undefined || others.length > 0) return undefined;
  return {
    found: { kind: 'mark', bytes: Buffer.from(text, 'utf8'), attested: true },
    signatures: attested.map(({ envelope }) => signatureValue(envelopeJson(envelope))),
  };
}

/** Undefined for what is no mark. */
function textOf(mark: MarkMap): string | undefined {
  try {
    return writeMark(mark);
  } catch {
    return undefined;
  }
}

function signatureValue({ payload, payloadType, signatures }: EnvelopeJson): MarkValue {
  return { payload, payloadType, signatures: signatures.map(({ sig }) => ({ sig })) };
}
