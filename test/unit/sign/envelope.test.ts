import { createHash, createPublicKey } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { ChalkError } from '../../../src/base/errors.ts';
import { float, sealMark, writeMark } from '../../../src/mark/index.ts';
import {
  type Envelope,
  envelopeJson,
  generateSigningKey,
  imageSubject,
  isAbout,
  pae,
  PREDICATE,
  readBundle,
  readEnvelope,
  readMarkStatement,
  readPublicKey,
  readStatement,
  signEnvelope,
  STATEMENT_PAYLOAD,
  verify,
  verifyEnvelope,
  writeBundle,
  writeEnvelope,
  writeMarkStatement,
  writeStatement,
} from '../../../src/sign/index.ts';
import { RANDOM, thrownBy } from './support.ts';
import { COSIGN, DSSE } from './vectors.ts';

const ada = generateSigningKey(RANDOM, 'ada.pub');
const bob = generateSigningKey(RANDOM, 'bob.pub');
const eve = generateSigningKey(RANDOM, 'eve.pub');
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const OTHER_DIGEST = `sha256:${'cd'.repeat(32)}`;
const SUBJECT = imageSubject('registry.example/app', DIGEST);
const STATEMENT = writeStatement([SUBJECT], PREDICATE.provenance, '{"buildDefinition":{}}');
const signed = signEnvelope(STATEMENT, STATEMENT_PAYLOAD, [ada]);
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const objectOf = (json: string) => z.looseObject({}).parse(JSON.parse(json));
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('DSSE', () => {
  test("the specification's own example", () => {
    expect(text(pae(DSSE.payloadType, Buffer.from(DSSE.payload)))).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', ...DSSE.point }, format: 'jwk' });
    const named = readPublicKey(String(key.export({ type: 'spki', format: 'pem' })), 'example');
    const envelope = readEnvelope(bytesOf(DSSE.envelope), 'example');
    expect(verifyEnvelope(envelope, [named])).toEqual({ kind: 'verified', by: ['example'], others: 0 });
  });

  test('lengths are of bytes', () => {
    expect(text(pae('ü', Buffer.from('€')))).toBe('DSSEv1 2 ü 3 €');
    expect(text(pae('', new Uint8Array()))).toBe('DSSEv1 0  0 ');
  });

  test('the JSON has no keyid, which cosign would take for a name', () => {
    expect(JSON.parse(text(writeEnvelope(signed)))).toEqual({
      payload: Buffer.from(STATEMENT).toString('base64'),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: expect.stringMatching(/^ME[QUY]C/) as unknown }],
    });
    expect(envelopeJson(readEnvelope(writeEnvelope(signed), 'x'))).toEqual(envelopeJson(signed));
  });

  test('any payload of any type, signed, written and read, verifies', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (payload, type) => {
        const read = readEnvelope(writeEnvelope(signEnvelope(payload, type, [ada])), 'x');
        expect(Buffer.from(read.payload)).toEqual(Buffer.from(payload));
        expect(read.payloadType).toBe(type.toWellFormed());
        expect(verifyEnvelope(read, [ada.publicKey]).kind).toBe('verified');
      }),
      { numRuns: 50 },
    );
  });

  test('signatures count by the keys that were named, each once', () => {
    const envelope = signEnvelope(STATEMENT, STATEMENT_PAYLOAD, [eve, ada, bob, ada]);
    const [a, b, e] = [ada.publicKey, bob.publicKey, eve.publicKey];
    const verdict = (...keys: (typeof a)[]) => verifyEnvelope(envelope, keys);
    expect(verdict(a)).toEqual({ kind: 'verified', by: ['ada.pub'], others: 2 });
    expect(verdict(b, a)).toEqual({ kind: 'verified', by: ['ada.pub', 'bob.pub'], others: 1 });
    expect(verdict(a, b, e)).toMatchObject({ by: ['eve.pub', 'ada.pub', 'bob.pub'], others: 0 });
    expect(verdict()).toEqual({ kind: 'unverified', why: 'no key was given to verify it with' });
    expect(verifyEnvelope(signed, [b])).toEqual({
      kind: 'unverified',
      why: 'its signature is not by bob.pub',
    });
    expect(verifyEnvelope(signEnvelope(STATEMENT, STATEMENT_PAYLOAD, [ada, ada]), [b, e])).toEqual({
      kind: 'unverified',
      why: 'none of its 2 signatures is by any of bob.pub, eve.pub',
    });
  });

  test('a keyid has no part in it', () => {
    const named: Envelope = {
      ...signed,
      signatures: signed.signatures.map((s) => ({ ...s, keyid: 'bob.pub' })),
    };
    const read = readEnvelope(writeEnvelope(named), 'x');
    expect(read.signatures[0]?.keyid).toBe('bob.pub');
    expect(verifyEnvelope(read, [bob.publicKey, ada.publicKey])).toMatchObject({ by: ['ada.pub'] });
  });

  test('a byte less, more or other in any member is noticed', () => {
    const json = text(writeEnvelope(signed));
    for (let at = 0; at < json.length; at++) {
      const character = json[at] ?? '';
      const others = [...new Set(['A', 'B', '=', '-', '0', '"', '', `${character}A`])].filter(
        (c) => c !== character,
      );
      for (const other of others) {
        const changed = json.slice(0, at) + other + json.slice(at + 1);
        // DSSE allows both alphabets: a signature whose one + became a - is the same signature.
        const word = json.slice(json.lastIndexOf('"', at) + 1, json.indexOf('"', at));
        if (character === '+' && other === '-' && word.replaceAll(/[^+/]/g, '').length === 1) continue;
        expect(verdictOf(changed), `${at}: ${JSON.stringify(other)}`).not.toBe('verified');
      }
    }
  });

  test('signatures of one envelope are none for another payload or type', () => {
    expect(verifyEnvelope({ ...signed, payload: Buffer.from('{}') }, [ada.publicKey]).kind).toBe(
      'unverified',
    );
    expect(verifyEnvelope({ ...signed, payloadType: 'text/plain' }, [ada.publicKey]).kind).toBe('unverified');
    // Where one member ends and the next begins is signed as well.
    const moved = {
      ...signed,
      payloadType: '',
      payload: Buffer.from(`${STATEMENT_PAYLOAD} ${text(STATEMENT)}`),
    };
    expect(verifyEnvelope(moved, [ada.publicKey]).kind).toBe('unverified');
  });

  const json = envelopeJson(signed);
  test.each([
    ['no JSON', Buffer.from('{')],
    ['no object', bytesOf([])],
    ['no payload', bytesOf({ ...json, payload: undefined })],
    ['no signatures', bytesOf({ ...json, signatures: [] })],
    ['a signature that is none', bytesOf({ ...json, signatures: [{ sig: '' }] })],
    ['a signature of another type', bytesOf({ ...json, signatures: [{ sig: 1 }] })],
    ['payload not base64', bytesOf({ ...json, payload: '{}' })],
    ['too many signatures', bytesOf({ ...json, signatures: Array<unknown>(33).fill(json.signatures[0]) })],
  ])('refused: %s', (_, bytes) => {
    expect(thrownBy(() => readEnvelope(bytes, 'the file'))).toMatchObject({
      code: 'ATTESTATION_INVALID',
      message: expect.stringMatching(/^the file: /) as unknown,
    });
  });

  function verdictOf(changed: string): string {
    try {
      return verifyEnvelope(readEnvelope(Buffer.from(changed), 'x'), [ada.publicKey]).kind;
    } catch (error) {
      if (error instanceof ChalkError) return error.code;
      throw error;
    }
  }
});

