import { generateKeyPairSync, scryptSync } from 'node:crypto';
import { inspect } from 'node:util';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import { readBase64, writeBase64 } from '../../../src/sign/base64.ts';
import {
  generateSigningKey,
  newPassword,
  openKey,
  Password,
  passwordFromEnvironment,
  passwordFromFile,
  readKeyFile,
  readPrivateKey,
  readPublicKey,
  sign,
  verify,
  writeKeyFile,
  writePrivateKey,
} from '../../../src/sign/index.ts';
import { readPem, writePem } from '../../../src/sign/pem.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { codeOf, failureOf, RANDOM, thrownBy } from './support.ts';
import { COSIGN } from './vectors.ts';

const password = (text: string) => new Password(text, 'CHALK_PASSWORD');
const TEXT = [Buffer.from('some text')];

/** A key file with these particulars, made apart from the code under test. */
function keyFile(change: {
  readonly N?: number;
  readonly r?: number;
  readonly p?: number;
  readonly kdf?: string;
  readonly cipher?: string;
  readonly nonce?: string;
  readonly ciphertext?: string;
  readonly label?: string;
  readonly content?: string;
}): string {
  const { N = 32768, r = 8, p = 1 } = change;
  const nonce = Buffer.alloc(24, 2);
  const sealed = () => {
    const key = scryptSync('pw', Buffer.alloc(32, 1), 32, { N, r, p, maxmem: 2 ** 28 });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return xsalsa20poly1305(key, nonce).encrypt(privateKey.export({ type: 'pkcs8', format: 'der' }));
  };
  const content = {
    kdf: { name: change.kdf ?? 'scrypt', params: { N, r, p }, salt: writeBase64(Buffer.alloc(32, 1)) },
    cipher: { name: change.cipher ?? 'nacl/secretbox', nonce: change.nonce ?? writeBase64(nonce) },
    ciphertext: change.ciphertext ?? writeBase64(sealed()),
  };
  const text = change.content ?? JSON.stringify(content);
  return writePem(change.label ?? 'ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from(text));
}

describe('base64', () => {
  test('round trip, in both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = writeBase64(bytes);
        expect(readBase64(text)).toEqual(Buffer.from(bytes));
        expect(readBase64(text.replaceAll('+', '-').replaceAll('/', '_'))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('is the only spelling of its bytes', () => {
    fc.assert(
      fc.property(
        fc.string({
          maxLength: 12,
          unit: fc.constantFrom('A', 'B', 'Q', 'g', 'w', '+', '/', '=', '-', '_', ' '),
        }),
        (text) => {
          const bytes = readBase64(text);
          if (bytes !== undefined) {
            expect(writeBase64(bytes)).toBe(text.replaceAll('-', '+').replaceAll('_', '/'));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each(['A', 'AB', 'ABC', 'AB=', 'AB==AAAA', 'AR==', 'AB=A', '====', 'A===', '+-AA', 'AA A', 'AAAA\n'])(
    'refuses %j',
    (text) => expect(readBase64(text)).toBeUndefined(),
  );
});

describe('PEM', () => {
  test('round trip, also with CRLF and text around it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const text = `a key\n${writePem('PUBLIC KEY', bytes)}and more\n`;
        const block = { kind: 'block', label: 'PUBLIC KEY', bytes: Buffer.from(bytes) };
        expect(readPem(text)).toEqual(block);
        expect(readPem(text.replaceAll('\n', '\r\n'))).toEqual(block);
      }),
    );
  });

  test.each([
    ['', 'there is no PEM block in it'],
    ['-----BEGIN X-----\nAAAA\n', 'its X block has no end: it was cut off'],
    ['-----BEGIN X-----\nAA!A\n-----END X-----\n', 'what its X block holds is not base64'],
    ['-----BEGIN X-----\n-----END X-----\n', 'what its X block holds is not base64'],
    [writePem('X', Buffer.from('a')).repeat(2), 'there are several PEM blocks in it'],
  ])('refuses %j', (text, why) => expect(readPem(text)).toEqual({ kind: 'unreadable', why }));
});

describe('a password', () => {
  test('is 16 random bytes as URL-safe base64 of 24 characters', () => {
    const { random } = fakeHost();
    expect(newPassword(random).reveal()).toBe('BwcHBwcHBwcHBwcHBwcHBw==');
    expect(newPassword({ bytes: (count) => new Uint8Array(count).fill(0xff) }).reveal()).toBe(
      '_____________________w==',
    );
  });

  test('shows itself to nobody', () => {
    const secret = password('hunter2');
    const shown = [
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret, { showHidden: true, depth: 9 }),
    ];
    expect(shown.filter((text) => text.includes('hunter2'))).toEqual([]);
  });

  test.each([
    [{}, undefined],
    [{ CHALK_PASSWORD: 'a', COSIGN_PASSWORD: 'b' }, ['a', 'CHALK_PASSWORD']],
    [{ CHALK_PASSWORD: '', COSIGN_PASSWORD: 'b' }, ['b', 'COSIGN_PASSWORD']],
    [{ COSIGN_PASSWORD: '' }, ['', 'COSIGN_PASSWORD']],
  ])('from the environment %j', (env, expected) => {
    const found = passwordFromEnvironment(env);
    expect(found && [found.reveal(), found.source]).toEqual(expected);
  });

  test('from a file, without the line break at its end', async () => {
    const host = fakeHost({ files: { '/unix': 'pw\n', '/dos': ' pw\r\n', '/two': 'a\nb\n', '/bare': 'pw' } });
    expect((await passwordFromFile(host, '/unix')).reveal()).toBe('pw');
    expect((await passwordFromFile(host, '/dos')).reveal()).toBe(' pw');
    expect((await passwordFromFile(host, '/bare')).reveal()).toBe('pw');
    expect(await codeOf(passwordFromFile(host, '/two'))).toBe('PASSWORD_MISSING');
    expect(await codeOf(passwordFromFile(host, '/none'))).toBe('FILE_UNREADABLE');
  });
});

describe('a key file', () => {
  test("of cosign's opens, under both of its labels, and is that of the public key", async () => {
    const pub = readPublicKey(COSIGN.pub, 'cosign.pub');
    expect(pub.pem).toBe(COSIGN.pub);
    for (const text of [COSIGN.key, COSIGN.key.replaceAll('SIGSTORE', 'COSIGN')]) {
      const key = await openKey(readKeyFile(text, 'cosign.key'), password(COSIGN.password));
      expect(key.publicKey.pem).toBe(COSIGN.pub);
      expect(verify(TEXT, sign(TEXT, key), pub)).toBe(true);
    }
  });

  test('of ours opens, holds what cosign writes, and shows nothing of the key', async () => {
    const { random } = fakeHost();
    const key = generateSigningKey(random, 'chalk.key');
    const pkcs8 = writePrivateKey(key);
    expect(pkcs8).toHaveLength(138);
    for (const secret of ['', 'p\u00e4ss \u{1f511}']) {
      const text = await writeKeyFile(pkcs8, password(secret), random);
      const opened = await openKey(readKeyFile(text, 'chalk.key'), password(secret));
      expect(opened.publicKey).toEqual(key.publicKey);
      const pem = readPem(text);
      expect(pem).toMatchObject({ label: 'ENCRYPTED SIGSTORE PRIVATE KEY' });
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(64);
      const content = Buffer.from(pem.kind === 'block' ? pem.bytes : []).toString();
      expect(content).toMatch(
        /^\{"kdf":\{"name":"scrypt","params":\{"N":65536,"r":8,"p":1\},"salt":"[^"]{44}"\},"cipher":\{"name":"nacl\/secretbox","nonce":"[^"]{32}"\},"ciphertext":"[^"]+"\}$/,
      );
    }
  });

  test.each([32768, 131072])('with N=%i opens', async (N) => {
    const key = await openKey(readKeyFile(keyFile({ N }), 'k'), password('pw'));
    expect(key.publicKey.hint).toHaveLength(44);
  });

  test('does not open with another password, nor when damaged; the message has no password', async () => {
    const sealed = readKeyFile(COSIGN.key, '/c/cosign.key');
    const wrong = await failureOf(openKey(sealed, password('not it')));
    expect(wrong).toMatchObject({
      code: 'PASSWORD_WRONG',
      message: 'CHALK_PASSWORD does not open /c/cosign.key',
    });
    expect(inspect(wrong, { depth: 9, showHidden: true })).not.toContain('not it');
    const empty = await failureOf(openKey(sealed, password('')));
    expect(empty.message).toBe('CHALK_PASSWORD, which is empty, does not open /c/cosign.key');
    const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    const right = password(COSIGN.password);
    for (const damaged of [
      { ...sealed, ciphertext: flip(sealed.ciphertext, sealed.ciphertext.length - 1) },
      { ...sealed, n: 32768 },
    ]) {
      expect(await codeOf(openKey(damaged, right))).toBe('PASSWORD_WRONG');
    }
  });

  test.each([
    ['scrypt N too small', keyFile({ N: 16384, ciphertext: 'A'.repeat(160) }), 'N=16384 r=8 p=1'],
    ['scrypt N too large', keyFile({ N: 2 ** 30, ciphertext: 'A'.repeat(160) }), 'N=1073741824'],
    ['scrypt N between', keyFile({ N: 40000, ciphertext: 'A'.repeat(160) }), 'N=40000'],
    ['scrypt r', keyFile({ r: 16, ciphertext: 'A'.repeat(160) }), 'r=16'],
    ['scrypt p', keyFile({ p: 4, ciphertext: 'A'.repeat(160) }), 'p=4'],
    ['another derivation', keyFile({ kdf: 'argon2', ciphertext: 'A'.repeat(160) }), '"argon2"'],
    ['another cipher', keyFile({ cipher: 'aes', ciphertext: 'A'.repeat(160) }), '"aes"'],
    ['OpenSSL PEM', writePem('EC PRIVATE KEY', Buffer.from('x')), 'EC PRIVATE KEY'],
    ['PKCS#8 PEM', writePem('ENCRYPTED PRIVATE KEY', Buffer.from('x')), 'ENCRYPTED PRIVATE KEY'],
  ])('unsupported: %s', (_, text, named) => {
    const error = thrownBy(() => readKeyFile(text, '/keys/chalk.key'));
    expect(error.code).toBe('KEY_UNSUPPORTED');
    expect(error.message).toContain('/keys/chalk.key');
    expect(error.message).toContain(named);
    expect(error.hint).toBeTruthy();
  });

  test.each([
    ['nothing', ''],
    ['binary', '\0\u0001\ufffd'],
    ['cut off', COSIGN.key.slice(0, 300)],
    ['cut in its content', writePem('ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from('{"kdf":{"name":"scr'))],
    ['a public key', COSIGN.pub],
    ['other JSON', keyFile({ content: '{"kdf":{},"cipher":null}' })],
    ['a number for text', keyFile({ content: '{"kdf":{"name":1}}' })],
    ['a short nonce', keyFile({ nonce: 'AAAA', ciphertext: 'A'.repeat(160) })],
    ['a damaged nonce', keyFile({ nonce: '*', ciphertext: 'A'.repeat(160) })],
    ['an empty ciphertext', keyFile({ ciphertext: '' })],
    ['a tag alone', keyFile({ ciphertext: writeBase64(Buffer.alloc(16)) })],
    ['damaged base64', keyFile({ ciphertext: 'A'.repeat(159) })],
  ])('invalid: %s', (_, text) => {
    const error = thrownBy(() => readKeyFile(text, '/keys/chalk.key'));
    expect(error.code).toBe('KEY_INVALID');
    expect(error.message).toContain('/keys/chalk.key');
    expect(error.hint).toBeTruthy();
  });

  test('cut or changed anywhere is read or refused with a code', () => {
    fc.assert(
      fc.property(fc.nat(COSIGN.key.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        for (const text of [
          COSIGN.key.slice(0, at),
          COSIGN.key.slice(0, at) + put + COSIGN.key.slice(at + 1),
        ]) {
          try {
            readKeyFile(text, 'k');
          } catch (error) {
            expect(error).toBeInstanceOf(ChalkError);
            expect(error).toMatchObject({
              code: expect.stringMatching(/^KEY_(INVALID|UNSUPPORTED)$/) as unknown,
            });
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('keys', () => {
  test('are made of the random numbers the host gives, and of others when those are out of range', () => {
    const { random } = fakeHost();
    const made = generateSigningKey(random, 'k');
    expect(made.publicKey.pem).toBe(generateSigningKey(random, 'k').publicKey.pem);
    let calls = 0;
    const late = generateSigningKey(
      { bytes: (n) => (calls++ < 2 ? new Uint8Array(n).fill(255) : random.bytes(n)) },
      'k',
    );
    expect(late.publicKey.pem).toBe(made.publicKey.pem);
    expect(thrownBy(() => generateSigningKey({ bytes: (n) => new Uint8Array(n) }, 'k')).code).toBe(
      'INTERNAL',
    );
  });

  test('sign and verify; no other text, signature or key does', () => {
    const key = generateSigningKey(RANDOM, 'k');
    const other = generateSigningKey(RANDOM, 'o');
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 80 }), (text, noise) => {
        const signature = sign([text], key);
        expect(verify([text], signature, key.publicKey)).toBe(true);
        expect(verify([text.subarray(0, 1), text.subarray(1)], signature, key.publicKey)).toBe(true);
        expect(verify([text, Buffer.from('x')], signature, key.publicKey)).toBe(false);
        expect(verify([text], signature, other.publicKey)).toBe(false);
        expect(verify([text], noise, key.publicKey)).toBe(false);
        expect(verify([text], signature.subarray(0, noise.length % signature.length), key.publicKey)).toBe(
          false,
        );
        expect(verify([text], Buffer.concat([signature, Buffer.from([0])]), key.publicKey)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  const OTHERS = [
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'an RSA key of 2048 bits'],
    ['Ed25519', generateKeyPairSync('ed25519'), 'an Ed25519 key'],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'an ECDSA P-384 key'],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), 'an ECDSA secp256k1 key'],
    ['X25519', generateKeyPairSync('x25519'), 'a key of the kind x25519'],
  ] as const;

  test.each(OTHERS)('of another kind are refused: %s', (_, pair, kind) => {
    const message = (name: string) => `${name} is ${kind}; only ECDSA P-256 keys are supported`;
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });
    expect(thrownBy(() => readPublicKey(String(pem), '/a.pub'))).toMatchObject({
      code: 'KEY_UNSUPPORTED',
      message: message('/a.pub'),
    });
    const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
    expect(thrownBy(() => readPrivateKey(pkcs8, '/a.key'))).toMatchObject({
      code: 'KEY_UNSUPPORTED',
      message: message('/a.key'),
    });
  });

  test('a key file that opens to something else', async () => {
    const text = await writeKeyFile(Buffer.from('no key at all'), password('pw'), RANDOM);
    const error = await failureOf(openKey(readKeyFile(text, '/a.key'), password('pw')));
    expect(error.code).toBe('KEY_INVALID');
    expect(error.cause).toBeUndefined();
  });

  test.each([
    ['nothing', ''],
    ['a private key', COSIGN.key],
    ['garbage', writePem('PUBLIC KEY', Buffer.from('garbage'))],
    [
      'bytes behind it',
      writePem('PUBLIC KEY', Buffer.concat([readPublicKey(COSIGN.pub, '').der, Buffer.from('x')])),
    ],
    ['two of them', COSIGN.pub + COSIGN.pub],
    ['cut off', COSIGN.pub.slice(0, 100)],
  ])('no public key: %s', (_, text) => {
    const error = thrownBy(() => readPublicKey(text, '/a.pub'));
    expect(error.code).toBe('KEY_INVALID');
    expect(error.message).toMatch(/^\/a\.pub is no public key: /);
  });
});
