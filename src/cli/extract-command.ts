import { asChalkError, ChalkError } from '../base/errors.ts';
import { collectHost, when } from '../collect/index.ts';
import type { Item } from '../docker/argv/parse.ts';
import { type DockerTools, findTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { type Extraction, extractMark } from '../image/extract.ts';
import {
  type Finding,
  type MarkMap,
  type MarkValue,
  readMark,
  type Verdict,
  validateMark,
  writeValue,
} from '../mark/index.ts';
import { chooseSinks, deliver, newActionId, writeReport } from '../report/index.ts';
import { EXIT } from './exit-codes.ts';
import type { RemoteChoice } from './remote-extract.ts';
import { PRODUCT_VERSION } from './version.ts';

type Judged =
  | { readonly kind: 'valid' | 'invalid'; readonly values: MarkMap; readonly verdict: Verdict }
  | { readonly kind: 'unreadable'; readonly error: ChalkError }
  | { readonly kind: 'none'; readonly why: string };

/**
 * `docker chalk extract NAME`: exit 0 for a valid mark, 1 for none, 2 for one that does not validate; of an image for several
 * platforms the worst of them.
 */
export async function extractCommand(
  host: Host,
  globals: readonly Item[],
  reports: readonly string[],
  name: string,
  json: boolean,
  where: RemoteChoice = { remote: false, platform: undefined },
): Promise<number> {
  const extractions = await extractWherever(host, await findTools(host, globals), name, where);
  const results = extractions.map((extraction) => ({ extraction, judged: judge(extraction) }));
  const report = writeReport({
    operation: 'extract',
    actionId: newActionId(host.random.bytes(8)),
    host: { ...when(host.clock).report, ...collectHost(host, { version: PRODUCT_VERSION }).report },
    chalks: results.flatMap(({ extraction, judged }) =>
      judged.kind === 'valid' || judged.kind === 'invalid' ? [chalkOf(extraction, judged)] : [],
    ),
    errors: results.flatMap(({ extraction, judged }) => errorsOf(extraction, judged)),
  });
  const sinks = chooseSinks(host, json ? [...reports, '-'] : reports);
  if (!json) {
    const tables = results.map(({ extraction, judged }) => table(extraction, judged));
    await host.terminal.writeOut(tables.join('\n'));
  }
  const failures = await deliver(sinks, report);
  for (const failure of failures) await host.terminal.writeError(`docker chalk: ${failure.message}\n`);
  for (const { extraction, judged } of results) {
    if (!json || judged.kind !== 'none') continue;
    await host.terminal.writeError(`docker chalk: ${extraction.name} has no mark: ${judged.why}\n`);
  }
  return Math.max(...results.map(({ judged }) => statusOf(judged)));
}

/** In the engine, else in the registry the name belongs to. */
async function extractWherever(
  host: Host,
  tools: DockerTools,
  name: string,
  where: RemoteChoice,
): Promise<readonly Extraction[]> {
  const asked = where.remote || where.platform !== undefined || name.startsWith('registry://');
  try {
    if (!asked) return [await extractMark(host, tools, name)];
  } catch (error) {
    if (!(error instanceof ChalkError) || error.code !== 'IMAGE_NOT_FOUND') throw error;
    const { extractRemotelyInstead } = await import('./remote-extract.ts');
    return extractRemotelyInstead(host, tools, name, error);
  }
  const { extractRemotely } = await import('./remote-extract.ts');
  return extractRemotely(host, tools, name, where.platform);
}

function statusOf(judged: Judged): number {
  switch (judged.kind) {
    case 'valid':
      return EXIT.ok;
    case 'none':
      return EXIT.noMark;
    case 'invalid':
    case 'unreadable':
      return EXIT.invalidMark;
  }
}

function judge({ found }: Extraction): Judged {
  switch (found.kind) {
    case 'none':
      return { kind: 'none', why: found.why };
    case 'inherited':
      return {
        kind: 'none',
        why: 'its /chalk.json came with a base image; it was itself built without a mark',
      };
    case 'mark':
      try {
        const values = readMark(found.bytes, '/chalk.json');
        const verdict = validateMark(values);
        return { kind: verdict.kind, values, verdict };
      } catch (error) {
        return { kind: 'unreadable', error: asChalkError(error, 'MARK_SYNTAX') };
      }
  }
}

function chalkOf(extraction: Extraction, { values, verdict }: Extract<Judged, { values: MarkMap }>): MarkMap {
  return new Map<string, MarkValue>([
    ...values,
    ...Object.entries(extraction.facts),
    ['_VALIDATED_METADATA', verdict.kind === 'valid'],
  ]);
}

function errorsOf(extraction: Extraction, judged: Judged): ChalkError[] {
  switch (judged.kind) {
    case 'valid':
    case 'none':
      return [];
    case 'unreadable':
      return [judged.error];
    case 'invalid':
      return findingsOf(judged.verdict).map(
        (finding) => new ChalkError('MARK_INVALID', `${extraction.name}: ${finding.message}`),
      );
  }
}

function findingsOf(verdict: Verdict): readonly Finding[] {
  return verdict.kind === 'invalid' ? verdict.findings : [];
}

/** What stands first in the table; the rest of the mark follows in its own order. */
function table(extraction: Extraction, judged: Judged): string {
  const rows: [string, string][] = [[extraction.kind, extraction.name]];
  switch (judged.kind) {
    case 'none':
      rows.push(['mark', `none: ${judged.why}`]);
      break;
    case 'unreadable':
      rows.push(['mark', `unreadable: ${judged.error.message}`]);
      break;
    case 'valid':
    case 'invalid':
      rows.push(['mark', judged.kind]);
      if (extraction.found.kind === 'mark' && extraction.found.attested === true)
        rows.push(['', 'from a signed statement; `docker chalk verify` says who signed it']);
      for (const finding of findingsOf(judged.verdict)) rows.push(['', finding.message]);
      for (const [key, value] of judged.values) if (key !== 'MAGIC') rows.push([key, show(value)]);
      break;
  }
  const width = Math.max(...rows.map(([key]) => key.length));
  return rows.map(([key, value]) => `${key.padEnd(width)}  ${value}\n`).join('');
}

/** Marks are strangers' text: what could steer a terminal is shown escaped. */
function show(value: MarkValue): string {
  const text = typeof value === 'string' ? value : writeValue(value);
  return text.replaceAll(/\p{Cc}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code === 10 ? '\\n' : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}
