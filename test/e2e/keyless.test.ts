import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { nodeHost } from '../../src/host/node.ts';
import type { Environment, Host } from '../../src/host/host.ts';
import {
  attArtifact,
  attTag,
  type Artifact,
  bundleArtifact,
  bundleIn,
  type Content,
  contentOf,
  imageSubject,
  isAbout,
  MANIFEST_MEDIA_TYPE,
  PREDICATE,
  readBundle,
  readStatement,
  type SignedStatement,
  writeStatement,
} from '../../src/sign/index.ts';
import {
  type KeylessOptions,
  keylessSigner,
  type KeylessVerdict,
  readTrustedRoot,
  verifyKeyless,
} from '../../src/sign/keyless/index.ts';
import { trustedRootOf } from '../../src/sign/keyless/trusted-root.ts';
import { Bench, Repository, sha256 } from '../integration/sign/support.ts';
import {
  ADA as DOUBLE_ADA,
  Authority,
  FirstRekor,
  fulcio,
  FULCIO,
  hostWith,
  ISSUER,
  REKOR,
  trustedRootText,
} from '../unit/sign/keyless-double.ts';
import { expectSuccess } from '../support/chalk.ts';
import { engine } from '../support/engine.ts';
import { type Sigstore, sigstorePrograms, startSigstore } from '../support/engine/sigstore.ts';

const found = engine();
const programs = found === undefined ? undefined : await sigstorePrograms();

const ADA = { sub: '1815', email: 'ada@example.com', email_verified: true };
const JOB = {
  sub: 'repo:acme/greet:ref:refs/heads/main',
  job_workflow_ref: 'acme/greet/.github/workflows/build.yml@refs/heads/main',
  job_workflow_sha: 'ebdf566ce3195d0a37442e553a44796eae7e695b',
  workflow_ref: 'acme/greet/.github/workflows/build.yml@refs/heads/main',
  workflow_sha: 'ebdf566ce3195d0a37442e553a44796eae7e695b',
  sha: 'ebdf566ce3195d0a37442e553a44796eae7e695b',
  event_name: 'push',
  repository: 'acme/greet',
  repository_id: '1',
  repository_owner: 'acme',
  repository_owner_id: '2',
  repository_visibility: 'public',
  workflow: 'build',
  ref: 'refs/heads/main',
  runner_environment: 'github-hosted',
  run_id: '3',
  run_attempt: '1',
};

