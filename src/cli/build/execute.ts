import { basename, dirname, join, resolve } from 'node:path';
import { BUILD_FLAGS } from '../../docker/argv/flag-table.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import { flagItem, type Item, withFlags, withPositional } from '../../docker/argv/parse.ts';
import type { Host } from '../../host/host.ts';
import { writePayload } from '../../image/payload.ts';
import { PAYLOAD_CONTEXT } from '../../plan/index.ts';
import { type PreparedBuild, siblingsOf } from './prepare.ts';

/** A prepared build laid out on disk: what buildx is to be given, and where it leaves its answer. */
export interface StagedBuild {
  readonly items: readonly Item[];
  /** What the builder's record of the build names as its Dockerfile; no other build's record does. */
  readonly dockerfile: string;
  readonly metadataFile: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Writes the private copy of the Dockerfile to where its delivery wants it, and the payload. The copy keeps its basename,
 * which docker prints. Throws `FILE_UNWRITABLE` and `SHIM_MISSING`; then nothing has been built yet.
 */
export async function stageBuild(
  host: Host,
  command: DockerCommand,
  build: PreparedBuild,
  shimFolder: string,
  runtimeConfig: string | undefined,
): Promise<StagedBuild> {
  const { plan, request, marks } = build;
  const root = await host.files.makeTemporary('docker-chalk-');
  const payloadFolder = join(root, 'payload');
  const [delivered] = await Promise.all([
    deliver(host, root, command.items, build),
    writePayload(
      host,
      payloadFolder,
      plan.entrypoint === undefined ? undefined : shimFolder,
      plan.platforms.map(({ folder, programs }, index) => ({
        folder,
        programs,
        mark: marks[index]?.text ?? '',
      })),
      plan.entrypoint === undefined ? undefined : runtimeConfig,
    ),
  ]);
  const asksMetadata = request.metadataFile !== undefined;
  const metadataFile = asksMetadata ? resolve(host.cwd, request.metadataFile) : join(root, 'metadata.json');
  const added = [
    flag('file', delivered.file),
    flag('build-context', `${PAYLOAD_CONTEXT}=${payloadFolder}`),
    ...(plan.target === undefined ? [] : [flag('target', plan.target)]),
    ...(plan.checks === undefined ? [] : [flag('build-arg', `BUILDKIT_DOCKERFILE_CHECK=${plan.checks}`)]),
    ...(asksMetadata ? [] : [flag('metadata-file', metadataFile)]),
  ];
  return {
    items: withFlags(delivered.items, added),
    dockerfile: delivered.file,
    metadataFile,
    // Nobody reads the provenance in a metadata file that only we asked for, and asking for it takes a call to the builder.
    environment: asksMetadata ? {} : { BUILDX_METADATA_PROVENANCE: 'disabled' },
  };
}

interface Delivered {
  readonly items: readonly Item[];
  /** For `-f`. */
  readonly file: string;
}

async function deliver(
  host: Host,
  root: string,
  items: readonly Item[],
  { plan, source }: PreparedBuild,
): Promise<Delivered> {
  const { delivery } = source;
  const name = basename(source.path);
  const folder = join(root, 'file');
  const file = join(folder, name);
  await host.files.makeFolder(folder, 0o700);
  await host.files.write(file, plan.dockerfile, 0o600);
  switch (delivery.kind) {
    case 'copy-beside':
      await copySiblings(host, source.path, folder);
      return { items, file };
    case 'copy':
      return { items, file };
    case 'copy-without-context': {
      const context = join(root, 'context');
      await host.files.makeFolder(context, 0o700);
      return { items: withPositional(items, context), file };
    }
    case 'copy-unpacked':
      await host.files.write(`${file}.dockerignore`, '', 0o600);
      return { items: withPositional(items, delivery.context), file };
  }
}

async function copySiblings(host: Host, dockerfilePath: string, folder: string): Promise<void> {
  for (const name of siblingsOf(dockerfilePath)) {
    const from = join(dirname(dockerfilePath), name);
    if (await host.files.stat(from)) await host.files.copy(from, join(folder, name), 0o600);
  }
}

function flag(long: string, value: string): Item {
  const spec = BUILD_FLAGS.find((each) => each.long === long);
  if (spec === undefined) throw new TypeError(`build has no flag ${long}`);
  return flagItem(spec, value);
}
