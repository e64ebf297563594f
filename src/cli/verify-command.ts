import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { asChalkError, ChalkError, describeError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { parsePlatform, type Platform } from '../base/platform.ts';
import type { Item } from '../docker/argv/parse.ts';
import { findTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { type PublicKey, readPublicKey } from '../sign/index.ts';
import {
  DEFAULT_REQUIREMENTS,
  type Identity,
  type KeylessVerifier,
  type OwnPrograms,
  readPolicy,
  type Requirement,
  ruleFor,
  type Trust,
  trustAny,
  trustIdentities,
  trustKeys,
  unreadable,
  type Verification,
  verifyArtifact,
  verifyImage,
} from '../verify/index.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { verificationJson, verificationText } from './verify-output.ts';
import { baseOpener, openTarget, type Target, targetOf } from './verify-target.ts';

/** What was typed behind `docker chalk verify`. */
export interface VerifyOptions {
  readonly name: string;
  readonly keys: readonly string[];
  readonly identity: string | undefined;
  readonly issuer: string | undefined;
  readonly trustedRoot: string | undefined;
  readonly policy: string | undefined;
  readonly platform: string | undefined;
  readonly offline: boolean;
  readonly everyLayer: boolean;
  readonly json: boolean;
}

/** Whom to believe, and what to ask for. */
interface Demands {
  readonly trust: Trust | undefined;
  readonly required: ReadonlySet<Requirement>;
  /** Key files that are called by less than their path. */
  readonly shortened: readonly string[];
}

/** What was found, and the paths of the keys it calls by their file names. */
interface Answer {
  readonly verification: Verification;
  readonly shortened: readonly string[];
}

const Programs = z.record(z.string(), z.record(z.string(), z.string()));

/**
 * `docker chalk verify NAME|FILE|LAYOUT`: exit 0 for verified, 1 where something is not what it claims to be, 2 where
 * something that was asked for could not be told, also because a key, a policy or the image cannot be read.
 */
export async function verifyCommand(
  host: Host,
  globals: readonly Item[],
  options: VerifyOptions,
  shimFolder: string,
): Promise<number> {
  const platform = platformOf(options);
  checkUsage(options);
  try {
    const { verification, shortened } = await verify(host, globals, options, platform, shimFolder);
    const text = options.json ? verificationJson(verification) : verificationText(verification, shortened);
    await host.terminal.writeOut(text);
    return statusOf(verification);
  } catch (thrown) {
    const error = asChalkError(thrown);
    if (exitCodeOf(error.code) === EXIT.usage) throw error;
    await host.terminal.writeError(`docker chalk: ${describeError(error)}\n`);
    return EXIT.notTold;
  }
}

function statusOf({ verdict }: Verification): number {
  switch (verdict) {
    case 'verified':
      return EXIT.ok;
    case 'not-verified':
      return EXIT.notVerified;
    case 'unknown':
      return EXIT.notTold;
  }
}

async function verify(
  host: Host,
  globals: readonly Item[],
  options: VerifyOptions,
  platform: Platform | undefined,
  shimFolder: string,
): Promise<Answer> {
  const target = await targetOf(host, options.name);
  const [tools, demands, programs] = await Promise.all([
    findTools(host, globals),
    demandsOf(host, options, target),
    readPrograms(host, shimFolder),
  ]);
  const { shortened } = demands;
  try {
    const opened = await openTarget(host, tools, target, options.offline);
    if (opened.kind === 'artifact') {
      const verification = verifyArtifact(opened.path, opened.bytes, demands.trust, demands.required);
      return { verification, shortened };
    }
    if (opened.note !== undefined) await host.terminal.writeError(`docker chalk: ${opened.note}\n`);
    const verification = await verifyImage(opened.store, options.name, {
      ...demands,
      platform,
      everyLayer: options.everyLayer,
      programs,
      openBase: options.offline ? undefined : baseOpener(host, tools),
    });
    return { verification, shortened };
  } catch (error) {
    if (error instanceof ChalkError && exitCodeOf(error.code) === EXIT.usage) throw error;
    return { verification: unreadable(options.name, undefined, error, demands.required), shortened };
  }
}

async function demandsOf(host: Host, options: VerifyOptions, target: Target): Promise<Demands> {
  if (options.policy !== undefined)
    return policyDemands(host, resolve(host.cwd, options.policy), options, target);
  const keys = await Promise.all(options.keys.map((path) => readKey(host, resolve(host.cwd, path), path)));
  const { identity, issuer } = options;
  const identities = identity === undefined || issuer === undefined ? [] : [{ identity, issuer }];
  const named = options.trustedRoot ?? host.env['CHALK_TRUSTED_ROOT'] ?? host.env['SIGSTORE_TRUSTED_ROOT'];
  const root = named ? resolve(host.cwd, named) : undefined;
  return {
    trust: await trustOf(host, shortNames(keys), identities, root, options.offline),
    required: DEFAULT_REQUIREMENTS,
    shortened: shortenedIn(keys),
  };
}

async function policyDemands(
  host: Host,
  path: string,
  options: VerifyOptions,
  { repository }: Target,
): Promise<Demands> {
  const policy = readPolicy(await host.files.readText(path), path);
  const rule = ruleFor(policy, repository);
  if (rule === undefined) {
    throw new ChalkError('POLICY_INVALID', `${path} has no rule for ${repository}`, {
      hint: 'a rule for the repository "**" is for everything else',
    });
  }
  const from = (name: string) => (isAbsolute(name) ? name : join(dirname(path), name));
  const keys = await Promise.all(
    rule.keys.map(async (key, at) =>
      key.includes('-----BEGIN') ? readPublicKey(key, `${path}: key ${at}`) : readKey(host, from(key), key),
    ),
  );
  const root = policy.trustedRoot === undefined ? undefined : from(policy.trustedRoot);
  return {
    trust: await trustOf(host, shortNames(keys), rule.identities, root, options.offline),
    required: rule.require,
    shortened: shortenedIn(keys),
  };
}

/** Keys by their file names, where these tell them apart: nearly every line of the answer names one. */
function shortNames(keys: readonly PublicKey[]): readonly PublicKey[] {
  const short = keys.map((key) => ({ ...key, name: basename(key.name) }));
  return new Set(short.map(({ name }) => name)).size === keys.length ? short : keys;
}

function shortenedIn(keys: readonly PublicKey[]): readonly string[] {
  const short = shortNames(keys);
  return keys.flatMap(({ name }, at) => (short[at]?.name === name ? [] : [name]));
}

async function readKey(host: Host, path: string, name: string): Promise<PublicKey> {
  return readPublicKey(await host.files.readText(path), name);
}

async function trustOf(
  host: Host,
  keys: readonly PublicKey[],
  identities: readonly Identity[],
  trustedRoot: string | undefined,
  offline: boolean,
): Promise<Trust | undefined> {
  const trusts: Trust[] = keys.length === 0 ? [] : [trustKeys(keys)];
  if (identities.length > 0) {
    trusts.push(trustIdentities(identities, await keylessVerifier(host, trustedRoot, offline)));
  }
  return trustAny(trusts);
}

/** Loaded where an identity is asked for: its libraries are large. Without a file it is Sigstore's own trusted root. */
async function keylessVerifier(
  host: Host,
  trustedRoot: string | undefined,
  offline: boolean,
): Promise<KeylessVerifier> {
  if (trustedRoot === undefined && offline) {
    throw new ChalkError('ARGV_USAGE', 'identities need a --trusted-root where no network may be used', {
      hint: '`cosign trusted-root create` writes one',
    });
  }
  const { fetchTrustedRoot, readTrustedRoot, verifyKeyless } = await import('../sign/keyless/index.ts');
  const root =
    trustedRoot === undefined ? await fetchTrustedRoot(host) : await readTrustedRoot(host, trustedRoot);
  return async (bundle, identity) => {
    const verdict = await verifyKeyless(bundle, root, identity);
    return verdict.kind === 'verified'
      ? { kind: 'verified', by: `${verdict.identity} (${verdict.issuer})` }
      : verdict;
  };
}

/** What this installation puts into images; without it the shim cannot be told, and all else can. */
async function readPrograms(host: Host, shimFolder: string): Promise<OwnPrograms> {
  const text = await host.files.readText(join(shimFolder, 'shims.json')).catch(() => '');
  const parsed = Programs.safeParse(parseJson(text));
  return parsed.success ? parsed.data : {};
}

function platformOf({ platform }: VerifyOptions): Platform | undefined {
  if (platform === undefined) return undefined;
  const read = parsePlatform(platform);
  if (read === undefined) {
    throw new ChalkError('ARGV_BAD_VALUE', `--platform ${platform} is not like linux/amd64`);
  }
  return read;
}

function checkUsage({ keys, identity, issuer, policy }: VerifyOptions): void {
  const hint = 'see docker chalk verify --help';
  if (policy !== undefined && (keys.length > 0 || identity !== undefined || issuer !== undefined)) {
    throw new ChalkError('ARGV_USAGE', '--policy names the keys and identities itself', { hint });
  }
  if ((identity === undefined) !== (issuer === undefined)) {
    throw new ChalkError('ARGV_USAGE', '--identity and --issuer belong together', { hint });
  }
}
