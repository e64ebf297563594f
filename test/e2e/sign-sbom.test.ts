/** An SBOM of what is pushed and signed, made by the real Syft beside it. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { expectSuccess, onlyChalk } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { realSyft, SYFT_VERSION } from '../support/syft.ts';
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
      const said = built.stderr.split('\n').filter((line) => line.startsWith('docker chalk:'));
      expect(said).toEqual([expect.stringContaining('no SBOM: SBOM_FAILED')]);
      expect(signer.sandbox.lastReport()['_OP_ERRORS']).toEqual([expect.stringContaining('SBOM_FAILED')]);
      expectSuccess(await signer.verify(name, 'slsaprovenance1'));
    });

    test('from a place that is none: said before anything is built', async () => {
      const name = `${engine.registry}/${signer.repository()}:v1`;
      const built = await signer.chalk(['--sbom=magic', 'build', '--push', '-t', name, folder]);
      expect([built.code, built.stderr]).toEqual([125, expect.stringContaining('ARGV_BAD_VALUE')]);
      expect(built.stderr.split('\n')).toHaveLength(2);
    });
  });
});
