import { join, resolve } from 'node:path';
import { BUILD_FLAGS } from '../../docker/argv/flag-table.ts';
import { flagItem, type Item, lastValueOf } from '../../docker/argv/parse.ts';
import type { DockerCommand } from '../../docker/argv/command.ts';
import type { Route } from '../../docker/run-build.ts';
import type { Host } from '../../host/host.ts';
import { stringOf, type Mark } from '../../mark/index.ts';

/** The labels of injection G, and the key of the mark each has its value from. */
const LABELS: readonly (readonly [label: string, key: string])[] = [
  ['run.chalk.id', 'CHALK_ID'],
  ['run.chalk.metadata-id', 'METADATA_ID'],
  ['run.chalk.commit', 'COMMIT_ID'],
  ['run.chalk.origin', 'ORIGIN_URI'],
  ['run.chalk.version', 'INJECTOR_VERSION'],
];

/** What a label says of a mark that is in the report alone. A label the user gives himself stays his. */
export function labelsFor(mark: Mark, own: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    LABELS.flatMap(([label, key]) => {
      const value = stringOf(mark.values, key);
      return value === undefined || own.has(label) ? [] : [[label, value] as const];
    }),
  );
}

export function labelFlags(labels: Readonly<Record<string, string>>): Item[] {
  return Object.entries(labels).map(([name, value]) => flag('label', `${name}=${value}`));
}

/** Files docker leaves its answers in, and the flags for those the user did not ask for. */
export interface AnswerFiles {
  readonly added: readonly Item[];
  readonly iidFile: string;
  /** Undefined for the old builder, which writes none. */
  readonly metadataFile: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * The user's own files where he named some, else private ones below `root`. buildx has its answer in the metadata file,
 * and refuses an ID file where files are written out as well: `needsId` is for who must have it all the same.
 */
export function answerFiles(
  host: Host,
  command: DockerCommand,
  route: Route,
  root: string,
  needsId: boolean,
): AnswerFiles {
  const file = (name: string): { readonly path: string; readonly added: readonly Item[] } => {
    const asked = lastValueOf(command.items, name);
    if (asked) return { path: resolve(host.cwd, asked), added: [] };
    const path = join(root, name);
    return { path, added: [flag(name, path)] };
  };
  const iid = file('iidfile');
  if (route.kind === 'docker') {
    return { added: iid.added, iidFile: iid.path, metadataFile: undefined, environment: {} };
  }
  const metadata = file('metadata-file');
  return {
    added: [...(needsId ? iid.added : []), ...metadata.added],
    iidFile: iid.path,
    metadataFile: metadata.path,
    // Nobody reads the provenance in a metadata file that only we asked for, and asking for it takes a call to the builder.
    environment: metadata.added.length > 0 ? { BUILDX_METADATA_PROVENANCE: 'disabled' } : {},
  };
}

function flag(long: string, value: string): Item {
  const spec = BUILD_FLAGS.find((each) => each.long === long);
  if (spec === undefined) throw new TypeError(`build has no flag ${long}`);
  return flagItem(spec, value);
}
