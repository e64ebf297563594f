import { join } from 'node:path';
import yargs, { type Argv } from 'yargs';
import { ChalkError } from '../base/errors.ts';
import type { Item } from '../docker/argv/parse.ts';
import { valuesOf } from '../docker/argv/parse.ts';
import type { Host } from '../host/host.ts';
import type { AskedWays } from './ways/commands.ts';
import { EXIT } from './exit-codes.ts';
import { PRODUCT_VERSION } from './version.ts';

const HELP = `Usage: docker chalk [OPTIONS] COMMAND

Builds as docker does, and leaves provenance in every image: a mark that says
where it came from, and a shim that says where it runs.

Commands:
  build, buildx build    Build an image, mark it and wrap its entrypoint
  extract NAME           Show and validate the mark of an image or a container
  verify NAME|FILE       Verify the mark, signatures and content of an image
  ps                     List running containers with the marks of their images
  sbom IMAGE             Print the SBOM of an image
  exec -- PROGRAM        Run a program here and report it as a container's
  install, uninstall     Put docker-chalk where docker finds it: as plugin, in
                         front of docker, or in front of buildx
  doctor                 Test every way in and say how to mend what is wrong
  alias SHELL            Print an alias that puts docker-chalk before docker
  status                 Show what is installed and what it works with
  setup [gen]            Make or test the keys that sign attestations
  version                Show the version
Every other command is docker's own and goes to docker unchanged.

Options, between \`chalk\` and the command:
  --explain              Print what would be done to a build, and build nothing
  --no-wrap              Mark the image, but leave its entrypoint alone
  --report FILE          Write the report to FILE, - prints it; may be repeated
  --no-report            Write no report
  --sign, --no-sign      Sign what is pushed, or do not: without either it is signed
                         where setup has put keys and their password is set
  --key FILE             Sign with this private key
  --keyless              Sign as this CI job, by its identity token (CHALK_KEYLESS=1)
  --fulcio-url, --rekor-url, --timestamp-url URL, --trusted-root FILE
                         Where, instead of at Sigstore's public servers
  --sbom SOURCE          Where the SBOM of what is signed comes from: auto, docker,
                         scout, syft, off (CHALK_SBOM)
  --sbom-format FORMAT   spdx or cyclonedx
  --strict               Fail where no mark or report can be made (CHALK_STRICT=1)
  --runtime-report DEST  Containers of this image report to DEST: an http(s) URL,
                         a file in the container, - for their standard output
  --runtime-mode MODE    When they do: exec (once they run), heartbeat, sync (before
                         the program), lambda, init (also how it ended) or off

Environment:
  CHALK_DISABLED=1       Run docker itself, as if docker chalk were not there
`;

function waysOptions<T>(command: Argv<T>) {
  return command
    .option('plugin', { type: 'boolean', default: false, describe: 'docker chalk …' })
    .option('wrapper', {
      type: 'string',
      describe: 'docker …: a link named docker in FOLDER (default ~/.local/bin), which PATH must have first',
    })
    .option('builder-alias', {
      type: 'boolean',
      default: false,
      describe: "docker build …, by docker's own alias",
    })
    .option('buildx-shim', {
      type: 'boolean',
      default: false,
      describe: 'everything that ends in buildx: compose, bake, CI actions',
    });
}

function askedWays(asked: {
  readonly plugin: boolean;
  readonly wrapper: string | undefined;
  readonly builderAlias: boolean;
  readonly buildxShim: boolean;
}): AskedWays {
  const names = new Set<'plugin' | 'wrapper' | 'builder-alias' | 'buildx-shim'>();
  if (asked.plugin) names.add('plugin');
  if (asked.wrapper !== undefined) names.add('wrapper');
  if (asked.builderAlias) names.add('builder-alias');
  if (asked.buildxShim) names.add('buildx-shim');
  return { names, folder: asked.wrapper === '' ? undefined : asked.wrapper };
}