describe('statements', () => {
  const read = (value: unknown, payloadType: string = STATEMENT_PAYLOAD) =>
    readStatement({ payload: bytesOf(value), payloadType }, 'it');
  const good = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: 'ab'.repeat(32) } }],
    predicateType: 'x:y',
    predicate: {},
  };

  test('have four members and the predicate byte for byte', () => {
    expect(text(writeStatement([SUBJECT], 'x:"y', '{ "n" : 1.50 }'))).toBe(
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"registry.example/app","digest":{"sha256":"${'ab'.repeat(32)}"}}],"predicateType":"x:\\"y","predicate":{ "n" : 1.50 }}`,
    );
  });

  test('are read in both versions; matching goes by digest alone', () => {
    for (const _type of [good._type, 'https://in-toto.io/Statement/v0.1']) {
      const statement = read({ ...good, _type });
      expect(statement).toMatchObject({ subjects: good.subject, predicateType: 'x:y', predicate: {} });
      expect(isAbout(statement, DIGEST)).toBe(true);
      expect(isAbout(statement, OTHER_DIGEST)).toBe(false);
    }
    const unnamed = read({ ...good, subject: [{ digest: { sha512: 'ab'.repeat(32) } }] });
    expect(isAbout(unnamed, DIGEST)).toBe(false);
    for (const odd of ['', 'sha256:', 'ab'.repeat(32), DIGEST.toUpperCase(), `sha512:${'ab'.repeat(32)}`]) {
      expect(isAbout(read(good), odd)).toBe(false);
    }
  });

  test.each([
    ['another payload type', good, 'application/vnd.in-toto.provenance+json'],
    ['another statement type', { ...good, _type: 'https://in-toto.io/Statement/v2' }],
    ['no subject', { ...good, subject: [] }],
    ['a subject without a digest', { ...good, subject: [{ name: 'a' }] }],
    ['a digest that is no text', { ...good, subject: [{ digest: { sha256: 1 } }] }],
    ['no predicate', { ...good, predicate: undefined }],
    ['a predicate that is a list', { ...good, predicate: [] }],
    ['no predicate type', { ...good, predicateType: undefined }],
    ['a list', [good]],
  ])('refused: %s', (_, value, payloadType?: string) => {
    expect(thrownBy(() => read(value, payloadType)).code).toBe('ATTESTATION_INVALID');
  });

  test('refused: a payload that is not UTF-8', () => {
    const payload = Buffer.from([0x7b, 0xff, 0x7d]);
    expect(thrownBy(() => readStatement({ payload, payloadType: STATEMENT_PAYLOAD }, 'it')).message).toMatch(
      /UTF-8/,
    );
  });

  test('a subject needs a digest', () => {
    for (const digest of ['latest', 'sha256:ab', DIGEST.toUpperCase()])
      expect(thrownBy(() => imageSubject('a', digest)).code).toBe('ATTESTATION_INVALID');
  });
});

