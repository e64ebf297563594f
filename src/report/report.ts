import { ChalkError, describeError } from '../base/errors.ts';
import { inMarkOrder, inReportOrder, type MarkObject, type MarkValue, writeValue } from '../mark/index.ts';

/** What a report says, before it has a form. */
export interface ReportContent {
  readonly operation: 'build' | 'bake' | 'push' | 'pull' | 'extract';
  /** 16 hex digits, new for every run. */
  readonly actionId: string;
  /** Host keys: time, machine, tools. */
  readonly host: Readonly<Record<string, MarkValue | undefined>>;
  /** One entry an artifact: the keys of its mark, and what was seen of it. */
  readonly chalks: readonly MarkObject[];
  readonly errors: readonly ChalkError[];
  /** docker's exit status, where docker was run. */
  readonly exitCode?: number;
}

/**
 * A report in Chalk's shape: a JSON array of one object, host keys with `_CHALKS` among them, on a single line. Empty
 * lists and unknown values are left out.
 */
export function writeReport(content: ReportContent): string {
  const { operation, actionId, host, chalks, errors, exitCode } = content;
  const known = Object.entries(host).filter((entry): entry is [string, MarkValue] => entry[1] !== undefined);
  const report = new Map<string, MarkValue>([
    ...known,
    ['_OPERATION', operation],
    ['_ACTION_ID', actionId],
    ['_OP_CHALK_COUNT', chalks.length],
  ]);
  if (chalks.length > 0) report.set('_CHALKS', chalks.map(inMarkOrder));
  if (errors.length > 0) report.set('_OP_ERRORS', errors.map(describeError));
  if (exitCode !== undefined) report.set('_OP_EXIT_CODE', exitCode);
  return `${writeValue([inReportOrder(report)])}\n`;
}

/** Names a run, from 8 random bytes. */
export function newActionId(random: Uint8Array): string {
  if (random.length !== 8)
    throw new ChalkError('INTERNAL', `an action id needs 8 bytes, not ${random.length}`);
  return Buffer.from(random).toString('hex');
}
