import { isAbsolute, join, resolve } from 'node:path';
import { formatPlatform, type Platform } from '../base/platform.ts';
import type { Environment, Host } from '../host/host.ts';
import type { DockerCommand } from './argv/command.ts';
import { type Item, lastValueOf, positionals, switchIsOn, valuesOf } from './argv/parse.ts';
import { clientPlatform, readPlatform } from './client-platform.ts';
import { pushesImage } from './destination.ts';

/** What a build command asks for, in the terms the later stages speak. */
export interface BuildRequest {
  readonly context: ContextSource;
  readonly dockerfile: DockerfileSource;
  readonly target: string | undefined;
  /** `--build-arg`; a name without a value has taken it from the environment, or says nothing when it had none there. */
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly namedContexts: ReadonlyMap<string, string>;
  /** Empty: the builder's own. */
  readonly platforms: readonly Platform[];
  readonly tags: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: readonly string[];
  readonly pull: boolean;
  /** The image goes to a registry: `--push`, or an output that does. */
  readonly push: boolean;
  readonly metadataFile: string | undefined;
  /** Why there will be no image to mark, if so. */
  readonly noImage: string | undefined;
  /** Files that are made beside an image: the folder or archive is to hold the user's own alone. */
  readonly filesToo: boolean;
}

export type ContextSource =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'remote'; readonly uri: string };

export type DockerfileSource =
  /** Not named: `Dockerfile` in the context, or `dockerfile`. */
  | { readonly kind: 'default' }
  /** `word` is as it was typed: in an archive or a repository it is looked for there. */
  | { readonly kind: 'file'; readonly path: string; readonly word: string; readonly absolute: boolean }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'remote'; readonly uri: string };

export type RequestResult =
  | { readonly kind: 'request'; readonly request: BuildRequest }
  | { readonly kind: 'refused'; readonly why: string };

/** Reads a parsed `build` command as it means something here. */
export function requestOf(host: Host, command: DockerCommand): RequestResult {
  return readBuildRequest(command, host.env, host.cwd, clientPlatform(host));
}

/**
 * Reads a parsed `build` command. Pure: whether the context exists is for its reader to find out.
 *
 * @param here the platform buildx runs on, which `--platform` may leave out.
 */
export function readBuildRequest(
  command: DockerCommand,
  env: Environment,
  cwd: string,
  here: Platform,
): RequestResult {
  const { items } = command;
  const places = positionals(items);
  const [place] = places;
  if (place === undefined || places.length > 1) {
    return { kind: 'refused', why: `a build takes one context, not ${places.length}` };
  }
  const platformWords = valuesOf(items, 'platform').flatMap((value) => value.split(','));
  const named = platformWords.length > 0 ? platformWords : (env['DOCKER_DEFAULT_PLATFORM'] ?? '').split(',');
  const words = named.map((word) => word.trim()).filter((word) => word !== '');
  const platforms = words.map((word) => readPlatform(word, here));
  if (platforms.includes(undefined)) {
    return { kind: 'refused', why: `platform ${words.join(',')} is none that is known here` };
  }
  return {
    kind: 'request',
    request: {
      context: contextSource(place, cwd),
      dockerfile: dockerfileSource(lastValueOf(items, 'file'), cwd),
      target: lastValueOf(items, 'target') || undefined,
      buildArgs: buildArgs(valuesOf(items, 'build-arg'), env),
      namedContexts: pairs(valuesOf(items, 'build-context')),
      platforms: withoutDoubles(platforms.filter((platform) => platform !== undefined)),
      tags: valuesOf(items, 'tag'),
      labels: pairs(valuesOf(items, 'label')),
      annotations: valuesOf(items, 'annotation'),
      pull: switchIsOn(items, 'pull'),
      push: pushesImage(items),
      metadataFile: lastValueOf(items, 'metadata-file'),
      noImage: noImageReason(items),
      filesToo: outputKinds(items).some((kind) => kind === 'local' || kind === 'tar'),
    },
  };
}

/** A platform that is named twice is built once. */
function withoutDoubles(platforms: readonly Platform[]): Platform[] {
  return [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()];
}

/** buildx's own order (`build/opt.go`): a folder that exists wins, which its reader checks; then what looks like an address. */
function contextSource(word: string, cwd: string): ContextSource {
  if (word === '-') return { kind: 'stdin' };
  if (looksRemote(word)) return { kind: 'remote', uri: word };
  return { kind: 'folder', path: resolve(cwd, word) };
}

function dockerfileSource(word: string | undefined, cwd: string): DockerfileSource {
  if (!word) return { kind: 'default' };
  if (word === '-') return { kind: 'stdin' };
  if (/^https?:\/\//.test(word)) return { kind: 'remote', uri: word };
  const absolute = isAbsolute(word);
  return { kind: 'file', path: absolute ? word : join(cwd, word), word, absolute };
}

/** BuildKit `dfgitutil.ParseGitRef` and buildx `isHTTPURL`, as far as the first characters tell. */
export function looksRemote(word: string): boolean {
  return (
    /^(https?|git|ssh):\/\//.test(word) || word.startsWith('github.com/') || /^[\w.-]+@[\w.-]+:/.test(word)
  );
}

function buildArgs(words: readonly string[], env: Environment): Map<string, string> {
  const result = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    const value = equals === -1 ? env[name] : word.slice(equals + 1);
    if (value !== undefined) result.set(name, value);
  }
  return result;
}

function pairs(words: readonly string[]): Map<string, string> {
  return new Map(
    words.map((word) => {
      const equals = word.indexOf('=');
      return equals === -1 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}

/** `--call`, `--check` and `--print` answer a question; these outputs hold files, which must stay the user's own. */
function noImageReason(items: readonly Item[]): string | undefined {
  const call = lastValueOf(items, 'call');
  if (call && call !== 'build') return `--call=${call} builds nothing`;
  for (const name of ['check', 'help']) if (switchIsOn(items, name)) return `--${name} builds nothing`;
  if (lastValueOf(items, 'print') !== undefined) return '--print builds nothing';
  const kinds = outputKinds(items);
  const isFiles = kinds.length > 0 && kinds.every((kind) => kind !== 'image');
  // buildx adds an image to the files for these (`commands/build.go`).
  if (isFiles && !switchIsOn(items, 'push') && !switchIsOn(items, 'load')) {
    return `output ${valuesOf(items, 'output').join(' and ')} is no image`;
  }
  return undefined;
}

/** What the outputs are, every kind of image taken for one. */
function outputKinds(items: readonly Item[]): ('local' | 'tar' | 'cacheonly' | 'image')[] {
  return valuesOf(items, 'output').map((output) => {
    const kind = outputKind(output);
    return kind === 'local' || kind === 'tar' || kind === 'cacheonly' ? kind : 'image';
  });
}

/** `-o DIR`, `-o -`, `-o type=…,…` (buildx `buildflags/export.go`). */
function outputKind(output: string): string {
  if (output === '-') return 'tar';
  const type = /(?:^|,)\s*type\s*=\s*([^,]*)/.exec(output)?.[1];
  if (type !== undefined) return type.trim();
  return output.includes('=') ? 'image' : 'local';
}
