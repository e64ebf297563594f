import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Programs of others that run docker builds, in the versions they were tried in. */
const CLIENTS = ['@devcontainers/cli@0.89.0', '@docker/actions-toolkit@0.101.0'] as const;

/**
 * Installs them from npm into the testbed's cache, once, without running their install scripts. Returns the folder of
 * packages. It is made under another name first: a folder with the right name is whole.
 */
export function installedClients(): string {
  const cache = process.env['CHALK_TESTBED_CACHE'] ?? join(homedir(), '.cache', 'docker-chalk-testbed');
  const folder = join(cache, `clients-${CLIENTS.map((client) => client.split('@').at(-1)).join('-')}`);
  const packages = join(folder, 'node_modules');
  if (existsSync(packages)) return packages;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'clients-draft-'));
  const words = ['install', '--prefix', draft, '--no-audit', '--no-fund', '--ignore-scripts', ...CLIENTS];
  const { status, stderr } = spawnSync('npm', words, { encoding: 'utf8', cwd: draft });
  if (status !== 0) throw new Error(`npm install: ${stderr}`);
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another run was quicker.
    if (!existsSync(packages)) throw error;
  }
  return packages;
}
