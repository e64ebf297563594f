import { repositoryName } from '../base/image-ref.ts';
import { asChalkError, ChalkError } from '../base/errors.ts';
import type { Host } from '../host/host.ts';
import { connectRegistries, type Registry, type RegistrySettings } from '../registry/index.ts';
import { type Envelope, envelopeJson, type SignedStatement, type Signer } from '../sign/index.ts';
import { artifactsFor, type Attachment, publish, storeBlobs } from './attach.ts';
import { type Bounded, bounded } from './bounded.ts';
import { builderMaterials } from './builder-materials.ts';
import { type Existing, findExisting, type Form } from './existing.ts';
import type { AttachedStatement, ImageSubject, PushedImage } from './image.ts';
import { type ReadImage, readPushedImage } from './read-image.ts';
import { type PlannedStatement, planStatements } from './statements.ts';
import { allSubjects, type Subjects, subjectsOf } from './subjects.ts';

/** What became of the statements about one image. */
export interface Attestation {
  readonly image: PushedImage;
  /** Undefined where not even the image could be read. */
  readonly subjects: Subjects | undefined;
  readonly statements: readonly AttachedStatement[];
  /** Why something is not attached; the push has succeeded all the same. */
  readonly errors: readonly ChalkError[];
}

/** For everything of one run, after the push: longer than this nobody's terminal is kept waiting. */
const TIME_LIMIT_MS = 60_000;
/** Requests at the same time. */
const AT_ONCE = 8;
/** A report has the envelopes of marks and provenance, not those of bills of materials. */
const MAX_REPORTED_BYTES = 256 * 1024;
const FORMS: readonly Form[] = ['att', 'bundle'];

/**
 * Signs what there is to say about pushed images and attaches it to them in their registries: all images side by side, all
 * blobs before the first manifest. A statement that is there already in the same words by the same key is left as it is.
 * Never rejects.
 */
export async function attestImages(
  host: Host,
  settings: Pick<RegistrySettings, 'configFolder' | 'insecure'>,
  signer: Signer,
  images: readonly PushedImage[],
  timeLimitMs = TIME_LIMIT_MS,
): Promise<readonly Attestation[]> {
  const deadline = host.clock.monotonic() + timeLimitMs;
  const connect = connectRegistries(host, { ...settings, deadline });
  const limit = bounded(AT_ONCE);
  return Promise.all(
    images.map(async (image): Promise<Attestation> => {
      const name = repositoryName(image.repository);
      const late = (errors: readonly ChalkError[]) =>
        host.clock.monotonic() < deadline || errors.length === 0
          ? distinct(errors)
          : [tooLate(name, timeLimitMs)];
      try {
        const attested = await attest(connect(image.repository), signer, image, limit, host.clock.now());
        return { ...attested, errors: late(attested.errors) };
      } catch (thrown) {
        return { image, subjects: undefined, statements: [], errors: late([asChalkError(thrown)]) };
      }
    }),
  );
}

async function attest(
  registry: Registry,
  signer: Signer,
  image: PushedImage,
  limit: Bounded,
  now: number,
): Promise<Attestation> {
  const subjects = subjectsOf(await limit(() => registry.getManifest(image.digest)));
  const [materials, { images, errors }] = await Promise.all([
    image.provenance === undefined ? [] : builderMaterials(registry, subjects).catch(() => []),
    readImages(registry, image.marks === undefined ? [] : subjects.images, limit),
  ]);
  const planned = planStatements(image, subjects, registry.name, { materials, images });
  const all = allSubjects(subjects);
  const existing = new Map(
    await Promise.all(
      all.map(async (subject): Promise<readonly [ImageSubject, ReadonlyMap<PlannedStatement, Existing>]> => {
        const own = planned.filter((statement) => statement.subjects.includes(subject));
        return [subject, await findExisting(registry, subject.digest, own, signer, limit)];
      }),
    ),
  );
  const at = (subject: ImageSubject, statement: PlannedStatement): Existing =>
    existing.get(subject)?.get(statement) ?? new Map<Form, Envelope>();
  const isThere = (subject: ImageSubject, statement: PlannedStatement) =>
    FORMS.every((form) => at(subject, statement).has(form));
  const signed = new Map<PlannedStatement, SignedStatement>();
  for (const statement of planned) {
    if (statement.subjects.every((subject) => isThere(subject, statement))) continue;
    signed.set(statement, await signer.sign(statement.payload));
  }
  const artifacts = all.map((subject) => {
    const attachments = planned.flatMap((statement): Attachment[] => {
      const own = signed.get(statement);
      if (own === undefined || !statement.subjects.includes(subject)) return [];
      const missing = new Set(FORMS.filter((form) => !at(subject, statement).has(form)));
      return [{ predicateType: statement.predicateType, signed: own, missing }];
    });
    return artifactsFor(subject, attachments, now);
  });
  await storeBlobs(registry, artifacts, limit);
  const failures = await Promise.all(artifacts.map((each) => limit(() => publish(registry, each))));
  const failed = new Set(all.filter((_, index) => (failures[index] ?? []).length > 0));
  const statements = planned.flatMap((statement) =>
    statement.subjects.flatMap((subject): AttachedStatement[] => {
      const thereAlready = isThere(subject, statement);
      if (!thereAlready && failed.has(subject)) return [];
      const envelope = thereAlready ? at(subject, statement).get('bundle') : signed.get(statement)?.envelope;
      const { kind, predicateType } = statement;
      const state = thereAlready ? 'there-already' : 'attached';
      return [{ kind, predicateType, subject: subject.digest, state, envelope: reported(envelope) }];
    }),
  );
  return { image, subjects, statements, errors: [...errors, ...failures.flat()] };
}

/** An image that cannot be read is signed without what would have been found in it. */
async function readImages(registry: Registry, subjects: readonly ImageSubject[], limit: Bounded) {
  const errors: ChalkError[] = [];
  const images = new Map<string, ReadImage>();
  await Promise.all(
    subjects.map(({ digest }) =>
      limit(async () => {
        try {
          images.set(digest, await readPushedImage(registry, digest));
        } catch (thrown) {
          errors.push(asChalkError(thrown));
        }
      }),
    ),
  );
  return { images, errors };
}

function reported(envelope: Envelope | undefined): AttachedStatement['envelope'] {
  if (envelope === undefined || envelope.payload.length > MAX_REPORTED_BYTES) return undefined;
  return envelopeJson(envelope);
}

/** A registry that forbids one thing forbids many: each failure is told once. */
function distinct(errors: readonly ChalkError[]): readonly ChalkError[] {
  return [...new Map(errors.toReversed().map((error) => [error.code, error])).values()].toReversed();
}

function tooLate(name: string, limitMs: number): ChalkError {
  return new ChalkError(
    'REGISTRY_UNREACHABLE',
    `${name}: the registry did not take all signatures within ${Math.round(limitMs / 1000)} seconds`,
    { hint: 'push again: what is missing will be added' },
  );
}
