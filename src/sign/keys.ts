import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  type KeyObject,
} from 'node:crypto';
import { ChalkError } from '../base/errors.ts';
import type { Random } from '../host/host.ts';
import { writeBase64 } from './base64.ts';
import { readPem, writePem } from './pem.ts';

/** A public key a signature may be checked with, and the name under which the verifier trusts it. */
export interface PublicKey {
  readonly name: string;
  readonly key: KeyObject;
  /** SubjectPublicKeyInfo. */
  readonly der: Uint8Array;
  readonly pem: string;
  /** Base64 of the SHA-256 of `der`: the `hint` in a bundle (cosign writes the same). */
  readonly hint: string;
}

/** A key pair that is open; decrypting takes a quarter of a second, so open it once for everything there is to sign. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

const CURVE = 'prime256v1';
const SCALAR_BYTES = 32;
/** A random scalar is out of range once in 2^32 times. */
const ATTEMPTS = 4;

/** A new P-256 key: the one kind that every cosign signs and verifies in the same way. */
export function generateSigningKey(random: Random, name: string): SigningKey {
  const curve = createECDH(CURVE);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const scalar = Buffer.from(random.bytes(SCALAR_BYTES));
    try {
      curve.setPrivateKey(scalar);
    } catch {
      continue;
    }
    const point = curve.getPublicKey();
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      d: scalar.toString('base64url'),
      x: point.subarray(1, 1 + SCALAR_BYTES).toString('base64url'),
      y: point.subarray(1 + SCALAR_BYTES).toString('base64url'),
    };
    scalar.fill(0);
    return signingKeyOf(createPrivateKey({ key: jwk, format: 'jwk' }), name);
  }
  throw new ChalkError('INTERNAL', 'the source of random numbers gives no usable ones');
}

/** The key inside an opened key file. Throws `KEY_UNSUPPORTED` for anything but P-256, `KEY_INVALID` for what is no key. */
export function readPrivateKey(pkcs8: Uint8Array, name: string): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  } catch {
    // No cause: what the library says could quote the key.
    throw new ChalkError('KEY_INVALID', `${name} opens, but what it holds is no PKCS#8 private key`, {
      hint: 'put the right file there, or make new keys with `docker chalk setup gen`',
    });
  }
  return signingKeyOf(key, name);
}

export function writePrivateKey(key: SigningKey): Uint8Array {
  return key.privateKey.export({ type: 'pkcs8', format: 'der' });
}

/** Reads a public key file (SPKI PEM). Throws `KEY_INVALID`, or `KEY_UNSUPPORTED` for anything but P-256. */
export function readPublicKey(text: string, name: string): PublicKey {
  const pem = readPem(text);
  if (pem.kind === 'unreadable') throw invalidPublic(name, pem.why);
  if (pem.label !== 'PUBLIC KEY') throw invalidPublic(name, `it holds a ${pem.label}`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(pem.bytes), format: 'der', type: 'spki' });
  } catch {
    throw invalidPublic(name, 'what it holds is damaged');
  }
  const read = publicKeyOf(key, name);
  if (!Buffer.from(pem.bytes).equals(read.der))
    throw invalidPublic(name, 'what it holds is not in its usual form');
  return read;
}

/** ECDSA over the SHA-256 of these parts, DER. */
export function sign(parts: readonly Uint8Array[], key: SigningKey): Uint8Array {
  const signer = createSign('sha256');
  for (const part of parts) signer.update(part);
  return signer.sign(key.privateKey);
}

export function verify(parts: readonly Uint8Array[], signature: Uint8Array, key: PublicKey): boolean {
  const verifier = createVerify('sha256');
  for (const part of parts) verifier.update(part);
  return verifier.verify(key.key, signature);
}

export function sameKey(a: PublicKey, b: PublicKey): boolean {
  return a.hint === b.hint;
}

function signingKeyOf(privateKey: KeyObject, name: string): SigningKey {
  return { privateKey, publicKey: publicKeyOf(createPublicKey(privateKey), name) };
}

function publicKeyOf(key: KeyObject, name: string): PublicKey {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== CURVE) {
    throw new ChalkError(
      'KEY_UNSUPPORTED',
      `${name} is ${kindOf(key)}; only ECDSA P-256 keys are supported`,
      {
        hint: '`docker chalk setup` and `cosign generate-key-pair` make P-256 keys',
      },
    );
  }
  const der = key.export({ type: 'spki', format: 'der' });
  return {
    name,
    key,
    der,
    pem: writePem('PUBLIC KEY', der),
    hint: writeBase64(createHash('sha256').update(der).digest()),
  };
}

/** Curves by the names people know. */
const CURVES: Readonly<Record<string, string>> = {
  secp384r1: 'P-384',
  secp521r1: 'P-521',
  secp224r1: 'P-224',
};

function kindOf(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'ec')
    return `an ECDSA ${CURVES[namedCurve ?? ''] ?? namedCurve ?? 'key without a named curve'} key`;
  if (type === 'ed25519') return 'an Ed25519 key';
  if (type === 'rsa' || type === 'rsa-pss') {
    return `an RSA key${modulusLength === undefined ? '' : ` of ${modulusLength} bits`}`;
  }
  return `a key of the kind ${type ?? 'unknown'}`;
}

function invalidPublic(name: string, why: string): ChalkError {
  return new ChalkError('KEY_INVALID', `${name} is no public key: ${why}`, {
    hint: 'a public key file starts with -----BEGIN PUBLIC KEY-----, such as the chalk.pub beside a chalk.key',
  });
}