/** Our own commands; yargs and everything they need is loaded only when one of them was typed. */
export async function runOwnCommand(
  host: Host,
  globals: readonly Item[],
  options: readonly Item[],
  globalWords: readonly string[],
  words: readonly string[],
): Promise<number> {
  const [first] = words;
  const help = globalWords.some((word) => word === '--help' || word === '-h');
  if (first === undefined || first === 'help' || help) {
    await host.terminal.writeOut(HELP);
    return EXIT.ok;
  }
  if (first === 'exec') {
    // Every word behind it is the program's.
    const { execCommand } = await import('./exec-command.ts');
    return execCommand(host, join(import.meta.dirname, 'shim'), words.slice(1));
  }
  let status: number = EXIT.ok;
  const reports = valuesOf(options, 'report');
  const cli = yargs([...words])
    .scriptName('docker chalk')
    .parserConfiguration({ 'duplicate-arguments-array': false })
    .version(false)
    .strict()
    .exitProcess(false)
    .recommendCommands()
    .demandCommand(1)
    .wrap(100)
    .command(
      'extract <name>',
      'Show and validate the mark of an image or a container',
      (command) =>
        command
          .positional('name', { type: 'string', demandOption: true, describe: 'Image or container' })
          .option('json', { type: 'boolean', default: false, describe: 'Print the report' })
          .option('remote', {
            type: 'boolean',
            default: false,
            describe: 'Read it from its registry, without pulling it, whatever the engine has',
          })
          .option('platform', {
            type: 'string',
            describe: 'Of an image in a registry this one alone: linux/arm64',
          }),
      async ({ name, json, remote, platform }) => {
        const { extractCommand } = await import('./extract-command.ts');
        status = await extractCommand(host, globals, reports, name, json, { remote, platform });
      },
    )
    .command(
      'verify <name>',
      'Verify an image, an OCI layout or a marked file: 0 verified, 1 not verified, 2 could not tell',
      (command) =>
        command
          .parserConfiguration({ 'duplicate-arguments-array': true, 'greedy-arrays': false })
          .positional('name', { type: 'string', demandOption: true, describe: 'Image, file or OCI layout' })
          .option('key', {
            type: 'string',
            array: true,
            requiresArg: true,
            default: [],
            describe: 'Public key FILE that may have signed it; may be repeated',
          })
          .option('identity', { type: 'string', describe: 'Who may have signed it without a key' })
          .option('issuer', { type: 'string', describe: 'By whose word that is the identity' })
          .option('trusted-root', {
            type: 'string',
            describe: "Sigstore's trusted root FILE, for identities",
          })
          .option('policy', {
            type: 'string',
            describe: 'FILE that says for each repository what is asked for',
          })
          .option('platform', { type: 'string', describe: 'Of several this one alone: linux/arm64' })
          .option('offline', { type: 'boolean', default: false, describe: 'Use no network' })
          .option('layers', { type: 'boolean', default: false, describe: 'Read every layer whole' })
          .option('json', { type: 'boolean', default: false, describe: 'Print JSON' }),
      async ({ name, key, identity, issuer, trustedRoot, policy, platform, offline, layers, json }) => {
        const { verifyCommand } = await import('./verify-command.ts');
        const typed = { identity, issuer, trustedRoot, policy, platform, offline, json };
        const asked = { ...typed, name, keys: key, everyLayer: layers };
        status = await verifyCommand(host, globals, asked, join(import.meta.dirname, 'shim'));
      },
    )
    .command(
      'install',
      'Put docker-chalk where docker finds it; without options, as a plugin',
      waysOptions,
      async (asked) => {
        const { installCommand } = await import('./ways/commands.ts');
        status = await installCommand(host, globals, askedWays(asked));
      },
    )
    .command(
      'uninstall',
      'Take it away from there; without options, from everywhere',
      waysOptions,
      async (asked) => {
        const { uninstallCommand } = await import('./ways/commands.ts');
        status = await uninstallCommand(host, globals, askedWays(asked));
      },
    )
    .command(
      'status',
      'Show what is installed and what it works with',
      (command) => command,
      async () => {
        const { statusCommand } = await import('./ways/commands.ts');
        status = await statusCommand(host, globals);
      },
    )
    .command(
      'doctor',
      'Test every way in and say how to mend what is wrong',
      (command) => command,
      async () => {
        const { doctorCommand } = await import('./ways/commands.ts');
        status = await doctorCommand(host, globals);
      },
    )
    .command(
      'alias <shell>',
      'Print the alias that puts docker-chalk before docker in a shell',
      (command) =>
        command.positional('shell', {
          type: 'string',
          demandOption: true,
          describe: 'bash, zsh, fish or powershell',
        }),
      async ({ shell }) => {
        const { aliasCommand } = await import('./ways/commands.ts');
        status = await aliasCommand(host, globals, shell);
      },
    )
    .command(
      'ps',
      'List running containers with the marks of their images',
      (command) => command.option('json', { type: 'boolean', default: false, describe: 'Print JSON' }),
      async ({ json }) => {
        const { psCommand } = await import('./ps-command.ts');
        status = await psCommand(host, globals, json);
      },
    )
    .command(
      'sbom <image>',
      'Print the SBOM of an image: the attested one, else BuildKit’s, else a new one',
      (command) =>
        command
          .parserConfiguration({ 'duplicate-arguments-array': true, 'greedy-arrays': false })
          .positional('image', { type: 'string', demandOption: true, describe: 'Image' })
          .option('format', {
            choices: ['spdx', 'cyclonedx'] as const,
            describe: 'SPDX 2.3 or CycloneDX 1.6',
          })
          .option('platform', { type: 'string', describe: 'Of an image for several, this one: linux/arm64' })
          .option('output', { type: 'string', describe: 'Write it to FILE' })
          .option('source', {
            choices: ['auto', 'docker', 'scout', 'syft'] as const,
            describe: 'Do not look for an attested one; take it from here',
          })
          .option('key', {
            type: 'string',
            array: true,
            default: [],
            requiresArg: true,
            describe: 'Only one that this public key FILE verifies; may be repeated',
          })
          .option('remote', {
            type: 'boolean',
            default: false,
            describe: 'Of the image in its registry, whatever the engine has',
          }),
      async ({ image, format, platform, output, source, key: keys, remote }) => {
        const { sbomCommand } = await import('./sbom-command.ts');
        status = await sbomCommand(host, globals, image, { format, platform, output, source, keys, remote });
      },
    )
    .command(
      'setup [gen]',
      'Make the keys that sign attestations, or test those that are there; `gen` replaces them',
      (command) =>
        command
          .positional('gen', { choices: ['gen'] as const, describe: 'Make new keys in any case' })
          .option('import', { type: 'string', describe: "Take cosign's key FILE" })
          .option('password-file', {
            type: 'string',
            describe: 'Read the password from FILE instead of CHALK_PASSWORD',
          })
          .option('yes', { type: 'boolean', default: false, describe: 'Replace keys without asking' }),
      async ({ gen, import: importFile, passwordFile, yes }) => {
        const { setupCommand } = await import('./setup-command.ts');
        status = await setupCommand(host, { generate: gen === 'gen', importFile, passwordFile, yes });
      },
    )
    .command(
      'version',
      'Show the version',
      (command) => command,
      async () => {
        await host.terminal.writeOut(`docker-chalk ${PRODUCT_VERSION}\n`);
      },
    )
    .fail((message, error) => {
      if (error instanceof Error) throw error;
      throw new ChalkError('ARGV_USAGE', message, { hint: 'see docker chalk --help' });
    });
  await cli.parseAsync();
  return status;
}
