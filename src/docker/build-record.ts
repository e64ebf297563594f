import { isAbsolute, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import { dockerHelper, type DockerTools } from './tools.ts';

/** Whose step a failed build failed in, as far as the builder's own record proves it. */
export type FailedStep =
  | { readonly kind: 'at-line'; readonly line: number; readonly message: string }
  /** Every step was done; the result could not be brought to where the user wanted it. */
  | { readonly kind: 'in-output'; readonly message: string }
  /** The files of the build context could not be read, or not told apart by the ignore file. */
  | { readonly kind: 'in-context'; readonly message: string }
  | { readonly kind: 'unclear'; readonly why: string };

const Listed = z.object({ ref: z.string(), status: z.string(), created_at: z.optional(z.string()) });
const Record = z.object({
  Dockerfile: z.optional(z.string()),
  Error: z.optional(
    z.object({
      Message: z.optional(z.string()),
      Name: z.optional(z.string()),
      Sources: z.optional(z.string()),
    }),
  ),
  Attachments: z.nullish(z.array(z.object({ Type: z.optional(z.string()) }))),
});
/** BuildKit's name for the step that fetches the files of a context on this machine (`dockerui`). */
const CONTEXT_STEP = '[internal] load build context';
/** Go's words for a pattern of the ignore file; none of our lines has a pattern. */
const BAD_PATTERN = 'syntax error in pattern';

const LocalState = z.object({ DockerfilePath: z.string() });

/** Where buildx keeps no notes of its own, how many of the newest failed builds may be those of others. */
const RECORDS_LOOKED_AT = 4;

/**
 * Finds the record of the build that was just run and reads where it failed. BuildKit keeps a record of every build
 * (`docker buildx history`, buildx 0.20), and buildx keeps beside it which Dockerfile was built: our private copy, which
 * no other build has. buildx shows that path from the working folder where it is below it.
 */
export async function findFailedStep(
  host: Host,
  tools: DockerTools,
  builderArgs: readonly string[],
  dockerfile: string,
): Promise<FailedStep> {
  const [found] = await findFailedSteps(host, tools, builderArgs, [{ dockerfile }]);
  return found?.step ?? { kind: 'unclear', why: 'the builder keeps no record of this build' };
}

/** A Dockerfile whose failed build is looked for. */
export interface BuiltFile {
  readonly dockerfile: string;
  /** Milliseconds since the epoch: older records are of other builds, for this Dockerfile is no private copy. */
  readonly since?: number;
}

/** The same for several builds that were run at once; those without a failed record are missing in the answer. */
export async function findFailedSteps(
  host: Host,
  tools: DockerTools,
  builderArgs: readonly string[],
  files: readonly BuiltFile[],
): Promise<readonly { readonly dockerfile: string; readonly step: FailedStep }[]> {
  const history = ['buildx', ...builderArgs, 'history'];
  const rows = (await listRecords(host, tools, builderArgs)).filter(({ status }) => status === 'Error');
  const wanted = new Set(files.map(({ dockerfile }) => dockerfile));
  const found = [];
  let looked = 0;
  for (const { ref: address, created_at: created = '' } of rows) {
    // With many builds at once the newest records are those of others, and each costs the start of a program.
    const noted = await notedDockerfile(host, tools, address);
    if (noted === undefined ? looked >= RECORDS_LOOKED_AT + files.length - 1 : !wanted.has(noted)) continue;
    if (noted === undefined) looked += 1;
    const ref = address.split('/').at(-1) ?? '';
    const text = outputOf(await dockerHelper(host, tools, [...history, 'inspect', '--format', 'json', ref]));
    const record = Record.safeParse(parseJson(text ?? ''));
    if (!record.success) continue;
    const dockerfile = noted ?? resolve(host.cwd, record.data.Dockerfile ?? '');
    const file = files.find((each) => each.dockerfile === dockerfile);
    if (file === undefined || (file.since !== undefined && !(Date.parse(created) >= file.since))) continue;
    found.push({ dockerfile, step: failedStep(record.data) });
    if (found.length === files.length) break;
  }
  return found;
}

/**
 * Whether the builder has done everything these builds were for: what failed then failed behind it, on this machine.
 *
 * @param dockerfiles copies that no other build has; builds of which buildx keeps no notes count as not done.
 */
export async function areCompleted(
  host: Host,
  tools: DockerTools,
  builderArgs: readonly string[],
  dockerfiles: readonly string[],
): Promise<boolean> {
  const missing = new Set(dockerfiles);
  for (const { ref, status } of await listRecords(host, tools, builderArgs)) {
    if (missing.size === 0) break;
    if (status === 'Completed') missing.delete((await notedDockerfile(host, tools, ref)) ?? '');
  }
  return missing.size === 0;
}

/** The builder's records, the newest first. */
async function listRecords(
  host: Host,
  tools: DockerTools,
  builderArgs: readonly string[],
): Promise<readonly z.infer<typeof Listed>[]> {
  const args = ['buildx', ...builderArgs, 'history', 'ls', '--no-trunc', '--format', 'json'];
  return (outputOf(await dockerHelper(host, tools, args)) ?? '')
    .split('\n')
    .map((line) => Listed.safeParse(parseJson(line)))
    .flatMap((row) => (row.success ? [row.data] : []));
}

/** What buildx itself notes of a build it ran for this user (`localstate`): a file named as the record. */
async function notedDockerfile(
  host: Host,
  { config }: DockerTools,
  address: string,
): Promise<string | undefined> {
  const folder = host.env['BUILDX_CONFIG'] || join(config.folder, 'buildx');
  const text = await host.files.readText(resolve(host.cwd, folder, 'refs', address)).catch(() => '');
  const state = LocalState.safeParse(parseJson(text));
  return state.success && isAbsolute(state.data.DockerfilePath) ? state.data.DockerfilePath : undefined;
}

/**
 * `Sources` is the snippet a person sees, in base64; its first line is `Dockerfile:12`. A provenance is made of a result
 * all of whose steps were carried out (BuildKit `llbsolver/solver.go`): what failed behind it is an exporter.
 */
function failedStep({ Error: error, Attachments: attachments }: z.infer<typeof Record>): FailedStep {
  const { Sources: sources, Name: step, Message: message = '' } = error ?? {};
  const snippet = Buffer.from(sources ?? '', 'base64').toString('utf8');
  const line = /^[^\n]*:(\d+)\n/.exec(snippet)?.[1];
  if (line !== undefined) return { kind: 'at-line', line: Number(line), message };
  if (step === CONTEXT_STEP || message === BAD_PATTERN) return { kind: 'in-context', message };
  const isDone = (attachments ?? []).some(({ Type: type }) =>
    type?.startsWith('https://slsa.dev/provenance/'),
  );
  if (isDone && step === undefined && message !== '') return { kind: 'in-output', message };
  return { kind: 'unclear', why: `the build failed outside any line: ${message}` };
}
