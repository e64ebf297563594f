import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import { readManifest, type Registry } from '../registry/index.ts';
import type { Dependency } from './provenance.ts';
import type { Subjects } from './subjects.ts';

const PREDICATE_TYPE = 'in-toto.io/predicate-type';
const SLSA = 'https://slsa.dev/provenance/';
const MAX_PROVENANCE_BYTES = 4 * 1024 * 1024;
const MAX_MATERIALS = 1000;

const Materials = z.array(z.object({ uri: z.string(), digest: z.record(z.string(), z.string()) }));
/** Version 0.2, and version 1. */
const Statement = z.object({
  predicate: z.object({
    materials: z.nullish(Materials),
    buildDefinition: z.nullish(z.object({ resolvedDependencies: z.nullish(Materials) })),
  }),
});

/**
 * What BuildKit says it built from: base images of every stage, frontends and remote contexts, with the digests it resolved
 * them to. It leaves that beside the image in the index, unsigned; the digest of the index is the one the build ended with.
 * None where it left nothing, or something else.
 */
export async function builderMaterials(
  registry: Registry,
  { builderAttestations }: Subjects,
): Promise<readonly Dependency[]> {
  const found = await Promise.all(
    builderAttestations.map(async ({ digest }) => {
      const content = readManifest(await registry.getManifest(digest));
      if (content.kind !== 'image') return [];
      const layer = content.layers.find(({ annotations }) => annotations?.[PREDICATE_TYPE]?.startsWith(SLSA));
      if (layer === undefined || layer.size > MAX_PROVENANCE_BYTES) return [];
      return materialsIn(await registry.readBlob(layer.digest, MAX_PROVENANCE_BYTES));
    }),
  );
  const distinct = new Map(found.flat().map((each) => [JSON.stringify([each.uri, each.digest]), each]));
  return [...distinct.values()].slice(0, MAX_MATERIALS);
}

function materialsIn(bytes: Uint8Array): readonly Dependency[] {
  const parsed = Statement.safeParse(parseJson(new TextDecoder().decode(bytes)));
  if (!parsed.success) return [];
  const { materials, buildDefinition } = parsed.data.predicate;
  const all = materials ?? buildDefinition?.resolvedDependencies ?? [];
  return all.map(({ uri, digest }) => ({ uri, digest }));
}
