import { asChalkError, describeError } from '../base/errors.ts';
import { type Item, switchIsOn, valuesOf } from '../docker/argv/parse.ts';
import type { Host } from '../host/host.ts';
import { chooseSinks, deliver } from '../report/index.ts';

/** Reporting comes last and can fail no command of the user's: what goes wrong in it is a line on standard error. */
export async function sendReport(
  host: Host,
  options: readonly Item[],
  write: () => Promise<string>,
): Promise<void> {
  if (switchIsOn(options, 'no-report')) return;
  try {
    const failures = await deliver(chooseSinks(host, valuesOf(options, 'report')), await write());
    for (const failure of failures) {
      await host.terminal.writeError(`docker chalk: ${describeError(failure)}\n`);
    }
  } catch (thrown) {
    await host.terminal.writeError(`docker chalk: no report: ${describeError(asChalkError(thrown))}\n`);
  }
}
