import { withoutCredentials } from '../base/url.ts';

/** The settings that say where a repository came from, in the order git read them. */
export type GitConfig = readonly (readonly [key: string, value: string])[];

/** The working tree compared with HEAD; paths are relative to its top. */
export interface WorkTreeStatus {
  readonly modified: readonly string[];
  readonly missing: readonly string[];
  readonly untracked: readonly string[];
}

/** Reads `git config -z`: `key`, a line break, the value, a NUL. A key alone (a boolean) has an empty value. */
export function parseConfig(output: string): GitConfig {
  return output
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const end = entry.indexOf('\n');
      return end < 0 ? [entry, ''] : [entry.slice(0, end), entry.slice(end + 1)];
    });
}

/**
 * ORIGIN_URI: the address of the remote the branch follows, else of `origin`, else of the first remote by name, else
 * `local`; never with credentials in it.
 */
export function originOf(config: GitConfig, branch: string | undefined): string {
  const remotes = new Map<string, string>();
  for (const [key, value] of config) {
    const name = /^remote\.(.*)\.url$/s.exec(key)?.[1];
    if (name !== undefined && value !== '' && !remotes.has(name)) remotes.set(name, value);
  }
  const followed = config.findLast(([key]) => key === `branch.${branch ?? ''}.remote`)?.[1] ?? '';
  const [first = ''] = [...remotes.keys()].sort();
  // git also takes an address in place of a remote's name; `.` is this repository itself.
  const followedAddress = /[:/]/.test(followed) ? followed : undefined;
  const address = remotes.get(followed) ?? followedAddress ?? remotes.get('origin') ?? remotes.get(first);
  return (address === undefined ? '' : withoutCredentials(address)) || 'local';
}

/** The branch a HEAD file names; undefined when it holds a commit. */
export function branchOf(headFile: string): string | undefined {
  return /^ref:\s*refs\/heads\/(.+?)\s*$/.exec(headFile)?.[1];
}

/** A tag reference that leads to the commit. */
export interface TagName {
  readonly name: string;
  readonly annotated: boolean;
}

/**
 * The tags at a commit, out of `git show-ref -d --tags` (lines `<id> refs/tags/<name>`, and `<name>^{}` for what an
 * annotated tag leads to at last). Searches for the ID instead of splitting: a repository may have 100,000 tags.
 */
export function tagsAt(commitId: string, showRef: string): readonly TagName[] {
  const tags: TagName[] = [];
  const start = `${commitId} refs/tags/`;
  for (let at = showRef.indexOf(start); at >= 0; at = showRef.indexOf(start, at + 1)) {
    if (at > 0 && showRef[at - 1] !== '\n') continue;
    const end = showRef.indexOf('\n', at);
    const name = showRef.slice(at + start.length, end < 0 ? undefined : end);
    const annotated = name.endsWith('^{}');
    tags.push({ name: annotated ? name.slice(0, -3) : name, annotated });
  }
  return tags;
}

/** Reads `git status --porcelain=v1 -z --no-renames`: two letters (index, working tree), a space, the path, a NUL. */
export function parseStatus(output: string): WorkTreeStatus {
  const modified: string[] = [];
  const missing: string[] = [];
  const untracked: string[] = [];
  for (const entry of output.split('\0')) {
    const [index, tree, path] = [entry[0], entry[1], entry.slice(3)];
    if (path === '' || index === '!') continue;
    if (index === '?') untracked.push(path);
    else if (tree === 'D' || (index === 'D' && tree === ' ')) missing.push(path);
    else modified.push(path);
  }
  return { modified, missing, untracked };
}

/** Names of the filter drivers in `git config -z --name-only --get-regexp ^filter\.` */
export function filterDrivers(output: string): readonly string[] {
  const names = parseConfig(output).map(([key]) => /^filter\.(.*)\.[^.]*$/s.exec(key)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}
