import type { Environment } from '../host/host.ts';
import { type Item, lastValueOf, positionals, switchIsOn, valuesOf } from './argv/parse.ts';
import { looksRemote } from './build-request.ts';

/** Where buildx looks when nobody names a file: compose's names, then its own, each merged over the ones before (`bake.go`). */
export const DEFAULT_BAKE_FILES = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yml',
  'docker-compose.yaml',
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
] as const;

/** The bake files of a command line. */
export type BakeFiles =
  /** Named with `-f`: one more is simply added. */
  | { readonly kind: 'named'; readonly names: readonly string[] }
  /** Named in `BUILDX_BAKE_FILE`, which any `-f` switches off. */
  | { readonly kind: 'environment'; readonly names: readonly string[] }
  /** Looked for, which any `-f` switches off. */
  | { readonly kind: 'default' }
  /** In a repository or behind an address, where files of this machine are told apart by `cwd://`. */
  | { readonly kind: 'remote' };

export function bakeFiles(items: readonly Item[], env: Environment): BakeFiles {
  if (isRemoteBake(items)) return { kind: 'remote' };
  const named = valuesOf(items, 'file');
  if (named.length > 0) return { kind: 'named', names: named };
  const setting = env['BUILDX_BAKE_FILE'];
  const separator = env['BUILDX_BAKE_PATH_SEPARATOR'] || ':';
  const names = (setting ?? '')
    .split(separator)
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length > 0 ? { kind: 'environment', names } : { kind: 'default' };
}

/** The `-f` values that keep what is read now, for a line that gets one file more. */
export function spelledOut(files: BakeFiles, present: readonly string[]): readonly string[] {
  switch (files.kind) {
    case 'named':
    case 'remote':
      return [];
    case 'environment':
      return files.names;
    case 'default':
      return DEFAULT_BAKE_FILES.filter((name) => present.includes(name));
  }
}

/** The definition is in a repository or behind an address: the first word says so (`bakeArgs`). */
export function isRemoteBake(items: readonly Item[]): boolean {
  const [first] = positionals(items);
  return first !== undefined && looksRemote(first);
}

/** Whether one of the files is standard input. */
export function bakeReadsInput(items: readonly Item[], env: Environment): boolean {
  const files = bakeFiles(items, env);
  if (files.kind === 'remote') return valuesOf(items, 'file').includes('cwd://-');
  return (
    (files.kind === 'named' || files.kind === 'environment') &&
    files.names.some((name) => name === '-' || name === 'cwd://-')
  );
}

/** Why a bake command line builds nothing, if so. */
export function bakeBuildsNothing(items: readonly Item[]): string | undefined {
  const call = lastValueOf(items, 'call');
  if (call && call !== 'build') return `--call=${call} builds nothing`;
  if (lastValueOf(items, 'list')) return '--list builds nothing';
  const switches = ['print', 'check', 'list-targets', 'list-variables', 'help'];
  const asked = switches.find((name) => switchIsOn(items, name));
  return asked === undefined ? undefined : `--${asked} builds nothing`;
}
