import { ChalkError } from '../base/errors.ts';
import { encodingOfVersion } from './encode.ts';
import { isId, metadataIdentity } from './ids.ts';
import { orderMarkKeys } from './order.ts';
import { type MarkMap, type MarkValue, normalizeObject, stringOf } from './value.ts';
import { MAGIC, writeMark } from './write.ts';

/** A mark as it is written: one line of text, and the values that reading it gives. */
export interface Mark {
  readonly text: string;
  readonly values: MarkMap;
  readonly chalkId: string;
  readonly metadataId: string;
  /** Lower-case hex SHA-256. */
  readonly metadataHash: string;
}

export interface SealOptions {
  /** Chalk's own default marks do without METADATA_HASH; ours carry it. */
  readonly omitMetadataHash?: boolean;
}

/** Keys the seal itself writes; a caller's values for them are ignored. */
const SEALED_KEYS: ReadonlySet<string> = new Set(['MAGIC', 'METADATA_HASH', 'METADATA_ID']);

/**
 * Makes a mark of chalk-time keys: adds MAGIC, METADATA_HASH and METADATA_ID and puts all in Chalk's order
 * (`chalkjson.nim`, `normalize.nim`). Keys whose value is undefined are left out.
 *
 * Throws `MARK_INVALID` without a CHALK_ID of the right layout, without a CHALK_VERSION, or with one below 0.4.0 (readers
 * would check it by the old encoding), for run-time keys (`_…`), which have no place in a mark, and for values without a form.
 */
export function sealMark(
  keys: Readonly<Record<string, MarkValue | undefined>>,
  options: SealOptions = {},
): Mark {
  const values = new Map<string, MarkValue>(
    Object.entries(keys).flatMap(([key, value]) =>
      value === undefined || SEALED_KEYS.has(key) ? [] : [[key, value] as const],
    ),
  );
  const chalkId = checkKeys(values);
  const { hash, id } = metadataIdentity(values);
  values.set('MAGIC', MAGIC).set('METADATA_ID', id);
  if (!options.omitMetadataHash) values.set('METADATA_HASH', hash);
  const ordered = new Map(orderMarkKeys(values.keys()).map((key) => [key, values.get(key) ?? null]));
  const text = writeMark(ordered);
  return { text, values: normalizeObject(ordered), chalkId, metadataId: id, metadataHash: hash };
}

function checkKeys(values: MarkMap): string {
  const runTime = [...values.keys()].find((key) => key.startsWith('_'));
  if (runTime !== undefined) throw new ChalkError('MARK_INVALID', `${runTime} is a run-time key`);
  const version = stringOf(values, 'CHALK_VERSION');
  if (!version) throw new ChalkError('MARK_INVALID', 'a mark needs a CHALK_VERSION');
  if (encodingOfVersion(version) === 'old') {
    throw new ChalkError('MARK_INVALID', `CHALK_VERSION ${version} stands for the encoding before 0.4.0`);
  }
  const chalkId = stringOf(values, 'CHALK_ID');
  if (chalkId === undefined || !isId(chalkId))
    throw new ChalkError('MARK_INVALID', 'a mark needs a CHALK_ID');
  return chalkId;
}
