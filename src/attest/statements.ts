import {
  imageSubject,
  PREDICATE,
  type Subject,
  writeIndexStatement,
  writeMarkStatement,
  writeStatement,
} from '../sign/index.ts';
import type { ImageSubject, PushedImage, Sbom, StatementKind } from './image.ts';
import { type Dependency, writeProvenance } from './provenance.ts';
import type { ReadImage } from './read-image.ts';
import { allSubjects, forImage, type Subjects } from './subjects.ts';

/** A statement before it is signed. */
export interface PlannedStatement {
  readonly kind: StatementKind;
  readonly predicateType: string;
  readonly payload: Uint8Array;
  /** The manifests it is about and is attached to. */
  readonly subjects: readonly ImageSubject[];
}

/** What was read in the registry. */
export interface Learned {
  /** What the builder says it built from. */
  readonly materials: readonly Dependency[];
  /** By digest; an image that could not be read is missing. */
  readonly images: ReadonlyMap<string, ReadImage>;
}

/**
 * Everything there is to say about an image, in a fixed order and in the same bytes every time:
 *
 * - its mark, a statement for each image, and one for the index that holds all of them;
 * - the provenance, one statement about all of them;
 * - bills of materials, each about its image and the index: who verifies a tag looks at the index alone.
 */
export function planStatements(
  image: PushedImage,
  subjects: Subjects,
  name: string,
  { materials, images }: Learned,
): readonly PlannedStatement[] {
  return [
    ...markStatements(image, subjects, name, images),
    ...provenanceStatements(image, subjects, name, materials),
    ...(image.sboms ?? []).flatMap((sbom) => sbomStatements(sbom, subjects, name)),
  ];
}

function markStatements(
  image: PushedImage,
  { top, images }: Subjects,
  name: string,
  read: Learned['images'],
): PlannedStatement[] {
  const { marks } = image;
  if (marks === undefined) return [];
  const marked = images.flatMap((subject) => {
    const mark = read.get(subject.digest)?.mark ?? forImage(marks, subject)?.mark;
    return mark === undefined ? [] : [{ subject, mark }];
  });
  const own = marked.map(({ subject, mark }): PlannedStatement => {
    const about = imageSubject(name, subject.digest);
    const statement = writeMarkStatement(about, mark, read.get(subject.digest)?.content);
    return planned('mark', PREDICATE.scai, statement, [subject]);
  });
  if (top.kind === 'image' || marked.length === 0) return own;
  const all = marked.map(({ subject, mark }) => ({ target: imageSubject(name, subject.digest), mark }));
  const whole = writeIndexStatement(imageSubject(name, top.digest), all);
  return [planned('mark', PREDICATE.scai, whole, [top]), ...own];
}

function provenanceStatements(
  { provenance }: PushedImage,
  subjects: Subjects,
  name: string,
  materials: readonly Dependency[],
): PlannedStatement[] {
  if (provenance === undefined) return [];
  const all = allSubjects(subjects);
  const [first, ...others] = all.map(({ digest }) => imageSubject(name, digest));
  if (first === undefined) return [];
  // What BuildKit resolved has the images of every stage; what we know of is the last one's at best.
  const known = materials.some(isImage)
    ? provenance.dependencies.filter((each) => !isImage(each))
    : provenance.dependencies;
  const dependencies = [...known, ...materials];
  const payload = writeStatement(
    [first, ...others],
    PREDICATE.provenance,
    writeProvenance({ ...provenance, dependencies }),
  );
  return [planned('provenance', PREDICATE.provenance, payload, all)];
}

function isImage({ uri }: Dependency): boolean {
  return uri?.startsWith('pkg:docker/') === true;
}

function sbomStatements(sbom: Sbom, { top, images }: Subjects, name: string): PlannedStatement[] {
  const { text, predicateType, tool, origin } = sbom;
  const about = images.filter((subject) => forImage([sbom], subject) !== undefined);
  const subjects = top.kind === 'index' && about.length > 0 ? [...about, top] : about;
  const version = tool.version === undefined ? '' : ` ${tool.version}`;
  const annotations = { 'run.chalk.sbom.tool': `${tool.name}${version}`, 'run.chalk.sbom.origin': origin };
  const [first, ...others] = subjects.map(({ digest }): Subject => ({
    ...imageSubject(name, digest),
    annotations,
  }));
  if (first === undefined) return [];
  return [planned('sbom', predicateType, writeStatement([first, ...others], predicateType, text), subjects)];
}

function planned(
  kind: StatementKind,
  predicateType: string,
  payload: Uint8Array,
  subjects: readonly ImageSubject[],
): PlannedStatement {
  return { kind, predicateType, payload, subjects };
}
