import { asChalkError } from '../base/errors.ts';
import { type Encoding, UNCOVERED_KEYS, encodingOfVersion } from './encode.ts';
import { type MetadataIdentity, chalkIdOfHash, metadataIdentity } from './ids.ts';
import {
  type MarkObject,
  type MarkValue,
  MAX_DEPTH,
  MarkFloat,
  entriesOf,
  isList,
  isMarkObject,
  memberOf,
  stringOf,
} from './value.ts';
import { MAGIC } from './write.ts';

/** What can be wrong with a mark, in the order it is checked (Chalk `validateMetaData`; MAGIC and HASH are our own additions). */
export type FindingCode =
  | 'MARK_EMPTY'
  | 'MAGIC_WRONG'
  | 'CHALK_ID_ABSENT'
  | 'CHALK_ID_MISMATCH'
  | 'HASH_MISMATCH'
  | 'METADATA_ID_ABSENT'
  | 'METADATA_UNENCODABLE'
  | 'METADATA_ID_MISMATCH'
  | 'METADATA_HASH_MISMATCH'
  | 'SIGNATURE_ABSENT';

export interface Finding {
  readonly code: FindingCode;
  /** One sentence for a person. */
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
}

interface VerdictBase {
  /** The encoding CHALK_VERSION asks for, by which METADATA_ID was checked. */
  readonly encoding: Encoding;
  /** Whether CHALK_ID was compared with the content's hash. */
  readonly contentChecked: boolean;
  /**
   * Members a METADATA_ID says nothing about and that therefore can be changed unseen: `SIGNING`, `SIGNATURE`,
   * `EMBEDDED_CHALK`, and every outermost key with a float in it (Chalk encodes all floats alike).
   */
  readonly uncovered: readonly string[];
}

/** `valid` says the mark agrees with itself and the content; only a signature says who made it. */
export type Verdict =
  | (VerdictBase & { readonly kind: 'valid' })
  | (VerdictBase & { readonly kind: 'invalid'; readonly findings: readonly [Finding, ...Finding[]] });

export interface Content {
  /** Lower-case hex SHA-256 the artifact has without its mark, as its codec gives it. Absent for images. */
  readonly unchalkedHash?: string;
}

/** Judges a mark that was read. Never throws, whatever the mark holds; an `unchalkedHash` that is no SHA-256 is `MARK_INVALID`. */
export function validateMark(values: MarkObject, { unchalkedHash }: Content = {}): Verdict {
  const encoding = encodingOfVersion(memberOf(values, 'CHALK_VERSION'));
  const [first, ...rest] = findings(values, encoding, unchalkedHash);
  const base = { encoding, contentChecked: unchalkedHash !== undefined, uncovered: uncoveredKeys(values) };
  return first === undefined
    ? { ...base, kind: 'valid' }
    : { ...base, kind: 'invalid', findings: [first, ...rest] };
}

function findings(values: MarkObject, encoding: Encoding, unchalkedHash: string | undefined): Finding[] {
  const members = entriesOf(values);
  if (members.length === 0) return [{ code: 'MARK_EMPTY', message: 'the mark is empty' }];
  return [
    ...magicFindings(values, members[0]?.[0]),
    ...contentFindings(values, unchalkedHash),
    ...metadataFindings(values, encoding),
    ...signatureFindings(values),
  ];
}

function magicFindings(values: MarkObject, firstKey: string | undefined): Finding[] {
  const magic = memberOf(values, 'MAGIC');
  if (magic === MAGIC && firstKey === 'MAGIC') return [];
  const message = magic === MAGIC ? 'MAGIC is not the first member' : 'MAGIC is missing or wrong';
  return [{ code: 'MAGIC_WRONG', message, expected: MAGIC, ...foundIn(magic) }];
}

function contentFindings(values: MarkObject, unchalkedHash: string | undefined): Finding[] {
  const result: Finding[] = [];
  const chalkId = memberOf(values, 'CHALK_ID');
  if (chalkId === undefined) {
    result.push({ code: 'CHALK_ID_ABSENT', message: 'the mark has no CHALK_ID' });
  }
  if (unchalkedHash === undefined) return result;
  const computed = chalkIdOfHash(unchalkedHash);
  if (chalkId !== undefined && chalkId !== computed) {
    const message = "CHALK_ID does not match the content's hash";
    result.push({ code: 'CHALK_ID_MISMATCH', message, expected: computed, ...foundIn(chalkId) });
  }
  const hash = memberOf(values, 'HASH');
  if (hash !== undefined && hash !== unchalkedHash) {
    const message = "HASH does not match the content's hash";
    result.push({ code: 'HASH_MISMATCH', message, expected: unchalkedHash, ...foundIn(hash) });
  }
  return result;
}

function metadataFindings(values: MarkObject, encoding: Encoding): Finding[] {
  const [id, hash] = [memberOf(values, 'METADATA_ID'), memberOf(values, 'METADATA_HASH')];
  const result: Finding[] = [];
  if (id === undefined) result.push({ code: 'METADATA_ID_ABSENT', message: 'the mark has no METADATA_ID' });
  let computed: MetadataIdentity;
  try {
    computed = metadataIdentity(values, encoding);
  } catch (error) {
    return [...result, { code: 'METADATA_UNENCODABLE', message: asChalkError(error).message }];
  }
  if (id !== undefined && id !== computed.id) {
    const message = "METADATA_ID does not match the mark's values";
    result.push({ code: 'METADATA_ID_MISMATCH', message, expected: computed.id, ...foundIn(id) });
  }
  if (hash !== undefined && hash !== computed.hash) {
    const message = "METADATA_HASH does not match the mark's values";
    result.push({ code: 'METADATA_HASH_MISMATCH', message, expected: computed.hash, ...foundIn(hash) });
  }
  return result;
}

function signatureFindings(values: MarkObject): Finding[] {
  if (memberOf(values, 'SIGNING') !== true || stringOf(values, 'SIGNATURE')) return [];
  return [{ code: 'SIGNATURE_ABSENT', message: 'SIGNING is set, but there is no SIGNATURE' }];
}

/** A found value for a message: strings only, and no longer than a hash. */
function foundIn(value: MarkValue | undefined): { found?: string } {
  return typeof value === 'string' ? { found: value.slice(0, 64) } : {};
}

const COMPARED_KEYS: ReadonlySet<string> = new Set(['MAGIC', 'METADATA_HASH', 'METADATA_ID']);

function uncoveredKeys(values: MarkObject): string[] {
  return entriesOf(values)
    .filter(([key, value]) => !COMPARED_KEYS.has(key) && (UNCOVERED_KEYS.has(key) || hasFloat(value, 0)))
    .map(([key]) => key);
}

function hasFloat(value: MarkValue, depth: number): boolean {
  if (value instanceof MarkFloat || (typeof value === 'number' && !Number.isInteger(value))) return true;
  if (depth >= MAX_DEPTH) return false;
  if (isList(value)) return value.some((item) => hasFloat(item, depth + 1));
  return isMarkObject(value) && entriesOf(value).some(([, item]) => hasFloat(item, depth + 1));
}
