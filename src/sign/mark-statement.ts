import { ChalkError } from '../base/errors.ts';
import {
  isList,
  isMarkMap,
  type MarkMap,
  type MarkObject,
  type MarkValue,
  readMark,
  readWhole,
  stringOf,
  writeMark,
} from '../mark/index.ts';
import { PREDICATE, type Subject, writeStatement } from './statement.ts';

/** The attribute whose evidence is the mark. */
const ATTRIBUTE = 'CHALK';
/** The attribute whose evidence is the hash of the image without what we added to it. */
const CONTENT_ATTRIBUTE = 'IMAGE_CONTENT';

/** The normalised hash of an image, with the version of the rules it was computed by. */
export interface ImageContent {
  readonly version: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * The mark as Chalk attests it (`attestation_api.nim`): a SCAI attribute report whose evidence is the mark itself. Chalk reads
 * it only where every subject is the image it looks at, so that there is one subject and one statement for each manifest.
 * Chalk's own second subject member `config.digest` is left out: cosign 3 refuses a statement that has it. Chalk takes the
 * first attribute for the mark, so that what else is attested stands behind it.
 */
export function writeMarkStatement(subject: Subject, mark: MarkObject, content?: ImageContent): Uint8Array {
  const attributes = [`{"attribute":"${ATTRIBUTE}","evidence":${writeMark(mark)}}`];
  if (content !== undefined) {
    const { version, sha256 } = content;
    attributes.push(JSON.stringify({ attribute: CONTENT_ATTRIBUTE, evidence: { version, sha256 } }));
  }
  return writeStatement([subject], PREDICATE.scai, `{"attributes":[${attributes.join(',')}]}`);
}

/**
 * The same for the index of several images: every mark, each with the image it is in as its `target` (SCAI 0.3). Whoever
 * looks for one mark finds that of the image that is listed first.
 */
export function writeIndexStatement(
  subject: Subject,
  images: readonly { readonly target: Subject; readonly mark: MarkObject }[],
): Uint8Array {
  const attributes = images.map(
    ({ target, mark }) =>
      `{"attribute":"${ATTRIBUTE}","target":${JSON.stringify(target)},"evidence":${writeMark(mark)}}`,
  );
  return writeStatement([subject], PREDICATE.scai, `{"attributes":[${attributes.join(',')}]}`);
}

/**
 * The mark in a statement of ours or of Chalk's; undefined for a statement about something else. Chalk's earlier forms hold
 * the mark as text, or a whole statement as text in cosign's custom predicate. Throws `ATTESTATION_INVALID` where there
 * should be a mark and none can be read.
 */
export function readMarkStatement(payload: Uint8Array, what: string): MarkMap | undefined {
  const statement = readWhole(payload, what);
  if (!isMarkMap(statement)) throw invalid(what, 'its payload is no in-toto statement');
  return markIn(statement, what);
}

function markIn(statement: MarkMap, what: string): MarkMap | undefined {
  const predicate = statement.get('predicate');
  const type = stringOf(statement, 'predicateType');
  if (type === PREDICATE.scai || type === PREDICATE.scaiOld) return evidenceOf(predicate, what);
  if (type !== PREDICATE.custom || !isMarkMap(predicate)) return undefined;
  return nestedMark(statement, stringOf(predicate, 'Data') ?? '', what);
}

function evidenceOf(predicate: MarkValue | undefined, what: string): MarkMap | undefined {
  const attributes = isMarkMap(predicate) ? predicate.get('attributes') : undefined;
  const found = (isList(attributes) ? attributes : []).find(
    (each): each is MarkMap => isMarkMap(each) && each.get('attribute') === ATTRIBUTE,
  );
  if (found === undefined) return undefined;
  const evidence = found.get('evidence');
  if (isMarkMap(evidence)) return evidence;
  if (typeof evidence === 'string') return readMark(evidence, what);
  throw invalid(what, 'its CHALK attribute holds no mark');
}

function nestedMark(outer: MarkMap, text: string, what: string): MarkMap | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  const nested = readMark(text, what);
  if (stringOf(nested, 'predicateType') === PREDICATE.custom) return undefined;
  const mark = markIn(nested, what);
  if (mark === undefined) return undefined;
  const about = digestsOf(outer);
  if (digestsOf(nested).some((digest) => !about.includes(digest))) {
    throw invalid(what, 'the statement inside it is about another image');
  }
  return mark;
}

/** The SHA-256 of every subject; an earlier Chalk wrote some with the algorithm in front. */
function digestsOf(statement: MarkMap): readonly string[] {
  const subjects = statement.get('subject');
  return (isList(subjects) ? subjects : []).map((subject) => {
    const digest = isMarkMap(subject) ? subject.get('digest') : undefined;
    return isMarkMap(digest) ? (stringOf(digest, 'sha256') ?? '').replace(/^sha256:/, '') : '';
  });
}

function invalid(what: string, why: string): ChalkError {
  return new ChalkError('ATTESTATION_INVALID', `${what}: ${why}`);
}
