import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import * as z from 'zod/mini';

/**
 * Makes `plugin/lib`: the program in one module with its lazily loaded parts beside it, the runtime, and the shims for
 * every platform. The launcher beside `lib` is all that is installed.
 */
const root = join(import.meta.dirname, '..');
const place = join(root, 'plugin', 'lib');
// Made beside its place and moved there whole: a docker chalk that is running now has its files until it ends.
const lib = `${place}.${process.pid}`;
const manifest = z
  .object({ version: z.string() })
  .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));

await rm(lib, { recursive: true, force: true });
await mkdir(lib, { recursive: true });

await build({
  entryPoints: [{ in: join(root, 'src', 'cli', 'main.ts'), out: 'chalk' }],
  outdir: lib,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  chunkNames: 'part-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  // A crash prints the line it is in: keep lines short enough to read.
  lineLimit: 160,
  legalComments: 'none',
  define: { 'process.env["CHALK_BUILD_VERSION"]': JSON.stringify(manifest.version) },
  // CommonJS dependencies call require for Node's own modules.
  banner: {
    js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
  },
});

// A link, not a copy: the runtime has 120 MB. `make dist` packs the file itself.
await symlink(join(root, 'node_modules', 'node', 'bin', 'node'), join(lib, 'node'));

/** As `entrypoint-shim/build.sh --all` makes them. */
const PLATFORMS = ['amd64', 'arm64', 'arm-v7', 'ppc64le', 'riscv64', 's390x'].map((name) => `linux-${name}`);
const shims: Record<string, Record<string, string>> = {};
for (const platform of PLATFORMS) {
  await mkdir(join(lib, 'shim', platform), { recursive: true });
  const digests: Record<string, string> = {};
  for (const program of ['shim', 'reporter']) {
    const bytes = await readFile(join(root, 'entrypoint-shim', 'build', platform, program));
    await writeFile(join(lib, 'shim', platform, program), bytes, { mode: 0o555 });
    digests[program] = createHash('sha256').update(bytes).digest('hex');
  }
  shims[platform] = digests;
}
await writeFile(join(lib, 'shim', 'shims.json'), `${JSON.stringify(shims, null, 2)}\n`);
await writeFile(join(lib, 'version'), `${manifest.version}\n`);
// The launcher starts a program of this size and no other: one that was cut off fails before it can hand over to docker.
await writeFile(join(lib, 'size'), `${(await stat(join(lib, 'chalk.mjs'))).size}\n`);

await rm(place, { recursive: true, force: true });
await rename(lib, place);
