import { ChalkError } from '../base/errors.ts';
import { type ImageRef, parseImageRef } from '../base/image-ref.ts';
import { type MarkMap, stringOf } from '../mark/index.ts';
import { readManifest } from '../registry/index.ts';
import { asChalkError } from '../base/errors.ts';
import { readAttestations, judgeAttestations } from './attestations.ts';
import type { Finding } from './checks.ts';
import { findMark, normalise } from './content.ts';
import { checked } from './failures.ts';
import { listImages, type PlatformImage, readImage } from './images.ts';
import { type Attestations, signatureFinding } from './signed.ts';
import type { ImageStore } from './store.ts';
import type { Trust } from './trust.ts';

/** What the way down the base images is gone with. */
export interface BaseSearch {
  readonly trust: Trust;
  /** Opens an image in its registry; undefined where no network may be used. */
  readonly open: ((ref: ImageRef) => Promise<ImageStore>) | undefined;
}

/** Marked images are built on marked images; no chain of them is long. */
const MAX_DEPTH = 5;

/**
 * Whether the image was built on the base image its mark names, and that one is marked and signed by somebody who was named,
 * and so on down to one without a mark, which ends the way. Asked only for marks that are signed: an unsigned one could send
 * us to any address.
 */
export async function baseFinding(
  image: PlatformImage,
  mark: MarkMap,
  search: BaseSearch,
  depth = 0,
): Promise<Finding> {
  const check = 'base';
  const repository = stringOf(mark, 'DOCKER_BASE_IMAGE_REPO');
  const digest = stringOf(mark, 'DOCKER_BASE_IMAGE_DIGEST');
  if (repository === undefined) return { check, found: 'absent', why: 'its mark names no base image' };
  const ref = digest === undefined ? undefined : parseImageRef(`${repository}@sha256:${digest}`);
  if (ref === undefined) {
    return { check, found: 'unknown', why: `its mark names ${repository}, and not which of them` };
  }
  const name = `${repository}@sha256:${digest?.slice(0, 12)}`;
  const { open } = search;
  if (open === undefined) return { check, found: 'unknown', why: `${name} is not asked for: offline` };
  if (depth >= MAX_DEPTH) return { check, found: 'unknown', why: `${name}: there are too many base images` };
  return checked(check, async () => {
    const store = await open(ref);
    const listed = listImages(store.top, readManifest(store.top), image.platform, name);
    const [only, ...others] = listed;
    if (only === undefined || others.length > 0) {
      throw new ChalkError('IMAGE_NOT_FOUND', `${name} lists ${listed.length} images for one platform`);
    }
    const base = await readImage(store, only.digest);
    if (!base.diffIds.every((diffId, at) => diffId === image.diffIds[at])) {
      return { check, found: 'failed', why: `its first layers are not those of ${name}` };
    }
    const { finding, mark: ownMark } = await findMark(store, base, await normalise(store, base));
    if (ownMark === undefined) {
      return { check, found: 'absent', why: `${name} is its base, and has no mark: ${finding.why}` };
    }
    if (finding.found !== 'ok') return { ...finding, check, why: `${name}: ${finding.why}` };
    const signature = signatureFinding(await attestationsOf(store, only.digest, search.trust), 'signature');
    if (signature.found !== 'ok') {
      const found = signature.found === 'absent' ? 'foreign' : signature.found;
      return { ...signature, check, found, why: `${name} is marked, but ${signature.why}` };
    }
    const below = await baseFinding(base, ownMark, search, depth + 1);
    const why = `${name} is marked and ${signature.why}`;
    if (below.found === 'absent') return { check, found: 'ok', why };
    return { ...below, why: `${why}; below it ${below.why}` };
  });
}

/** The attestations of a manifest, judged. Never throws. */
export async function attestationsOf(
  store: ImageStore,
  digest: string,
  trust: Trust | undefined,
): Promise<Attestations> {
  if (trust === undefined) return { kind: 'nobody-named' };
  try {
    const found = await readAttestations(store, digest);
    if (found === undefined) return { kind: 'not-kept', where: `the ${store.kind} (${store.name})` };
    return { kind: 'judged', all: await judgeAttestations(found, trust, digest), trust: trust.names };
  } catch (error) {
    return { kind: 'unreadable', error: asChalkError(error) };
  }
}