describe.skipIf(found === undefined || programs === undefined)('keyless, with a real Sigstore', () => {
  const engineHere = found ?? { env: {}, registry: '127.0.0.1:0', store: 'containerd' as const };
  let sigstore: Sigstore;
  let bench: Bench;

  beforeAll(async () => {
    sigstore = await startSigstore(programs ?? '', engineHere.env);
    bench = new Bench(engineHere);
  });
  afterAll(async () => {
    await sigstore.close();
    rmSync(bench.folder, { recursive: true, force: true });
  });

  const machine = (env: Environment): Host => ({ ...nodeHost(), env });
  const ada = (): Host => machine({ SIGSTORE_ID_TOKEN: sigstore.token(ADA) });
  const everything = (): KeylessOptions => ({
    fulcioUrl: sigstore.fulcio,
    rekorUrl: sigstore.rekor,
    timestampUrl: sigstore.timestamp,
    trustedRoot: sigstore.trustedRoot,
  });
  const statementOf = (image: Content, repository: Repository): Uint8Array =>
    writeStatement(
      [imageSubject(repository.name, image.descriptor.digest)],
      PREDICATE.provenance,
      '{"buildDefinition":{"buildType":"https://example.com/t","externalParameters":{}},"runDetails":{"builder":{"id":"https://example.com/b"}}}',
    );
  const check = async (
    bundle: Uint8Array,
    identity: string | RegExp = ADA.email,
    issuer = sigstore.issuer,
  ): Promise<KeylessVerdict> =>
    verifyKeyless(bundle, await readTrustedRoot(nodeHost(), sigstore.trustedRoot), { identity, issuer });
  const cosignVerifies = (image: string, identity = ADA.email, more: readonly string[] = []) =>
    bench.cosign([
      'verify-attestation',
      '--insecure-ignore-sct',
      '--type=slsaprovenance1',
      `--trusted-root=${sigstore.trustedRoot}`,
      `--certificate-identity=${identity}`,
      `--certificate-oidc-issuer=${sigstore.issuer}`,
      ...more,
      image,
    ]);

  describe('what we sign', () => {
    let repository: Repository;
    let image: Content;
    let signed: SignedStatement;

    beforeAll(async () => {
      repository = new Repository(engineHere, `keyless-${process.pid}/ours`);
      image = await repository.pushImage('ours');
      const signer = await keylessSigner(ada(), everything());
      signed = await signer.sign(statementOf(image, repository));
      const artifact = bundleArtifact(signed.bundle, image.descriptor, PREDICATE.provenance, Date.now());
      await repository.pushReferrers(image, [artifact]);
    });

    test('cosign verifies', async () => {
      expectSuccess(await cosignVerifies(`${repository.name}:ours`));
    });

    test('cosign verifies for nobody else', async () => {
      const { code, stderr } = await cosignVerifies(`${repository.name}:ours`, 'eve@example.com');
      expect(code).not.toBe(0);
      expect(stderr).toContain('eve@example.com');
    });

    test('we verify', async () => {
      const verified = { kind: 'verified', identity: ADA.email, issuer: sigstore.issuer };
      expect(await check(signed.bundle)).toEqual(verified);
      expect(await check(signed.bundle, /ada@.*/)).toEqual(verified);
    });

    test('we verify for nobody else', async () => {
      expect(await check(signed.bundle, 'eve@example.com')).toEqual({
        kind: 'unverified',
        why: 'it is signed by "ada@example.com", not by "eve@example.com"',
      });
      // A pattern that fits a part is not enough.
      expect(await check(signed.bundle, /ada@example/)).toMatchObject({ kind: 'unverified' });
      const { why } = unverified(await check(signed.bundle, ADA.email, 'https://issuer.example.com'));
      expect(why).toBe(`its issuer is "${sigstore.issuer}", not "https://issuer.example.com"`);
    });

    test('cosign verifies in the older layout, by the timestamp', async () => {
      const alone = new Repository(engineHere, `keyless-${process.pid}/layout`);
      const other = await alone.pushImage('layout');
      const signer = await keylessSigner(ada(), everything());
      const again = await signer.sign(statementOf(other, alone));
      await alone.push(
        annotated(attArtifact(undefined, again.envelope, PREDICATE.provenance), again),
        attTag(other.descriptor.digest),
      );
      const more = ['--use-signed-timestamps', '--insecure-ignore-tlog'];
      expectSuccess(await cosignVerifies(`${alone.name}:layout`, ADA.email, more));
    });
  });

  test('what cosign signs, we verify', async () => {
    const repository = new Repository(engineHere, `keyless-${process.pid}/theirs`);
    const image = await repository.pushImage('theirs');
    const predicate = bench.write('predicate.json', '{"buildDefinition":{},"runDetails":{}}');
    const token = bench.write('token', sigstore.token(ADA));
    expectSuccess(
      await bench.cosign([
        'attest',
        '--yes',
        '--type=slsaprovenance1',
        `--signing-config=${sigstore.signingConfig}`,
        `--trusted-root=${sigstore.trustedRoot}`,
        `--identity-token=${token}`,
        `--predicate=${predicate}`,
        `${repository.name}@${image.descriptor.digest}`,
      ]),
    );
    const bundle = await attachedBundle(repository, image.descriptor.digest);
    expect(await check(bundle)).toMatchObject({ kind: 'verified', identity: ADA.email });
    expect(await check(bundle, 'eve@example.com')).toMatchObject({ kind: 'unverified' });
    const { content } = readBundle(bundle, 'theirs');
    if (content.kind !== 'dsse') throw new Error('no envelope');
    expect(isAbout(readStatement(content.envelope, 'theirs'), image.descriptor.digest)).toBe(true);
  });

  test('a job of GitHub signs as its workflow, with a token it asks for', async () => {
    const asked: { url: string | undefined; authorization: string | undefined }[] = [];
    const server = createServer((request, response) => {
      asked.push({ url: request.url, authorization: request.headers.authorization });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ value: sigstore.token(JOB, sigstore.jobIssuer) }));
    });
    const port = await listening(server);
    try {
      const host = machine({
        GITHUB_ACTIONS: 'true',
        ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'the-secret-of-the-job',
      });
      const signer = await keylessSigner(host, everything());
      const statement = (text: string) =>
        writeStatement(
          [{ digest: { sha256: contentOf(Buffer.from(text), 'x').descriptor.digest.slice(7) } }],
          PREDICATE.provenance,
          '{}',
        );
      const all = await Promise.all(['a', 'b', 'c'].map((text) => signer.sign(statement(text))));
      const identity = `https://github.com/${JOB.job_workflow_ref}`;
      for (const { bundle } of all) {
        expect(await check(bundle, identity, sigstore.jobIssuer)).toMatchObject({ kind: 'verified' });
      }
      // One token, one key and one certificate for the whole run.
      expect(asked).toEqual([
        { url: '/token?api-version=2.0&audience=sigstore', authorization: 'bearer the-secret-of-the-job' },
      ]);
      expect(new Set(all.map(({ bundle }) => materialOf(bundle))).size).toBe(1);
    } finally {
      server.close();
    }
  });

  test('a timestamp alone is enough where the trusted root knows no log, and only there', async () => {
    const { rekorUrl: _, trustedRoot: __, ...rest } = everything();
    const signer = await keylessSigner(ada(), rest);
    const statement = writeStatement([{ digest: { sha256: 'c'.repeat(64) } }], PREDICATE.provenance, '{}');
    const { bundle } = await signer.sign(statement);
    expect(unverified(await check(bundle)).why).toBe('it is in no log');
    const { tlogs: ___, ...without } = Json.parse(JSON.parse(readFileSync(sigstore.trustedRoot, 'utf8')));
    const root = trustedRootOf(JSON.stringify(without), 'a root without logs');
    const policy = { identity: ADA.email, issuer: sigstore.issuer };
    expect(await verifyKeyless(bundle, root, policy)).toMatchObject({ kind: 'verified' });
  });

  describe('what was changed does not verify', () => {
    let bundle: Record<string, unknown>;
    beforeAll(async () => {
      const repository = new Repository(engineHere, `keyless-${process.pid}/changed`);
      const image = await repository.pushImage('changed');
      const signer = await keylessSigner(ada(), everything());
      const signed = await signer.sign(statementOf(image, repository));
      bundle = Json.parse(JSON.parse(Buffer.from(signed.bundle).toString()));
    });

    const material = () => Json.parse(bundle['verificationMaterial']);
    const whyNot = async (changed: Record<string, unknown>) =>
      unverified(await check(Buffer.from(JSON.stringify({ ...bundle, ...changed })))).why;

    test('the statement', async () => {
      const envelope = Json.parse(bundle['dsseEnvelope']);
      const payload = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}').toString('base64');
      expect(await whyNot({ dsseEnvelope: { ...envelope, payload } })).toContain(
        'the log has another statement',
      );
    });

    test('no log entry', async () => {
      expect(await whyNot({ verificationMaterial: { ...material(), tlogEntries: [] } })).toBe(
        'it is in no log',
      );
    });

    test('no inclusion proof', async () => {
      const [entry] = z.array(Json).parse(material()['tlogEntries']);
      const { inclusionProof: _, ...rest } = entry ?? {};
      expect(await whyNot({ verificationMaterial: { ...material(), tlogEntries: [rest] } })).toContain(
        'inclusion proof',
      );
    });

    test('no timestamp', async () => {
      const { timestampVerificationData: _, ...rest } = material();
      expect(await whyNot({ verificationMaterial: rest })).toBe('nobody says when it was signed');
    });

    test('the timestamp of another signature', async () => {
      const signer = await keylessSigner(ada(), everything());
      const other = await signer.sign(
        writeStatement([{ digest: { sha256: 'b'.repeat(64) } }], PREDICATE.provenance, '{}'),
      );
      const { timestampVerificationData } = Json.parse(
        Json.parse(JSON.parse(Buffer.from(other.bundle).toString()))['verificationMaterial'],
      );
      expect(await whyNot({ verificationMaterial: { ...material(), timestampVerificationData } })).toContain(
        'the time it was signed at cannot be trusted',
      );
    });
  });

  describe('what Sigstore refuses', () => {
    test('a token for somebody else, and the message does not have it', async () => {
      const token = sigstore.token({ ...ADA, aud: 'somebody-else' });
      const signer = await keylessSigner(machine({ SIGSTORE_ID_TOKEN: token }), everything());
      const error: unknown = await signer.sign(Buffer.from('{}')).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SIGNING_SERVICE_REFUSED' });
      const text = `${String(error)} ${JSON.stringify(error)}`;
      for (const part of token.split('.')) expect(text).not.toContain(part);
    });

    test('Rekor 2 without a timestamp authority', async () => {
      const { timestampUrl: _, ...rest } = everything();
      const signer = await keylessSigner(ada(), rest);
      await expect(signer.sign(Buffer.from('{}'))).rejects.toMatchObject({
        code: 'ARGV_USAGE',
        hint: 'name a timestamp authority with --timestamp-url',
      });
    });
  });
});

