import { dirname, join, resolve } from 'node:path';
import { ChalkError } from '../../base/errors.ts';
import { type Item, lastValueOf, positionals } from '../../docker/argv/parse.ts';
import { bakeFiles, DEFAULT_BAKE_FILES, isRemoteBake, spelledOut } from '../../docker/bake-files.ts';
import {
  type BakeEdit,
  CHECKS_ARGUMENT,
  findDifferences,
  namesOfCopies,
  overrideFile,
  overrideValues,
  type TargetEdit,
  withOverrides,
} from '../../docker/bake-overrides.ts';
import { type BakeDefinition, type BakeTarget, linkedTargets } from '../../docker/bake-definition.ts';
import { parseDockerfile } from '../../dockerfile/index.ts';
import type { Host } from '../../host/host.ts';
import { pass, PAYLOAD_CONTEXT, type Reason } from '../../plan/index.ts';
import { stageBuild, type StagedBuild } from '../build/execute.ts';
import { askDefinition, type BakeLine } from './definition.ts';
import type { TargetPlan } from './prepare.ts';

type Marked = Extract<TargetPlan, { kind: 'marked' }>;

/** A prepared bake laid out on disk. */
export interface StagedBake {
  readonly kind: 'staged';
  readonly items: readonly Item[];
  readonly metadataFile: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Target to the copy of its Dockerfile. */
  readonly dockerfiles: ReadonlyMap<string, string>;
  /** Whether the labels could be given: not where they would get into targets that inherit from these. */
  readonly labelled: boolean;
  /** Targets that are built a second time without a mark, for those that are built on them. */
  readonly copied: readonly string[];
  /** Targets of ours that are in the metadata file, which the user is not to see there; none in a file of our own. */
  readonly surplus: readonly string[];
}

/**
 * Writes copies and payloads, and asks buildx once more what it makes of the line with our changes: they must be in the
 * targets they are meant for and nowhere else. Throws `FILE_UNWRITABLE` and `SHIM_MISSING`.
 */
export async function stageBake(
  line: BakeLine,
  definition: BakeDefinition,
  targets: readonly TargetPlan[],
  shimFolder: string,
  runtimeConfig: string | undefined,
): Promise<StagedBake | { readonly kind: 'pass'; readonly reason: Reason }> {
  const { host, command } = line;
  const root = await host.files.makeTemporary('docker-chalk-');
  const marked = targets.filter((plan) => plan.kind === 'marked');
  const staged = await Promise.all(
    marked.map(async (plan, index) => {
      const each = await stageBuild(host, plan.command, plan.build, shimFolder, runtimeConfig);
      await tellApart(host, plan, each, index);
      return [plan.target.name, each] as const;
    }),
  );
  const remote = isRemoteBake(command.items);
  const linked = new Set([...definition.values()].flatMap((target) => linkedTargets(target)));
  const bases = marked.filter(({ target }) => linked.has(target.name));
  const copies = namesOfCopies(
    definition,
    bases.map(({ target }) => target.name),
  );
  const edit: BakeEdit = {
    definition,
    edits: new Map(marked.map((plan, index) => [plan.target.name, editFor(plan, staged[index]?.[1])])),
    payloadContext: PAYLOAD_CONTEXT,
    remote,
    copies,
    labels: new Map(
      targets.flatMap((plan) => (plan.kind === 'labelled' ? [[plan.target.name, plan.labels] as const] : [])),
    ),
    ownChecks: new Map(
      bases.flatMap(({ target, build }) =>
        build.plan.checks === undefined
          ? []
          : [[copies.get(target.name) ?? '', build.source.dockerfile.check ?? ''] as const],
      ),
    ),
  };
  const asked = lastValueOf(command.items, 'metadata-file');
  const metadataFile = asked ? resolve(host.cwd, asked) : join(root, 'metadata.json');
  const files = await namedFiles(host, command.items, edit, root);
  const folders = [...edit.edits.values()].flatMap(({ dockerfile, payload }) => [
    dirname(dirname(dockerfile)),
    ...(dirname(payload) === dirname(dirname(dockerfile)) ? [] : [dirname(payload)]),
  ]);
  const itemsFor = (changes: BakeEdit) =>
    withOverrides(command.items, {
      files,
      values: overrideValues(changes),
      folders,
      metadataFile: asked ? undefined : metadataFile,
    });
  let changes = edit;
  let differences = await differencesIn(line, changes, itemsFor(changes));
  if (typeof differences !== 'string' && differences.length > 0) {
    // The argument for checks was inherited by targets that have their own idea of it: they get that in so many words.
    const checks = await Promise.all(
      differences
        .filter(({ key }) => key === CHECKS_ARGUMENT)
        .map(async ({ target }) => [target, await ownChecks(host, definition.get(target), targets)] as const),
    );
    const known = checks.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
    const labels = differences.some(({ key }) => key === 'labels') ? new Map<string, never>() : edit.labels;
    changes = { ...edit, labels, ownChecks: new Map([...edit.ownChecks, ...known]) };
    differences = await differencesIn(line, changes, itemsFor(changes));
  }
  if (typeof differences === 'string') return { kind: 'pass', reason: pass('bake', differences).reason };
  const [first] = differences;
  if (first !== undefined) {
    const why = `what is changed for one target would change ${first.key} of ${first.target}`;
    return { kind: 'pass', reason: pass('bake', why).reason };
  }
  return {
    kind: 'staged',
    items: itemsFor(changes),
    metadataFile,
    environment: asked ? {} : { BUILDX_METADATA_PROVENANCE: 'disabled' },
    dockerfiles: new Map(staged.map(([name, { dockerfile }]) => [name, dockerfile])),
    labelled: changes.labels.size > 0,
    copied: [...copies.keys()],
    surplus: asked ? [...copies.values()] : [],
  };
}

