import { join } from 'node:path';
import { asChalkError, type ChalkError } from '../../base/errors.ts';
import { withEditedTarget } from '../../docker/bake-metadata.ts';
import { engineImageIds } from '../../docker/image-content.ts';
import { readBuildMetadata } from '../../docker/run-build.ts';
import { renameInMetadata } from '../../image/patch/index.ts';
import type { Wrap } from '../../plan/index.ts';
import type { BuiltBuild } from '../build/attest.ts';
import { addedByPatch, fallbackReport, removeUnnamed, rewrite } from '../build/fallback-build.ts';
import { newMarkKeys } from '../build/mark-keys.ts';
import { patchImage, type PatchedImage } from '../build/patch-image.ts';
import type { BakeLine } from './definition.ts';
import type { TargetPlan } from './prepare.ts';

/** The bake that makes the images, and what is put into them. */
interface PatchingRun extends BakeLine {
  readonly wrap: Wrap;
  readonly runtimeConfig: string | undefined;
}

type Patchable = Extract<TargetPlan, { kind: 'patched' }>;

/** What became of the targets that were to be patched. */
export interface BakePatches {
  /** Target to its patched image. */
  readonly images: ReadonlyMap<string, BuiltBuild>;
  /** Target to why its image is as docker built it. */
  readonly failed: ReadonlyMap<string, ChalkError>;
}

export const NO_PATCHES: BakePatches = { images: new Map(), failed: new Map() };

/** Patches images once the bake that makes them is over. Begun before it: it must be known which images were there already. */
export function awaitPatches(
  run: PatchingRun,
  targets: readonly TargetPlan[],
): (file: string) => Promise<BakePatches> {
  const plans = targets.filter((plan) => plan.kind === 'patched');
  if (plans.length === 0) return async () => NO_PATCHES;
  const listing = engineImageIds(run.host, run.tools);
  return async (metadataFile) => patchAll(run, plans, metadataFile, await listing);
}

/** One after the other: targets may share a name, or be one image. Never rejects. */
async function patchAll(
  run: PatchingRun,
  plans: readonly Patchable[],
  metadataFile: string,
  imagesBefore: ReadonlySet<string> | undefined,
): Promise<BakePatches> {
  const { host, tools } = run;
  const images = new Map<string, BuiltBuild>();
  const failed = new Map<string, ChalkError>();
  const unnamed = new Set<string>();
  for (const plan of plans) {
    const { name } = plan.target;
    try {
      const patched = await patchOne(run, plan, metadataFile);
      const build = fallbackReport(host, plan.request, plan.known, [patched.mark], addedByPatch(patched));
      const { id, renamed, before } = patched;
      images.set(name, {
        build: { ...build, added: { ...build.added, _X_CHALK_BAKE_TARGET: name } },
        image: { kind: 'local', name: id, configDigest: renamed.configDigest[1] },
      });
      const edit = (part: string) => renameInMetadata(part, renamed);
      await rewrite(host, metadataFile, (text) => withEditedTarget(text, name, edit) ?? text);
      if (imagesBefore?.has(before.id) === false) unnamed.add(before.id);
    } catch (thrown) {
      failed.set(name, asChalkError(thrown));
    }
  }
  for (const id of failed.size === 0 ? unnamed : []) await removeUnnamed(host, tools, id);
  return { images, failed };
}

async function patchOne(run: PatchingRun, plan: Patchable, metadataFile: string): Promise<PatchedImage> {
  const { host, tools, route, wrap, runtimeConfig } = run;
  const metadata = await readBuildMetadata(host, metadataFile, plan.target.name);
  const tags = [...plan.request.tags, ...(metadata?.names ?? [])];
  return patchImage(host, tools, {
    // A tag comes last: another build may have taken it meanwhile.
    names: [metadata?.digest ?? '', metadata?.configDigest ?? '', ...tags].filter((name) => name !== ''),
    tags,
    builder: route.builder,
    buildRef: metadata?.buildRef,
    markKeys: newMarkKeys(host, plan.known.learned),
    wrap,
    shimFolder: join(import.meta.dirname, 'shim'),
    runtimeConfig,
  });
}
