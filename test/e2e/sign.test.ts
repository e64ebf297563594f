/** What is pushed is signed: the real cosign verifies it, in the real registry. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { attestImages } from '../../src/attest/index.ts';
import { nodeHost } from '../../src/host/node.ts';
import { readMark } from '../../src/mark/index.ts';
import {
  attLayers,
  attTag,
  keySigner,
  openKey,
  Password,
  PREDICATE,
  readEnvelope,
  readKeyFile,
  readMarkStatement,
  verifyEnvelope,
} from '../../src/sign/index.ts';
import { expectSuccess, onlyChalk } from '../support/chalk.ts';
import { describeWithEngine, describeWithEveryStore } from '../support/engine.ts';
import { blobAt, manifestAt, SCAI, Signer, SLSA, tagsOf, verified } from './sign-support.ts';

// Each starts docker and cosign a dozen times, and the machine may be busy.
vi.setConfig({ testTimeout: 300_000 });

const SPDX = 'https://spdx.dev/Document';
/** cosign 2.5, where the machine has one: it looks only below the `.att` tag. */
const OLD = process.env['CHALK_TEST_COSIGN_2'];

describeWithEveryStore('signing a build that is pushed', (engine) => {
  let signer: Signer;
  let other: Signer;
  beforeAll(async () => {
    [signer, other] = [await Signer.open(engine), await Signer.open(engine)];
  });
  afterAll(async () => Promise.all([signer.close(), other.close()]));

  test('the mark and the provenance verify by tag and by digest, with the right key and type alone', async () => {
    const { sandbox } = signer;
    const repository = signer.repository();
    const name = `${engine.registry}/${repository}`;
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    const built = expectSuccess(
      await signer.chalk(['build', '--push', '--build-arg', 'WORD=secret', '-t', `${name}:v1`, folder]),
    );
    expect(built.stderr).not.toContain('docker chalk:');
    const top = await manifestAt(engine.registry, repository, 'v1');
    const images = (top?.manifest.manifests ?? []).filter(({ platform }) => platform?.os === 'linux');
    const digests = [top?.digest ?? '', ...images.map(({ digest }) => digest)];
    for (const reference of [`${name}:v1`, ...digests.map((digest) => `${name}@${digest}`)]) {
      for (const type of [SCAI, 'slsaprovenance1']) {
        expectSuccess(await signer.verify(reference, type));
        expect((await signer.verify(reference, type, other.publicKeyFile)).code).not.toBe(0);
        if (OLD !== undefined) expectSuccess(await signer.verify(reference, type, signer.publicKeyFile, OLD));
      }
      const wrongType = await signer.verify(reference, SPDX);
      expect([wrongType.code, wrongType.stderr]).toEqual([1, expect.stringContaining('predicate type')]);
    }

    const chalk = onlyChalk(sandbox.lastReport());
    expect(sandbox.lastReport()).toMatchObject({ _X_CHALK_SIGNING: 'key' });
    expect(sandbox.lastReport()).not.toHaveProperty('_OP_ERRORS');
    expect(chalk['_SIGNATURES']).toHaveLength(digests.length);
    expect(chalk['_REPO_TAGS']).toEqual({
      [engine.registry]: { [repository]: { v1: top?.digest.replace('sha256:', '') } },
    });
    const marked = verified(await signer.verify(`${name}@${digests.at(-1)}`, SCAI));
    expect(marked).toMatchObject({
      subject: [{ name, digest: { sha256: digests.at(-1)?.replace('sha256:', '') } }],
      predicate: {
        attributes: [
          { attribute: 'CHALK', evidence: { METADATA_ID: chalk['METADATA_ID'] } },
          { attribute: 'IMAGE_CONTENT', evidence: { version: 1 } },
        ],
      },
    });

    const provenance = verified(await signer.verify(`${name}:v1`, 'slsaprovenance1'));
    expect(provenance['predicate']).toEqual(chalk['_IMAGE_PROVENANCE']);
    expect(provenance).toMatchObject({
      predicateType: SLSA,
      predicate: {
        buildDefinition: { externalParameters: { buildArgs: ['WORD'], dockerfile: 'Dockerfile' } },
      },
    });
    const text = JSON.stringify(provenance);
    for (const hidden of ['secret', sandbox.root, folder]) expect(text).not.toContain(hidden);
    expect(text).toContain('/busybox@1');
  });

  test('below the .att tag is the very mark that is in the image', async () => {
    const { sandbox } = signer;
    const repository = signer.repository();
    const name = `${engine.registry}/${repository}:v1`;
    const folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["cat", "/chalk.json"]\n`,
    });
    expectSuccess(await signer.chalk(['build', '-q', '--push', '-t', name, folder]));
    const image = await manifestAt(engine.registry, repository, 'v1');
    const own =
      image?.manifest.manifests?.find(({ platform }) => platform?.os === 'linux')?.digest ?? image?.digest;
    const att = await manifestAt(engine.registry, repository, attTag(own ?? ''));
    const layers = attLayers(att?.bytes ?? Buffer.alloc(0), 'the .att tag');
    expect(layers.map(({ predicateType }) => predicateType)).toEqual([SCAI, SLSA]);
    const envelope = readEnvelope(
      await blobAt(engine.registry, repository, layers[0]?.descriptor.digest ?? ''),
      'the first layer',
    );
    expect(verifyEnvelope(envelope, [signer.publicKey()]).kind).toBe('verified');
    const { stdout } = expectSuccess(await sandbox.docker(['run', '--rm', '--pull=always', '-q', name]));
    expect(readMarkStatement(envelope.payload, 'it')).toEqual(readMark(stdout, '/chalk.json'));
    await sandbox.docker(['image', 'rm', '--force', name]);
  });

  test('docker chalk push: the mark, and no provenance; a second push finds it there', async () => {
    const { sandbox } = signer;
    const repository = signer.repository();
    const name = `${engine.registry}/${repository}`;
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    expectSuccess(await signer.chalk(['build', '-t', `${name}:v1`, '-t', `${name}:v2`, folder]));
    expect(await tagsOf(engine.registry, repository)).toEqual([]);
    const pushed = await signer.chalk(['push', '-q', `${name}:v1`]);
    expect(pushed).toEqual({ code: 0, stdout: `${name}:v1\n`, stderr: '' });
    const first = signer.attached();
    expect(new Set(first.map(({ predicateType, state }) => `${state} ${predicateType}`))).toEqual(
      new Set([`attached ${SCAI}`]),
    );
    expectSuccess(await signer.verify(`${name}:v1`, SCAI));
    expect((await signer.verify(`${name}:v1`, 'slsaprovenance1')).code).not.toBe(0);

    const tags = (await tagsOf(engine.registry, repository)).filter((tag) => tag.startsWith('sha256-'));
    const before = await Promise.all(tags.map((tag) => manifestAt(engine.registry, repository, tag)));
    expectSuccess(await signer.chalk(['push', '--all-tags', '-q', name]));
    expect(signer.attached()).toEqual(first.map((each) => ({ ...each, state: 'there-already' })));
    const after = await Promise.all(tags.map((tag) => manifestAt(engine.registry, repository, tag)));
    expect(after.map((each) => each?.digest)).toEqual(before.map((each) => each?.digest));

    // Another key's signature is another one, beside the first.
    expectSuccess(
      await signer.chalk(['--key', other.privateKeyFile, 'push', '-q', `${name}:v2`], {
        CHALK_PASSWORD: other.env['CHALK_PASSWORD'] ?? '',
      }),
    );
    expect(new Set(signer.attached().map(({ state }) => state))).toEqual(new Set(['attached']));
    for (const key of [signer.publicKeyFile, other.publicKeyFile]) {
      expectSuccess(await signer.verify(`${name}:v1`, SCAI, key));
    }
    await sandbox.docker(['image', 'rm', '--force', `${name}:v1`, `${name}:v2`]);
  });
});

describeWithEngine('signing several images', (engine) => {
  let signer: Signer;
  beforeAll(async () => {
    signer = await Signer.open(engine);
  });
  afterAll(async () => signer.close());

  test.runIf(engine.store === 'containerd')(
    'several platforms: the index has every mark, each image its own',
    async () => {
      const { sandbox } = signer;
      const repository = signer.repository();
      const name = `${engine.registry}/${repository}`;
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('multi')}\nCMD ["own"]\n` });
      const platforms = ['linux/amd64', 'linux/arm64'];
      expectSuccess(
        await signer.chalk([
          'build',
          '-q',
          '--platform',
          platforms.join(','),
          '--push',
          '-t',
          `${name}:v1`,
          folder,
        ]),
      );
      const top = await manifestAt(engine.registry, repository, 'v1');
      const chalks = sandbox.lastReport()._CHALKS ?? [];
      expect(chalks).toHaveLength(2);
      const targets = [];
      for (const platform of platforms) {
        const own = top?.manifest.manifests?.find(
          (each) => `linux/${each.platform?.architecture}` === platform,
        );
        const chalk = chalks.find((each) => each['DOCKER_PLATFORM'] === platform);
        const sha256 = own?.digest.replace('sha256:', '');
        expect(chalk?.['_REPO_DIGESTS']).toEqual({ [engine.registry]: { [repository]: [sha256] } });
        const reference = `${name}@${own?.digest}`;
        expectSuccess(await signer.verify(reference, 'slsaprovenance1'));
        const evidence = { METADATA_ID: chalk?.['METADATA_ID'] };
        expect(verified(await signer.verify(reference, SCAI))).toMatchObject({
          predicate: { attributes: [{ attribute: 'CHALK', evidence }, { attribute: 'IMAGE_CONTENT' }] },
        });
        targets.push({ attribute: 'CHALK', target: { name, digest: { sha256 } }, evidence });
      }
      expect(verified(await signer.verify(`${name}:v1`, SCAI))).toMatchObject({
        predicate: { attributes: targets },
      });

      // One of them alone, pushed by docker's own choice.
      const copy = signer.repository();
      const moved = `${engine.registry}/${copy}:v1`;
      await sandbox.docker(['pull', '-q', '--platform', 'linux/arm64', `${name}:v1`]);
      await sandbox.docker(['tag', `${name}:v1`, moved]);
      expectSuccess(await signer.chalk(['push', '--platform', 'linux/arm64', moved]));
      expectSuccess(await signer.verify(moved, SCAI));
      await sandbox.docker(['image', 'rm', '--force', moved, `${name}:v1`]);
    },
  );

  test('two repositories, two tags: every image in each of them', async () => {
    const { sandbox } = signer;
    const [one, two] = [signer.repository(), signer.repository()].map((each) => `${engine.registry}/${each}`);
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    const output = `type=image,push=true,"name=${one}:v1,${one}:v2,${two}:v1"`;
    expectSuccess(await signer.chalk(['buildx', 'build', '-q', '-o', output, folder]));
    for (const name of [`${one}:v1`, `${one}:v2`, `${two}:v1`]) {
      for (const type of [SCAI, 'slsaprovenance1']) expectSuccess(await signer.verify(name, type));
    }
    const repositories = new Set(signer.attached().map(({ repository }) => repository));
    expect(repositories).toEqual(new Set([one, two]));
  });

  test('bake: the targets that are pushed', async () => {
    const { sandbox } = signer;
    const [one, two] = [signer.repository(), signer.repository()].map(
      (each) => `${engine.registry}/${each}:v1`,
    );
    const folder = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nARG WORD\nRUN echo "$WORD" >/word\n`,
      'docker-bake.hcl': [
        'group "default" { targets = ["one", "two"] }',
        ...[one, two].flatMap((tag, index) => [
          `target "${['one', 'two'][index]}" {`,
          `  args = { WORD = "${index}" }`,
          `  tags = ["${tag}"]`,
          '}',
        ]),
      ].join('\n'),
    });
    expectSuccess(
      await sandbox.chalk(['bake', '--push', '--progress=quiet'], { cwd: folder, env: signer.env }),
    );
    for (const [target, name] of [
      ['one', one],
      ['two', two],
    ]) {
      expectSuccess(await signer.verify(name ?? '', SCAI));
      expect(verified(await signer.verify(name ?? '', 'slsaprovenance1'))).toMatchObject({
        predicate: { buildDefinition: { externalParameters: { bakeTarget: target, buildArgs: ['WORD'] } } },
      });
    }
    expect(sandbox.lastReport()).toMatchObject({ _X_CHALK_SIGNING: 'key' });
  });

  test('what only has labels is signed with the mark they stand for', async () => {
    const { sandbox } = signer;
    const name = `${engine.registry}/${signer.repository()}:v1`;
    const base = sandbox.base('busybox');
    const folder = sandbox.project({ Dockerfile: `FROM ${base} AS replaced\nRUN true\n` });
    const context = `replaced=docker-image://${base}`;
    expectSuccess(
      await signer.chalk(['build', '-q', '--push', '--build-context', context, '-t', name, folder]),
    );
    expect(sandbox.lastReport()).toMatchObject({ _X_CHALK_INJECTION: 'label' });
    const chalk = onlyChalk(sandbox.lastReport());
    expect(verified(await signer.verify(name, SCAI))).toMatchObject({
      predicate: { attributes: [{ attribute: 'CHALK', evidence: { METADATA_ID: chalk['METADATA_ID'] } }] },
    });
  });

  test('SBOMs: cosign knows them by their short names, by tag and by digest', async () => {
    const { sandbox } = signer;
    const repository = signer.repository();
    const name = `${engine.registry}/${repository}`;
    const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
    expectSuccess(await signer.chalk(['--no-sign', 'build', '-q', '--push', '-t', `${name}:v1`, folder]));
    const top = await manifestAt(engine.registry, repository, 'v1');
    const key = await openKey(
      readKeyFile(readFileSync(signer.privateKeyFile, 'utf8'), 'chalk.key'),
      new Password(signer.env['CHALK_PASSWORD'] ?? '', 'the test'),
    );
    const sboms = [
      { format: 'spdx' as const, predicateType: PREDICATE.spdx, text: '{"spdxVersion":"SPDX-2.3"}' },
      { format: 'cyclonedx' as const, predicateType: PREDICATE.cyclonedx, text: '{"bomFormat":"CycloneDX"}' },
    ].map((each) => ({ ...each, tool: { name: 'syft', version: '1' }, origin: 'syft' }));
    const image = {
      repository: { registry: engine.registry, repository },
      digest: top?.digest ?? '',
      marks: [],
      sboms,
    };
    const settings = { configFolder: sandbox.config };
    const [attestation] = await attestImages(nodeHost(), settings, keySigner(key), [image]);
    expect(attestation?.errors).toEqual([]);
    const own = top?.manifest.manifests?.find(({ platform }) => platform?.os === 'linux')?.digest;
    for (const reference of [`${name}:v1`, `${name}@${own ?? top?.digest}`]) {
      for (const type of ['spdxjson', 'cyclonedx']) {
        expectSuccess(await signer.verify(reference, type));
        if (OLD !== undefined) expectSuccess(await signer.verify(reference, type, signer.publicKeyFile, OLD));
      }
    }
  });
});
