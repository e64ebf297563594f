/** Keys, signatures, bundles and attestations: the real cosign reads ours, and we read its. */
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { nodeHost } from '../../../src/host/node.ts';
import {
  attArtifact,
  attLayers,
  attTag,
  bundleArtifact,
  bundleIn,
  type Content,
  type Envelope,
  envelopeJson,
  generateSigningKey,
  imageSubject,
  isAbout,
  openKey,
  Password,
  PREDICATE,
  readBundle,
  readEnvelope,
  readKeyFile,
  readMarkStatement,
  readPublicKey,
  readStatement,
  sign,
  signEnvelope,
  type SigningKey,
  STATEMENT_PAYLOAD,
  verify,
  verifyEnvelope,
  writeBundle,
  writeKeyFile,
  writeMarkStatement,
  writePrivateKey,
  writeStatement,
} from '../../../src/sign/index.ts';
import { sealMark } from '../../../src/mark/index.ts';
import { expectSuccess } from '../../support/chalk.ts';
import { describeWithEngine } from '../../support/engine.ts';
import { Bench, Repository, sha256 } from './support.ts';

const { random } = nodeHost();
const PASSWORD = 'of the p\u00e4ir';
const password = new Password(PASSWORD, 'the test');
const IGNORE_LOG = '--insecure-ignore-tlog=true';
const TYPE = 'https://example.com/predicate/v1';
/** What cosign says when it was one of these that was not right. */
const WRONG_SIGNATURE = /invalid signature|signatures do not match threshold/;
const WRONG_SUBJECT = /artifact digests? do(?:es)? not match|no matching subject digest/;
const WRONG_TYPE = /predicate type/;
/** cosign 2.5, where the machine has one. Its flags for bundles are no longer there in 3. */
const OLD = process.env['CHALK_TEST_COSIGN_2'];

