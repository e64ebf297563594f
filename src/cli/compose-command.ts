import { join } from 'node:path';
import { asChalkError, ChalkError, describeError } from '../base/errors.ts';
import { type Item, render, switchIsOn } from '../docker/argv/parse.ts';
import { dockerProcess } from '../docker/run-build.ts';
import { type DockerTools, findTools } from '../docker/tools.ts';
import type { AttachedCommand, Host } from '../host/host.ts';
import type { End } from './end.ts';
import { foldersOf } from './ways/settings-ways.ts';
import { readSettings } from './ways/docker-settings.ts';

/**
 * Runs compose with our link before buildx, for this one run. Compose looks for buildx in the configuration it is given
 * with `--config`, and hands its environment on as it is: so it gets a copy of the user's configuration that names one
 * folder more, and buildx and everything in the user's files still sees the user's own. What compose builds then arrives
 * here as a bake.
 */
export async function runCompose(
  host: Host,
  globals: readonly Item[],
  options: readonly Item[],
  words: readonly string[],
): Promise<End> {
  if (switchIsOn(options, 'explain')) {
    throw new ChalkError('ARGV_BAD_VALUE', '--explain says nothing of compose', {
      hint: 'docker compose build --print | docker chalk --explain bake --file -',
    });
  }
  const tools = await findTools(host, globals);
  if (tools.docker === undefined) {
    throw new ChalkError('DOCKER_NOT_FOUND', 'there is no docker on PATH', { hint: 'install Docker' });
  }
  const { docker } = tools;
  const linked = await withOurLink(host, tools, options, words).catch(async (thrown: unknown) => {
    const why = describeError(asChalkError(thrown));
    await host.terminal.writeError(`docker chalk: building without a mark: ${why}\n`);
    return undefined;
  });
  const plain = (): AttachedCommand => dockerProcess(host, docker, [...tools.globals, ...words]);
  const result = await host.processes.attach(linked ?? plain());
  if (result.kind !== 'not-started') return result;
  throw new ChalkError('DOCKER_NOT_FOUND', `${docker} could not be started`, { cause: result.cause });
}

/** Undefined where the program in buildx's place would not find buildx. Throws `FILE_UNWRITABLE` and `CONFIG_INVALID`. */
async function withOurLink(
  host: Host,
  tools: DockerTools,
  options: readonly Item[],
  words: readonly string[],
): Promise<AttachedCommand | undefined> {
  const { launcher } = host.launch;
  // compose does not tell buildx of a `--config` it was given itself.
  const inside = await findTools(host, []);
  if (launcher === undefined || tools.docker === undefined || inside.buildx === undefined) return undefined;
  const { folder } = tools.config;
  const settings = await readSettings(host, folder);
  const root = await host.files.makeTemporary('docker-chalk-');
  const [copy, plugins] = [join(root, 'config'), join(root, 'plugins')];
  await host.files.makeFolder(copy, 0o700);
  await host.files.makeFolder(plugins, 0o700);
  await host.files.symlink(launcher, join(plugins, 'docker-buildx'));
  for (const name of await host.files.list(folder).catch(() => [])) {
    if (name !== 'config.json') await host.files.symlink(join(folder, name), join(copy, name));
  }
  const changed = { ...settings, cliPluginsExtraDirs: [plugins, ...foldersOf(settings)] };
  await host.files.write(join(copy, 'config.json'), JSON.stringify(changed), 0o600);
  const attached = dockerProcess(host, tools.docker, [...tools.globals, '--config', copy, ...words]);
  const { CHALK_GUARD: _, ...env } = attached.env;
  // Our own options are for the program in buildx's place.
  return { ...attached, env: { ...env, CHALK_OPTIONS: JSON.stringify(render(options)) } };
}
