import * as z from 'zod/mini';
import { parseJson } from '../../base/json.ts';

const Text = z.nullish(z.string());
const Inspected = z.object({
  Created: Text,
  Author: Text,
  Comment: Text,
  Architecture: z.string(),
  Variant: Text,
  Os: z.string(),
  OsVersion: Text,
  DockerVersion: Text,
  Config: z.nullish(z.record(z.string(), z.unknown())),
  RootFS: z.object({ Layers: z.nullish(z.array(z.string())) }),
});
const Row = z.object({ CreatedAt: z.string(), CreatedBy: z.string(), Comment: z.string(), Size: z.string() });

/**
 * Of a container, not of an image: engines before 25 show them for every image, the old builder writes them into its own
 * (moby `container.Config`), BuildKit does not.
 */
const OF_CONTAINERS: ReadonlySet<string> = new Set([
  'AttachStderr',
  'AttachStdin',
  'AttachStdout',
  'Domainname',
  'Hostname',
  'Image',
  'OpenStdin',
  'StdinOnce',
  'Tty',
]);

/** Steps of the old builder and of BuildKit that make no layer. */
const LAYERLESS =
  /^(?:\/bin\/sh -c #\(nop\) +)?(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b/;

/**
 * An image's config from what `docker image inspect` and `docker history --no-trunc --human=false --format json` say,
 * for engines that do not give out the original. The layers and what the image runs are exact. The history has whole
 * seconds and no authors, and which of its steps without content made an empty layer is a guess that always adds up to
 * the image's layers. Undefined when the answers are of another form.
 */
export function rebuildConfig(inspected: unknown, historyRows: string): string | undefined {
  const image = Inspected.safeParse(inspected);
  const rows = historyRows
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Row.safeParse(parseJson(line)));
  if (!image.success || rows.some((row) => !row.success)) return undefined;
  const steps = rows.flatMap((row) => (row.success ? [row.data] : [])).toReversed();
  const { Created, Author, Comment, Architecture, Variant, Os, OsVersion, DockerVersion, Config, RootFS } =
    image.data;
  const layers = RootFS.Layers ?? [];
  const hasLayer = spreadLayers(steps, layers.length);
  const isBuildkits = steps.at(-1)?.Comment.startsWith('buildkit.') === true;
  const shown = Object.entries(Config ?? {});
  const config = {
    architecture: Architecture,
    ...(Variant ? { variant: Variant } : {}),
    ...(Author ? { author: Author } : {}),
    ...(Comment ? { comment: Comment } : {}),
    config: Object.fromEntries(
      isBuildkits ? shown.filter(([name, value]) => value || !OF_CONTAINERS.has(name)) : shown,
    ),
    ...(Created ? { created: Created } : {}),
    ...(DockerVersion ? { docker_version: DockerVersion } : {}),
    history: steps.map((step, index) => ({
      created: inUtc(step.CreatedAt),
      created_by: step.CreatedBy,
      ...(step.Comment === '' ? {} : { comment: step.Comment }),
      ...(hasLayer[index] === true ? {} : { empty_layer: true }),
    })),
    os: Os,
    ...(OsVersion ? { 'os.version': OsVersion } : {}),
    rootfs: { type: 'layers', diff_ids: layers },
  };
  return JSON.stringify(config);
}

/** Which steps made a layer: those with content, then the likeliest of the others, until all layers have one. */
function spreadLayers(steps: readonly z.infer<typeof Row>[], layers: number): boolean[] {
  const likelihood = steps.map(({ Size, CreatedBy }) =>
    Number(Size) > 0 ? 2 : LAYERLESS.test(CreatedBy) ? 0 : 1,
  );
  const chosen = steps
    .map((_, index) => index)
    .toSorted((a, b) => (likelihood[b] ?? 0) - (likelihood[a] ?? 0) || b - a)
    .slice(0, layers);
  return steps.map((_, index) => chosen.includes(index));
}

/** docker prints the time of the machine it runs on. */
function inUtc(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : at.toISOString().replace('.000Z', 'Z');
}