describeWithEngine('cosign', (engine) => {
  const bench = new Bench(engine);
  const repository = new Repository(engine, `chalk-sign-${process.pid}`);
  let ours: SigningKey;
  let theirs: SigningKey;
  let offline: string[] = [];
  const key = bench.path('our.key');
  const pub = bench.path('our.pub');
  const otherPub = bench.path('other.pub');
  const blob = bench.path('blob');

  beforeAll(async () => {
    ours = generateSigningKey(random, 'our.pub');
    bench.write('our.key', await writeKeyFile(writePrivateKey(ours), password, random));
    bench.write('our.pub', ours.publicKey.pem);
    bench.write('other.pub', generateSigningKey(random, 'other.pub').publicKey.pem);
    bench.write('blob', 'what is signed\n');
    offline = await bench.offline();
    expectSuccess(await bench.cosign(['generate-key-pair'], PASSWORD));
    theirs = await openKey(readKeyFile(read('cosign.key'), 'cosign.key'), password);
  });
  afterAll(() => rmSync(bench.folder, { recursive: true, force: true }));

  const read = (name: string) => readFileSync(bench.path(name), 'utf8');
  const bytes = (name: string) => readFileSync(bench.path(name));
  const accepts = async (words: readonly string[], program?: string) => {
    const { code, stderr } = await bench.cosign(words, '', program);
    expect(code, stderr).toBe(0);
  };
  const rejects = async (why: RegExp, words: readonly string[], program?: string) => {
    const { code, stderr } = await bench.cosign(words, '', program);
    expect(code, stderr).not.toBe(0);
    expect(stderr).toMatch(why);
  };

  describe('keys', () => {
    test('ours are read, with their password only', async () => {
      const { stdout } = expectSuccess(await bench.cosign(['public-key', '--key', key], PASSWORD));
      expect(stdout).toBe(ours.publicKey.pem);
      expect(await bench.cosign(['public-key', '--key', key], 'wrong')).toMatchObject({ code: 1 });
      if (OLD !== undefined) {
        const old = await bench.cosign(['public-key', '--key', key], PASSWORD, OLD);
        expect(expectSuccess(old).stdout).toBe(ours.publicKey.pem);
      }
    });

    test("cosign's are read, of both versions", async () => {
      expect(theirs.publicKey.pem).toBe(read('cosign.pub'));
      if (OLD === undefined) return;
      expectSuccess(await bench.cosign(['generate-key-pair', '--output-key-prefix', 'old'], PASSWORD, OLD));
      const old = await openKey(readKeyFile(read('old.key'), 'old.key'), password);
      expect(old.publicKey.pem).toBe(read('old.pub'));
    });

    test('a key cosign imported is refused by its kind', async () => {
      const words = ['genpkey', '-algorithm', 'ED25519', '-out', bench.path('ed.pem')];
      expectSuccess(await bench.run('openssl', words));
      expectSuccess(
        await bench.cosign(
          ['import-key-pair', '--key', bench.path('ed.pem'), '--output-key-prefix', 'ed'],
          PASSWORD,
        ),
      );
      await expect(openKey(readKeyFile(read('ed.key'), 'ed.key'), password)).rejects.toMatchObject({
        code: 'KEY_UNSUPPORTED',
        message: 'ed.key is an Ed25519 key; only ECDSA P-256 keys are supported',
      });
      expect(() => readPublicKey(read('ed.pub'), 'ed.pub')).toThrow(/Ed25519/);
    });
  });

  describe('signatures of files', () => {
    test('ours verify, and no other text or key does', async () => {
      const signature = bench.write('blob.sig', Buffer.from(sign([bytes('blob')], ours)).toString('base64'));
      const words = ['verify-blob', '--signature', signature, IGNORE_LOG];
      await accepts([...words, '--key', pub, blob]);
      await rejects(WRONG_SIGNATURE, [...words, '--key', otherPub, blob]);
      await rejects(WRONG_SIGNATURE, [...words, '--key', pub, bench.write('other', 'another text\n')]);
      if (OLD !== undefined) await accepts([...words, '--key', pub, blob], OLD);
    });

    test.each(['our.key', 'cosign.key'])('made by cosign with %s verify', async (name) => {
      const bundle = bench.path(`${name}.bundle`);
      expectSuccess(
        await bench.cosign(
          ['sign-blob', '--key', bench.path(name), '--bundle', bundle, ...offline, blob],
          PASSWORD,
        ),
      );
      const { publicKey } = name === 'our.key' ? ours : theirs;
      const { material, content } = readBundle(readFileSync(bundle), bundle);
      expect(material).toEqual({ kind: 'public-key', hint: publicKey.hint });
      if (content.kind !== 'message') throw new Error('no signature');
      expect(Buffer.from(content.sha256).toString('hex')).toBe(sha256(bytes('blob')));
      expect(verify([bytes('blob')], content.signature, publicKey)).toBe(true);
      expect(verify([Buffer.from('x')], content.signature, publicKey)).toBe(false);
    });
  });

  describe('bundles of attestations', () => {
    const bundleOf = (name: string, change: (envelope: Envelope) => Envelope = (same) => same) => {
      const subject = { name: 'blob', digest: { sha256: sha256(bytes('blob')) } };
      const statement = writeStatement([subject], TYPE, '{"n":1.50}');
      const envelope = change(signEnvelope(statement, STATEMENT_PAYLOAD, [ours]));
      return bench.write(name, writeBundle(envelope, ours.publicKey));
    };
    const words = (bundle: string) => ['verify-blob-attestation', '--bundle', bundle, IGNORE_LOG];

    test('ours verify: right key, file and type', async () => {
      const bundle = bundleOf('good.bundle');
      await accepts([...words(bundle), '--key', pub, '--type', TYPE, blob]);
      if (OLD === undefined) return;
      const old = ['--new-bundle-format', '--trusted-root', bench.trustedRoot()];
      await accepts([...words(bundle), ...old, '--key', pub, '--type', TYPE, blob], OLD);
      await rejects(
        WRONG_SIGNATURE,
        [...words(bundle), ...old, '--key', otherPub, '--type', TYPE, blob],
        OLD,
      );
    });

    test('ours do not with another key, file, type, or when tampered with', async () => {
      const bundle = bundleOf('good.bundle');
      await rejects(WRONG_SIGNATURE, [...words(bundle), '--key', otherPub, '--type', TYPE, blob]);
      await rejects(WRONG_SUBJECT, [
        ...words(bundle),
        '--key',
        pub,
        '--type',
        TYPE,
        bench.write('other', 'x'),
      ]);
      await rejects(WRONG_TYPE, [...words(bundle), '--key', pub, '--type', PREDICATE.spdx, blob]);
      const payload = bundleOf('payload.bundle', (envelope) => ({
        ...envelope,
        payload: Buffer.from(Buffer.from(envelope.payload).toString().replace('1.50', '2.50')),
      }));
      await rejects(WRONG_SIGNATURE, [...words(payload), '--key', pub, '--type', TYPE, blob]);
      const type = bundleOf('type.bundle', (envelope) => ({ ...envelope, payloadType: 'application/json' }));
      await rejects(WRONG_SIGNATURE, [...words(type), '--key', pub, '--type', TYPE, blob]);
    });

    test.each(['our.key', 'cosign.key'])('made by cosign with %s verify', async (name) => {
      const bundle = bench.path('attested.bundle');
      const predicate = bench.write('predicate.json', '{"n":1.5}');
      const command = ['attest-blob', '--key', bench.path(name), '--predicate', predicate, '--type', TYPE];
      expectSuccess(await bench.cosign([...command, '--bundle', bundle, ...offline, blob], PASSWORD));
      const { publicKey } = name === 'our.key' ? ours : theirs;
      const { content } = readBundle(readFileSync(bundle), bundle);
      if (content.kind !== 'dsse') throw new Error('no envelope');
      const others = readPublicKey(read('other.pub'), 'other.pub');
      expect(verifyEnvelope(content.envelope, [others, publicKey])).toMatchObject({ by: [publicKey.name] });
      expect(verifyEnvelope(content.envelope, [others]).kind).toBe('unverified');
      const statement = readStatement(content.envelope, bundle);
      expect(statement).toMatchObject({ predicateType: TYPE, predicate: { n: 1.5 } });
      expect(isAbout(statement, `sha256:${sha256(bytes('blob'))}`)).toBe(true);
    });
  });

  describe('attestations of images', () => {
    const mark = sealMark({ CHALK_ID: 'A1B2C3-D4E5-F6G7-H8J9K0', CHALK_VERSION: '1.1.3', N: 1 });
    const envelopeFor = (image: Content, about = image.descriptor.digest) =>
      signEnvelope(writeMarkStatement(imageSubject(repository.name, about), mark.values), STATEMENT_PAYLOAD, [
        ours,
      ]);
    const pushBundle = async (image: Content, envelope: Envelope) => {
      const bundle = writeBundle(envelope, ours.publicKey);
      await repository.pushReferrers(image, [
        bundleArtifact(bundle, image.descriptor, PREDICATE.scai, Date.now()),
      ]);
    };
    const pushAtt = async (image: Content, envelope: Envelope) =>
      repository.push(attArtifact(undefined, envelope, PREDICATE.scai), attTag(image.descriptor.digest));
    const verification = (tag: string, keyFile = pub, type: string = PREDICATE.scai) => [
      'verify-attestation',
      '--key',
      keyFile,
      '--type',
      type,
      IGNORE_LOG,
      `${repository.name}:${tag}`,
    ];

    const FORMS: readonly [string, readonly ((image: Content, envelope: Envelope) => Promise<void>)[]][] = [
      ['bundle', [pushBundle]],
      ['att', [pushAtt]],
      ['both', [pushBundle, pushAtt]],
    ];

    test.each(FORMS)('ours verify: %s', async (form, pushes) => {
      const image = await repository.pushImage(`good-${form}`);
      for (const push of pushes) await push(image, envelopeFor(image));
      await accepts(verification(`good-${form}`));
      await rejects(WRONG_SIGNATURE, verification(`good-${form}`, otherPub));
      await rejects(WRONG_TYPE, verification(`good-${form}`, pub, PREDICATE.spdx));
      if (OLD === undefined) return;
      const old = ['--new-bundle-format', '--trusted-root', bench.trustedRoot()];
      if (form !== 'bundle') {
        await accepts(verification(`good-${form}`), OLD);
        await rejects(WRONG_SIGNATURE, verification(`good-${form}`, otherPub), OLD);
      }
      if (form !== 'att') await accepts([...verification(`good-${form}`), ...old], OLD);
    });

    test.each(FORMS)('ours about another image do not: %s', async (form, pushes) => {
      const image = await repository.pushImage(`other-${form}`);
      for (const push of pushes) await push(image, envelopeFor(image, `sha256:${'ab'.repeat(32)}`));
      await rejects(WRONG_SUBJECT, verification(`other-${form}`));
    });

    test.each(FORMS)('ours do not when tampered with: %s', async (form, pushes) => {
      const image = await repository.pushImage(`tampered-${form}`);
      const envelope = envelopeFor(image);
      const payload = Buffer.from(Buffer.from(envelope.payload).toString().replace('"N" : 1', '"N" : 2'));
      expect(payload).not.toEqual(Buffer.from(envelope.payload));
      for (const push of pushes) await push(image, { ...envelope, payload });
      await rejects(WRONG_SIGNATURE, verification(`tampered-${form}`));
    });

    test('two signatures in .att: one by the key is enough', async () => {
      const image = await repository.pushImage('two');
      const { payload } = envelopeFor(image);
      await pushAtt(image, signEnvelope(payload, STATEMENT_PAYLOAD, [theirs, ours]));
      await accepts(verification('two'));
      await accepts(verification('two', bench.path('cosign.pub')));
      await rejects(WRONG_SIGNATURE, verification('two', otherPub));
    });

    test("cosign's are read: the bundle and the .att, to which we add", async () => {
      const image = await repository.pushImage('attested');
      const { digest } = image.descriptor;
      const predicate = bench.write('predicate.json', '{"buildDefinition":{},"runDetails":{}}');
      const attest = ['attest', '--key', bench.path('cosign.key'), '--predicate', predicate, '--type', TYPE];
      const reference = `${repository.name}@${digest}`;
      expectSuccess(await bench.cosign([...attest, ...offline, reference], PASSWORD));
      const Index = z.object({ manifests: z.array(z.object({ digest: z.string() })) });
      const index = await repository.manifest(digest.replace(':', '-'));
      const [entry] = Index.parse(JSON.parse(Buffer.from(index).toString())).manifests;
      const place = bundleIn(await repository.manifest(entry?.digest ?? ''), digest);
      const { content } = readBundle(await repository.blob(place?.digest ?? ''), 'the bundle');
      if (content.kind !== 'dsse') throw new Error('no envelope');
      expect(verifyEnvelope(content.envelope, [theirs.publicKey]).kind).toBe('verified');
      expect(isAbout(readStatement(content.envelope, 'it'), digest)).toBe(true);

      const legacy = await repository.pushImage('attested-att');
      const at = legacy.descriptor.digest;
      const old = ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false', '--yes'];
      expectSuccess(await bench.cosign([...attest, ...old, `${repository.name}@${at}`], PASSWORD));
      const manifest = await repository.manifest(attTag(at));
      const [layer] = attLayers(manifest, 'it');
      expect(layer).toMatchObject({ predicateType: TYPE, certificate: undefined });
      const envelope = readEnvelope(await repository.blob(layer?.descriptor.digest ?? ''), 'it');
      expect(verifyEnvelope(envelope, [ours.publicKey, theirs.publicKey])).toMatchObject({
        by: ['cosign.key'],
      });

      await repository.push(attArtifact(manifest, envelopeFor(legacy), PREDICATE.scai), attTag(at));
      await accepts(verification('attested-att'));
      await accepts(verification('attested-att', bench.path('cosign.pub'), TYPE));
      await rejects(WRONG_TYPE, verification('attested-att', bench.path('cosign.pub')));
    });

    test('what cosign downloads of ours is the mark', async () => {
      const image = await repository.pushImage('download');
      const envelope = envelopeFor(image);
      await pushBundle(image, envelope);
      const words = ['download', 'attestation', `${repository.name}:download`];
      const { stdout } = expectSuccess(await bench.cosign(words));
      const Downloaded = z.object({ dsseEnvelope: z.unknown() });
      const json = z
        .union([Downloaded, z.looseObject({})])
        .parse(JSON.parse(stdout.trim().split('\n')[0] ?? ''));
      const found = readEnvelope(
        Buffer.from(JSON.stringify('dsseEnvelope' in json ? json.dsseEnvelope : json)),
        'it',
      );
      expect(envelopeJson(found)).toEqual(envelopeJson(envelope));
      expect(readMarkStatement(found.payload, 'it')).toEqual(mark.values);
    });
  });
});
