import { dirname, join } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import type { Item } from '../docker/argv/parse.ts';
import { type DockerTools, dockerHelper, findTools } from '../docker/tools.ts';
import type { FileStat, Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import { defaultReportFile } from '../report/index.ts';
import { EXIT } from './exit-codes.ts';
import { PRODUCT_VERSION } from './version.ts';

const PLUGIN = 'docker-chalk';

/** The launcher this program was started by: it stands beside the folder of built files. */
function launcherPath(): string {
  return join(dirname(import.meta.dirname), PLUGIN);
}

/** `docker chalk install`: a link in the `cli-plugins` folder of the docker configuration in use. Doing it again changes nothing. */
export async function installCommand(host: Host, globals: readonly Item[]): Promise<number> {
  const { link, state } = await installation(host, globals);
  if (state === 'installed') {
    await host.terminal.writeOut(`${link} is already this docker-chalk\n`);
    return EXIT.ok;
  }
  if (state === 'foreign') {
    throw new ChalkError('FILE_UNWRITABLE', `${link} is another program`, {
      hint: 'remove it, then install again',
    });
  }
  await host.files.makeFolder(dirname(link), 0o755);
  await host.files.symlink(launcherPath(), link);
  await host.terminal.writeOut(`installed ${link}\nnow docker chalk build works as docker build does\n`);
  return EXIT.ok;
}

/** `docker chalk uninstall`: takes our link away, and nothing that is not ours. */
export async function uninstallCommand(host: Host, globals: readonly Item[]): Promise<number> {
  const { link, state } = await installation(host, globals);
  if (state === 'foreign') {
    throw new ChalkError('FILE_UNWRITABLE', `${link} is another program, not this docker-chalk`, {
      hint: 'remove it by hand if it is yours to remove',
    });
  }
  if (state === 'installed') await host.files.remove(link);
  await host.terminal.writeOut(state === 'installed' ? `removed ${link}\n` : `${link} is not there\n`);
  return EXIT.ok;
}

/** `docker chalk status`: what is installed, and the programs it works with. Exit 1 when a build could not be marked. */
export async function statusCommand(host: Host, globals: readonly Item[]): Promise<number> {
  const { link, state, tools } = await installation(host, globals);
  const [engine, shims] = await Promise.all([engineVersion(host, tools), missingShims(host)]);
  const rows: [string, string][] = [
    ['docker-chalk', PRODUCT_VERSION],
    ['plugin', state === 'installed' ? link : `not installed in ${dirname(link)} (docker chalk install)`],
    ['docker', tools.docker ?? 'not found on PATH'],
    ['buildx', tools.buildx ?? 'not found: builds cannot be marked (install docker-buildx)'],
    ['engine', engine ?? `not reachable in context ${tools.config.context} (docker info tells more)`],
    ['shims', shims.length === 0 ? 'complete' : `missing: ${shims.join(' ')} (make build)`],
    ['reports', defaultReportFile(host)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  await host.terminal.writeOut(rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join(''));
  const works = tools.docker && tools.buildx && engine && shims.length === 0;
  return works ? EXIT.ok : EXIT.failed;
}

interface Installation {
  readonly link: string;
  readonly state: 'installed' | 'absent' | 'foreign';
  readonly tools: DockerTools;
}

async function installation(host: Host, globals: readonly Item[]): Promise<Installation> {
  const tools = await findTools(host, globals);
  const link = join(tools.config.folder, 'cli-plugins', PLUGIN);
  const [there, ours] = await Promise.all([host.files.stat(link), host.files.stat(launcherPath())]);
  if (there === undefined)
    return { link, state: (await isDeadLink(host, link)) ? 'foreign' : 'absent', tools };
  return { link, state: sameFile(there, ours) ? 'installed' : 'foreign', tools };
}

/** A link to nothing has no stat, but its name is taken. */
async function isDeadLink(host: Host, link: string): Promise<boolean> {
  const names = await host.files.list(dirname(link)).catch((): string[] => []);
  return names.includes(PLUGIN);
}

function sameFile(a: FileStat, b: FileStat | undefined): boolean {
  return a.device === b?.device && a.inode === b.inode;
}

async function engineVersion(host: Host, tools: DockerTools): Promise<string | undefined> {
  const format = '{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}';
  return outputOf(await dockerHelper(host, tools, ['version', '--format', format]))?.trim();
}

async function missingShims(host: Host): Promise<string[]> {
  const wanted = ['linux-amd64', 'linux-arm64'].flatMap((platform) =>
    ['shim', 'reporter'].map((program) => join(platform, program)),
  );
  const stats = await Promise.all(
    wanted.map((name) => host.files.stat(join(import.meta.dirname, 'shim', name))),
  );
  return wanted.filter((_, index) => stats[index]?.kind !== 'file');
}
