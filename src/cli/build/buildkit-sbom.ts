import { BAKE_FLAGS, BUILD_FLAGS, type FlagTable } from '../../docker/argv/flag-table.ts';
import {
  flagItem,
  type Item,
  lastValueOf,
  switchIsOn,
  valuesOf,
  withFlags,
} from '../../docker/argv/parse.ts';
import { type BakeDefinition, field } from '../../docker/bake-definition.ts';
import { outputPushes } from '../../docker/destination.ts';
import type { Route } from '../../docker/run-build.ts';
import type { DockerTools } from '../../docker/tools.ts';
import type { Environment, Host } from '../../host/host.ts';

/** The run an SBOM may be asked of. */
export interface SbomRun {
  readonly host: Host;
  readonly tools: DockerTools;
  readonly route: Route;
  /** Our own options. */
  readonly options: readonly Item[];
}

/** What attestations would do to one output of a build. */
type Fate = 'kept' | 'lost' | 'in-the-way';

/**
 * The flags of a build with BuildKit asked for an SBOM, for `--sbom=docker`: where the image is kept in a form that has
 * attestations, and the user has said nothing of SBOMs to docker. Any other build gets its flags back as they are.
 *
 * @param items the build's flags, the user's and ours.
 */
export async function withBuildkitSbom(run: SbomRun, items: readonly Item[]): Promise<readonly Item[]> {
  if (!isWanted(run.host, run.options) || run.route.kind !== 'buildx') return items;
  const outputs = [
    ...valuesOf(items, 'output'),
    ...(switchIsOn(items, 'push') ? ['type=registry'] : []),
    ...(switchIsOn(items, 'load') ? ['type=docker'] : []),
  ];
  if (fateOf(outputs, run.route.builder.driver, run.host.env) !== 'kept') return items;
  const value = await attestationFor(run, items);
  return value === undefined ? items : withFlags(items, [flag(BUILD_FLAGS, 'attest', value)]);
}

/**
 * The same of a bake, whose override reaches every target: so only where no target says anything of SBOMs itself, and none
 * writes something that attestations would be in the way of.
 */
export async function withBakeSbom(
  run: SbomRun,
  definition: BakeDefinition,
  items: readonly Item[],
): Promise<readonly Item[]> {
  const { host, options, route } = run;
  if (!isWanted(host, options) || route.kind !== 'buildx') return items;
  const targets = [...definition.values()];
  if (targets.some(({ printed }) => /\bsbom\b/.test(JSON.stringify(printed['attest'] ?? null)))) return items;
  const fates = targets.map(({ outputs }) => fateOf(outputs, route.builder.driver, host.env));
  if (fates.includes('in-the-way') || !fates.includes('kept')) return items;
  const value = await attestationFor(run, items);
  return value === undefined ? items : withFlags(items, [flag(BAKE_FLAGS, 'set', `*.attest=${value}`)]);
}

/** Nothing is loaded, and nobody asked, for builds that want none of it. */
function isWanted({ env }: Host, options: readonly Item[]): boolean {
  return /^docker(?:,|$)/.test(lastValueOf(options, 'sbom') ?? env['CHALK_SBOM'] ?? '');
}

/** The value for `attest`; undefined where the builder keeps none, or the user has said what he wants. */
async function attestationFor(
  { host, tools, options, route }: SbomRun,
  items: readonly Item[],
): Promise<string | undefined> {
  if (route.kind !== 'buildx') return undefined;
  const { buildkitAttestation, engineStore, readSbomChoice } = await import('../../sbom/index.ts');
  const { driver } = route.builder;
  const store = driver === 'docker' ? await engineStore(host, tools) : undefined;
  return buildkitAttestation(readSbomChoice(options, host.env), items, { driver, store });
}

/** Files of a local output would have SBOMs among them, and `docker load` takes no index from other drivers than the engine's. */
function fateOf(outputs: readonly string[], driver: string, env: Environment): Fate {
  if (outputs.length === 0) {
    const isKept = driver === 'docker' && !/^(1|t)/i.test(env['BUILDX_NO_DEFAULT_LOAD'] ?? '');
    return isKept ? 'kept' : 'lost';
  }
  const fates = outputs.map((output): Fate => {
    if (outputPushes(output)) return 'kept';
    const [type] = field(output, ['type']);
    if (type === 'cacheonly') return 'lost';
    const isEngines = type === 'image' || (type === 'docker' && field(output, ['dest']).length === 0);
    return isEngines && driver === 'docker' ? 'kept' : 'in-the-way';
  });
  if (fates.includes('in-the-way')) return 'in-the-way';
  return fates.includes('kept') ? 'kept' : 'lost';
}

function flag(table: FlagTable, long: string, value: string): Item {
  const spec = table.find((each) => each.long === long);
  if (spec === undefined) throw new TypeError(`there is no flag ${long}`);
  return flagItem(spec, value);
}
