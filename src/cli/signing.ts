import { resolve } from 'node:path';
import { asChalkError, ChalkError } from '../base/errors.ts';
import { type Item, lastValueOf, switchIsOn, valuesOf } from '../docker/argv/parse.ts';
import type { Host } from '../host/host.ts';
import {
  askPassword,
  type KeyPair,
  keyFilesAt,
  keyPaths,
  keySigner,
  openKey,
  openKeyPair,
  type Password,
  passwordFromEnvironment,
  readKeyPair,
  readSealedKey,
  type Signer,
} from '../sign/index.ts';

/** Whether what this run pushes will be signed. */
export type Signing =
  /** Nobody asked for it, or nobody can: `why` is for the report, and undefined where there is nothing to say. */
  | { readonly kind: 'off'; readonly why: string | undefined }
  /** It was asked for and cannot be. */
  | { readonly kind: 'impossible'; readonly error: ChalkError }
  /** The signer is being made ready while docker works; the error says why there is none after all. */
  | { readonly kind: 'on'; readonly signer: Promise<Signer | ChalkError> };

const OFF: Signing = { kind: 'off', why: undefined };

/**
 * Finds the key and its password, and begins to open it, which takes a quarter of a second of computing beside docker. Comes
 * before docker: a password is asked for only there, and only where `--sign` was typed on a terminal.
 *
 * On with `--sign` or `--key FILE`; without either where `docker chalk setup` has put keys and their password is in the
 * environment; off with `--no-sign`, and where nothing is pushed. With `--keyless` (or `CHALK_KEYLESS=1`, unless a key is
 * named) by the identity of the CI job instead, whose token is asked for after the push.
 */
export async function startSigning(host: Host, options: readonly Item[], pushes: boolean): Promise<Signing> {
  const said = valuesOf(options, 'sign').length > 0 ? switchIsOn(options, 'sign') : undefined;
  if (!pushes || said === false || switchIsOn(options, 'no-sign')) return OFF;
  const file = lastValueOf(options, 'key');
  const asked = said === true || file !== undefined;
  try {
    if (isKeyless(host, options, file)) return { kind: 'on', signer: keyless(host, options) };
    const found = file === undefined ? await storedKey(host) : await namedKey(host, resolve(host.cwd, file));
    if (found === undefined) {
      if (!asked) return OFF;
      throw new ChalkError('KEY_NOT_FOUND', 'there is no key to sign with', {
        hint: 'docker chalk setup makes one; --key FILE names another',
      });
    }
    const password = await passwordFor(host, found.name, { asked, mayAsk: said === true });
    if (password === undefined) return { kind: 'off', why: `there is no password for ${found.name}` };
    const signer = found.open(password).catch((thrown: unknown) => asChalkError(thrown));
    return { kind: 'on', signer };
  } catch (thrown) {
    return { kind: 'impossible', error: asChalkError(thrown) };
  }
}

function isKeyless(host: Host, options: readonly Item[], key: string | undefined): boolean {
  const said = switchIsOn(options, 'keyless');
  if (said && key !== undefined) {
    throw new ChalkError('ARGV_USAGE', '--key and --keyless are two ways to sign: only one can be had');
  }
  return said || (key === undefined && host.env['CHALK_KEYLESS'] === '1');
}

/** Its libraries are loaded only here. */
async function keyless(host: Host, options: readonly Item[]): Promise<Signer | ChalkError> {
  const trustedRoot = lastValueOf(options, 'trusted-root');
  try {
    const { keylessSigner } = await import('../sign/keyless/index.ts');
    return await keylessSigner(host, {
      fulcioUrl: lastValueOf(options, 'fulcio-url'),
      rekorUrl: lastValueOf(options, 'rekor-url'),
      timestampUrl: lastValueOf(options, 'timestamp-url'),
      trustedRoot: trustedRoot === undefined ? undefined : resolve(host.cwd, trustedRoot),
    });
  } catch (thrown) {
    return asChalkError(thrown);
  }
}

interface FoundKey {
  /** Its file. */
  readonly name: string;
  open(password: Password): Promise<Signer>;
}

async function storedKey(host: Host): Promise<FoundKey | undefined> {
  const paths = pathsOr(host);
  if (paths === undefined || (await keyFilesAt(host, paths)).length === 0) return undefined;
  const pair: KeyPair | undefined = await readKeyPair(host, paths);
  if (pair === undefined) return undefined;
  return { name: paths.key, open: async (password) => keySigner(await openKeyPair(pair, password)) };
}

async function namedKey(host: Host, path: string): Promise<FoundKey> {
  if ((await host.files.stat(path)) === undefined) {
    throw new ChalkError('KEY_NOT_FOUND', `there is no key at ${path}`, {
      hint: '--key takes a private key file of cosign’s kind',
    });
  }
  const sealed = await readSealedKey(host, path);
  return { name: path, open: async (password) => keySigner(await openKey(sealed, password)) };
}

/** Without a home there are no keys; that is no failure of a build. */
function pathsOr(host: Host) {
  try {
    return keyPaths(host);
  } catch {
    return undefined;
  }
}

async function passwordFor(
  host: Host,
  name: string,
  { asked, mayAsk }: { readonly asked: boolean; readonly mayAsk: boolean },
): Promise<Password | undefined> {
  const given = passwordFromEnvironment(host.env);
  if (given !== undefined) return given;
  if (mayAsk) return askPassword(host, name);
  if (!asked) return undefined;
  throw new ChalkError('PASSWORD_MISSING', `there is no password for ${name}`, {
    hint: 'set CHALK_PASSWORD, or add --sign to be asked for it',
  });
}
