import { asChalkError } from '../base/errors.ts';
import { formatPlatform, type Platform, samePlatform } from '../base/platform.ts';
import type { NormalisedImage } from '../image/normalised-hash.ts';
import { readManifest } from '../registry/index.ts';
import type { Attestation } from './attestations.ts';
import { attestationsOf, baseFinding, type BaseSearch } from './base.ts';
import {
  type Check,
  type Finding,
  type Requirement,
  settle,
  type Verdict,
  verdictOf,
  worstOf,
} from './checks.ts';
import { checkLayers, findMark, type MarkFinding, normalise } from './content.ts';
import { checked, eachLimited, findingOf } from './failures.ts';
import { type ListedImage, listImages, type PlatformImage, readImage } from './images.ts';
import { type OwnPrograms, shimFinding } from './shim.ts';
import {
  attestedMarkFinding,
  type Attestations,
  contentFinding,
  signatureFinding,
  statementFinding,
  subjectFinding,
} from './signed.ts';
import type { ImageStore } from './store.ts';
import type { Trust } from './trust.ts';

export interface ImageDemands {
  /** Undefined where nobody was named. */
  readonly trust: Trust | undefined;
  readonly required: ReadonlySet<Requirement>;
  /** Of an index this image alone; then nothing is asked of the index itself. */
  readonly platform: Platform | undefined;
  /** Reads every layer whole. */
  readonly everyLayer: boolean;
  readonly programs: OwnPrograms;
  readonly openBase: BaseSearch['open'];
}

/** What was found of one manifest. */
export interface Verified {
  readonly name: string;
  readonly digest: string | undefined;
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  /** Whatever is attached to it, also what does not count. */
  readonly attestations: readonly Attestation[];
}

export interface Verification {
  readonly name: string;
  readonly verdict: Verdict;
  /** The index first where there is one, then its images. */
  readonly manifests: readonly Verified[];
}

const AT_ONCE = 4;

/** Verifies the image a store holds, for every platform. Never throws what is wrong with the image: that is a failed check. */
export async function verifyImage(
  store: ImageStore,
  name: string,
  demands: ImageDemands,
): Promise<Verification> {
  try {
    const content = readManifest(store.top);
    const all = listImages(store.top, content, demands.platform, name);
    const listed = store.kind === 'engine' ? await present(store, all) : all;
    const single = content.kind === 'image';
    const images = await eachLimited(listed, AT_ONCE, (image) =>
      verifyOne(store, name, image, single, demands),
    );
    const manifests = single ? images : [await verifyIndex(store, name, demands), ...images];
    return { name, verdict: worstOf(manifests.map(({ verdict }) => verdict)), manifests };
  } catch (error) {
    return unreadable(name, store.top.digest, error, demands.required);
  }
}

/** Of an index, an engine has the images it needs. */
async function present(store: ImageStore, listed: readonly ListedImage[]): Promise<readonly ListedImage[]> {
  const sizes = await Promise.all(listed.map(({ digest }) => store.blobSize(digest)));
  const there = listed.filter((_, at) => sizes[at] !== undefined);
  return there.length > 0 ? there : listed;
}

/** What is told of an image that could not be read at all. */
export function unreadable(
  name: string,
  digest: string | undefined,
  error: unknown,
  required: ReadonlySet<Requirement>,
): Verification {
  const only = verified(name, digest, [findingOf('image', error)], required, undefined);
  return { name, verdict: only.verdict, manifests: [only] };
}

async function verifyIndex(store: ImageStore, name: string, demands: ImageDemands): Promise<Verified> {
  const { digest } = store.top;
  const attestations = await attestationsOf(store, digest, demands.trust);
  const findings = [signatureFinding(attestations, 'index')];
  const subject = subjectFinding(attestations, digest);
  const required = demands.platform === undefined ? demands.required : new Set<Requirement>();
  return verified(name, digest, [...findings, subject], required, attestations);
}

async function verifyOne(
  store: ImageStore,
  name: string,
  listed: ListedImage,
  single: boolean,
  demands: ImageDemands,
): Promise<Verified> {
  const { digest } = listed;
  let image: PlatformImage;
  try {
    image = await readImage(store, digest);
  } catch (error) {
    return verified(name, digest, [findingOf('image', error)], demands.required, undefined);
  }
  const own = formatPlatform(image.platform);
  const title = single ? name : `${name} (${own})`;
  const [attestations, normalised, layers] = await Promise.all([
    attestationsOf(store, digest, demands.trust),
    normalise(store, image).catch((error: unknown) => asChalkError(error)),
    checked('layers', () => checkLayers(store, image, demands.everyLayer)),
  ]);
  const hashed = 'hash' in normalised ? normalised : undefined;
  const marked = await markOf(store, image, hashed);
  const findings: Finding[] = [
    imageFinding(image, listed),
    layers,
    marked.finding,
    signatureFinding(attestations, 'signature'),
    subjectFinding(attestations, digest),
    attestedMarkFinding(attestations, marked.mark),
    'hash' in normalised ? contentFinding(attestations, normalised) : findingOf('content', normalised),
    statementFinding(attestations, 'provenance'),
    statementFinding(attestations, 'sbom'),
    hashed === undefined
      ? { check: 'shim', found: 'unknown', why: 'the layers could not be read' }
      : shimFinding(hashed, image.platform, demands.programs),
    await baseOf(image, marked, attestations, demands),
  ];
  return verified(title, digest, findings, demands.required, attestations);
}

function imageFinding({ manifest, platform }: PlatformImage, { listedAs }: ListedImage): Finding {
  const check = 'image';
  const own = formatPlatform(platform);
  if (listedAs === undefined || samePlatform(listedAs, platform)) {
    return { check, found: 'ok', why: `${manifest.digest}, ${own}` };
  }
  const why = `the index lists it as ${formatPlatform(listedAs)}, and it is for ${own}`;
  return { check, found: 'failed', why };
}

async function markOf(
  store: ImageStore,
  image: PlatformImage,
  normalised: NormalisedImage | undefined,
): Promise<MarkFinding> {
  try {
    return await findMark(store, image, normalised);
  } catch (error) {
    return { finding: findingOf('mark', error), mark: undefined };
  }
}

/** A base image that nobody asked for is told of, and changes nothing. */
async function baseOf(
  image: PlatformImage,
  { mark }: MarkFinding,
  attestations: Attestations,
  { trust, openBase, required }: ImageDemands,
): Promise<Finding> {
  const check = 'base';
  if (mark === undefined) return { check, found: 'unknown', why: 'there is no mark to say what it is' };
  if (trust === undefined || signatureFinding(attestations, 'signature').found !== 'ok') {
    return { check, found: 'unknown', why: 'not followed, since nobody who was named signed the image' };
  }
  const finding = await baseFinding(image, mark, { trust, open: openBase });
  return finding.found === 'failed' && !required.has('base') ? { ...finding, found: 'unknown' } : finding;
}

function verified(
  name: string,
  digest: string | undefined,
  findings: readonly Finding[],
  required: ReadonlySet<Requirement>,
  attestations: Attestations | undefined,
): Verified {
  const checks = findings.map((finding) => settle(finding, required));
  return {
    name,
    digest,
    verdict: verdictOf(checks, required),
    checks,
    attestations: attestations?.kind === 'judged' ? attestations.all : [],
  };
}