describe.skipIf(found === undefined)('keyless, with Rekor 1 and a log of certificates', () => {
  test('cosign verifies what we sign, and asks nobody', async () => {
    const bench = new Bench(found ?? { env: {}, registry: '127.0.0.1:0', store: 'containerd' });
    try {
      const authority = new Authority();
      const rekor = new FirstRekor();
      const signer = await keylessSigner(hostWith([fulcio(authority), rekor.handler]), {
        fulcioUrl: FULCIO,
        rekorUrl: REKOR,
      });
      const blob = bench.write('blob', 'something to attest');
      const { bundle } = await signer.sign(
        writeStatement([{ digest: { sha256: sha256('something to attest') } }], PREDICATE.provenance, '{}'),
      );
      const verify = (identity: string) =>
        bench.cosign([
          'verify-blob-attestation',
          '--type=slsaprovenance1',
          `--bundle=${bench.write('bundle.json', bundle)}`,
          `--trusted-root=${bench.write('root.json', trustedRootText(authority, rekor))}`,
          `--certificate-identity=${identity}`,
          `--certificate-oidc-issuer=${ISSUER}`,
          blob,
        ]);
      expectSuccess(await verify(DOUBLE_ADA.email));
      expect((await verify('eve@example.com')).code).not.toBe(0);
    } finally {
      rmSync(bench.folder, { recursive: true, force: true });
    }
  });
});

