import { dirname } from 'node:path';
import { ChalkError } from '../../base/errors.ts';
import type { Host } from '../../host/host.ts';
import type { Sink } from './sink.ts';

/** A file this large is set aside (once: the one set aside before is replaced), so that reports never fill a disk. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Appends reports to a file of JSON lines, which only its owner can read. */
export function fileSink(host: Host, path: string): Sink {
  return {
    name: path,
    send: async (report) => {
      try {
        await host.files.makeFolder(dirname(path), 0o700);
        const size = (await host.files.stat(path))?.size ?? 0;
        if (size > MAX_BYTES) await host.files.rename(path, `${path}.1`);
        await host.files.append(path, report, 0o600);
      } catch (cause) {
        throw new ChalkError('SINK_FAILED', `the report could not be written to ${path}`, {
          cause,
          hint: 'choose another place with --report FILE, or none with --no-report',
        });
      }
    },
  };
}
