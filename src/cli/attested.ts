import { type Attestation, attestImages, type ImageSubject, type PushedImage } from '../attest/index.ts';
import { asChalkError, ChalkError, describeError } from '../base/errors.ts';
import { parsePlatform, samePlatform } from '../base/platform.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import type { Item } from '../docker/argv/parse.ts';
import { bareDigest } from '../image/image-facts.ts';
import { type MarkMap, type MarkValue, readMark, stringOf } from '../mark/index.ts';
import { insecureRegistries, type RegistrySettings } from '../registry/index.ts';
import { readSbomChoice, wantsSbom } from '../sbom/index.ts';
import { type MadeSboms, sbomsOf } from './sboms.ts';
import type { Signing } from './signing.ts';

/** What was signed of one run. */
export interface Attested {
  /** Host keys of the report. */
  readonly keys: Readonly<Record<string, MarkValue>>;
  /** Artifact keys of the image with this mark (undefined: none is known) that was pushed with this digest (`sha256:…`). */
  readonly factsOf: (digest: string, mark: MarkMap | undefined) => Readonly<Record<string, MarkValue>>;
  readonly errors: readonly ChalkError[];
  /** What is a pity and no failure: an SBOM that could not be made. */
  readonly warnings: readonly ChalkError[];
}

/** Images that were pushed, and why one of them is not known. */
export interface FoundImages {
  readonly images: readonly PushedImage[];
  readonly errors: readonly ChalkError[];
}

/** Finds them; the settings are for its own questions to their registries. */
export type FindImages = (
  settings: Pick<RegistrySettings, 'configFolder' | 'insecure'>,
) => Promise<FoundImages>;

const NOTHING: Attested = { keys: {}, factsOf: () => ({}), errors: [], warnings: [] };

/**
 * Signs what was pushed, if this run signs at all. Comes after docker's success, so that whatever fails here is said in one
 * line, unless `silent`, and in the report. Never rejects.
 *
 * @param find the images that were pushed; only asked where there is a signer.
 */
export async function attestPushed(
  host: Host,
  tools: DockerTools,
  signing: Signing,
  find: FindImages,
  { options, silent }: { readonly options: readonly Item[]; readonly silent: boolean },
): Promise<Attested> {
  const attested = await attestedBy(host, tools, signing, find, options);
  if (silent) return attested;
  await say(host, 'not signed', attested.errors);
  await say(host, 'no SBOM', attested.warnings);
  return attested;
}

async function say(host: Host, what: string, [first, ...others]: readonly ChalkError[]): Promise<void> {
  if (first === undefined) return;
  const more = others.length === 0 ? '' : `, and ${others.length} more in the report`;
  await host.terminal.writeError(`docker chalk: ${what}: ${describeError(first)}${more}\n`);
}

async function attestedBy(
  host: Host,
  tools: DockerTools,
  signing: Signing,
  find: FindImages,
  options: readonly Item[],
): Promise<Attested> {
  switch (signing.kind) {
    case 'off':
      return signing.why === undefined ? NOTHING : { ...NOTHING, keys: keysFor(`off: ${signing.why}`) };
    case 'impossible':
      return { ...NOTHING, keys: keysFor('failed'), errors: [signing.error] };
    case 'on':
      break;
  }
  try {
    const [signer, insecure] = await Promise.all([signing.signer, insecureRegistries(host, tools)]);
    if (signer instanceof ChalkError) return { ...NOTHING, keys: keysFor('failed'), errors: [signer] };
    const settings = { configFolder: tools.config.folder, insecure };
    const found = await find(settings);
    const choice = readSbomChoice(options, host.env);
    const signed = await attestImages(host, settings, signer, found.images);
    const sboms = wantsSbom(choice, { pushed: true, signed: true })
      ? await sbomsOf(host, tools, choice, signed)
      : NO_SBOMS;
    const attestations = [...signed, ...(await attestImages(host, settings, signer, sboms.images))];
    const errors = [...found.errors, ...attestations.flatMap((each) => each.errors)];
    return {
      keys: {
        ...keysFor(errors.length > 0 ? 'failed' : signer.kind),
        ...(sboms.why === undefined ? {} : { _X_CHALK_SBOM: `none: ${sboms.why}` }),
      },
      factsOf: (digest, mark) => factsOf(attestations, digest, mark),
      errors,
      warnings: [...(choice.fault === undefined ? [] : [choice.fault]), ...sboms.errors],
    };
  } catch (thrown) {
    return { ...NOTHING, keys: keysFor('failed'), errors: [asChalkError(thrown)] };
  }
}

