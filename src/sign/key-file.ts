import { scrypt } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Random } from '../host/host.ts';
import { readBase64, writeBase64 } from './base64.ts';
import type { Password } from './password.ts';
import { readPem, writePem } from './pem.ts';

/** What cosign has written since 2.0, and before. Both are read (cosign `pkg/cosign/keys.go`). */
const LABEL = 'ENCRYPTED SIGSTORE PRIVATE KEY';
const LABELS: ReadonlySet<string> = new Set([LABEL, 'ENCRYPTED COSIGN PRIVATE KEY']);

/** The only costs cosign accepts (go-securesystemslib `encrypted.go`): a file must not choose how long we compute. */
const ACCEPTED_N: ReadonlySet<number> = new Set([2 ** 15, 2 ** 16, 2 ** 17]);
const WRITTEN_N = 2 ** 16;
const R = 8;
const P = 1;

const KEY_BYTES = 32;
const SALT_BYTES = 32;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** An encrypted private key as its file holds it: checked, not yet opened. */
export interface SealedKey {
  /** For messages: the file's path. */
  readonly name: string;
  readonly n: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

const KeyFile = z.object({
  kdf: z.object({
    name: z.string(),
    params: z.object({ N: z.number(), r: z.number(), p: z.number() }),
    salt: z.string(),
  }),
  cipher: z.object({ name: z.string(), nonce: z.string() }),
  ciphertext: z.string(),
});

/** Reads a key file of cosign's. Throws `KEY_INVALID`, and `KEY_UNSUPPORTED` for what is a key but none of this kind. */
export function readKeyFile(text: string, name: string): SealedKey {
  const pem = readPem(text);
  if (pem.kind === 'unreadable') throw invalid(name, pem.why);
  if (!LABELS.has(pem.label)) throw otherLabel(name, pem.label);
  const parsed = KeyFile.safeParse(parseJson(new TextDecoder().decode(pem.bytes)));
  if (!parsed.success) throw invalid(name, 'its content is not what cosign writes');
  const { kdf, cipher, ciphertext: text64 } = parsed.data;
  const { N, r, p } = kdf.params;
  if (kdf.name !== 'scrypt') throw unsupported(name, `its key derivation ${quoted(kdf.name)} is unknown`);
  if (cipher.name !== 'nacl/secretbox')
    throw unsupported(name, `its cipher ${quoted(cipher.name)} is unknown`);
  if (!ACCEPTED_N.has(N) || r !== R || p !== P) {
    throw unsupported(
      name,
      `its scrypt parameters N=${N} r=${r} p=${p} are not among those cosign uses (N=32768, 65536 or 131072, r=8, p=1)`,
    );
  }
  const [salt, nonce, ciphertext] = [kdf.salt, cipher.nonce, text64].map(readBase64);
  if (salt === undefined || nonce?.length !== NONCE_BYTES || ciphertext === undefined) {
    throw invalid(name, 'its salt, nonce or ciphertext is damaged');
  }
  if (ciphertext.length <= TAG_BYTES) throw invalid(name, 'its ciphertext is too short');
  return { name, n: N, salt, nonce, ciphertext };
}

/** Opens a key file: the PKCS#8 DER inside. Throws `PASSWORD_WRONG`; damage to the ciphertext looks the same. */
export async function openKeyFile(sealed: SealedKey, password: Password): Promise<Uint8Array> {
  const key = await deriveKey(password, sealed.salt, sealed.n);
  try {
    return xsalsa20poly1305(key, sealed.nonce).decrypt(sealed.ciphertext);
  } catch {
    const empty = password.reveal() === '' ? ', which is empty,' : '';
    throw new ChalkError('PASSWORD_WRONG', `${password.source}${empty} does not open ${sealed.name}`, {
      hint: 'give the password this key was made with; where it is lost, `docker chalk setup gen` makes new keys',
    });
  } finally {
    key.fill(0);
  }
}

/** Writes a key file as cosign does today. */
export async function writeKeyFile(pkcs8: Uint8Array, password: Password, random: Random): Promise<string> {
  const salt = random.bytes(SALT_BYTES);
  const nonce = random.bytes(NONCE_BYTES);
  const key = await deriveKey(password, salt, WRITTEN_N);
  try {
    const content = {
      kdf: { name: 'scrypt', params: { N: WRITTEN_N, r: R, p: P }, salt: writeBase64(salt) },
      cipher: { name: 'nacl/secretbox', nonce: writeBase64(nonce) },
      ciphertext: writeBase64(xsalsa20poly1305(key, nonce).encrypt(pkcs8)),
    };
    return writePem(LABEL, Buffer.from(JSON.stringify(content), 'utf8'));
  } finally {
    key.fill(0);
  }
}

/** About a quarter of a second on libuv's pool: the event loop goes on. */
async function deriveKey(password: Password, salt: Uint8Array, n: number): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  // Node's own limit is 32 MiB, scrypt needs 128·N·r.
  const options = { N: n, r: R, p: P, maxmem: 128 * n * R + 2 ** 20 };
  scrypt(password.reveal(), salt, KEY_BYTES, options, (error, key) => {
    if (error === null) resolve(key);
    else reject(error);
  });
  return promise;
}

function otherLabel(name: string, label: string): ChalkError {
  if (/PUBLIC KEY|CERTIFICATE/.test(label)) return invalid(name, `it holds a ${label}, no private key`);
  return new ChalkError(
    'KEY_UNSUPPORTED',
    `${name} holds a ${label}, which is not cosign's encrypted format`,
    {
      hint: `\`cosign import-key-pair --key ${name}\` turns it into a cosign.key, which \`docker chalk setup --import\` takes`,
    },
  );
}

function invalid(name: string, why: string): ChalkError {
  return new ChalkError('KEY_INVALID', `${name} is no private key of cosign's: ${why}`, {
    hint: 'put the right file there, or make new keys with `docker chalk setup gen`',
  });
}

function unsupported(name: string, why: string): ChalkError {
  return new ChalkError('KEY_UNSUPPORTED', `${name} cannot be used: ${why}`, {
    hint: 'make keys with `docker chalk setup` or `cosign generate-key-pair`',
  });
}

/** A stranger's word in a message of ours. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
