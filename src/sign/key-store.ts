import { dirname, isAbsolute, join } from 'node:path';
import { asChalkError, ChalkError } from '../base/errors.ts';
import type { Host } from '../host/host.ts';
import { openKeyFile, readKeyFile, type SealedKey, writeKeyFile } from './key-file.ts';
import {
  type PublicKey,
  readPrivateKey,
  readPublicKey,
  sameKey,
  sign,
  type SigningKey,
  verify,
  writePrivateKey,
} from './keys.ts';
import type { Password } from './password.ts';

/** Where a key pair is. */
export interface KeyPaths {
  readonly key: string;
  readonly pub: string;
}

/** A key pair on disk: checked, the private half not yet opened. */
export interface KeyPair {
  readonly paths: KeyPaths;
  readonly sealed: SealedKey;
  readonly publicKey: PublicKey;
}

const MAX_KEY_BYTES = 64 * 1024;
/** What Chalk signs to see whether a key works. */
const TEST_TEXT = Buffer.from('Test string for signing', 'utf8');

/** `$XDG_CONFIG_HOME/docker-chalk`; the specification wants a relative folder ignored. */
export function keyPaths(host: Host): KeyPaths {
  const config = host.env['XDG_CONFIG_HOME'] ?? '';
  const home = host.env['HOME'] ?? '';
  if (!isAbsolute(config) && !isAbsolute(home)) {
    throw new ChalkError('CONFIG_INVALID', 'there is no place for keys: HOME is not set', {
      hint: 'set HOME or XDG_CONFIG_HOME to an absolute path',
    });
  }
  const folder = join(isAbsolute(config) ? config : join(home, '.config'), 'docker-chalk');
  return { key: join(folder, 'chalk.key'), pub: join(folder, 'chalk.pub') };
}

/** Which files of a pair are there. */
export async function keyFilesAt(host: Host, paths: KeyPaths): Promise<readonly string[]> {
  const all = [paths.key, paths.pub];
  const found = await Promise.all(all.map(async (path) => (await host.files.stat(path)) !== undefined));
  return all.filter((_, index) => found[index]);
}

/** Reads the pair at these paths; undefined for none. Throws `KEY_NOT_FOUND` for half of one, and as the readers do. */
export async function readKeyPair(host: Host, paths: KeyPaths): Promise<KeyPair | undefined> {
  const found = await keyFilesAt(host, paths);
  if (found.length === 0) return undefined;
  if (!found.includes(paths.pub)) {
    throw new ChalkError(
      'KEY_NOT_FOUND',
      `${paths.key} is there, but not the ${paths.pub} that belongs to it`,
      {
        hint: `put it back, or make it again with \`docker chalk setup --import ${paths.key} --yes\``,
      },
    );
  }
  if (!found.includes(paths.key)) {
    throw new ChalkError(
      'KEY_NOT_FOUND',
      `${paths.pub} is there, but not the ${paths.key} that belongs to it`,
      {
        hint: 'put it back, or replace both with `docker chalk setup gen`',
      },
    );
  }
  const [keyText, pubText] = await Promise.all([
    host.files.readText(paths.key, MAX_KEY_BYTES),
    host.files.readText(paths.pub, MAX_KEY_BYTES),
  ]);
  return {
    paths,
    sealed: readKeyFile(keyText, paths.key),
    publicKey: readPublicKey(pubText, paths.pub),
  };
}

/** Reads a private key file alone. */
export async function readSealedKey(host: Host, path: string): Promise<SealedKey> {
  return readKeyFile(await host.files.readText(path, MAX_KEY_BYTES), path);
}

/** Opens a private key: a quarter of a second. Throws `PASSWORD_WRONG`, `KEY_INVALID`, `KEY_UNSUPPORTED`. */
export async function openKey(sealed: SealedKey, password: Password): Promise<SigningKey> {
  const pkcs8 = await openKeyFile(sealed, password);
  try {
    return readPrivateKey(pkcs8, sealed.name);
  } finally {
    pkcs8.fill(0);
  }
}

/** Opens the private half of a pair; the public half must be its own. */
export async function openKeyPair(pair: KeyPair, password: Password): Promise<SigningKey> {
  const key = await openKey(pair.sealed, password);
  if (!sameKey(key.publicKey, pair.publicKey)) {
    throw new ChalkError('KEY_INVALID', `${pair.paths.pub} is not the public key of ${pair.paths.key}`, {
      hint: `make it again with \`docker chalk setup --import ${pair.paths.key} --yes\``,
    });
  }
  return { privateKey: key.privateKey, publicKey: pair.publicKey };
}

/** Signs a text and verifies the signature with the public half. Throws `KEY_INVALID`. */
export function testKey(key: SigningKey): void {
  if (!verify([TEST_TEXT], sign([TEST_TEXT], key), key.publicKey)) {
    throw new ChalkError('KEY_INVALID', `what ${key.publicKey.name} should verify, it does not`);
  }
}

/**
 * Writes a pair, tests what was written, and only then puts it in place: what was there before is there until the new pair
 * works. Throws `FILE_UNWRITABLE`.
 */
export async function saveKeyPair(
  host: Host,
  paths: KeyPaths,
  key: SigningKey,
  password: Password,
): Promise<SigningKey> {
  const suffix = `.new-${Buffer.from(host.random.bytes(4)).toString('hex')}`;
  const staged = { key: paths.key + suffix, pub: paths.pub + suffix };
  const pkcs8 = writePrivateKey(key);
  try {
    await host.files.makeFolder(dirname(paths.key), 0o700);
    const text = await writeKeyFile(pkcs8, password, host.random);
    await host.files.write(staged.key, text, 0o600);
    await host.files.write(staged.pub, key.publicKey.pem, 0o644);
    const pair = await readKeyPair(host, staged);
    if (pair === undefined) throw new ChalkError('FILE_UNWRITABLE', `${staged.key} was written and is gone`);
    const written = await openKeyPair(pair, password);
    testKey(written);
    await host.files.rename(staged.key, paths.key);
    await host.files.rename(staged.pub, paths.pub);
    return { ...written, publicKey: { ...written.publicKey, name: paths.pub } };
  } catch (error) {
    await Promise.allSettled([host.files.remove(staged.key), host.files.remove(staged.pub)]);
    throw withHint(error, paths);
  } finally {
    pkcs8.fill(0);
  }
}

function withHint(thrown: unknown, paths: KeyPaths): ChalkError {
  const error = asChalkError(thrown);
  if (error.code !== 'FILE_UNWRITABLE') return error;
  return new ChalkError(error.code, error.message, {
    cause: thrown,
    hint: `make ${dirname(paths.key)} a folder you can write to, or set XDG_CONFIG_HOME to another one`,
  });
}
