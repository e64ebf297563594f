import { asChalkError, type ChalkError, describeError } from '../base/errors.ts';
import { type Item, switchIsOn, valuesOf } from '../docker/argv/parse.ts';
import type { Host } from '../host/host.ts';
import { chooseSinks, deliver } from '../report/index.ts';

/**
 * Reporting comes last and can fail no command of the user's: what goes wrong in it is a line on standard error, or
 * nothing where a program reads that. Answers with the first failure, for who wants to know.
 */
export async function sendReport(
  host: Host,
  options: readonly Item[],
  write: () => Promise<string>,
  silent = false,
): Promise<ChalkError | undefined> {
  const say = (text: string) =>
    silent ? Promise.resolve() : host.terminal.writeError(`docker chalk: ${text}\n`);
  if (switchIsOn(options, 'no-report')) return undefined;
  try {
    const failures = await deliver(chooseSinks(host, valuesOf(options, 'report')), await write());
    for (const failure of failures) await say(describeError(failure));
    return failures[0];
  } catch (thrown) {
    const failure = asChalkError(thrown);
    await say(`no report: ${describeError(failure)}`);
    return failure;
  }
}
