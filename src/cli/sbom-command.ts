import { resolve } from 'node:path';
import { ChalkError } from '../base/errors.ts';
import { parseImageRef, repositoryName } from '../base/image-ref.ts';
import type { Item } from '../docker/argv/parse.ts';
import { findEngineImage } from '../docker/image-content.ts';
import { type DockerTools, findTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { connectRegistries, insecureRegistries } from '../registry/index.ts';
import {
  findAttestedSbom,
  makeSbom,
  resolveTarget,
  type SbomChoice,
  SBOM_FORMATS,
  type SbomFormat,
  type SbomImage,
  type Tool,
} from '../sbom/index.ts';
import { readPublicKey } from '../sign/index.ts';
import { EXIT } from './exit-codes.ts';

const SCHEME = 'registry://';
const MAX_KEY_BYTES = 64 * 1024;

export interface SbomOptions {
  /** Undefined: the one an attestation has, else SPDX. */
  readonly format: SbomFormat | undefined;
  readonly platform: string | undefined;
  /** A file in place of standard output. */
  readonly output: string | undefined;
  /** Makes one by this source, whatever is attested. */
  readonly source: Exclude<SbomChoice['source'], 'off'> | undefined;
  /** Public key files: only an SBOM that one of them signed will do. */
  readonly keys: readonly string[];
  /** The engine is not asked. */
  readonly remote: boolean;
}

/**
 * `docker chalk sbom IMAGE`: prints the SBOM that is attested of an image, else BuildKit's own, else makes one. Like `extract`,
 * it looks a name up in the engine first, which has no signed attestations, and in the registry where the engine does not know
 * it or the registry is asked for by name. Standard output is the SBOM alone; where it came from is said on standard error.
 */
export async function sbomCommand(
  host: Host,
  globals: readonly Item[],
  name: string,
  options: SbomOptions,
): Promise<number> {
  if (options.keys.length > 0 && options.source !== undefined) {
    throw new ChalkError(
      'ARGV_USAGE',
      '--key reads an attested SBOM, --source makes one: only one can be had',
    );
  }
  const keys = await Promise.all(
    options.keys.map(async (path) => readPublicKey(await host.files.readText(path, MAX_KEY_BYTES), path)),
  );
  const tools = await findTools(host, globals);
  const image = await findImage(host, tools, name, options);
  if (image.kind === 'registry' && options.source === undefined) {
    const target = await resolveTarget(host, tools, image);
    const formats = options.format === undefined ? SBOM_FORMATS : [options.format];
    const attested = await findAttestedSbom(target, formats, keys);
    if (attested !== undefined) {
      const { sbom, verdict } = attested;
      const word =
        verdict.kind === 'verified'
          ? `signature verified by ${verdict.by.join(', ')}`
          : 'signature not verified (--key PUB does)';
      return write(host, options, sbom, `attested, ${word}`);
    }
    if (keys.length > 0) {
      throw new ChalkError('ATTESTATION_INVALID', `no SBOM is attested of ${name}`);
    }
  }
  const outcome = await makeSbom(host, tools, {
    image,
    format: options.format ?? 'spdx',
    source: options.source ?? 'auto',
  });
  switch (outcome.kind) {
    case 'made': {
      const { sbom } = outcome;
      return write(
        host,
        options,
        sbom,
        sbom.origin === 'buildkit' ? "BuildKit's own, not signed" : 'made now',
      );
    }
    case 'none':
      throw new ChalkError('SBOM_FAILED', `there is no SBOM of ${name}: ${outcome.why}`, {
        hint: 'install syft, or name one with CHALK_SYFT',
      });
    case 'failed':
      throw outcome.error;
  }
}

async function findImage(
  host: Host,
  tools: DockerTools,
  name: string,
  { remote, keys, platform }: SbomOptions,
): Promise<SbomImage> {
  const isRemote = remote || keys.length > 0 || name.startsWith(SCHEME);
  const local = isRemote ? undefined : await findEngineImage(host, tools, name);
  if (local !== undefined) return { kind: 'engine', id: local.id, platform };
  const text = name.startsWith(SCHEME) ? name.slice(SCHEME.length) : name;
  const ref = parseImageRef(text);
  // An ID is no name, and nobody else's business.
  if (ref === undefined || (!isRemote && /^(?:sha256:)?[a-f0-9]{12,64}$/.test(name))) {
    throw new ChalkError('IMAGE_NOT_FOUND', `there is no image ${name}`);
  }
  const connect = connectRegistries(host, {
    configFolder: tools.config.folder,
    insecure: await insecureRegistries(host, tools, ref.registry),
  });
  const digest = ref.digest ?? (await connect(ref).getManifest(ref.tag ?? 'latest')).digest;
  return { kind: 'registry', repository: repositoryName(ref), digest, platform };
}

async function write(
  host: Host,
  { output }: SbomOptions,
  { format, text, tool }: { readonly format: SbomFormat; readonly text: string; readonly tool: Tool },
  from: string,
): Promise<number> {
  const whole = text.endsWith('\n') ? text : `${text}\n`;
  if (output === undefined || output === '-') await host.terminal.writeOut(whole);
  else await host.files.write(resolve(host.cwd, output), whole, 0o644);
  const label = format === 'spdx' ? 'SPDX' : 'CycloneDX';
  const by = [tool.name, tool.version].filter((word) => word !== '').join(' ');
  await host.terminal.writeError(
    `docker chalk: ${label} SBOM by ${by === '' ? 'an unnamed tool' : by}, ${from}\n`,
  );
  return EXIT.ok;
}