describe('the mark as a statement', () => {
  const mark = sealMark({
    CHALK_ID: 'A1B2C3-D4E5-F6G7-H8J9K0',
    CHALK_VERSION: '1.1.3',
    F: float(1),
    BIG: 2n ** 62n,
    ODD: 'ü\u0001"\\',
  });
  const payload = writeMarkStatement(SUBJECT, mark.values);
  const statement = (type: string, predicate: unknown, digest = 'ab'.repeat(32)) => ({
    _type: 'https://in-toto.io/Statement/v0.1',
    subject: [{ name: 'app', digest: { sha256: digest } }],
    predicateType: type,
    predicate,
  });

  test('is a SCAI attribute report with the mark as it stands in the image', () => {
    expect(text(payload)).toContain(`{"attributes":[{"attribute":"CHALK","evidence":${mark.text}}]}`);
    const read = readStatement({ payload, payloadType: STATEMENT_PAYLOAD }, 'it');
    expect(read).toMatchObject({
      predicateType: 'https://in-toto.io/attestation/scai/v0.3',
      subjects: [{ name: 'registry.example/app', digest: { sha256: 'ab'.repeat(32) } }],
      predicate: { attributes: [{ attribute: 'CHALK', evidence: { CHALK_ID: 'A1B2C3-D4E5-F6G7-H8J9K0' } }] },
    });
    expect(Object.keys(read.subjects[0] ?? {})).toEqual(['name', 'digest']);
  });

  test('is read back without a loss: floats, large integers, order', () => {
    const read = readMarkStatement(payload, 'it');
    expect(read).toEqual(mark.values);
    expect(read && writeMark(read)).toBe(mark.text);
  });

  test("is read in Chalk's earlier forms", () => {
    const asText = statement(PREDICATE.scaiOld, {
      attributes: [{ attribute: 'CHALK', evidence: mark.text }],
    });
    const asObject = statement(PREDICATE.scai, {
      attributes: [
        { attribute: 'OTHER', evidence: {} },
        { attribute: 'CHALK', evidence: { MAGIC: 'm' } },
      ],
    });
    expect(readMarkStatement(bytesOf(asText), 'it')).toEqual(mark.values);
    expect(readMarkStatement(bytesOf(asObject), 'it')).toEqual(new Map([['MAGIC', 'm']]));
    const nested = statement(PREDICATE.custom, { Data: `\n${JSON.stringify(asText)}`, Timestamp: '' });
    expect(readMarkStatement(bytesOf(nested), 'it')).toEqual(mark.values);
  });

  test.each([
    ['another predicate', statement(PREDICATE.spdx, { attributes: [] })],
    ['another attribute', statement(PREDICATE.scai, { attributes: [{ attribute: 'X', evidence: {} }] })],
    ['no attributes', statement(PREDICATE.scai, {})],
    ['custom text', statement(PREDICATE.custom, { Data: 'foo' })],
    ['custom without text', statement(PREDICATE.custom, {})],
    [
      'custom in custom',
      statement(PREDICATE.custom, { Data: JSON.stringify(statement(PREDICATE.custom, {})) }),
    ],
  ])('is absent from: %s', (_, value) => {
    expect(readMarkStatement(bytesOf(value), 'it')).toBeUndefined();
  });

  test('is refused inside a statement about another image, and where it is no mark', () => {
    const inner = statement(PREDICATE.scaiOld, { attributes: [{ attribute: 'CHALK', evidence: '{ }' }] });
    const outer = statement(PREDICATE.custom, { Data: JSON.stringify(inner) }, 'cd'.repeat(32));
    expect(thrownBy(() => readMarkStatement(bytesOf(outer), 'it')).message).toBe(
      'it: the statement inside it is about another image',
    );
    const bad = statement(PREDICATE.scai, { attributes: [{ attribute: 'CHALK', evidence: [1] }] });
    expect(thrownBy(() => readMarkStatement(bytesOf(bad), 'it')).code).toBe('ATTESTATION_INVALID');
  });
});

