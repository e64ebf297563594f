import { type MarkMap, type MarkObject, entriesOf } from './value.ts';

/** Keys that come first and last in a mark; everything between is sorted by bytes (Chalk `chalkjson.nim`). */
const MARK_ORDER: KeyOrder = {
  first: [
    'MAGIC',
    'CHALK_ID',
    'CHALK_VERSION',
    'TIMESTAMP_WHEN_CHALKED',
    'DATE_CHALKED',
    'TIME_CHALKED',
    'TZ_OFFSET_WHEN_CHALKED',
    'DATETIME_WHEN_CHALKED',
  ],
  last: ['ERR_INFO', 'SIGNING', 'METADATA_HASH', 'METADATA_ID', 'SIGNATURE'],
};

/** The same for the host's part of a report (Chalk `reporting.nim`). */
const REPORT_ORDER: KeyOrder = {
  first: [
    '_OPERATION',
    '_TIMESTAMP',
    '_DATE',
    '_TIME',
    '_TZ_OFFSET',
    '_DATETIME',
    '_CHALKS',
    '_COLLECTED_ARTIFACTS',
  ],
  last: ['_OP_CHALK_COUNT', '_OP_UNMARKED_COUNT'],
};

interface KeyOrder {
  readonly first: readonly string[];
  readonly last: readonly string[];
}

/** The keys of a mark, or of one artifact in a report, in Chalk's order. */
export function orderMarkKeys(keys: Iterable<string>): string[] {
  return orderKeys(keys, MARK_ORDER);
}

/** The keys of a report's outer object in Chalk's order. */
export function orderReportKeys(keys: Iterable<string>): string[] {
  return orderKeys(keys, REPORT_ORDER);
}

/** The same members, the outermost keys in a mark's order. */
export function inMarkOrder(object: MarkObject): MarkMap {
  return reordered(object, orderMarkKeys);
}

/** The same members, the outermost keys in a report's order. */
export function inReportOrder(object: MarkObject): MarkMap {
  return reordered(object, orderReportKeys);
}

/** Compares strings by their UTF-8 bytes; JavaScript's own order differs above U+FFFF. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Lifts the code units of surrogate pairs above the rest of the first plane, where their UTF-8 bytes sort. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function orderKeys(keys: Iterable<string>, { first, last }: KeyOrder): string[] {
  const rank = (key: string): number => {
    const start = first.indexOf(key);
    return start >= 0 ? start - first.length : last.indexOf(key) + 1;
  };
  return [...keys].sort((a, b) => rank(a) - rank(b) || compareBytes(a, b));
}

function reordered(object: MarkObject, order: (keys: Iterable<string>) => string[]): MarkMap {
  const members = new Map(entriesOf(object));
  return new Map(
    order(members.keys()).flatMap((key) => {
      const value = members.get(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}