function keysFor(state: string): Readonly<Record<string, MarkValue>> {
  return { _X_CHALK_SIGNING: state };
}

const NO_SBOMS: MadeSboms = { images: [], why: undefined, errors: [] };

/** Registry to repository to what is there: the form of Chalk's `_REPO_…` keys. */
type Table<T> = Record<string, Record<string, T>>;

function factsOf(
  attestations: readonly Attestation[],
  pushed: string,
  mark: MarkMap | undefined,
): Readonly<Record<string, MarkValue>> {
  const digests: Table<string[]> = {};
  const lists: Table<string[]> = {};
  const signatures: MarkValue[] = [];
  const attached: MarkValue[] = [];
  let provenance: MarkValue | undefined;
  let sbom: MarkValue | undefined;
  for (const { image, subjects, statements } of attestations) {
    if (image.digest !== pushed || subjects === undefined) continue;
    const { registry, repository } = image.repository;
    const own = subjects.images.filter((subject) => isOf(subject, mark));
    (digests[registry] ??= {})[repository] = own.map(({ digest }) => bareDigest(digest));
    if (subjects.top.kind === 'index') {
      (lists[registry] ??= {})[repository] = [bareDigest(subjects.top.digest)];
    }
    const about = new Set([subjects.top, ...own].map(({ digest }) => digest));
    for (const statement of statements) {
      const { kind, subject, predicateType, state, envelope } = statement;
      if (!about.has(subject)) continue;
      attached.push({
        repository: `${registry}/${repository}`,
        digest: bareDigest(subject),
        predicateType,
        state,
      });
      if (envelope === undefined) continue;
      if (kind === 'mark')
        signatures.push({ ...envelope, signatures: envelope.signatures.map((each) => ({ ...each })) });
      if (kind === 'provenance') provenance ??= predicateOf(envelope.payload);
      // The index has those of every platform.
      if (kind === 'sbom' && subject !== subjects.top.digest) sbom ??= predicateOf(envelope.payload);
      if (kind === 'sbom' && subjects.top.kind === 'image') sbom ??= predicateOf(envelope.payload);
    }
  }
  return Object.fromEntries(
    Object.entries({
      _REPO_DIGESTS: digests,
      _REPO_LIST_DIGESTS: lists,
      _SIGNATURES: signatures,
      _IMAGE_PROVENANCE: provenance ?? {},
      _IMAGE_SBOM: sbom ?? {},
      _X_CHALK_ATTESTATIONS: attached,
    } satisfies Record<string, MarkValue>).filter(([, value]) => hasContent(value)),
  );
}

function hasContent(value: MarkValue): boolean {
  if (value instanceof Map) return value.size > 0;
  return typeof value !== 'object' || value === null || Object.keys(value).length > 0;
}

/** A mark made for one platform is in that platform's image; any other is in all of them. */
function isOf({ platform }: ImageSubject, mark: MarkMap | undefined): boolean {
  const text = mark === undefined ? undefined : stringOf(mark, 'DOCKER_PLATFORM');
  const wanted = text === undefined ? undefined : parsePlatform(text);
  return wanted === undefined || platform === undefined || samePlatform(platform, wanted);
}

/** Undefined for what a report has no form for. */
function predicateOf(payload: string): MarkValue | undefined {
  try {
    return readMark(Buffer.from(payload, 'base64'), 'the statement').get('predicate');
  } catch {
    return undefined;
  }
}
