import { asChalkError, describeError } from '../base/errors.ts';
import { type Item, switchIsOn, valuesOf } from '../docker/argv/parse.ts';
import type { Host } from '../host/host.ts';
import { chooseSinks, deliver } from '../report/index.ts';

/**
 * Reporting comes last and can fail no command of the user's: what goes wrong in it is a line on standard error, or
 * nothing where a program reads that.
 */
export async function sendReport(
  host: Host,
  options: readonly Item[],
  write: () => Promise<string>,
  silent = false,
): Promise<void> {
  const say = (text: string) =>
    silent ? Promise.resolve() : host.terminal.writeError(`docker chalk: ${text}\n`);
  if (switchIsOn(options, 'no-report')) return;
  try {
    const failures = await deliver(chooseSinks(host, valuesOf(options, 'report')), await write());
    for (const failure of failures) {
      await say(describeError(failure));
    }
  } catch (thrown) {
    await say(`no report: ${describeError(asChalkError(thrown))}`);
  }
}
