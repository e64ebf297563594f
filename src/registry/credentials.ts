import { join } from 'node:path';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { helperEnvironment } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import type { Endpoint } from './endpoint.ts';

/** What docker keeps for a registry. `keeper` says in messages where it came from. */
export type Credentials =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'password';
      readonly username: string;
      readonly password: string;
      readonly keeper: string;
    }
  /** Buys tokens from the registry's token service (OAuth 2). */
  | { readonly kind: 'identity-token'; readonly token: string; readonly keeper: string }
  /** Is such a token. */
  | { readonly kind: 'registry-token'; readonly token: string; readonly keeper: string };

const Text = z.nullish(z.string());
const Entries = z.nullish(z.record(z.string(), z.unknown()));
const ConfigFile = z.object({ auths: Entries, credHelpers: Entries, credsStore: Text });
const Entry = z.object({
  auth: Text,
  username: Text,
  password: Text,
  identitytoken: Text,
  registrytoken: Text,
});
const HelperAnswer = z.object({ Username: Text, Secret: Text });

const NONE: Credentials = { kind: 'none' };
/** What a helper says where it knows nobody (docker-credential-helpers `credentials/error.go`). */
const NOT_FOUND = 'credentials not found in native keychain';

/**
 * The credentials docker itself would use, in its order: `DOCKER_AUTH_CONFIG`, the helper for this registry, the general
 * helper, the file. What a helper answers stays between it and the registry: no message, report or log has any of it.
 *
 * Throws `CREDENTIALS_UNREADABLE` where a helper fails or an entry cannot be read, as docker does.
 */
export async function findCredentials(
  host: Host,
  configFolder: string,
  endpoint: Endpoint,
): Promise<Credentials> {
  const given = host.env['DOCKER_AUTH_CONFIG'];
  const fromEnvironment = given === undefined ? undefined : entryOf(readConfig(given).auths, endpoint);
  if (fromEnvironment !== undefined) return readEntry(fromEnvironment, 'DOCKER_AUTH_CONFIG');
  const path = join(configFolder, 'config.json');
  const config = readConfig(await host.files.readText(path).catch(() => '{}'));
  const own = endpoint.credentialKeys.map((key) => config.credHelpers?.[key]).find((name) => name);
  const helper = typeof own === 'string' ? own : config.credsStore;
  if (helper) return askHelper(host, helper, endpoint);
  const entry = entryOf(config.auths, endpoint);
  return entry === undefined ? NONE : readEntry(entry, path);
}

function readConfig(text: string): z.infer<typeof ConfigFile> {
  const parsed = ConfigFile.safeParse(parseJson(text));
  return parsed.success ? parsed.data : {};
}

/** The very key first, then any address of that host (docker/cli `credentials/file_store.go`). */
function entryOf(auths: z.infer<typeof Entries>, { credentialKeys }: Endpoint): unknown {
  const entries = Object.entries(auths ?? {});
  for (const key of credentialKeys) {
    const found =
      entries.find(([name]) => name === key) ?? entries.find(([name]) => hostOfKey(name) === hostOfKey(key));
    if (found !== undefined) return found[1];
  }
  return undefined;
}

function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
}

function readEntry(value: unknown, keeper: string): Credentials {
  const parsed = Entry.safeParse(value);
  if (!parsed.success) throw unreadable(`an entry in ${keeper} has another form than docker writes`);
  const { auth, username, password, identitytoken, registrytoken } = parsed.data;
  if (identitytoken) return { kind: 'identity-token', token: identitytoken, keeper };
  if (registrytoken) return { kind: 'registry-token', token: registrytoken, keeper };
  if (!auth) return username ? { kind: 'password', username, password: password ?? '', keeper } : NONE;
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) throw unreadable(`an entry in ${keeper} is not user and password in base64`);
  // docker pads what it wrote long ago with NULs.
  const secret = text.slice(colon + 1).replaceAll(/^\0+|\0+$/g, '');
  return { kind: 'password', username: text.slice(0, colon), password: secret, keeper };
}

async function askHelper(host: Host, name: string, endpoint: Endpoint): Promise<Credentials> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) throw unreadable('docker’s configuration names a credential helper by a path');
  const [server = endpoint.host] = endpoint.credentialKeys;
  const result = await host.processes.run({
    file: program,
    args: ['get'],
    input: server,
    env: helperEnvironment(host.env),
    maxOutputBytes: 1024 * 1024,
  });
  // Whatever it printed may hold a secret, so of its failure only the manner is told.
  if (result.kind === 'not-started') throw unreadable(`${program} could not be started`);
  if (result.kind !== 'exited') throw unreadable(`${program} did not answer (${result.kind})`);
  const output = new TextDecoder().decode(result.stdout);
  if (result.code !== 0) {
    if (output.trim() === NOT_FOUND) return NONE;
    throw unreadable(`${program} exited with ${result.code}`);
  }
  const parsed = HelperAnswer.safeParse(parseJson(output));
  if (!parsed.success) throw unreadable(`${program} answered something else than credentials`);
  const { Username: username, Secret: secret } = parsed.data;
  if (!secret) return NONE;
  return username === '<token>' || !username
    ? { kind: 'identity-token', token: secret, keeper: program }
    : { kind: 'password', username, password: secret, keeper: program };
}

function unreadable(message: string): ChalkError {
  return new ChalkError('CREDENTIALS_UNREADABLE', message, {
    hint: 'docker login writes them anew; see credsStore and credHelpers in docker’s config.json',
  });
}
