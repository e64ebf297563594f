import { delimiter, dirname, join } from 'node:path';
import { ChalkError } from '../../base/errors.ts';
import { linkState, type Place, type Way, type WayState } from './way.ts';

/** `docker chalk …`: a link in docker's folder of plugins. */
export const PLUGIN: Way = {
  name: 'plugin',
  catches: 'docker chalk build',
  inspect: (place) => inspectLink(place, pluginPath(place)),
  install: (place) => makeLink(place, pluginPath(place)),
  uninstall: (place) => removeLink(place, pluginPath(place)),
};

/** `docker …`: a link named docker, in a folder that PATH has before docker's own. */
export const WRAPPER: Way = {
  name: 'wrapper',
  catches: 'docker build and docker compose build, wherever docker is found on PATH',
  inspect: async (place) => {
    const path = await wrapperPath(place);
    const state = await inspectLink(place, path);
    if (state.kind !== 'installed' || (await comesFirst(place, path))) return state;
    const mend = `put ${dirname(path)} before ${dirname(place.tools.docker ?? '/usr/bin/docker')} on PATH`;
    return { kind: 'broken', where: path, why: 'PATH finds another docker first', mend };
  },
  install: async (place) => {
    const path = await wrapperPath(place);
    const done = await makeLink(place, path);
    if (await comesFirst(place, path)) return done;
    return `${done}; PATH finds another docker first: put ${dirname(path)} before it`;
  },
  uninstall: async (place) => removeLink(place, await wrapperPath(place)),
};

function pluginPath({ tools }: Place): string {
  return join(tools.config.folder, 'cli-plugins', 'docker-chalk');
}

/** The folder asked for, else the one on PATH that has our link, else `~/.local/bin`. */
async function wrapperPath(place: Place): Promise<string> {
  if (place.folder !== undefined) return join(place.folder, 'docker');
  for (const folder of pathFolders(place)) {
    const path = join(folder, 'docker');
    if ((await linkState(place, path)) === 'ours') return path;
  }
  return join(place.host.env['HOME'] ?? '/root', '.local', 'bin', 'docker');
}

async function comesFirst(place: Place, path: string): Promise<boolean> {
  for (const folder of pathFolders(place)) {
    const candidate = join(folder, 'docker');
    if (candidate === path) return true;
    if (((await place.host.files.stat(candidate).catch(() => undefined))?.kind ?? 'other') === 'file')
      return false;
  }
  return false;
}

function pathFolders({ host }: Place): string[] {
  return (host.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

export async function inspectLink(place: Place, path: string): Promise<WayState> {
  switch (await linkState(place, path)) {
    case 'ours':
      return { kind: 'installed', where: path };
    case 'absent':
      return { kind: 'absent', where: path };
    case 'foreign':
      return { kind: 'foreign', where: path };
  }
}

export async function makeLink(place: Place, path: string): Promise<string> {
  switch (await linkState(place, path)) {
    case 'ours':
      return `${path} is already this docker-chalk`;
    case 'foreign':
      throw new ChalkError('FILE_UNWRITABLE', `${path} is another program`, {
        hint: 'remove it, then install again',
      });
    case 'absent':
      await place.host.files.makeFolder(dirname(path), 0o755);
      await place.host.files.symlink(place.launcher, path);
      return `installed ${path}`;
  }
}

export async function removeLink(place: Place, path: string): Promise<string> {
  switch (await linkState(place, path)) {
    case 'ours':
      await place.host.files.remove(path);
      return `removed ${path}`;
    case 'absent':
      return `${path} is not there`;
    case 'foreign':
      throw new ChalkError('FILE_UNWRITABLE', `${path} is another program, not this docker-chalk`, {
        hint: 'remove it by hand if it is yours to remove',
      });
  }
}
