import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, lstatSync, utimesSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as z from 'zod/mini';
import { APP, type DifferentialCase } from '../fixtures/differential/case.ts';
import { type Result, readReport, type Sandbox } from './chalk.ts';
import { archiveView, filesOfArchive, hashOf, inspectedImages, pushedImages } from './comparable.ts';
import { comparableText, messagesIn } from './progress.ts';

/** All that a command line did, in a form in which what docker makes anew each time is left out. */
export type Observation = {
  readonly code: number | null;
  readonly stdout: string;
  /** Warnings and errors, in their order. */
  readonly messages: readonly string[];
  /** Files that came into being or changed. */
  readonly files: Readonly<Record<string, unknown>>;
  /** In the engine, by the name or the ID docker answered with. */
  readonly images: Readonly<Record<string, unknown>>;
  readonly pushed: unknown;
  readonly runs: readonly Result[];
  /** What the report says became of it; undefined where there is none. */
  readonly injection: unknown;
};

/** How a line is run: what takes the place of `{…}`, what is added to it, and the environment. */
export type Circumstances = {
  readonly places: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** The same line under another builder. */
  readonly adapt: (words: readonly string[]) => readonly string[];
};

/** One time, that what is made of the files is the same whenever they are written. */
const FILE_TIME = 1_700_000_000;

const IMAGE_ID = /sha256:[0-9a-f]{64}/g;

export async function observe(
  sandbox: Sandbox,
  each: DifferentialCase,
  how: Circumstances,
): Promise<Observation> {
  const tag = sandbox.name();
  const place = (text: string) =>
    text.replaceAll(/\{([a-z-]+)\}/g, (whole, name: string) =>
      name === 'tag' ? tag : (how.places[name] ?? whole),
    );
  const folder = writeProject(sandbox, each, place);
  const before = filesBelow(folder);
  const state = join(dirname(folder), 'state');
  const env = { ...how.env, ...each.env, XDG_STATE_HOME: state };
  const words = how.adapt((typeof each.line === 'string' ? each.line.split(' ') : each.line).map(place));
  const result = await sandbox.docker(words, { cwd: folder, env, ...inputOf(each, folder, place) });

  const written = [...filesBelow(folder)].filter(([path, text]) => before.get(path) !== text);
  const answered = [result.stdout, ...written.map(([, text]) => text.slice(0, 10_000))].flatMap(
    (text) => text.match(IMAGE_ID) ?? [],
  );
  const typed = [...words, ...Object.values(projectOf(each)).map(place)].join('\n');
  const tagged = new RegExp(String.raw`(?:${how.places['registry'] ?? ''}/)?${tag}[-:.\w]*`, 'g');
  const names = [...new Set(typed.match(tagged) ?? [])];
  const listed = await inspect(sandbox, [...new Set([...names, ...answered])]);
  const ids = new Map(listed.map(({ id }, index) => [id, index]));
  const comparable = (text: string) => comparableText(text, { root: dirname(folder), tag, ids });

  const files: Record<string, unknown> = {};
  const layouts = written.flatMap(([path]) => (/(^|\/)index\.json$/.test(path) ? [dirname(path)] : []));
  for (const [path, text] of written) {
    const layout = layouts.find((parent) => path.startsWith(`${parent}/`));
    if (layout === undefined) files[path] = await fileView(path, text, comparable);
    else files[layout] ??= await archiveView(filesIn(layout, written));
  }
  const pushed = names.filter((name) => name.startsWith(`${how.places['registry'] ?? ''}/`));
  const runs: Result[] = [];
  for (const run of result.code === 0 ? (each.runs ?? []) : []) {
    runs.push(await sandbox.docker(['run', '--rm', '--network=none', listed[0]?.id ?? tag, ...run]));
  }
  return {
    code: result.code,
    stdout: await stdoutView(result.stdout, comparable),
    messages: messagesIn(comparable(result.stderr)),
    files,
    images: Object.fromEntries(
      listed.map(({ tags, view }) => {
        // Another line may have made the same image before.
        const own = tags.filter((name) => name.includes(tag));
        return [own.map(comparable).sort().join(' '), view];
      }),
    ),
    pushed: await Promise.all(pushed.map((name) => pushedUnder(name))),
    runs,
    injection: injectionIn(join(state, 'docker-chalk', 'reports.jsonl')),
  };
}

function projectOf({ files = APP }: DifferentialCase): Readonly<Record<string, string>> {
  return typeof files === 'string' ? { Dockerfile: files } : files;
}

