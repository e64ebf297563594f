import { expect } from 'vitest';
import type { DockerTools } from '../../../src/docker/tools.ts';
import type { Registry } from '../../../src/registry/index.ts';
import type { Target } from '../../../src/sbom/sbom.ts';

export const SPDX = {
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  creationInfo: {
    creators: ['Organization: Anchore, Inc', 'Tool: syft-1.18.1'],
    created: '2026-11-22T00:00:00Z',
  },
  packages: [],
};

export const CYCLONEDX = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { tools: { components: [{ type: 'application', name: 'syft', version: '1.18.1' }] } },
};

export const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** docker as it is found, with nothing installed. */
export const TOOLS: DockerTools = {
  docker: '/usr/bin/docker',
  buildx: undefined,
  config: { folder: '/home/ada/.docker', pluginFolders: ['/plugins'], context: 'default' },
  globals: ['--context', 'c'],
};

/** An image in a registry nobody asks. */
export function inRegistry(
  host = 'registry.example',
  endpoint: { plain?: boolean; verify?: boolean } = {},
): Target {
  const unasked = () => Promise.reject(new Error('nobody asks the registry'));
  const registry: Registry = {
    name: `${host}/app`,
    getManifest: unasked,
    headManifest: unasked,
    putManifest: unasked,
    changeTag: unasked,
    streamBlob: unasked,
    readBlob: unasked,
    headBlob: unasked,
    putBlob: unasked,
    referrers: unasked,
  };
  return {
    name: `${host}/app`,
    digest: DIGEST,
    platform: 'linux/amd64',
    place: {
      kind: 'registry',
      registry,
      asked: `${host}/app@${DIGEST}`,
      index: undefined,
      endpoint: {
        registry: host,
        host,
        credentialKeys: [host],
        plainAllowed: endpoint.plain ?? false,
        verify: endpoint.verify ?? true,
      },
    },
  };
}

export const IN_ENGINE: Target = {
  name: DIGEST,
  digest: DIGEST,
  platform: 'linux/amd64',
  place: { kind: 'engine', store: 'graph', own: 'linux/amd64' },
};

/** For places in an expected object where a pattern must fit. */
export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

/** The words of a command line. */
export const words = (line: string): string[] => line.split(' ');
