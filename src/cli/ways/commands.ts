import { dirname, join } from 'node:path';
import { asChalkError, describeError } from '../../base/errors.ts';
import type { Item } from '../../docker/argv/parse.ts';
import { dockerHelper, type DockerTools, findTools } from '../../docker/tools.ts';
import type { Host } from '../../host/host.ts';
import { outputOf } from '../../host/processes.ts';
import { SHIM_PLATFORMS } from '../../plan/index.ts';
import { defaultReportFile } from '../../report/index.ts';
import { EXIT } from '../exit-codes.ts';
import { PRODUCT_VERSION } from '../version.ts';
import { aliasLine } from './alias.ts';
import { makeLink, PLUGIN, WRAPPER } from './links.ts';
import { BUILDER_ALIAS, BUILDX_SHIM } from './settings-ways.ts';
import type { Place, Way, WayState } from './way.ts';

const WAYS: readonly Way[] = [PLUGIN, WRAPPER, BUILDER_ALIAS, BUILDX_SHIM];

/** What was asked for by flags; nothing means the plugin for `install`, everything that is there for `uninstall`. */
export interface AskedWays {
  readonly names: ReadonlySet<Way['name']>;
  readonly folder: string | undefined;
}

export async function installCommand(
  host: Host,
  globals: readonly Item[],
  asked: AskedWays,
): Promise<number> {
  const place = await placeOf(host, globals, asked.folder);
  const chosen = asked.names.size === 0 ? [PLUGIN] : WAYS.filter((way) => asked.names.has(way.name));
  for (const way of chosen) await host.terminal.writeOut(`${await way.install(place)}\n`);
  return EXIT.ok;
}

export async function uninstallCommand(
  host: Host,
  globals: readonly Item[],
  asked: AskedWays,
): Promise<number> {
  const place = await placeOf(host, globals, asked.folder);
  for (const way of WAYS.toReversed()) {
    if (asked.names.size > 0 && !asked.names.has(way.name)) continue;
    const state = await way.inspect(place);
    const isThere = state.kind === 'installed' || state.kind === 'broken';
    if (asked.names.size === 0 && !isThere) continue;
    await host.terminal.writeOut(`${await way.uninstall(place)}\n`);
  }
  return EXIT.ok;
}

