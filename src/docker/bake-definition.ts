import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';

/** One target of a bake definition, as `buildx bake --print` resolves it: inheritance, matrices and variables are done. */
export interface BakeTarget {
  readonly name: string;
  readonly context: string;
  readonly contexts: ReadonlyMap<string, string>;
  readonly dockerfile: string;
  /** The text of a Dockerfile in the definition; it wins over `dockerfile`. */
  readonly inline: string | undefined;
  readonly args: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: readonly string[];
  readonly tags: readonly string[];
  readonly target: string | undefined;
  readonly platforms: readonly string[];
  /** As `--secret`, `--ssh` and `--output` take them. */
  readonly secrets: readonly string[];
  readonly ssh: readonly string[];
  readonly outputs: readonly string[];
  readonly network: string | undefined;
  readonly extraHosts: ReadonlyMap<string, string>;
  readonly entitlements: readonly string[];
  readonly pull: boolean;
  /** What is asked instead of a build. */
  readonly call: string | undefined;
  /** The target as it was printed, for comparison. */
  readonly printed: Readonly<Record<string, unknown>>;
  /** Files of this machine the target reads and writes besides its contexts. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

export type BakeDefinition = ReadonlyMap<string, BakeTarget>;

/** buildx allows no other letters (`bake.go`), and `--set` takes these names for patterns. */
const TARGET_NAME = /^[a-zA-Z0-9_-]+$/;

const Text = z.nullish(z.string());
const Words = z.nullish(z.array(z.string()));
const Table = z.nullish(z.record(z.string(), z.nullable(z.string())));
/** Older releases print `type=local,dest=out`, newer ones its fields. */
const Fields = z.record(z.string(), z.union([z.string(), z.array(z.string())]));
const Entries = z.nullish(z.array(z.union([z.string(), Fields])));
type Entry = string | z.infer<typeof Fields>;

const Target = z.looseObject({
  context: Text,
  contexts: z.nullish(z.record(z.string(), z.string())),
  dockerfile: Text,
  'dockerfile-inline': Text,
  args: Table,
  labels: Table,
  annotations: Words,
  tags: Words,
  target: Text,
  platforms: Words,
  secret: Entries,
  ssh: Entries,
  output: Entries,
  'cache-from': Entries,
  'cache-to': Entries,
  network: Text,
  'extra-hosts': Table,
  entitlements: Words,
  pull: z.nullish(z.boolean()),
  call: Text,
});

const Definition = z.object({ target: z.record(z.string(), z.unknown()) });

/** Reads what `bake --print` printed; undefined when it is no definition or one that cannot be told apart. */
export function parseBakeDefinition(text: string): BakeDefinition | undefined {
  const parsed = Definition.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const targets = Object.entries(parsed.data.target).map(([name, value]) => readTarget(name, value));
  const known = targets.filter((target) => target !== undefined);
  if (known.length !== targets.length || known.length === 0) return undefined;
  return new Map(known.map((target) => [target.name, target]));
}

function readTarget(name: string, value: unknown): BakeTarget | undefined {
  const parsed = Target.safeParse(value);
  if (!parsed.success || !TARGET_NAME.test(name)) return undefined;
  const { data } = parsed;
  const secrets = (data.secret ?? []).map(writeEntry);
  const outputs = (data.output ?? []).map(writeEntry);
  const ssh = data.ssh ?? [];
  const caches = [...(data['cache-from'] ?? []), ...(data['cache-to'] ?? [])].map(writeEntry);
  return {
    name,
    context: data.context ?? '.',
    contexts: new Map(Object.entries(data.contexts ?? {})),
    dockerfile: data.dockerfile || 'Dockerfile',
    inline: data['dockerfile-inline'] ? unescape(data['dockerfile-inline']) : undefined,
    args: table(data.args),
    labels: table(data.labels),
    annotations: (data.annotations ?? []).map(unescape),
    tags: data.tags ?? [],
    target: data.target || undefined,
    platforms: data.platforms ?? [],
    secrets,
    ssh: ssh.map(writeSsh),
    outputs,
    network: data.network || undefined,
    extraHosts: table(data['extra-hosts']),
    entitlements: data.entitlements ?? [],
    pull: data.pull === true,
    call: data.call || undefined,
    printed: data,
    reads: [
      ...secrets.flatMap((entry) => field(entry, ['src', 'source'])),
      ...caches.flatMap((entry) => (field(entry, ['type'])[0] === 'local' ? field(entry, ['src']) : [])),
      ...ssh.flatMap(sshPaths),
    ],
    writes: [
      ...outputs.flatMap((entry) => field(entry, ['dest'])),
      ...caches.flatMap((entry) => (field(entry, ['type'])[0] === 'local' ? field(entry, ['dest']) : [])),
    ],
  };
}

/** The names of the targets a target is built on: `contexts = { base = "target:base" }`. */
export function linkedTargets(target: BakeTarget): string[] {
  return [...target.contexts.values()].flatMap((value) =>
    value.startsWith('target:') ? [value.slice('target:'.length)] : [],
  );
}

/** buildx escapes HCL's templates in what it prints (`Target.MarshalJSON`). */
function unescape(text: string): string {
  return text.replaceAll('$${', () => '${').replaceAll('%%{', () => '%{');
}

/** The same for what is printed again with one more value. */
export function escapeTemplates(text: string): string {
  // As functions: `$$` means one `$` in a replacement text.
  return text.replaceAll('${', () => '$${').replaceAll('%{', () => '%%{');
}

/** An argument without a value is none (`toBuildOpt`). */
function table(values: Readonly<Record<string, string | null>> | null | undefined): Map<string, string> {
  return new Map(
    Object.entries(values ?? {}).flatMap(([name, value]) =>
      value === null ? [] : [[name, unescape(value)] as const],
    ),
  );
}

/** A field list in the form of the command line; a field with a comma or a quote is quoted, as in CSV. */
function writeEntry(entry: Entry): string {
  if (typeof entry === 'string') return entry;
  return Object.entries(entry)
    .map(([name, value]) => quoted(`${name}=${typeof value === 'string' ? value : value.join(',')}`))
    .join(',');
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** `default` or `name=path,path`. */
function writeSsh(entry: Entry): string {
  if (typeof entry === 'string') return entry;
  const id = typeof entry['id'] === 'string' ? entry['id'] : 'default';
  const paths = sshPaths(entry);
  return paths.length === 0 ? id : `${id}=${paths.join(',')}`;
}

function sshPaths(entry: Entry): string[] {
  if (typeof entry === 'string') return entry.includes('=') ? entry.replace(/^[^=]*=/, '').split(',') : [];
  const { paths } = entry;
  return typeof paths === 'string' ? [paths] : (paths ?? []);
}

/** The value of a field of `a=b,c=d`, as a list of at most one. */
export function field(entry: string, names: readonly string[]): string[] {
  for (const part of entry.match(/"(?:[^"]|"")*"|[^,]+/g) ?? []) {
    const text = part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
    const equals = text.indexOf('=');
    if (equals !== -1 && names.includes(text.slice(0, equals).trim().toLowerCase())) {
      return [text.slice(equals + 1)];
    }
  }
  return [];
}
