import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { asChalkError, ChalkError } from '../base/errors.ts';
import type { Host, ProcessResult } from '../host/host.ts';
import { describeResult } from '../host/processes.ts';
import { known, type Collected, type Facts } from './facts.ts';
import { commitFacts, parseBatch, tagFacts, type Tag } from './git-objects.ts';
import { branchOf, filterDrivers, originOf, parseConfig, parseStatus, tagsAt } from './git-parse.ts';
import { findRepository, runGit, type Repository } from './git-repository.ts';

/** Facts for the mark are waited for by the build; those for the report are not. */
const MARK_LIMITS = { timeoutMs: 2_000, maxOutputBytes: 32 * 1024 * 1024 };
const STATUS_LIMITS = { timeoutMs: 5_000, maxOutputBytes: 16 * 1024 * 1024 };

const STATUS = 'status --porcelain=v1 -z --no-renames --untracked-files=all --ignore-submodules=dirty'.split(
  ' ',
);

/** Names kept of each kind of changed file; a report is no listing of somebody's disk. */
const MAX_LISTED = 1_000;

/** Collects facts and errors of steps that run side by side. */
interface Findings {
  add(facts: Facts): void;
  fail(error: ChalkError): void;
}

/**
 * What git knows of the commit a folder is at: commit, branch, tag, origin. Runs three git processes side by side, and a
 * fourth when an annotated tag is at the commit. A folder in no repository has no facts and no errors.
 */
export async function collectGit(host: Host, folder: string): Promise<Collected> {
  return collecting(host, folder, async (repository, findings) => {
    const { gitFolder, top } = repository;
    findings.add({ VCS_DIR_WHEN_CHALKED: top ?? gitFolder });
    const [branch, head, refs, config] = await Promise.all([
      currentBranch(host, repository),
      readHead(host, repository),
      runGit(host, repository, { ...MARK_LIMITS, args: ['show-ref', '-d', '--tags'] }),
      runGit(host, repository, {
        ...MARK_LIMITS,
        args: ['config', '-z', '--get-regexp', '^(remote\\..*\\.url|branch\\..*\\.remote)$'],
      }),
    ]);
    // A repository without a commit says nothing about what is built.
    if (head.kind === 'unborn') return;
    findings.add(known({ BRANCH: branch }));
    if (head.kind !== 'commit') findings.fail(head.error);
    if (head.kind === 'unknown') return;
    findings.add(head.facts);
    // Both exit with 1 when there is nothing to print.
    const settings = expectExit(config, 'git config', [0, 1], findings);
    if (settings !== undefined) findings.add({ ORIGIN_URI: originOf(parseConfig(settings), branch) });
    const tagList = expectExit(refs, 'git show-ref', [0, 1], findings);
    if (tagList !== undefined) findings.add(await tagFactsAt(host, repository, head.id, tagList, findings));
  });
}

/**
 * How the working tree differs from its commit. Has to look at every file, so it is for the report alone and has its own
 * time limit. Content filters (Git LFS) are programs and stay off: a filtered file counts as modified once it was touched.
 */
export async function collectGitStatus(host: Host, folder: string): Promise<Collected> {
  return collecting(host, folder, async (repository, findings) => {
    if (repository.top === undefined) return;
    const filters = await runGit(host, repository, {
      ...STATUS_LIMITS,
      args: ['config', '-z', '--name-only', '--get-regexp', '^filter\\.'],
      userSettings: true,
    });
    const filterNames = expectExit(filters, 'git config', [0, 1], findings);
    if (filterNames === undefined) return;
    const drivers = filterDrivers(filterNames);
    if (drivers.some((name) => /[=\n]/.test(name))) {
      throw new ChalkError(
        'GIT_FAILED',
        'a filter driver of this repository has a name that cannot be switched off',
      );
    }
    const status = await runGit(host, repository, {
      ...STATUS_LIMITS,
      args: STATUS,
      userSettings: true,
      settings: drivers.flatMap((name) => [
        `filter.${name}.clean=`,
        `filter.${name}.process=`,
        `filter.${name}.required=false`,
      ]),
    });
    const listing = expectExit(status, 'git status', [0], findings);
    if (listing === undefined) return;
    const { modified, missing, untracked } = parseStatus(listing);
    findings.add(
      known({
        VCS_MODIFIED_FILES: modified.slice(0, MAX_LISTED),
        VCS_MISSING_FILES: missing.slice(0, MAX_LISTED),
        VCS_UNTRACKED_FILES: untracked.slice(0, MAX_LISTED),
      }),
    );
  });
}

/**
 * A path as seen from the top of its repository (DOCKERFILE_PATH_WITHIN_VCTL); undefined when it is in none. Links are
 * followed first, so that a linked folder gives the path git knows.
 */
