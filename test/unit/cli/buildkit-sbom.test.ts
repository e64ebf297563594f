import { describe, expect, test } from 'vitest';
import { withBakeSbom, withBuildkitSbom } from '../../../src/cli/build/buildkit-sbom.ts';
import { BAKE_FLAGS, BUILD_FLAGS, type FlagTable } from '../../../src/docker/argv/flag-table.ts';
import { type Item, parseFlags, valuesOf } from '../../../src/docker/argv/parse.ts';
import { parseBakeDefinition } from '../../../src/docker/bake-definition.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { TOOLS } from '../sbom/support.ts';

const STORES = {
  containerd: '[["driver-type","io.containerd.snapshotter.v1"]]',
  graph: '[["Backing Filesystem","extfs"]]',
};

function items(words: string, table: FlagTable): readonly Item[] {
  const parsed = parseFlags(words === '' ? [] : words.split(' '), table, true);
  if (parsed.kind !== 'parsed') throw new Error(parsed.kind);
  return parsed.items;
}

/** A run of this driver, and of an engine with this store. */
function runOf(
  place: string,
  { sbom = 'docker', env = {} }: { readonly sbom?: string; readonly env?: Record<string, string> } = {},
) {
  const [driver = '', store] = place.split(' on ');
  const host = fakeHost({
    env,
    run: () => exited(store === 'graph' || store === 'containerd' ? STORES[store] : ''),
  });
  const route = {
    kind: 'buildx',
    builder: { name: undefined, environment: {}, driver },
    standalone: false,
  } as const;
  const options = items(sbom === '' ? '' : `--sbom=${sbom}`, [{ long: 'sbom', takes: 'value' }]);
  return { host, run: { host, tools: TOOLS, route, options } };
}

describe('a build', () => {
  test.each([
    ['docker-container', '--push', ['type=sbom']],
    ['docker-container', '--output=type=registry --metadata-file=m', ['type=sbom']],
    ['docker-container', '--output=type=image,name=x,push=true', ['type=sbom']],
    [
      'docker-container',
      '--push --attest=type=provenance,mode=max',
      ['type=provenance,mode=max', 'type=sbom'],
    ],
    ['docker on containerd', '--tag=x', ['type=sbom']],
    ['docker on containerd', '--load', ['type=sbom']],
    ['docker on containerd', '--push', ['type=sbom']],
    // What the user says of SBOMs stands.
    ['docker-container', '--push --sbom=false', []],
    ['docker-container', '--push --attest=type=sbom', ['type=sbom']],
    // The build would fail of it, or files of the user's would have it among them, or nobody would get it.
    ['docker on graph', '--push', []],
    ['docker on nothing', '--push', []],
    ['docker-container', '--load', []],
    ['docker-container', '--push --load', []],
    ['docker-container', '--tag=x', []],
    ['docker-container', '--push --output=out', []],
    ['docker on containerd', '--output=type=local,dest=out', []],
    ['docker on containerd', '--output=type=docker,dest=out.tar', []],
  ])('%s, %s', async (place, words, expected) => {
    const { run } = runOf(place);
    const given = items(words, BUILD_FLAGS);
    const found = await withBuildkitSbom(run, given);
    expect(valuesOf(found, 'attest')).toEqual(expected);
    if (expected.length === valuesOf(given, 'attest').length) expect(found).toBe(given);
  });

  test('with a generator, and by the variable', async () => {
    const pushed = items('--push', BUILD_FLAGS);
    const named = runOf('docker-container', { sbom: 'docker,generator=r.example/g:1' });
    expect(valuesOf(await withBuildkitSbom(named.run, pushed), 'attest')).toEqual([
      'type=sbom,generator=r.example/g:1',
    ]);
    const variable = runOf('docker-container', { sbom: '', env: { CHALK_SBOM: 'docker' } });
    expect(valuesOf(await withBuildkitSbom(variable.run, pushed), 'attest')).toEqual(['type=sbom']);
  });

  test.each([
    ['auto', {}],
    ['syft', { CHALK_SBOM: 'docker' }],
    ['', { CHALK_SBOM: 'docker,image=x' }],
    ['', { CHALK_SBOM: 'dokcer' }],
    ['', {}],
  ])('not with %j and %j, and the engine is not asked', async (sbom, env) => {
    const { host, run } = runOf('docker-container', { sbom, env });
    const pushed = items('--push', BUILD_FLAGS);
    expect(await withBuildkitSbom(run, pushed)).toBe(pushed);
    expect(host.ran).toEqual([]);
  });
});

describe('a bake', () => {
  const PUSHED = { output: ['type=registry'] };
  test.each<[string, Record<string, object>, string[]]>([
    ['docker-container', { a: PUSHED, b: PUSHED }, ['*.attest=type=sbom']],
    [
      'docker-container',
      { a: PUSHED, base: {}, copy: { output: ['type=cacheonly'] } },
      ['*.attest=type=sbom'],
    ],
    ['docker on containerd', { a: {}, b: { output: [{ type: 'docker' }] } }, ['*.attest=type=sbom']],
    ['docker-container', { a: {} }, []],
    ['docker on graph', { a: PUSHED }, []],
    ['docker-container', { a: PUSHED, b: { output: ['type=local,dest=out'] } }, []],
    ['docker-container', { a: PUSHED, b: { ...PUSHED, attest: ['type=sbom,disabled=true'] } }, []],
    ['docker-container', { a: PUSHED, b: { ...PUSHED, attest: [{ type: 'sbom' }] } }, []],
    ['docker-container', { a: { ...PUSHED, attest: [{ type: 'provenance' }] } }, ['*.attest=type=sbom']],
  ])('%s, %j', async (place, target, expected) => {
    const definition = parseBakeDefinition(JSON.stringify({ target })) ?? new Map<string, never>();
    const given = items('--set=a.dockerfile=x', BAKE_FLAGS);
    const found = await withBakeSbom(runOf(place).run, definition, given);
    expect(valuesOf(found, 'set')).toEqual(['a.dockerfile=x', ...expected]);
  });
});
