import { type BakeDefinition, parseBakeDefinition } from '../../docker/bake-definition.ts';
import { asQuestion } from '../../docker/bake-overrides.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import type { Item } from '../../docker/argv/parse.ts';
import { buildQuestion, type Route } from '../../docker/run-build.ts';
import type { DockerTools } from '../../docker/tools.ts';
import type { Host } from '../../host/host.ts';
import { describeResult, outputOf } from '../../host/processes.ts';

/** A command line, and what it is run with. */
export interface BakeLine {
  readonly host: Host;
  readonly tools: DockerTools;
  readonly command: DockerCommand;
  readonly route: Extract<Route, { kind: 'buildx' }>;
  /** The file standard input was saved to. */
  readonly input: string | undefined;
}

/** A definition may be in a repository, which the builder fetches first. */
const TIMEOUT_MS = 300_000;

/** What buildx makes of a bake line: its own answer, so that files, variables and inheritance are read by nobody else. */
export async function askDefinition(
  { host, tools, command, route, input }: BakeLine,
  items: readonly Item[],
): Promise<BakeDefinition | { readonly failed: string }> {
  const result = await host.processes.run(
    buildQuestion(host, tools, command, route, asQuestion(items), {
      inputFile: input,
      timeoutMs: TIMEOUT_MS,
    }),
  );
  const text = outputOf(result);
  if (text === undefined) return { failed: describeResult('buildx bake --print', result) };
  return parseBakeDefinition(text) ?? { failed: 'what buildx bake --print printed cannot be read' };
}
