import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import { describeResult } from '../host/processes.ts';
import type { DockerCommand } from './argv/command.ts';
import { type Item, positionals } from './argv/parse.ts';
import { type Builder, builderFlags } from './builder.ts';
import { helperEnvironment, type DockerTools } from './tools.ts';

/** Flags that decide which Dockerfile is read and what it takes to get at it; everything else would only make output. */
const READING_FLAGS: ReadonlySet<string> = new Set([
  'file',
  'build-arg',
  'build-context',
  'secret',
  'ssh',
  'network',
  'allow',
  'target',
  'add-host',
  'platform',
]);

/** Fetching a repository is the builder's work, and it keeps what it fetched for the build itself. */
const TIMEOUT_MS = 300_000;

const Answer = z.object({ sources: z.array(z.string()) });

/**
 * The text of a Dockerfile that only the builder can reach: in a git repository, behind an address, in an archive. BuildKit's
 * `targets` subrequest answers with it and resolves no image.
 *
 * @param file another Dockerfile of this machine to read with the same context.
 *
 * Throws `DOCKERFILE_UNREADABLE` when the builder does not answer; the build then says why itself.
 */
export async function fetchDockerfile(
  host: Host,
  tools: DockerTools,
  builder: Builder,
  command: DockerCommand,
  inputFile: string | undefined,
  file?: string,
): Promise<Uint8Array> {
  if (tools.buildx === undefined) throw new ChalkError('BUILDX_NOT_FOUND', 'there is no buildx');
  const flags = command.items.filter((item) => item.kind === 'flags').flatMap(readingFlags);
  const result = await host.processes.run({
    file: tools.buildx,
    args: [
      ...tools.globals,
      'buildx',
      'build',
      '--call=targets,format=json',
      '--progress=plain',
      ...builderFlags(builder),
      ...flags,
      ...(file === undefined ? [] : [`--file=${file}`]),
      '--',
      ...positionals(command.items),
    ],
    env: {
      ...helperEnvironment(host.env),
      ...builder.environment,
      DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: tools.docker,
    },
    timeoutMs: TIMEOUT_MS,
    ...(inputFile === undefined ? {} : { inputFile }),
  });
  const text = result.kind === 'exited' && result.code === 0 ? new TextDecoder().decode(result.stdout) : '';
  const parsed = Answer.safeParse(parseJson(text));
  const [source] = parsed.success ? parsed.data.sources : [];
  if (source !== undefined) return Buffer.from(source, 'base64');
  throw new ChalkError(
    'DOCKERFILE_UNREADABLE',
    `the builder did not give the Dockerfile: ${describeResult('buildx', result)}`,
  );
}

function readingFlags(item: Extract<Item, { kind: 'flags' }>): string[] {
  return item.settings
    .filter(({ flag }) => READING_FLAGS.has(flag.long))
    .map(({ flag, value }) => `--${flag.long}=${value}`);
}