async function differencesIn(line: BakeLine, changes: BakeEdit, items: readonly Item[]) {
  const after = await askDefinition(line, items);
  return 'failed' in after ? after.failed : findDifferences(changes, after);
}

/**
 * Builders take a file for unchanged that has the name, size and time of the last build's, and targets with contexts of
 * the same name share what a builder remembers: files written in the same moment must not look alike.
 */
async function tellApart(host: Host, { build }: Marked, staged: StagedBuild, index: number): Promise<void> {
  const time = host.clock.now() / 1000 + index / 100;
  const payload = payloadOf(staged);
  await Promise.all(
    [staged.dockerfile, ...build.plan.platforms.map(({ folder }) => join(payload, folder, 'chalk.json'))].map(
      (path) => host.files.setTime(path, time),
    ),
  );
}

function payloadOf(staged: StagedBuild): string {
  return (lastValueOf(staged.items, 'build-context') ?? '').slice(PAYLOAD_CONTEXT.length + 1);
}

function editFor({ target, build }: Marked, staged: StagedBuild | undefined): TargetEdit {
  if (staged === undefined) throw new ChalkError('INTERNAL', `the target ${target.name} was not laid out`);
  const [context] = positionals(staged.items);
  return {
    dockerfile: staged.dockerfile,
    payload: payloadOf(staged),
    context: context === target.context ? undefined : context,
    checks: build.plan.checks,
  };
}

/** The definition files to name, where one of ours is needed: ours is read last. */
async function namedFiles(
  host: Host,
  items: readonly Item[],
  edit: BakeEdit,
  root: string,
): Promise<readonly string[]> {
  const text = overrideFile(edit);
  if (text === undefined) return [];
  const path = join(root, 'override.json');
  await host.files.write(path, text, 0o600);
  const present: string[] = [];
  for (const name of DEFAULT_BAKE_FILES)
    if (await host.files.stat(resolve(host.cwd, name))) present.push(name);
  return [...spelledOut(bakeFiles(items, host.env), present), edit.remote ? `cwd://${path}` : path];
}

/** What the Dockerfile of a target says about checks; empty when nothing, undefined when it cannot be read. */
async function ownChecks(
  host: Host,
  target: BakeTarget | undefined,
  targets: readonly TargetPlan[],
): Promise<string | undefined> {
  const plan = targets.find((each) => each.target === target);
  if (plan?.kind === 'marked') return plan.build.source.dockerfile.check ?? '';
  if (target === undefined) return undefined;
  try {
    const text =
      target.inline ?? (await host.files.readText(resolve(host.cwd, target.context, target.dockerfile)));
    return parseDockerfile(text).check ?? '';
  } catch {
    return undefined;
  }
}
