import { describe, expect, test } from 'vitest';
import { BUILD_FLAGS, type FlagTable } from '../../../src/docker/argv/flag-table.ts';
import { parseFlags } from '../../../src/docker/argv/parse.ts';
import { buildkitAttestation, engineStore, readSbomChoice, wantsSbom } from '../../../src/sbom/index.ts';
import { readSyftChoice } from '../../../src/sbom/syft-choice.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { matching, TOOLS } from './support.ts';

const OPTIONS: FlagTable = [
  { long: 'sbom', takes: 'value' },
  { long: 'sbom-format', takes: 'value' },
];
function items(words: readonly string[], table: FlagTable = OPTIONS) {
  const parsed = parseFlags(words, table, true);
  if (parsed.kind !== 'parsed') throw new Error(parsed.kind);
  return parsed.items;
}
const choice = (words: readonly string[], env = {}) => readSbomChoice(items(words), env);

describe('the choice', () => {
  test.each([
    [[], {}, { source: 'auto', format: 'spdx' }],
    [[], { CHALK_SBOM: '' }, { source: 'auto' }],
    [[], { CHALK_SBOM: 'off' }, { source: 'off' }],
    [['--sbom=syft'], { CHALK_SBOM: 'off' }, { source: 'syft' }],
    [['--sbom=syft', '--sbom=scout'], {}, { source: 'scout' }],
    [['--sbom', 'docker'], {}, { source: 'docker', generator: undefined }],
    [['--sbom=docker,generator=r.example/g:1'], {}, { source: 'docker', generator: 'r.example/g:1' }],
    [['--sbom-format=cyclonedx'], {}, { source: 'auto', format: 'cyclonedx' }],
  ] as const)('%j with %j', (words, env, expected) => {
    expect(choice(words, env)).toMatchObject(expected);
  });

  test.each([
    ['--sbom=', 'ARGV_BAD_VALUE'],
    ['--sbom=true', 'ARGV_BAD_VALUE'],
    ['--sbom=docker,generator=', 'ARGV_BAD_VALUE'],
    ['--sbom=docker,generator=a,generator=b', 'ARGV_BAD_VALUE'],
    ['--sbom=docker,image=a', 'ARGV_BAD_VALUE'],
    ['--sbom=syft,generator=a', 'ARGV_BAD_VALUE'],
    ['--sbom-format=json', 'ARGV_BAD_VALUE'],
  ])('%s is refused', (word, code) => {
    expect(() => choice([word])).toThrow(expect.objectContaining({ code }));
  });

  test.each(['yes', 'docker,image=a', 'syft,generator=a'])(
    '%s in the variable makes none, and stops nothing',
    (value) => {
      expect(choice([], { CHALK_SBOM: value })).toMatchObject({
        source: 'off',
        fault: { code: 'CONFIG_INVALID', message: matching(/^CHALK_SBOM is "/) },
      });
      expect(choice(['--sbom=syft'], { CHALK_SBOM: value })).toEqual(choice(['--sbom=syft']));
    },
  );
});

test.each([
  ['auto', true, true, true],
  ['auto', true, false, false],
  ['auto', false, true, false],
  ['syft', false, false, true],
  ['docker', true, false, true],
  ['off', true, true, false],
] as const)('%s, pushed %s, signed %s: %s', (source, pushed, signed, wanted) => {
  expect(wantsSbom({ source, generator: undefined, format: 'spdx' }, { pushed, signed })).toBe(wanted);
});

describe('what a build is asked to attest', () => {
  const CONTAINER = { driver: 'docker-container', store: undefined };
  const ask = (
    sbom: string,
    words: readonly string[],
    place: Parameters<typeof buildkitAttestation>[2] = CONTAINER,
  ) => buildkitAttestation(choice([`--sbom=${sbom}`]), items(words, BUILD_FLAGS), place);

  test('BuildKit is asked only by name', () => {
    for (const source of ['auto', 'scout', 'syft', 'off']) expect(ask(source, [])).toBeUndefined();
    expect(ask('docker', [])).toBe('type=sbom');
    expect(ask('docker,generator=g:1', ['--attest', 'type=provenance,mode=max'])).toBe(
      'type=sbom,generator=g:1',
    );
  });

  test.each([
    ['--sbom=false'],
    ['--sbom=true'],
    ['--attest=type=sbom'],
    ['--attest=disabled=true,type=sbom'],
  ])('the user’s own %s stands', (word) => {
    expect(ask('docker', [word])).toBeUndefined();
  });

  test('not where the build would fail of it', () => {
    expect(ask('docker', [], { driver: 'docker', store: 'graph' })).toBeUndefined();
    expect(ask('docker', [], { driver: 'docker', store: undefined })).toBeUndefined();
    expect(ask('docker', [], { driver: 'docker', store: 'containerd' })).toBe('type=sbom');
  });
});

describe('CHALK_SYFT', () => {
  const pin = 'ab'.repeat(32);
  test.each([
    [undefined, { kind: 'path' }],
    ['', { kind: 'path' }],
    ['/opt/syft', { kind: 'program', file: '/opt/syft' }],
    [`docker://anchore/syft:v1@sha256:${pin}`, { kind: 'container', image: `anchore/syft:v1@sha256:${pin}` }],
    [
      `https://e.example/s.tar.gz#sha256=${pin}`,
      { kind: 'download', url: 'https://e.example/s.tar.gz', sha256: pin },
    ],
    [`http://127.0.0.1:8/s#sha256=${pin}`, { kind: 'download', url: 'http://127.0.0.1:8/s', sha256: pin }],
  ])('%s', (value, expected) => {
    expect(readSyftChoice(value)).toEqual(expected);
  });

  test.each([
    'syft',
    './syft',
    'docker://anchore/syft:latest',
    `docker://--privileged@sha256:${pin}`,
    'https://e.example/s.tar.gz',
    `https://e.example/s.tar.gz#sha256=${pin.slice(2)}`,
    `http://e.example/s.tar.gz#sha256=${pin}`,
    `file:///s#sha256=${pin}`,
  ])('%s is refused', (value) => {
    expect(() => readSyftChoice(value)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('the engine’s store', () => {
  test.each([
    ['[["driver-type","io.containerd.snapshotter.v1"]]', 'containerd'],
    ['[["Backing Filesystem","extfs"],["Supports d_type","true"]]', 'graph'],
    ['null', 'graph'],
    ['', undefined],
    ['{"a":1}', undefined],
  ])('%s: %s', async (answer, store) => {
    await expect(engineStore(fakeHost({ run: () => exited(`${answer}\n`) }), TOOLS)).resolves.toBe(store);
  });

  test('that does not answer', async () => {
    await expect(engineStore(fakeHost(), TOOLS)).resolves.toBeUndefined();
  });
});