export async function pathWithinRepository(host: Host, path: string): Promise<string | undefined> {
  try {
    const real = await host.files.realPath(resolve(host.cwd, path));
    const top = (await findRepository(host, dirname(real)))?.top;
    if (top === undefined) return undefined;
    const within = relative(top, real);
    return within === '' || within.startsWith('..') || isAbsolute(within) ? undefined : within;
  } catch {
    return undefined;
  }
}

async function collecting(
  host: Host,
  folder: string,
  work: (repository: Repository, findings: Findings) => Promise<void>,
): Promise<Collected> {
  const facts: Record<string, Facts[string]> = {};
  const errors: ChalkError[] = [];
  try {
    const repository = await findRepository(host, folder);
    if (repository) {
      await work(repository, {
        add: (more) => Object.assign(facts, more),
        fail: (error) => errors.push(error),
      });
    }
  } catch (error) {
    errors.push(asChalkError(error, 'GIT_FAILED'));
  }
  return { facts, errors };
}

/** The branch, from the HEAD file; where references live in tables the file is a dummy, and git is asked. */
async function currentBranch(host: Host, repository: Repository): Promise<string | undefined> {
  const file = await host.files.readText(join(repository.gitFolder, 'HEAD'), 4_096).catch(() => '');
  const branch = branchOf(file);
  if (branch !== '.invalid') return branch;
  const args = ['symbolic-ref', '-q', 'HEAD'];
  const result = await runGit(host, repository, { ...MARK_LIMITS, args });
  return result.kind === 'exited' ? branchOf(`ref: ${text(result.stdout)}`) : undefined;
}

/** What HEAD is: a commit, one of which nothing but the ID can be read, none yet, or git could not tell. */
type Head =
  | { readonly kind: 'commit'; readonly id: string; readonly facts: Facts }
  | { readonly kind: 'unreadable'; readonly id: string; readonly facts: Facts; readonly error: ChalkError }
  | { readonly kind: 'unborn' }
  | { readonly kind: 'unknown'; readonly error: ChalkError };

async function readHead(host: Host, repository: Repository): Promise<Head> {
  const args = ['cat-file', '--batch'];
  const read = await runGit(host, repository, { ...MARK_LIMITS, args, input: 'HEAD\n' });
  const [object] = read.kind === 'exited' && read.code === 0 ? parseBatch(read.stdout) : [];
  if (object?.kind === 'object' && object.type === 'commit') {
    return { kind: 'commit', id: object.id, facts: commitFacts(object.id, object.content) };
  }
  if (read.kind === 'not-started') return { kind: 'unknown', error: failure('git cat-file', read) };
  // Either no commit was made yet, or the object cannot be read: its name still resolves then.
  const resolving = ['rev-parse', '--verify', '-q', 'HEAD'];
  const named = await runGit(host, repository, { ...MARK_LIMITS, args: resolving });
  const id = named.kind === 'exited' && named.code === 0 ? text(named.stdout).trim() : undefined;
  if (id !== undefined) {
    const error = new ChalkError('GIT_FAILED', `git cannot read commit ${id}`);
    return { kind: 'unreadable', id, facts: { COMMIT_ID: id }, error };
  }
  if (object?.kind === 'missing') return { kind: 'unborn' };
  return { kind: 'unknown', error: failure('git cat-file', read) };
}

async function tagFactsAt(
  host: Host,
  repository: Repository,
  commitId: string,
  showRef: string,
  findings: Findings,
): Promise<Facts> {
  const names = tagsAt(commitId, showRef);
  const annotated = names.filter((tag) => tag.annotated).map((tag) => tag.name);
  const lightweight: readonly Tag[] = names.filter((tag) => !tag.annotated);
  if (annotated.length === 0) return tagFacts(lightweight);
  const result = await runGit(host, repository, {
    ...MARK_LIMITS,
    args: ['cat-file', '--batch'],
    input: annotated.map((name) => `refs/tags/${name}\n`).join(''),
  });
  if (result.kind !== 'exited' || result.code !== 0) findings.fail(failure('git cat-file', result));
  const objects = result.kind === 'exited' ? parseBatch(result.stdout) : [];
  const tags = annotated.map((name, index): Tag => {
    const object = objects[index];
    return object?.kind === 'object' ? { name, content: object.content } : { name };
  });
  return tagFacts([...lightweight, ...tags]);
}

/** The output of a process that ended with one of these codes; otherwise what went wrong is noted. */
function expectExit(
  result: ProcessResult,
  program: string,
  codes: readonly number[],
  findings: Findings,
): string | undefined {
  if (result.kind === 'exited' && codes.includes(result.code)) return text(result.stdout);
  findings.fail(failure(program, result));
  return undefined;
}

function failure(program: string, result: ProcessResult): ChalkError {
  const hint = result.kind === 'not-started' ? { hint: 'install git to have commit facts in the mark' } : {};
  return new ChalkError('GIT_FAILED', describeResult(program, result), hint);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