/** What is installed and what it works with. Exit 1 when a build could not be marked. */
export async function statusCommand(host: Host, globals: readonly Item[]): Promise<number> {
  const place = await placeOf(host, globals, undefined);
  const { tools } = place;
  const [engine, shims, states] = await Promise.all([
    engineVersion(host, tools),
    missingShims(host),
    Promise.all(WAYS.map((way) => stateOf(way, place))),
  ]);
  const rows: [string, string][] = [
    ['docker-chalk', PRODUCT_VERSION],
    ...states.map(({ way, text }): [string, string] => [way.name, text]),
    ['docker', tools.docker ?? 'not found on PATH'],
    [
      'buildx',
      tools.buildx ?? 'not found: builds are patched afterwards, not wrapped (install docker-buildx)',
    ],
    ['engine', engine ?? `not reachable in context ${tools.config.context} (docker info tells more)`],
    ['shims', shims.length === 0 ? 'complete' : `missing: ${shims.join(' ')} (make build)`],
    ['reports', defaultReportFile(host)],
  ];
  await host.terminal.writeOut(table(rows));
  return tools.docker && tools.buildx && engine && shims.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Tests every way that is installed and all it needs; says what is wrong and how to mend it. */
export async function doctorCommand(host: Host, globals: readonly Item[]): Promise<number> {
  const place = await placeOf(host, globals, undefined);
  const { tools } = place;
  const [engine, shims, states, metadata, reports] = await Promise.all([
    engineVersion(host, tools),
    missingShims(host),
    Promise.all(WAYS.map((way) => stateOf(way, place))),
    dockerHelper(host, tools, ['chalk', 'version']),
    isWritable(host, dirname(defaultReportFile(host))),
  ]);
  const findings: [boolean, string][] = [
    [tools.docker !== undefined, 'docker is on PATH; if not, install Docker'],
    [tools.buildx !== undefined, 'buildx is a plugin of docker; if not, install docker-buildx'],
    [engine !== undefined, `the engine of context ${tools.config.context} answers; if not, see docker info`],
    [
      shims.length === 0,
      `the programs for images are complete${shims.length === 0 ? '' : `; missing ${shims.join(' ')}: make build`}`,
    ],
    [reports, `reports can be written to ${defaultReportFile(host)}; if not, use --report FILE`],
    ...states.flatMap(({ way, state }): [boolean, string][] => {
      if (state === undefined || state.kind === 'absent') return [];
      if (state.kind === 'installed') return [[true, `${way.name}: ${way.catches}`]];
      if (state.kind === 'broken') return [[false, `${way.name}: ${state.why}: ${state.mend}`]];
      return [
        [
          false,
          `${way.name}: ${state.where} is not ours: remove it, then docker chalk install --${way.name}`,
        ],
      ];
    }),
  ];
  if (states.some(({ way, state }) => way.name === 'plugin' && state?.kind === 'installed')) {
    findings.push([outputOf(metadata) !== undefined, 'docker runs the plugin; if not, docker info says why']);
  }
  await host.terminal.writeOut(findings.map(([ok, text]) => `${ok ? 'ok   ' : 'WRONG'}  ${text}\n`).join(''));
  return findings.every(([ok]) => ok) ? EXIT.ok : EXIT.failed;
}

/** `docker chalk alias SHELL` prints the alias; the link it names is made for it. */
export async function aliasCommand(host: Host, globals: readonly Item[], shell: string): Promise<number> {
  const place = await placeOf(host, globals, undefined);
  const wrapper = join(place.tools.config.folder, 'chalk', 'bin', 'docker');
  const line = aliasLine(shell, wrapper);
  await makeLink(place, wrapper);
  await host.terminal.writeOut(line);
  return EXIT.ok;
}

async function placeOf(host: Host, globals: readonly Item[], folder: string | undefined): Promise<Place> {
  // Beside the folder of built files this very program is in.
  const launcher = host.launch.launcher ?? join(dirname(import.meta.dirname), 'docker-chalk');
  return { host, tools: await findTools(host, globals), launcher, folder };
}

interface Shown {
  readonly way: Way;
  readonly state: WayState | undefined;
  readonly text: string;
}

async function stateOf(way: Way, place: Place): Promise<Shown> {
  try {
    const state = await way.inspect(place);
    return { way, state, text: showState(way, state) };
  } catch (thrown) {
    return { way, state: undefined, text: describeError(asChalkError(thrown)) };
  }
}

function showState(way: Way, state: WayState): string {
  switch (state.kind) {
    case 'installed':
      return state.where;
    case 'absent':
      return `not installed (docker chalk install --${way.name} catches ${way.catches})`;
    case 'broken':
      return `${state.where}, but ${state.why} (${state.mend})`;
    case 'foreign':
      return `${state.where} is not ours`;
  }
}

async function engineVersion(host: Host, tools: DockerTools): Promise<string | undefined> {
  const format = '{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}';
  return outputOf(await dockerHelper(host, tools, ['version', '--format', format]))?.trim();
}

async function missingShims(host: Host): Promise<string[]> {
  const wanted = [...SHIM_PLATFORMS]
    .map((platform) => platform.replaceAll('/', '-'))
    .flatMap((platform) => ['shim', 'reporter'].map((program) => join(platform, program)));
  const stats = await Promise.all(
    wanted.map((name) => host.files.stat(join(import.meta.dirname, 'shim', name))),
  );
  return wanted.filter((_, index) => stats[index]?.kind !== 'file');
}

async function isWritable(host: Host, folder: string): Promise<boolean> {
  const probe = join(folder, `.probe-${Buffer.from(host.random.bytes(4)).toString('hex')}`);
  try {
    await host.files.makeFolder(folder, 0o700);
    await host.files.write(probe, '', 0o600);
    await host.files.remove(probe);
    return true;
  } catch {
    return false;
  }
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}
