import { asChalkError, describeError } from '../base/errors.ts';
import { nodeHost } from '../host/node.ts';
import { exitCodeOf } from './exit-codes.ts';
import type { End } from './end.ts';

/*
 * The program's first and last lines. The rest is loaded inside the `try`, so that even a broken file of ours ends in
 * the user's own build.
 */
const host = nodeHost();
try {
  const { run } = await import('./run.ts');
  await leave(await run(host, process.argv.slice(2)));
} catch (error) {
  const failure = asChalkError(error);
  await host.terminal.writeError(`docker chalk: ${describeError(failure)}\n`);
  await leave({ kind: 'exited', code: exitCodeOf(failure.code) });
}

/** Ends as the user's program ended: a signal that killed it kills us too, so that shells see the same. */
async function leave(end: End): Promise<void> {
  host.files.removeTemporary();
  if (end.kind === 'killed') process.kill(process.pid, end.signal);
  process.exitCode = end.kind === 'exited' ? end.code : 1;
}
