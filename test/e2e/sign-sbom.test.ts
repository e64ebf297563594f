/** An SBOM of what is pushed and signed, made by the real Syft beside it. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { expectSuccess, onlyChalk } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { pushGenerator, realSyft, SYFT_VERSION } from '../support/syft.ts';
import { manifestAt, Signer, verified } from './sign-support.ts';

// Each starts docker and cosign a dozen times, and the machine may be busy.
vi.setConfig({ testTimeout: 300_000 });

const syft = realSyft();

describe.skipIf(syft === undefined)('with Syft', () => {
  describeWithEngine('an SBOM of what is signed', (engine) => {
    let signer: Signer;
    let folder = '';
    beforeAll(async () => {
      signer = await Signer.open(engine);
      folder = signer.sandbox.project({
        Dockerfile: `FROM ${signer.sandbox.base('busybox')}\nCMD ["true"]\n`,
      });
    });
    afterAll(async () => signer.close());

    test('is attached to the image and its index, and in the report', async () => {
      const repository = signer.repository();
      const name = `${engine.registry}/${repository}:v1`;
      const words = ['--sbom=syft', 'build', '--push', '--progress=plain', '-t', name, folder];
      const built = expectSuccess(await signer.chalk(words, { CHALK_SYFT: syft ?? '' }));
      expect(built.stderr).not.toContain('docker chalk:');
      const statement = verified(expectSuccess(await signer.verify(name, 'spdxjson')));
      const top = await manifestAt(engine.registry, repository, 'v1');
      expect(statement).toMatchObject({
        subject: [
          { annotations: { 'run.chalk.sbom.tool': `syft ${SYFT_VERSION}`, 'run.chalk.sbom.origin': 'syft' } },
          { digest: { sha256: top?.digest.replace('sha256:', '') } },
        ],
        predicate: { spdxVersion: 'SPDX-2.3' },
      });
      const chalk = onlyChalk(signer.sandbox.lastReport());
      expect(chalk['_IMAGE_SBOM']).toMatchObject({ spdxVersion: 'SPDX-2.3' });
      expectSuccess(await signer.verify(name, 'slsaprovenance1'));
    });

    test('that cannot be made is a warning, also in strict mode', async () => {
      const name = `${engine.registry}/${signer.repository()}:v1`;
      const words = ['--strict', '--sbom=syft', 'build', '--push', '--progress=plain', '-t', name, folder];
      const built = expectSuccess(await signer.chalk(words, { CHALK_SYFT: '/bin/false' }));
      expect(oursIn(built.stderr)).toEqual([expect.stringContaining('no SBOM: SBOM_FAILED')]);
      expect(signer.sandbox.lastReport()['_OP_ERRORS']).toEqual([expect.stringContaining('SBOM_FAILED')]);
      expectSuccess(await signer.verify(name, 'slsaprovenance1'));
    });

    test('from a place that is none: said before anything is built', async () => {
      const name = `${engine.registry}/${signer.repository()}:v1`;
      const built = await signer.chalk(['--sbom=magic', 'build', '--push', '-t', name, folder]);
      expect([built.code, built.stderr]).toEqual([125, expect.stringContaining('ARGV_BAD_VALUE')]);
      expect(built.stderr.split('\n')).toHaveLength(2);
    });

    test('a variable that names no place: signed without one, and said once', async () => {
      const name = `${engine.registry}/${signer.repository()}:v1`;
      const words = ['build', '--push', '--progress=plain', '-t', name, folder];
      const built = expectSuccess(await signer.chalk(words, { CHALK_SBOM: 'magic' }));
      expect(oursIn(built.stderr)).toEqual([
        expect.stringContaining('no SBOM: CONFIG_INVALID: CHALK_SBOM is "magic"'),
      ]);
      expectSuccess(await signer.verify(name, 'slsaprovenance1'));
      const unsigned = ['--no-sign', 'build', '--progress=plain', '-t', name, folder];
      const alone = expectSuccess(await signer.chalk(unsigned, { CHALK_SBOM: 'magic' }));
      expect(oursIn(alone.stderr)).toEqual([expect.stringContaining('CONFIG_INVALID')]);
    });

    describe.skipIf(engine.store !== 'containerd')('made by BuildKit in the build', () => {
      let generator = '';
      beforeAll(async () => {
        generator = `${engine.registry}/${signer.repository()}:1`;
        await pushGenerator(signer.sandbox, generator, syft ?? '');
      });
      const buildkits = {
        subject: [{ annotations: { 'run.chalk.sbom.origin': 'buildkit' } }, {}],
        predicate: { spdxVersion: 'SPDX-2.3' },
      };

      test('a build', async () => {
        const name = `${engine.registry}/${signer.repository()}:v1`;
        const asked = `--sbom=docker,generator=${generator}`;
        const words = [asked, 'build', '--push', '--progress=plain', '-t', name, folder];
        const built = expectSuccess(await signer.chalk(words));
        expect(oursIn(built.stderr)).toEqual([]);
        expect(verified(expectSuccess(await signer.verify(name, 'spdxjson')))).toMatchObject(buildkits);
        expect(signer.sandbox.lastReport()).toMatchObject({ _X_CHALK_INJECTION: 'inline' });
      });

      test('every target of a bake', async () => {
        const names = ['a', 'b'].map(() => `${engine.registry}/${signer.repository()}:v1`);
        const target = Object.fromEntries(names.map((name, index) => [`t${index}`, { tags: [name] }]));
        const group = { default: { targets: Object.keys(target) } };
        const cwd = signer.sandbox.project({
          Dockerfile: `FROM ${signer.sandbox.base('busybox')}\nCMD ["true"]\n`,
          'docker-bake.json': JSON.stringify({ group, target }),
        });
        const env = { ...signer.env, CHALK_SBOM: `docker,generator=${generator}` };
        expectSuccess(await signer.sandbox.chalk(['bake', '--push', '--progress=quiet'], { cwd, env }));
        for (const name of names) {
          expect(verified(expectSuccess(await signer.verify(name, 'spdxjson')))).toMatchObject(buildkits);
        }
      });

      test('a generator that cannot be had stops no build', async () => {
        const name = `${engine.registry}/${signer.repository()}:v1`;
        const asked = `--sbom=docker,generator=${engine.registry}/${signer.repository()}:none`;
        const built = expectSuccess(
          await signer.chalk([asked, 'build', '--push', '--progress=plain', '-t', name, folder]),
        );
        expect(oursIn(built.stderr)).toEqual([expect.stringContaining('building without a mark')]);
        expect(await manifestAt(engine.registry, name.split(/[/:]/)[2] ?? '', 'v1')).toBeDefined();
      });
    });
  });
});

const oursIn = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('docker chalk:'));
