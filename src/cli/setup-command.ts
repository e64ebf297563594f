import { resolve } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import type { Host } from '../host/host.ts';
import {
  ask,
  askPassword,
  generateSigningKey,
  keyFilesAt,
  type KeyPair,
  type KeyPaths,
  keyPaths,
  newPassword,
  openKey,
  openKeyPair,
  type Password,
  passwordFromEnvironment,
  passwordFromFile,
  type PasswordVariable,
  readKeyPair,
  readSealedKey,
  saveKeyPair,
  type SigningKey,
  testKey,
} from '../sign/index.ts';
import { EXIT } from './exit-codes.ts';

/** What was typed behind `docker chalk setup`. */
export interface AskedSetup {
  /** `setup gen`: new keys in place of those that are there. */
  readonly generate: boolean;
  /** `--import FILE`: a cosign.key. */
  readonly importFile: string | undefined;
  readonly passwordFile: string | undefined;
  /** `--yes`: replace without asking. */
  readonly yes: boolean;
}

const TESTED = 'Test sign successful.\nTest verify successful.\n';

/**
 * `docker chalk setup`: makes the keys that sign attestations, or tests those that are there. Exit 0 when there is a pair that
 * signs and verifies, 1 for everything else.
 */
export async function setupCommand(host: Host, asked: AskedSetup): Promise<number> {
  const paths = keyPaths(host);
  if (asked.importFile === '' || asked.passwordFile === '') {
    throw new ChalkError('ARGV_USAGE', '`--import` and `--password-file` are followed by a file');
  }
  if (asked.generate && asked.importFile !== undefined) {
    throw new ChalkError(
      'ARGV_USAGE',
      '`setup gen` makes keys and `--import` takes them: only one can be done',
    );
  }
  if (asked.importFile !== undefined) {
    return importKeys(host, paths, resolve(host.cwd, asked.importFile), asked);
  }
  if (asked.generate) return generateKeys(host, paths, asked);
  const pair = await readKeyPair(host, paths);
  return pair === undefined ? generateKeys(host, paths, asked) : testKeys(host, pair, asked);
}

async function testKeys(host: Host, pair: KeyPair, asked: AskedSetup): Promise<number> {
  await host.terminal.writeOut(`Keys found: ${pair.paths.key}, ${pair.paths.pub}\n`);
  const password = await passwordFor(host, asked, pair.paths.key);
  testKey(await openKeyPair(pair, password));
  await host.terminal.writeOut(TESTED);
  await warnIfReadable(host, pair.paths.key);
  return EXIT.ok;
}

/**
 * The password is always a new one, as Chalk's is; one from a file only where the file was named for this. That of the
 * environment belongs to the keys of before.
 */
async function generateKeys(host: Host, paths: KeyPaths, asked: AskedSetup): Promise<number> {
  const given = asked.passwordFile === undefined ? undefined : await passwordFile(host, asked.passwordFile);
  if (given?.reveal() === '') {
    throw new ChalkError('PASSWORD_MISSING', `${given.source} is empty`, {
      hint: 'leave --password-file out to get a random password',
    });
  }
  if (!(await mayReplace(host, paths, asked))) return EXIT.failed;
  const password = given ?? newPassword(host.random);
  await save(host, paths, generateSigningKey(host.random, paths.key), password);
  if (given === undefined) await showPassword(host, password);
  return EXIT.ok;
}

async function importKeys(host: Host, paths: KeyPaths, file: string, asked: AskedSetup): Promise<number> {
  const sealed = await readSealedKey(host, file);
  // A cosign.key goes by cosign's own variable first.
  const password = await passwordFor(host, asked, file, ['COSIGN_PASSWORD', 'CHALK_PASSWORD']);
  const key = await openKey(sealed, password);
  testKey(key);
  if (!(await mayReplace(host, paths, asked))) return EXIT.failed;
  await save(host, paths, key, password);
  await host.terminal.writeOut(
    `Imported from ${file}. Its password stays the same: provide it via CHALK_PASSWORD environment variable.\n`,
  );
  return EXIT.ok;
}

async function save(host: Host, paths: KeyPaths, key: SigningKey, password: Password): Promise<void> {
  await saveKeyPair(host, paths, key, password);
  await host.terminal.writeOut(
    `Public key written to: ${paths.pub}\nPrivate key (encrypted) written to: ${paths.key}\n${TESTED}`,
  );
}

/** The one time the password is shown, in Chalk's words. */
async function showPassword(host: Host, password: Password): Promise<void> {
  const line = '-'.repeat(42);
  await host.terminal.writeOut(
    `\n${line}\nCHALK_PASSWORD=${password.reveal()}\n${line}\n` +
      'Write this down. In future chalk commands, you will need\n' +
      'to provide it via CHALK_PASSWORD environment variable.\n',
  );
  const before = passwordFromEnvironment(host.env);
  if (before !== undefined) {
    await host.terminal.writeError(
      `docker chalk: ${before.source} in this environment is not that of the new keys\n`,
    );
  }
}

/** Keys that are there are replaced only when somebody said so. */
async function mayReplace(host: Host, paths: KeyPaths, asked: AskedSetup): Promise<boolean> {
  const there = await keyFilesAt(host, paths);
  if (there.length === 0 || asked.yes) return true;
  const question =
    `${there.join(' and ')} will be replaced. What they signed can then be verified only with a copy of the old ` +
    'public key.\nReplace? [y/N] ';
  const answer = await ask(host, question, 'shown');
  switch (answer.kind) {
    case 'answer':
      if (/^y(es)?$/i.test(answer.text.trim())) return true;
      break;
    case 'cancelled':
      break;
    case 'no-terminal':
      throw new ChalkError(
        'KEY_EXISTS',
        `${there.join(' and ')} would be replaced, and there is no terminal to ask on`,
        {
          hint: '--yes replaces without asking',
        },
      );
  }
  await host.terminal.writeError('docker chalk: nothing was changed\n');
  return false;
}

/** A file that was named, else the environment, else the person at the terminal. */
async function passwordFor(
  host: Host,
  asked: AskedSetup,
  keyFile: string,
  variables?: readonly PasswordVariable[],
): Promise<Password> {
  if (asked.passwordFile !== undefined) return passwordFile(host, asked.passwordFile);
  return passwordFromEnvironment(host.env, variables) ?? askPassword(host, keyFile);
}

async function passwordFile(host: Host, path: string): Promise<Password> {
  return passwordFromFile(host, resolve(host.cwd, path));
}

async function warnIfReadable(host: Host, path: string): Promise<void> {
  const stat = await host.files.stat(path);
  if (stat === undefined || (stat.mode & 0o077) === 0) return;
  await host.terminal.writeError(
    `docker chalk: others on this machine can read ${path} (chmod 600 ${path})\n`,
  );
}
