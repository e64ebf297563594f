import { ChalkError } from '../base/errors.ts';
import { parsePlatform, platformOf, samePlatform } from '../base/platform.ts';
import { buildkitReader, type DocumentReader, savedReader } from '../docker/image-content.ts';
import type { DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { mediaTypeOf } from '../registry/manifest.ts';
import {
  attestedDigest,
  type Descriptor,
  listReferrers,
  type ManifestContent,
  readManifest,
  type Registry,
} from '../registry/index.ts';
import { isAbout, PREDICATE, readStatement, STATEMENT_PAYLOAD } from '../sign/index.ts';
import { readSbom } from './document.ts';
import { scanObject } from './json-scan.ts';
import type { Attempt, SbomSource, Target } from './sbom.ts';

const PREDICATE_TYPE = 'in-toto.io/predicate-type';
const STATEMENT_LAYER = 'application/vnd.in-toto+json';
/** BuildKit 0.32 and newer list it as a referrer as well (BuildKit docs, "Image attestation storage"). */
const ATTESTATION_MANIFEST = 'application/vnd.docker.attestation.manifest.v1+json';

/** BuildKit itself takes no more than 40 MiB from a generator. */
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024;
const MAX_REFERRERS = 16;

/**
 * The SBOM BuildKit made in the build (`--sbom`, `--attest type=sbom`), which nobody signed: what makes it worth something is
 * who signs it after us, so it must be about this very manifest. Only SPDX, as BuildKit has it. Of several documents (its
 * scans of other stages and of the context) the first is the image's own.
 */
export function buildkitSource(host: Host, tools: DockerTools): SbomSource {
  return {
    make: async (target, format) => {
      if (format !== 'spdx') return absent('BuildKit writes SPDX alone');
      const { place } = target;
      if (place.kind === 'engine') {
        // A graph driver's store has no index, and so nothing beside an image.
        return place.store === 'graph'
          ? absent('the engine keeps no attestations')
          : fromEngine(host, tools, target);
      }
      const read = async (digest: string, isDocument: boolean) =>
        isDocument
          ? (await place.registry.readBlob(digest, MAX_STATEMENT_BYTES)).toString('utf8')
          : (await place.registry.getManifest(digest)).bytes.toString('utf8');
      const manifest =
        place.index === undefined
          ? await amongReferrers(target, place.registry)
          : attestationOf(place.index.manifests, target.digest);
      return fromAttestation(read, manifest, target.digest);
    },
  };
}

/** Reads a manifest, or one of the documents it lists; undefined where it is not to be had. */
type Reader = (digest: string, isDocument: boolean) => Promise<string | undefined>;

async function fromAttestation(
  read: Reader,
  attestation: string | undefined,
  digest: string,
): Promise<Attempt> {
  if (attestation === undefined) return absent('BuildKit attested nothing of it');
  const text = await read(attestation, false);
  const content = text === undefined ? undefined : manifestOf(attestation, text);
  if (content?.kind !== 'image') return absent('what BuildKit attested of it cannot be read');
  const layer = content.layers.find(
    ({ mediaType, annotations }) =>
      mediaType === STATEMENT_LAYER && annotations?.[PREDICATE_TYPE] === PREDICATE.spdx,
  );
  if (layer === undefined) return absent('BuildKit attested no SBOM of it');
  const what = `BuildKit's SBOM ${layer.digest}`;
  const statement = await read(layer.digest, true);
  if (statement === undefined) return absent(`${what} cannot be read`);
  return {
    kind: 'made',
    sbom: { ...readSbom(predicateOf(statement, digest, what), 'spdx', { what }), origin: 'buildkit' },
  };
}

/** The SBOM in a statement, byte for byte. Throws `ATTESTATION_INVALID` for a statement about something else. */
export function predicateOf(statement: string, digest: string, what: string): string {
  const payload = Buffer.from(statement, 'utf8');
  const parsed = readStatement({ payload, payloadType: STATEMENT_PAYLOAD }, what);
  if (!isAbout(parsed, digest)) {
    throw new ChalkError('ATTESTATION_INVALID', `${what}: it is about another image than ${digest}`);
  }
  const scan = scanObject(statement);
  const predicate = scan.kind === 'object' ? scan.members.get('predicate') : undefined;
  if (predicate !== undefined) return predicate;
  throw new ChalkError('ATTESTATION_INVALID', `${what}: its statement names a member twice`);
}

/** The attestation manifest beside an image in its index. */
function attestationOf(manifests: readonly Descriptor[], digest: string): string | undefined {
  return manifests.find((each) => attestedDigest(each) === digest)?.digest;
}

async function amongReferrers({ digest }: Target, registry: Registry): Promise<string | undefined> {
  const referrers = await listReferrers(registry, digest);
  for (const referrer of referrers.slice(0, MAX_REFERRERS)) {
    if (referrer.artifactType !== ATTESTATION_MANIFEST) continue;
    const content = readManifest(await registry.getManifest(referrer.digest));
    const holdsSbom =
      content.kind === 'image' &&
      content.layers.some(({ annotations }) => annotations?.[PREDICATE_TYPE] === PREDICATE.spdx);
    if (holdsSbom) return referrer.digest;
  }
  return undefined;
}

async function fromEngine(host: Host, tools: DockerTools, { digest, platform }: Target): Promise<Attempt> {
  const { context } = tools.config;
  const builder = { name: context, environment: { BUILDX_BUILDER: context }, driver: 'docker' };
  const first = buildkitReader(host, tools, builder, undefined, MAX_STATEMENT_BYTES);
  let saved: Promise<DocumentReader | undefined> | undefined;
  const read: Reader = async (wanted) => {
    const text = await first(wanted);
    if (text !== undefined) return text;
    // No build is on record there.
    saved ??= savedReader(host, tools, digest, MAX_STATEMENT_BYTES).catch(() => undefined);
    return (await saved)?.(wanted);
  };
  const text = await read(digest, false);
  const index = text === undefined ? undefined : manifestOf(digest, text);
  if (index?.kind !== 'index') return absent('BuildKit attested nothing of it');
  const wanted = parsePlatform(platform ?? '');
  const described = index.manifests.find(
    ({ platform: own }) => own && wanted !== undefined && samePlatform(platformOf(own), wanted),
  );
  if (described === undefined) return absent('the engine has no manifest of that platform');
  return fromAttestation(read, attestationOf(index.manifests, described.digest), described.digest);
}

/** A manifest of the engine's store; undefined for what is none. */
function manifestOf(digest: string, text: string): ManifestContent | undefined {
  const bytes = Buffer.from(text, 'utf8');
  try {
    return readManifest({ mediaType: mediaTypeOf(undefined, bytes, digest), digest, bytes });
  } catch {
    return undefined;
  }
}

function absent(why: string): Attempt {
  return { kind: 'absent', why };
}
