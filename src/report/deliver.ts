import { isAbsolute, join, resolve } from 'node:path';
import { asChalkError, type ChalkError } from '../base/errors.ts';
import type { Host } from '../host/host.ts';
import { fileSink } from './sinks/file.ts';
import { outputSink } from './sinks/output.ts';
import type { Sink } from './sinks/sink.ts';

/** Where reports go: what `--report` named (`-` is standard output), else the file under the user's state folder. */
export function chooseSinks(host: Host, asked: readonly string[]): Sink[] {
  const places = asked.length > 0 ? asked : [defaultReportFile(host)];
  return [...new Set(places)].map((place) =>
    place === '-' ? outputSink(host) : fileSink(host, resolve(host.cwd, place)),
  );
}

/** `$XDG_STATE_HOME/docker-chalk/reports.jsonl`; the specification wants a relative folder ignored. */
export function defaultReportFile(host: Host): string {
  const state = host.env['XDG_STATE_HOME'] ?? '';
  const folder = isAbsolute(state) ? state : join(host.env['HOME'] || '/', '.local', 'state');
  return join(folder, 'docker-chalk', 'reports.jsonl');
}

/** Sends a report everywhere at once. A dead sink stops no other; what failed comes back. */
export async function deliver(sinks: readonly Sink[], report: string): Promise<ChalkError[]> {
  const results = await Promise.allSettled(sinks.map(async (sink) => sink.send(report)));
  return results.flatMap((result) =>
    result.status === 'rejected' ? [asChalkError(result.reason, 'SINK_FAILED')] : [],
  );
}
