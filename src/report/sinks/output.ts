import type { Host } from '../../host/host.ts';
import type { Sink } from './sink.ts';

/** Prints reports on standard output, for who asked for it with `--report -`. */
export function outputSink(host: Host): Sink {
  return { name: '-', send: (report) => host.terminal.writeOut(report) };
}
