import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const SOURCES = ['src', 'plugin/bundle.ts', 'package.json', 'entrypoint-shim/build'];

/** Vitest's global setup: the end-to-end tests run what is installed, so `plugin/lib` must be this checkout's. */
export default function setup(): void {
  const made = statSync(join(ROOT, 'plugin', 'lib', 'version'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (SOURCES.some((source) => newest(join(ROOT, source)) > made)) {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
  }
}

function newest(path: string): number {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info === undefined) return 0;
  const below = info.isDirectory() ? readdirSync(path).map((name) => newest(join(path, name))) : [];
  return Math.max(info.mtimeMs, ...below);
}