describe('a bundle', () => {
  const file = writeBundle(signed, ada.publicKey);
  const json = objectOf(text(file));

  test('has the form cosign gives it', () => {
    const hint = createHash('sha256').update(ada.publicKey.der).digest('base64');
    expect(json).toEqual({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint } },
      dsseEnvelope: envelopeJson(signed),
    });
    expect(text(file)).toMatch(/^\{"mediaType".*"verificationMaterial".*"dsseEnvelope"/);
  });

  test('is read back', () => {
    const { material, content } = readBundle(file, 'it');
    expect(material).toEqual({ kind: 'public-key', hint: ada.publicKey.hint });
    expect(content.kind === 'dsse' && envelopeJson(content.envelope)).toEqual(envelopeJson(signed));
  });

  test("of cosign's verifies with its key and no other: an attestation and a signature of a file", () => {
    const key = readPublicKey(COSIGN.pub, 'cosign.pub');
    const attestation = readBundle(Buffer.from(COSIGN.attestationBundle), 'it');
    expect(attestation.material).toEqual({ kind: 'public-key', hint: key.hint });
    if (attestation.content.kind !== 'dsse') throw new Error('no envelope');
    const { envelope } = attestation.content;
    expect(verifyEnvelope(envelope, [ada.publicKey, key])).toMatchObject({ by: ['cosign.pub'] });
    expect(verifyEnvelope(envelope, [ada.publicKey]).kind).toBe('unverified');
    const hello = createHash('sha256').update('hello\n').digest();
    expect(isAbout(readStatement(envelope, 'it'), `sha256:${hello.toString('hex')}`)).toBe(true);
    const { content } = readBundle(Buffer.from(COSIGN.blobBundle), 'it');
    if (content.kind !== 'message') throw new Error('no signature');
    expect(Buffer.from(content.sha256)).toEqual(hello);
    expect(verify([Buffer.from('hello\n')], content.signature, key)).toBe(true);
    expect(verify([Buffer.from('hello')], content.signature, key)).toBe(false);
  });

  test("of Chalk's is read, with the key where others have a certificate", () => {
    const rawBytes = Buffer.from(ada.publicKey.der).toString('base64');
    const chalk = { ...json, verificationMaterial: { certificate: { rawBytes } } };
    expect(readBundle(bytesOf(chalk), 'it').material).toEqual({
      kind: 'certificate',
      bytes: Buffer.from(ada.publicKey.der),
    });
  });

  test('has one signature, on writing and on reading', () => {
    const two = signEnvelope(STATEMENT, STATEMENT_PAYLOAD, [ada, bob]);
    const message = /has 2 signatures, and a bundle has exactly one/;
    expect(thrownBy(() => writeBundle(two, ada.publicKey)).message).toMatch(message);
    const both = { ...json, dsseEnvelope: envelopeJson(two) };
    expect(thrownBy(() => readBundle(bytesOf(both), 'it')).message).toMatch(message);
  });

  const blob = z.looseObject({ messageSignature: z.looseObject({}) }).parse(JSON.parse(COSIGN.blobBundle));
  test.each([
    ['no JSON', Buffer.from('bundle')],
    ['version 0.2', bytesOf({ ...json, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' })],
    ['no version', bytesOf({ ...json, mediaType: undefined })],
    ['no material', bytesOf({ ...json, verificationMaterial: {} })],
    [
      'two materials',
      bytesOf({ ...json, verificationMaterial: { publicKey: {}, certificate: { rawBytes: 'AAAA' } } }),
    ],
    ['a damaged certificate', bytesOf({ ...json, verificationMaterial: { certificate: { rawBytes: '!' } } })],
    ['no content', bytesOf({ ...json, dsseEnvelope: undefined })],
    ['two contents', bytesOf({ ...json, ...blob })],
    ['an envelope that is none', bytesOf({ ...json, dsseEnvelope: 'x' })],
    [
      'another hash',
      bytesOf({
        ...blob,
        messageSignature: { ...blob.messageSignature, messageDigest: { algorithm: 'SHA2_512', digest: '' } },
      }),
    ],
    [
      'a damaged signature',
      bytesOf({ ...blob, messageSignature: { ...blob.messageSignature, signature: '' } }),
    ],
  ])('refused: %s', (_, bytes) => {
    expect(thrownBy(() => readBundle(bytes, 'the file'))).toMatchObject({
      code: 'ATTESTATION_INVALID',
      message: expect.stringMatching(/^the file: /) as unknown,
    });
  });
});
