import { ChalkError, describeError } from '../base/errors.ts';
import { parseImageRef } from '../base/image-ref.ts';
import { collectHost, when } from '../collect/index.ts';
import { type DockerCommand, renderCommand } from '../docker/argv/command.ts';
import { type Item, positionals, switchIsOn } from '../docker/argv/parse.ts';
import { dockerProcess } from '../docker/run-build.ts';
import { dockerHelper, type DockerTools, findTools } from '../docker/tools.ts';
import { signalExitCode } from '../host/attached.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import { extractImageMark } from '../image/extract.ts';
import { type MarkMap, type MarkValue, readMark, validateMark } from '../mark/index.ts';
import { newActionId, redactItems, writeReport } from '../report/index.ts';
import type { Attested, FindImages } from './attested.ts';
import { beginSigning } from './build/attest.ts';
import { isStrict } from './build/run.ts';
import type { End } from './end.ts';
import { EXIT } from './exit-codes.ts';
import type { FoundNames } from './pushed.ts';
import { sendReport } from './send-report.ts';
import type { Signing } from './signing.ts';
import { PRODUCT_VERSION } from './version.ts';

/**
 * Runs `docker push` or `docker pull` as typed, once, signs what was pushed where there are keys, and reports which image
 * went where. A transfer that fails is docker's own failure; the report says so and names no image.
 */
export async function runTransfer(
  host: Host,
  command: DockerCommand,
  options: readonly Item[],
): Promise<End> {
  const tools = await findTools(host, command.globals);
  if (tools.docker === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'there is no docker on PATH', { hint: 'install Docker' });
  }
  const pushes = command.kind === 'push' && !switchIsOn(command.items, 'help');
  const { signing } = await beginSigning(host, options, pushes);
  const end = await host.processes.attach(dockerProcess(host, tools.docker, renderCommand(command)));
  if (end.kind === 'not-started') {
    throw new ChalkError('DOCKER_NOT_FOUND', 'docker could not be started', { cause: end.cause });
  }
  if (switchIsOn(command.items, 'help')) return end;
  const exitCode = end.kind === 'exited' ? end.code : signalExitCode(end.signal);
  const names = exitCode === EXIT.ok ? await namesOf(host, tools, command) : [];
  const silent = switchIsOn(command.items, 'quiet');
  const pushed = await attestNames(host, tools, signing, names, { options, silent });
  await sendReport(host, options, async () =>
    writeReport({
      operation: command.kind === 'pull' ? 'pull' : 'push',
      actionId: newActionId(host.random.bytes(8)),
      host: {
        ...when(host.clock).report,
        ...collectHost(host, { version: PRODUCT_VERSION }).report,
        _OP_ARGV: ['docker', ...command.path, ...redactItems(command.items)],
        ...pushed.keys,
      },
      chalks: await transferred(host, tools, names, pushed),
      errors: [...pushed.errors, ...pushed.warnings],
      exitCode,
    }),
  );
  const [failure] = pushed.errors;
  if (failure === undefined || !isStrict(host, options)) return end;
  if (silent) await host.terminal.writeError(`docker chalk: not signed: ${describeError(failure)}\n`);
  return { kind: 'exited', code: EXIT.failed };
}

/** What was signed, with the digests it was found by. */
type PushedNames = Attested & Pick<FoundNames, 'digests'>;

/** Signs what was pushed by these names. */
async function attestNames(
  host: Host,
  tools: DockerTools,
  signing: Signing,
  names: readonly string[],
  how: { readonly options: readonly Item[]; readonly silent: boolean },
): Promise<PushedNames> {
  let digests: FoundNames['digests'] = new Map();
  if (names.length === 0 || (signing.kind === 'off' && signing.why === undefined)) {
    return { keys: {}, factsOf: () => ({}), errors: [], warnings: [], digests };
  }
  const [{ attestPushed }, { findPushedNames }] = await Promise.all([
    import('./attested.ts'),
    import('./pushed.ts'),
  ]);
  const find: FindImages = async (settings) => {
    const found = await findPushedNames(host, tools, settings, names);
    digests = found.digests;
    return found;
  };
  const attested = await attestPushed(host, tools, signing, find, how);
  return { ...attested, digests };
}

async function namesOf(host: Host, tools: DockerTools, command: DockerCommand): Promise<readonly string[]> {
  const [name = ''] = positionals(command.items);
  return switchIsOn(command.items, 'all-tags') ? allTags(host, tools, name) : [name];
}

/** The images that were moved, each with its mark where it has one. */
async function transferred(
  host: Host,
  tools: DockerTools,
  names: readonly string[],
  { digests, factsOf }: PushedNames,
): Promise<readonly MarkMap[]> {
  const images = new Map<string, MarkMap>();
  for (const each of names) {
    const chalk = await describe(host, tools, each);
    if (chalk === undefined) continue;
    const digest = digests.get(each);
    const facts = digest === undefined ? {} : factsOf(digest, chalk);
    // Several tags of one image are one artifact.
    images.set(JSON.stringify(chalk.get('_CURRENT_HASH')), new Map([...chalk, ...Object.entries(facts)]));
  }
  return [...images.values()];
}

async function describe(host: Host, tools: DockerTools, name: string): Promise<MarkMap | undefined> {
  // An image nobody marked is reported as well; one that is gone by now is not.
  const extraction = await extractImageMark(host, tools, name).catch(() => undefined);
  if (extraction === undefined) return undefined;
  const facts = Object.entries(extraction.facts);
  if (extraction.found.kind !== 'mark') return new Map<string, MarkValue>(facts);
  try {
    const mark = readMark(extraction.found.bytes, '/chalk.json');
    const valid = validateMark(mark).kind === 'valid';
    return new Map<string, MarkValue>([...mark, ...facts, ['_VALIDATED_METADATA', valid]]);
  } catch {
    return new Map<string, MarkValue>([...facts, ['_VALIDATED_METADATA', false]]);
  }
}

async function allTags(host: Host, tools: DockerTools, name: string): Promise<string[]> {
  const ref = parseImageRef(name);
  const format = '{{.Repository}}:{{.Tag}}';
  const output = outputOf(await dockerHelper(host, tools, ['image', 'ls', '--format', format, name]));
  const listed = (output ?? '').split('\n').filter((line) => line !== '' && !line.endsWith(':<none>'));
  return listed.filter((line) => parseImageRef(line)?.repository === ref?.repository);
}
