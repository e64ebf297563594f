import { dirname, join } from 'node:path';
import { asChalkError, ChalkError } from '../base/errors.ts';
import type { Item } from '../docker/argv/parse.ts';
import { dockerHelper, type DockerTools, findTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { describeResult, outputOf } from '../host/processes.ts';
import { extractMark } from '../image/extract.ts';
import { readMark, validateMark } from '../mark/index.ts';
import { defaultReportFile } from '../report/index.ts';
import {
  type KnownMark,
  knownMark,
  listAsJson,
  listAsTable,
  readCache,
  readContainers,
  type RunningContainer,
  writeCache,
} from '../runtime/ps.ts';
import { EXIT } from './exit-codes.ts';

/** Reading a mark makes a container of the image: as many at a time. */
const AT_ONCE = 4;

/**
 * `docker chalk ps`: the running containers and the marks of their images. Two calls of docker, however many containers
 * there are, and for an image that no earlier run has seen the few that read its mark.
 */
export async function psCommand(host: Host, globals: readonly Item[], json: boolean): Promise<number> {
  const tools = await findTools(host, globals);
  if (tools.docker === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'no docker on this machine', { hint: 'put docker on PATH' });
  }
  const containers = await running(host, tools);
  const marks = await marksOf(host, tools, [...new Set(containers.map(({ imageId }) => imageId))]);
  const rows = containers.map((container) => ({
    container,
    mark: marks.get(container.imageId) ?? { without: 'unknown' },
  }));
  await host.terminal.writeOut(json ? listAsJson(rows) : listAsTable(rows));
  return EXIT.ok;
}

async function running(host: Host, tools: DockerTools): Promise<RunningContainer[]> {
  const list = await dockerHelper(host, tools, ['ps', '--quiet', '--no-trunc']);
  const ids = outputOf(list)?.split('\n').filter(Boolean);
  if (ids === undefined) {
    throw new ChalkError('ENGINE_UNREACHABLE', describeResult('docker ps', list), {
      hint: 'docker info tells more',
    });
  }
  if (ids.length === 0) return [];
  const inspected = await dockerHelper(host, tools, ['container', 'inspect', ...ids]);
  // One that has ended since makes docker fail, and is left out of what it prints.
  const text = inspected.kind === 'exited' ? new TextDecoder().decode(inspected.stdout) : '';
  const containers = readContainers(text);
  if (containers !== undefined) return containers;
  throw new ChalkError('PROCESS_FAILED', describeResult('docker container inspect', inspected));
}

async function marksOf(
  host: Host,
  tools: DockerTools,
  images: readonly string[],
): Promise<Map<string, KnownMark>> {
  const path = join(dirname(defaultReportFile(host)), 'image-marks.json');
  const known = readCache(await host.files.readText(path).catch(() => ''));
  const waiting = images.filter((image) => !known.has(image));
  const unread = waiting.length > 0;
  const worker = async (): Promise<void> => {
    for (let image = waiting.shift(); image !== undefined; image = waiting.shift()) {
      const mark = await markOf(host, tools, image);
      if (mark !== undefined) known.set(image, mark);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (unread) await keep(host, path, writeCache(known));
  return known;
}

/** Undefined where the engine failed at it, which another run may not. */
async function markOf(host: Host, tools: DockerTools, image: string): Promise<KnownMark | undefined> {
  try {
    const { found } = await extractMark(host, tools, image);
    if (found.kind !== 'mark') return { without: 'no mark' };
    const values = readMark(found.bytes, '/chalk.json');
    return validateMark(values).kind === 'valid' ? knownMark(values) : { without: 'invalid mark' };
  } catch (error) {
    return asChalkError(error, 'PROCESS_FAILED').code.startsWith('MARK_')
      ? { without: 'invalid mark' }
      : undefined;
  }
}

/** Whole or not at all; and where it cannot be kept, the next run asks again. */
async function keep(host: Host, path: string, text: string): Promise<void> {
  const temporary = `${path}.${Buffer.from(host.random.bytes(6)).toString('hex')}`;
  try {
    await host.files.makeFolder(dirname(path), 0o700);
    await host.files.write(temporary, text, 0o600);
    await host.files.rename(temporary, path);
  } catch {
    await host.files.remove(temporary).catch(() => undefined);
  }
}
