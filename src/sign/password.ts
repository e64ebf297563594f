import { ChalkError } from '../base/errors.ts';
import type { Environment, Host, Random } from '../host/host.ts';

export type PasswordVariable = 'CHALK_PASSWORD' | 'COSIGN_PASSWORD';

const PASSWORD_BYTES = 16;
const MAX_FILE_BYTES = 64 * 1024;

/** A password with where it came from. It shows itself to nobody who prints, logs or serialises it. */
export class Password {
  /** For messages: `CHALK_PASSWORD`, `the password in FILE`. */
  readonly source: string;
  readonly #text: string;

  constructor(text: string, source: string) {
    this.#text = text;
    this.source = source;
  }

  /** The password itself, for the key derivation and for the one time it is shown. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[password]';
  }

  toJSON(): string {
    return '[password]';
  }
}

/** 16 random bytes as padded URL-safe base64, 24 characters, as Chalk makes them (`attestation/utils.nim`). */
export function newPassword(random: Random): Password {
  const text = Buffer.from(random.bytes(PASSWORD_BYTES)).toString('base64');
  return new Password(text.replaceAll('+', '-').replaceAll('/', '_'), 'the new password');
}

/**
 * The first of these variables that has something in it. One that is set but empty stands for the empty password, as for
 * cosign, if none has more to say.
 */
export function passwordFromEnvironment(
  env: Environment,
  names: readonly PasswordVariable[] = ['CHALK_PASSWORD', 'COSIGN_PASSWORD'],
): Password | undefined {
  const name = names.find((each) => env[each]) ?? names.find((each) => env[each] !== undefined);
  const text = name === undefined ? undefined : env[name];
  return name === undefined || text === undefined ? undefined : new Password(text, name);
}

/** The content of a file without the line break at its end. */
export async function passwordFromFile(host: Host, path: string): Promise<Password> {
  const text = (await host.files.readText(path, MAX_FILE_BYTES)).replace(/\r?\n$/, '');
  if (/[\r\n]/.test(text)) {
    throw new ChalkError('PASSWORD_MISSING', `${path} has more than one line`, {
      hint: 'the file holds the password on its only line',
    });
  }
  return new Password(text, `the password in ${path}`);
}
