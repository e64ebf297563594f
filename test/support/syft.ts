import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectSuccess, type Sandbox } from './chalk.ts';

const PROVISION = fileURLToPath(new URL('engine/syft.sh', import.meta.url));
const GENERATOR = fileURLToPath(new URL('engine/sbom-generator', import.meta.url));

/** The version `syft.sh` fetches. */
export const SYFT_VERSION = '1.18.1';

/** The real Syft, or undefined where it cannot be had; with `CHALK_E2E=required` that is an error instead. */
export function realSyft(): string | undefined {
  const result = spawnSync('bash', [PROVISION], { encoding: 'utf8', timeout: 280_000 });
  if (result.status === 0) return result.stdout.trim();
  if (process.env['CHALK_E2E'] !== 'required') return undefined;
  throw new Error(`CHALK_E2E=required, but there is no Syft to test with.\n${result.stderr}`);
}

/** Builds an image that BuildKit can make SBOMs with, and pushes it. */
export async function pushGenerator(sandbox: Sandbox, name: string, syft: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chalk-generator-'));
  try {
    for (const file of ['Dockerfile', 'generate.sh']) copyFileSync(join(GENERATOR, file), join(folder, file));
    copyFileSync(syft, join(folder, 'syft'));
    const registry = ['--build-arg', `REGISTRY=${sandbox.engine.registry}`];
    expectSuccess(await sandbox.docker(['build', '-q', '-t', name, ...registry, '--push', folder]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
