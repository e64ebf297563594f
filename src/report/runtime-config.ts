import { ChalkError } from '../base/errors.ts';
import { withoutCredentials } from '../base/url.ts';

/** Reads `--runtime-report`: a URL, an absolute path, or `-`. Throws `ARGV_BAD_VALUE`. */
export function runtimeConfig(destinations: readonly string[]): string | undefined {
  if (destinations.length === 0) return undefined;
  return `${JSON.stringify({ sinks: destinations.map(runtimeSink) })}\n`;
}

/** The sink types the reporter in the image knows (`entrypoint-shim/README.md`). */
function runtimeSink(destination: string): { readonly type: string; readonly [key: string]: string } {
  if (destination === '-') return { type: 'stdout' };
  if (destination.startsWith('/')) return { type: 'file', path: destination };
  const url = URL.parse(destination);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new ChalkError(
      'ARGV_BAD_VALUE',
      `--runtime-report ${withoutCredentials(destination)} is no http(s) URL, absolute path or -`,
      {
        hint: 'for example --runtime-report https://reports.example.com/',
      },
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new ChalkError(
      'ARGV_BAD_VALUE',
      '--runtime-report has a password in its URL, which every image would carry',
      {
        hint: 'give the container CHALK_REPORT_TOKEN or CHALK_REPORT_TOKEN_FILE',
      },
    );
  }
  return { type: 'https', url: url.href };
}
