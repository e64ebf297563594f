import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { ChalkError } from '../../base/errors.ts';
import { readSettings, type Settings, withMember, writeSettings } from './docker-settings.ts';
import { inspectLink, makeLink, removeLink } from './links.ts';
import { linkState, type Place, type Way, type WayState } from './way.ts';

const Aliases = z.optional(z.record(z.string(), z.string()));
const Folders = z.optional(z.array(z.string()));

/** `docker build` and `docker builder …`: docker's own alias for its builder. */
export const BUILDER_ALIAS: Way = {
  name: 'builder-alias',
  catches: 'docker build, docker image build, docker bake',
  inspect: async (place) => {
    const where = `aliases.builder in ${join(place.tools.config.folder, 'config.json')}`;
    const { builder } = aliasesOf(await readSettings(place.host, place.tools.config.folder));
    if (builder === undefined) return { kind: 'absent', where };
    if (builder !== 'chalk') return { kind: 'foreign', where: `${where} (it is ${builder})` };
    // docker fails every build when the plugin the alias names is missing.
    const plugin = await linkState(place, join(place.tools.config.folder, 'cli-plugins', 'docker-chalk'));
    if (plugin === 'ours') return { kind: 'installed', where };
    return {
      kind: 'broken',
      where,
      why: 'the plugin it names is not installed',
      mend: 'docker chalk install --plugin',
    };
  },
  install: async (place) => {
    const { folder } = place.tools.config;
    const settings = await readSettings(place.host, folder);
    const { builder } = aliasesOf(settings);
    if (builder === 'chalk') return 'aliases.builder is already chalk';
    if (builder !== undefined) {
      throw new ChalkError(
        'CONFIG_INVALID',
        `aliases.builder is already ${builder} in docker's config.json`,
        {
          hint: `docker ${builder} uninstall may take it away`,
        },
      );
    }
    await writeSettings(
      place.host,
      folder,
      withMember(settings, 'aliases', { ...aliasesOf(settings), builder: 'chalk' }),
    );
    return `set aliases.builder to chalk in ${join(folder, 'config.json')}`;
  },
  uninstall: async (place) => {
    const { folder } = place.tools.config;
    const settings = await readSettings(place.host, folder);
    const { builder, ...others } = aliasesOf(settings);
    if (builder !== 'chalk') return 'aliases.builder is not ours';
    await writeSettings(place.host, folder, withMember(settings, 'aliases', others));
    return `took aliases.builder out of ${join(folder, 'config.json')}`;
  },
};

/**
 * Everything that ends in buildx: compose, bake and CI actions too. A link named docker-buildx in a folder of its own, which
 * docker's configuration names first; the real buildx stays where it is, and its updates find it there.
 */
export const BUILDX_SHIM: Way = {
  name: 'buildx-shim',
  catches: 'docker build, docker buildx build, bake, docker compose build, CI actions',
  inspect: async (place) => {
    const path = shimPath(place);
    const state = await inspectLink(place, path);
    if (state.kind !== 'installed') return state;
    const folders = foldersOf(await readSettings(place.host, place.tools.config.folder));
    return brokenShim(place, path, folders) ?? state;
  },
  install: async (place) => {
    if (place.tools.buildx === undefined) {
      throw new ChalkError('BUILDX_NOT_FOUND', 'there is no buildx to stand before', {
        hint: 'install docker-buildx',
      });
    }
    const { folder } = place.tools.config;
    const done = await makeLink(place, shimPath(place));
    const settings = await readSettings(place.host, folder);
    const own = dirname(shimPath(place));
    const folders = [own, ...foldersOf(settings).filter((each) => each !== own)];
    await writeSettings(place.host, folder, withMember(settings, 'cliPluginsExtraDirs', folders));
    return `${done}, before ${place.tools.buildx}`;
  },
  uninstall: async (place) => {
    const { folder } = place.tools.config;
    const settings = await readSettings(place.host, folder);
    const own = dirname(shimPath(place));
    const folders = foldersOf(settings);
    if (folders.includes(own)) {
      const rest = folders.filter((each) => each !== own);
      await writeSettings(place.host, folder, withMember(settings, 'cliPluginsExtraDirs', rest));
    }
    return removeLink(place, shimPath(place));
  },
};

function brokenShim(place: Place, where: string, folders: readonly string[]): WayState | undefined {
  const mend = 'docker chalk install --buildx-shim';
  if (place.tools.buildx === undefined) {
    return { kind: 'broken', where, why: 'there is no buildx behind it', mend: 'install docker-buildx' };
  }
  if (folders[0] !== dirname(where)) {
    return { kind: 'broken', where, why: "docker's config.json does not name its folder first", mend };
  }
  return undefined;
}

function shimPath({ tools }: Place): string {
  return join(tools.config.folder, 'chalk', 'cli-plugins', 'docker-buildx');
}

function aliasesOf(settings: Settings): {
  readonly builder?: string;
  readonly [name: string]: string | undefined;
} {
  const parsed = Aliases.safeParse(settings['aliases']);
  if (parsed.success) return parsed.data ?? {};
  throw new ChalkError('CONFIG_INVALID', "aliases in docker's config.json is no table of words", {
    hint: 'mend it first',
  });
}

/** The folders of plugins docker's configuration names. Throws `CONFIG_INVALID`. */
export function foldersOf(settings: Settings): readonly string[] {
  const parsed = Folders.safeParse(settings['cliPluginsExtraDirs']);
  if (parsed.success) return parsed.data ?? [];
  throw new ChalkError(
    'CONFIG_INVALID',
    "cliPluginsExtraDirs in docker's config.json is no list of folders",
    {
      hint: 'mend it first',
    },
  );
}
