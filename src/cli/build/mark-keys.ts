import { collectHost, when } from '../../collect/index.ts';
import type { Host } from '../../host/host.ts';
import { type MarkValue, randomChalkId, RANDOM_ID_BYTES } from '../../mark/index.ts';
import { CHALK_FORMAT_VERSION, PRODUCT_VERSION } from '../version.ts';

type Keys = Readonly<Record<string, MarkValue | undefined>>;

/** What was learned of a build, by where it comes from. */
export interface Learned {
  readonly git: Keys;
  readonly ci: Keys;
  /** For the mark, and for the report. */
  readonly docker: { readonly mark: Keys; readonly report: Keys };
}

/** The keys every mark of one build has, a new CHALK_ID among them; the platform is for each image to add. */
export function newMarkKeys(host: Host, { git, ci, docker }: Learned): Keys {
  const { VCS_DIR_WHEN_CHALKED: _, ...gitInMark } = git;
  const machine = collectHost(host, { version: PRODUCT_VERSION }).mark;
  const { TIMESTAMP_WHEN_CHALKED, DATETIME_WHEN_CHALKED } = when(host.clock).mark;
  return {
    CHALK_ID: randomChalkId(host.random.bytes(RANDOM_ID_BYTES)),
    CHALK_VERSION: CHALK_FORMAT_VERSION,
    CHALK_RAND: Buffer.from(host.random.bytes(8)).toString('hex'),
    ARTIFACT_TYPE: 'Docker Image',
    TIMESTAMP_WHEN_CHALKED,
    DATETIME_WHEN_CHALKED,
    PLATFORM_WHEN_CHALKED: machine['PLATFORM_WHEN_CHALKED'],
    INJECTOR_VERSION: PRODUCT_VERSION,
    ...gitInMark,
    ...ci,
    ...docker.mark,
  };
}

/** Artifact keys of the report that are not in the mark, or more than the mark says. */
export function reportedKeys(host: Host, { git, docker }: Learned): Readonly<Record<string, MarkValue>> {
  const keys: Keys = { ...git, ...collectHost(host, { version: PRODUCT_VERSION }).mark, ...docker.report };
  return Object.fromEntries(
    Object.entries(keys).filter((entry): entry is [string, MarkValue] => entry[1] !== undefined),
  );
}
