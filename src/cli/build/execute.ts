import { basename, dirname, join } from 'node:path';
import { BUILD_FLAGS } from '../../docker/argv/flag-table.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import { flagItem, type Item, withFlags } from '../../docker/argv/parse.ts';
import type { Host } from '../../host/host.ts';
import { writePayload } from '../../image/payload.ts';
import { PAYLOAD_CONTEXT } from '../../plan/index.ts';
import { type PreparedBuild, siblingsOf } from './prepare.ts';

/** A prepared build laid out on disk: what buildx is to be given, and where it leaves its answer. */
export interface StagedBuild {
  readonly items: readonly Item[];
  readonly payloadFolder: string;
  readonly metadataFile: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Writes the private copy of the Dockerfile with its ignore and policy files beside it, and the payload. The copy keeps
 * its basename, which docker prints. Throws `FILE_UNWRITABLE` and `SHIM_MISSING`; then nothing has been built yet.
 */
export async function stageBuild(
  host: Host,
  command: DockerCommand,
  build: PreparedBuild,
  shimFolder: string,
  runtimeConfig: string | undefined,
): Promise<StagedBuild> {
  const { plan, request, dockerfilePath, marks } = build;
  const root = await host.files.makeTemporary('docker-chalk-');
  const payloadFolder = join(root, 'payload');
  const fileFolder = join(root, 'file');
  const copy = join(fileFolder, basename(dockerfilePath));
  await Promise.all([
    writeDockerfile(host, copy, plan.dockerfile, dockerfilePath),
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
  const metadataFile = asksMetadata
    ? join(request.metadataFile.startsWith('/') ? '/' : host.cwd, request.metadataFile)
    : join(root, 'metadata.json');
  const added = [
    flag('file', copy),
    flag('build-context', `${PAYLOAD_CONTEXT}=${payloadFolder}`),
    ...(plan.checks === undefined ? [] : [flag('build-arg', `BUILDKIT_DOCKERFILE_CHECK=${plan.checks}`)]),
    ...(asksMetadata ? [] : [flag('metadata-file', metadataFile)]),
  ];
  return {
    items: withFlags(command.items, added),
    payloadFolder,
    metadataFile,
    // Nobody reads the provenance in a metadata file that only we asked for, and asking for it takes a call to the builder.
    environment: asksMetadata ? {} : { BUILDX_METADATA_PROVENANCE: 'disabled' },
  };
}

async function writeDockerfile(
  host: Host,
  copy: string,
  bytes: Uint8Array,
  dockerfilePath: string,
): Promise<void> {
  const folder = dirname(copy);
  await host.files.makeFolder(folder, 0o700);
  await host.files.write(copy, bytes, 0o600);
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