function writeProject(sandbox: Sandbox, each: DifferentialCase, place: (text: string) => string): string {
  const files = Object.entries(projectOf(each)).map(([path, text]): [string, string] => [path, place(text)]);
  const folder = sandbox.project(Object.fromEntries(files));
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    utimesSync(join(folder, path), FILE_TIME, FILE_TIME);
  }
  utimesSync(folder, FILE_TIME, FILE_TIME);
  mkdirSync(join(dirname(folder), 'state'));
  return folder;
}

function inputOf(
  { input }: DifferentialCase,
  folder: string,
  place: (text: string) => string,
): { input?: string | Uint8Array } {
  if (input === undefined) return {};
  if (typeof input === 'string') return { input: place(input) };
  const archive = tarOf(folder);
  return { input: input.archive === 'tgz' ? gzipSync(archive) : archive };
}

/** By path, the bytes as Latin-1 text, which can be compared and searched. */
function filesBelow(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return new Map(
    paths
      .map((path) => join(folder, path))
      .filter((path) => lstatSync(path).isFile())
      .map((path) => [relative(folder, path), readFileSync(path, 'latin1')]),
  );
}

async function inspect(sandbox: Sandbox, names: readonly string[]): ReturnType<typeof inspectAll> {
  return names.length === 0 ? [] : inspectAll(sandbox, names);
}

async function inspectAll(sandbox: Sandbox, names: readonly string[]) {
  // Prints those it has, and complains of the others.
  const { stdout } = await sandbox.docker(['image', 'inspect', ...names]);
  const images = inspectedImages(stdout);
  return images.filter(({ id }, index) => images.findIndex((other) => other.id === id) === index);
}

/** A folder laid out as an archive of an image is. */
function filesIn(layout: string, files: readonly (readonly [string, string])[]): ReadonlyMap<string, Buffer> {
  const within = files.filter(([path]) => path.startsWith(`${layout}/`));
  return new Map(within.map(([path, text]) => [path.slice(layout.length + 1), Buffer.from(text, 'latin1')]));
}

async function fileView(path: string, text: string, comparable: (text: string) => string): Promise<unknown> {
  const bytes = Buffer.from(text, 'latin1');
  if (path.endsWith('.tar')) return archiveView((await filesOfArchive(bytes)) ?? new Map([['', bytes]]));
  if (bytes.includes(0)) return hashOf(bytes);
  const readable = bytes.toString();
  if (path.endsWith('.json')) return metadataView(readable, comparable);
  return comparable(readable);
}

/** A metadata file: its members, at any depth but that of provenance, and the text of those that are no digest. */
function metadataView(text: string, comparable: (text: string) => string): unknown {
  const parsed = z.safeParse(z.record(z.string(), z.unknown()), JSON.parse(text));
  if (!parsed.success) return comparable(text);
  const members = Object.entries(parsed.data).map(([name, value]): [string, unknown] => {
    if (name.startsWith('buildx.build.provenance')) return [name, 'provenance'];
    if (typeof value !== 'object' || value === null) return [name, comparable(String(value))];
    return [name, metadataView(JSON.stringify(value), comparable)];
  });
  return Object.fromEntries(
    members.map(([name, value]) => [comparable(name), name === 'size' ? 'size' : value]),
  );
}

/** The old builder writes its progress there; `-o -` an archive. */
async function stdoutView(text: string, comparable: (text: string) => string): Promise<string> {
  if (text.includes('\0'))
    return JSON.stringify(await archiveView((await filesOfArchive(Buffer.from(text))) ?? new Map()));
  // A Dockerfile from elsewhere goes into the context under a name of its own, longer or shorter.
  const sized = comparable(text).replaceAll(/(?<=^Sending build context to Docker daemon) .*$/gm, ' <size>');
  return sized.replaceAll(
    /^ ---> (Running in <id>|Removed intermediate container <id>|Using cache|<id>)\n|^Removing intermediate container <id>\n/gm,
    '',
  );
}

function pushedUnder(name: string): Promise<unknown> {
  const [registry = '', ...path] = name.split('/');
  const [repository = '', tag = 'latest'] = path.join('/').split(':');
  return pushedImages(registry, repository, tag);
}

function injectionIn(file: string): unknown {
  if (!existsSync(file)) return undefined;
  const [line = ''] = readFileSync(file, 'utf8').split('\n');
  return readReport(line)['_X_CHALK_INJECTION'];
}

function tarOf(folder: string): Uint8Array {
  return execFileSync('tar', ['--sort=name', '-C', folder, '-cf', '-', '.']);
}
