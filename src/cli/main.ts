import type { Host, Processes } from '../host/host.ts';
import type { End } from './end.ts';

/*
 * The program's first and last lines. Everything else is loaded inside the `try`: where a file of ours is broken or
 * missing, or a mistake of ours comes to light before docker was started, docker still builds what was typed.
 */
let dockerStarted = false;
try {
  const { nodeHost } = await import('../host/node.ts');
  const { run } = await import('./run.ts');
  const { asChalkError, ChalkError, describeError } = await import('../base/errors.ts');
  const { exitCodeOf } = await import('./exit-codes.ts');
  const host = nodeHost();
  try {
    await leave(host, await run(watched(host), process.argv.slice(2)));
  } catch (error) {
    if (!(error instanceof ChalkError) && !dockerStarted) throw error;
    const failure = asChalkError(error);
    await host.terminal.writeError(`docker chalk: ${describeError(failure)}\n`);
    await leave(host, { kind: 'exited', code: exitCodeOf(failure.code) });
  }
} catch (cause) {
  handOver(cause);
}

/** The same host, which notices when the user's program is started. */
function watched(host: Host): Host {
  const attach: Processes['attach'] = (command) => {
    dockerStarted = true;
    return host.processes.attach(command);
  };
  return { ...host, processes: { ...host.processes, attach } };
}

/** Ends as the user's program ended: a signal that killed it kills us too, so that shells see the same. */
async function leave(host: Host, end: End): Promise<void> {
  host.files.removeTemporary();
  if (end.kind === 'killed') {
    // Node ignores two signals from its start; taking a listener away again restores what the system does.
    if (end.signal === 'SIGPIPE' || end.signal === 'SIGXFSZ') {
      const listener = () => undefined;
      process.on(end.signal, listener).off(end.signal, listener);
    }
    process.kill(process.pid, end.signal);
  }
  process.exitCode = end.kind === 'exited' ? end.code : 1;
}

/** Becomes the launcher once more, which says that we are broken and runs docker for what docker can do. */
function handOver(cause: unknown): void {
  const why = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0];
  const { CHALK_NODE_OPTIONS: options, ...env } = process.env;
  // Node would say on the standard error of the user's build that `execve` is new.
  process.emitWarning = () => undefined;
  const launcher = `${import.meta.dirname}/../docker-chalk`;
  process.execve?.(launcher, [launcher, ...process.argv.slice(2)], {
    ...env,
    ...(options === undefined ? {} : { NODE_OPTIONS: options }),
    CHALK_BROKEN: `docker-chalk does not work here: ${why}`,
  });
}
