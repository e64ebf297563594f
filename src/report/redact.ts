import { withoutCredentials } from '../base/url.ts';
import type { Item } from '../docker/argv/parse.ts';

const REDACTED = '<<redact>>';

/** Flags whose values say what was built and never how to get at it; any other value stays out of reports. */
const SHOWN_FLAGS: ReadonlySet<string> = new Set([
  'annotation',
  'builder',
  'call',
  'file',
  'label',
  'metadata-file',
  'iidfile',
  'network',
  'output',
  'platform',
  'progress',
  'provenance',
  'sbom',
  'tag',
  'target',
]);

/** A name that says its value is nobody's business, whatever the flag. */
const SECRET_NAME = /pass(?:wo?r?d|phrase)|secret|token|api[-_.]?key|private[-_.]?key|credential|\bauth\b/i;

/** `NAME=VALUE`: labels and annotations are as public as their image, unless the name says better. */
function withoutSecretValue(value: string): string {
  const at = value.indexOf('=');
  return at !== -1 && SECRET_NAME.test(value.slice(0, at)) ? `${value.slice(0, at)}=${REDACTED}` : value;
}

/**
 * A build command's words for a report: values of other flags than the harmless ones are replaced (build arguments,
 * secrets, cache backends with their keys), and addresses lose their user and password.
 */
export function redactItems(items: readonly Item[]): string[] {
  return items.flatMap((item) => {
    if (item.kind === 'unread') return item.words.map(() => REDACTED);
    if (item.kind !== 'flags') return item.words.map(withoutCredentials);
    return item.settings.map(({ flag, value }) => {
      if (flag.takes === 'switch') return value === 'true' ? `--${flag.long}` : `--${flag.long}=${value}`;
      if (!SHOWN_FLAGS.has(flag.long)) return `--${flag.long}=${REDACTED}`;
      const isNamed = flag.long === 'label' || flag.long === 'annotation';
      return `--${flag.long}=${withoutCredentials(isNamed ? withoutSecretValue(value) : value)}`;
    });
  });
}
