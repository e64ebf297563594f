import { describe, expect, test } from 'vitest';
import { readSbom } from '../../../src/sbom/document.ts';
import type { SbomFormat } from '../../../src/sbom/index.ts';
import { CYCLONEDX, matching, SPDX } from './support.ts';

const read = (value: unknown, format: SbomFormat = 'spdx') =>
  readSbom(typeof value === 'string' ? value : JSON.stringify(value), format, { what: 'it' });

test('the text stays as it is', () => {
  const text = ` ${JSON.stringify(SPDX, undefined, 3)}\n`;
  expect(read(text)).toEqual({
    format: 'spdx',
    predicateType: 'https://spdx.dev/Document',
    text,
    tool: { name: 'syft', version: '1.18.1' },
  });
  expect(read(CYCLONEDX, 'cyclonedx')).toMatchObject({
    predicateType: 'https://cyclonedx.org/bom',
    tool: { name: 'syft', version: '1.18.1' },
  });
});

test.each([
  [['Tool: syft-v1.0.0-rc.1'], { name: 'syft', version: '1.0.0-rc.1' }],
  [['Person: A', 'Tool: trivy-0.50.1', 'Tool: buildkit-v0.25.2'], { name: 'trivy', version: '0.50.1' }],
  [['Tool: docker-scout-1.18.1'], { name: 'docker-scout', version: '1.18.1' }],
  [['Tool: hand'], { name: 'hand', version: '' }],
  [['Organization: Anchore, Inc'], { name: '', version: '' }],
  [7, { name: '', version: '' }],
])('the creators %j of an SPDX document', (creators, tool) => {
  expect(read({ ...SPDX, creationInfo: { creators } }).tool).toEqual(tool);
});

test('the older place of the tool in CycloneDX', () => {
  const old = { ...CYCLONEDX, specVersion: '1.4', metadata: { tools: [{ vendor: 'x', name: 'cdxgen' }] } };
  expect(read(old, 'cyclonedx').tool).toEqual({ name: 'cdxgen', version: '' });
  expect(read({ ...CYCLONEDX, metadata: undefined }, 'cyclonedx').tool).toEqual({ name: '', version: '' });
});

describe('what is no SBOM', () => {
  test.each([
    ['', 'spdx', /^it is nothing where SPDX JSON was expected$/],
    ['Error: no such image', 'spdx', /^it is no JSON object \(offset 0\) where SPDX JSON was expected$/],
    ['[]', 'cyclonedx', /where CycloneDX JSON was expected/],
    ['{"a":1', 'spdx', /offset 6/],
    [{}, 'spdx', /^it is no SPDX: its spdxVersion is nothing$/],
    [{ ...SPDX, spdxVersion: 'SPDX-3.0' }, 'spdx', /its spdxVersion is "SPDX-3.0"/],
    [{ ...SPDX, SPDXID: undefined }, 'spdx', /its SPDXID is nothing/],
    [CYCLONEDX, 'spdx', /it is no SPDX/],
    [SPDX, 'cyclonedx', /it is no CycloneDX/],
    [{ ...CYCLONEDX, specVersion: 1.6 }, 'cyclonedx', /its specVersion is 1.6/],
  ] as const)('%j as %s', (value, format, message) => {
    expect(() => read(value, format)).toThrow(
      expect.objectContaining({ code: 'SBOM_FAILED', message: matching(message) }),
    );
  });
});
