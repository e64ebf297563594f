import * as z from 'zod/mini';

/** A summary of warnings has them without a terminal as well. */
const COLOUR = new RegExp(String.raw`${String.fromCodePoint(0x1b)}\[\d+m`, 'g');

const Status = z.object({
  vertexes: z.optional(z.array(z.object({ error: z.optional(z.string()) }))),
  warnings: z.optional(
    z.array(
      z.object({
        short: z.optional(z.string()),
        url: z.optional(z.string()),
        range: z.optional(z.unknown()),
      }),
    ),
  ),
});

/**
 * What buildx or the old builder said on standard error beside the progress of steps: warnings, errors, places in the
 * Dockerfile. Which steps are shown is another thing with every state of the cache; what they made is in the layers.
 */
export function messagesIn(text: string): readonly string[] {
  const seen = new Set<string>();
  const messages: string[] = [];
  for (const line of text.split('\n')) {
    const status = line.startsWith('{') ? Status.safeParse(JSON.parse(line)) : undefined;
    const step = /^#(\d+) (.*)$/.exec(line);
    if (status?.success === true) {
      messages.push(...(status.data.vertexes ?? []).flatMap(({ error }) => error || []));
      messages.push(...(status.data.warnings ?? []).map((warning) => JSON.stringify(warning)));
    } else if (step === null) {
      messages.push(line);
    } else {
      const [, number = '', rest = ''] = step;
      if (seen.has(number) && rest.startsWith('ERROR')) messages.push(rest);
      seen.add(number);
    }
  }
  return inOrder(messages);
}

/**
 * A text without what is another with every run: digests, times, folders, the number of steps. `ids` are images that were
 * found, in their order: that docker names the right one is part of what is compared.
 */
export function comparableText(
  text: string,
  known: { readonly root: string; readonly tag: string; readonly ids: ReadonlyMap<string, number> },
): string {
  return (
    text
      .replaceAll(COLOUR, '')
      .replaceAll(known.root, '<root>')
      .replaceAll(known.tag, '<tag>')
      .replaceAll(/sha256:[0-9a-f]{64}/g, (digest) => {
        const index = known.ids.get(digest);
        return index === undefined ? '<digest>' : `<image ${index}>`;
      })
      .replaceAll(/\b[0-9a-f]{64}\b/g, '<digest>')
      .replaceAll(/(?<=built |---> |container |Running in )[0-9a-f]{12}\b/g, '<id>')
      .replaceAll(/(?<=buildkit-mount)\d+/g, '<n>')
      // buildx says the one or the other of the same failure.
      .replaceAll('failed to run Build function: ', 'failed to solve: ')
      // Which stage a step has its name from is another question when builds share it.
      .replaceAll(/\[(?:[-/\w. ]+ )? *\d+\/\d+\]/g, '[]')
      // The excerpt of a failing line goes on for two lines, which are empty ones of ours where the user's file has ended.
      .replaceAll(/(\n +\d+ \| +)+(?=\n-{20})/g, '')
      .replaceAll(/^\d+\.\d+ (?!MB|kB|B)/gm, '')
      .replaceAll(/ \d+(\.\d+)?(ms|s)$/gm, '')
      .replaceAll(/(?<=ref"?: ?"?)[\w-]+\/[\w-]+\/\w{25}/g, '<ref>')
      .replaceAll(/\b[a-z0-9]{25}\b/g, '<ref>')
  );
}

/** What two runs of a build say, to be compared where nothing of an image is known. */
export function messagesOf(stderr: string, tag = 'no name'): readonly string[] {
  return messagesIn(comparableText(stderr, { root: 'no folder', tag, ids: new Map() }));
}

/** Without blank lines, docker's hint about where to see more, and what --debug says; what the checks found in one order. */
function inOrder(lines: readonly string[]): string[] {
  const kept = lines.filter(
    (line) => !/^(View build details: |What's next:|$)|level=debug/.test(line.trim()),
  );
  const isFinding = (line: string) => line.startsWith(' - ');
  const findings = kept.filter(isFinding).sort();
  return kept.map((line) => (isFinding(line) ? (findings.shift() ?? line) : line));
}
