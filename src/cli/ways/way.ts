import type { DockerTools } from '../../docker/tools.ts';
import type { FileStat, Host } from '../../host/host.ts';

/** One way a build reaches us. Each can be installed, shown and undone by itself. */
export interface Way {
  readonly name: 'plugin' | 'wrapper' | 'builder-alias' | 'buildx-shim';
  /** What it catches, in a few words. */
  readonly catches: string;
  inspect(place: Place): Promise<WayState>;
  /** Says what was done. Installing what is there changes nothing. */
  install(place: Place): Promise<string>;
  uninstall(place: Place): Promise<string>;
}

/** Where ways are installed. */
export interface Place {
  readonly host: Host;
  readonly tools: DockerTools;
  /** The launcher every link of ours leads to. */
  readonly launcher: string;
  /** For the wrapper: a folder on PATH. */
  readonly folder: string | undefined;
}

export type WayState =
  | { readonly kind: 'installed'; readonly where: string }
  | { readonly kind: 'absent'; readonly where: string }
  /** It is there and does not do its work. */
  | { readonly kind: 'broken'; readonly where: string; readonly why: string; readonly mend: string }
  /** Something that is not ours stands in its place. */
  | { readonly kind: 'foreign'; readonly where: string };

/** Whether a path leads to our launcher, to something else, or nowhere. */
export async function linkState(place: Place, path: string): Promise<'ours' | 'foreign' | 'absent'> {
  const { host, launcher } = place;
  const [there, own] = await Promise.all([
    host.files.stat(path).catch(() => undefined),
    host.files.stat(launcher),
  ]);
  if (there === undefined) return (await isTaken(host, path)) ? 'foreign' : 'absent';
  return sameFile(there, own) ? 'ours' : 'foreign';
}

/** A link to nothing has no stat, but its name is taken. */
async function isTaken(host: Host, path: string): Promise<boolean> {
  const at = path.lastIndexOf('/');
  const names = await host.files.list(path.slice(0, at)).catch((): string[] => []);
  return names.includes(path.slice(at + 1));
}

function sameFile(a: FileStat, b: FileStat | undefined): boolean {
  return a.device === b?.device && a.inode === b.inode;
}
