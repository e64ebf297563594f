import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import * as z from 'zod/mini';

/**
 * Makes `plugin/lib`: the program in one module with its lazily loaded parts beside it, the runtime, and the shims for
 * every platform. The launcher beside `lib` is all that is installed.
 */
const root = join(import.meta.dirname, '..');
const lib = join(root, 'plugin', 'lib');
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

for (const platform of ['linux-amd64', 'linux-arm64']) {
  await mkdir(join(lib, 'shim', platform), { recursive: true });
  for (const program of ['shim', 'reporter']) {
    const to = join(lib, 'shim', platform, program);
    await copyFile(join(root, 'entrypoint-shim', 'build', platform, program), to);
    await chmod(to, 0o555);
  }
}
await writeFile(join(lib, 'version'), `${manifest.version}\n`);
