import { join } from 'node:path';
import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { dockerHelper, type DockerTools, helperEnvironment } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { describeResult, outputOf } from '../host/processes.ts';
import { decode } from './text.ts';
import type { Maker, SbomLimits, SbomSource } from './sbom.ts';
import { programSource } from './sources.ts';

const Metadata = z.object({ Version: z.string() });

/** Docker's own scanner, a plugin that Docker Desktop brings along. It may ask its user to log in, which is its failure then. */
export function scoutSource(host: Host, tools: DockerTools, limits: SbomLimits): SbomSource {
  return programSource(host, 'scout', limits, async () => {
    const plugin = await findPlugin(host, tools);
    if (plugin === undefined) return { absent: 'the docker scout plugin is not installed' };
    const answer = await host.processes.run({
      file: plugin,
      args: ['docker-cli-plugin-metadata'],
      env: helperEnvironment(host.env),
    });
    const metadata = Metadata.safeParse(parseJson(outputOf(answer) ?? ''));
    if (!metadata.success) return { absent: describeResult('docker scout', answer) };
    const version = metadata.data.Version.replace(/^v/, '');
    return scoutMaker(host, tools, version, limits);
  });
}

function scoutMaker(host: Host, tools: DockerTools, version: string, limits: SbomLimits): Maker {
  return {
    tool: { name: 'docker scout', version },
    make: async ({ name, digest, platform, place }, format) => {
      const image = place.kind === 'engine' ? `local://${digest}` : `registry://${name}@${digest}`;
      const result = await dockerHelper(
        host,
        tools,
        [
          'scout',
          'sbom',
          '--format',
          format,
          ...(platform === undefined ? [] : ['--platform', platform]),
          image,
        ],
        { timeoutMs: limits.timeoutMs, maxOutputBytes: limits.maxBytes },
      );
      if (result.kind === 'exited' && result.code === 0) return decode(result.stdout, 'docker scout');
      throw new ChalkError('SBOM_FAILED', describeResult('docker scout sbom', result), {
        hint: 'docker scout may want a `docker login`; --sbom=syft uses another program, --sbom=off none',
      });
    },
  };
}

async function findPlugin(host: Host, { config }: DockerTools): Promise<string | undefined> {
  for (const folder of config.pluginFolders) {
    const path = join(folder, 'docker-scout');
    if ((await host.files.stat(path).catch(() => undefined))?.kind === 'file') return path;
  }
  return undefined;
}