const Json = z.record(z.string(), z.unknown());

function materialOf(bundle: Uint8Array): string {
  const { material } = readBundle(bundle, 'a bundle');
  return material.kind === 'certificate' ? Buffer.from(material.bytes).toString('hex') : '';
}

function unverified(verdict: KeylessVerdict): { readonly why: string } {
  if (verdict.kind === 'verified') throw new Error('it was verified');
  return verdict;
}

/** The same with the annotations that a certificate needs there. */
function annotated({ blobs, manifest }: Artifact, { attAnnotations }: SignedStatement): Artifact {
  const Manifest = z.looseObject({ layers: z.array(z.looseObject({ annotations: Json })) });
  const json = Manifest.parse(JSON.parse(Buffer.from(manifest.bytes).toString()));
  const layers = json.layers.map((layer) => ({
    ...layer,
    annotations: { ...layer.annotations, ...attAnnotations },
  }));
  const bytes = Buffer.from(JSON.stringify({ ...json, layers }));
  return { blobs, manifest: contentOf(bytes, MANIFEST_MEDIA_TYPE) };
}

/** The one bundle that cosign attached, found by the tag that stands in for the referrers API. */
async function attachedBundle(repository: Repository, digest: string): Promise<Uint8Array> {
  const Index = z.object({ manifests: z.array(z.object({ digest: z.string() })) });
  const index = await repository.manifest(digest.replace(':', '-'));
  const [entry] = Index.parse(JSON.parse(Buffer.from(index).toString())).manifests;
  const layer = bundleIn(await repository.manifest(entry?.digest ?? ''), digest);
  return repository.blob(layer?.digest ?? '');
}

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
