import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';

/** The rules of ARCHITECTURE.md, read from the import statements. */
const ROOT = join(import.meta.dirname, '..', '..');
const LONGEST_FILE = 350;

/** Node modules that spawn, read, write, connect or ask the machine. */
const EFFECTS =
  /^(?:node:)?(?:fs|fs\/promises|child_process|net|http|https|http2|tls|dgram|dns|os|tty|readline|repl|worker_threads|cluster|inspector|vm)(?:\/|$)/;
const PURE = ['docker/argv', 'dockerfile', 'plan', 'mark', 'codec'];

interface Import {
  /** The file, from `src`. */
  readonly from: string;
  /** A file of ours from `src`, or a module's name. */
  readonly to: string;
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const textOf = (name: string) => readFileSync(join(ROOT, 'src', name), 'utf8');

const STATEMENT =
  /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

const imports: readonly Import[] = files.flatMap((from) =>
  [...textOf(from).matchAll(STATEMENT)].map(([, type, stated, lazy]): Import => {
    const target = stated ?? lazy ?? '';
    const to = target.startsWith('.') ? join(dirname(from), target) : target;
    return { from, to, typeOnly: type !== undefined, lazy: lazy !== undefined };
  }),
);
const ours = imports.filter(({ to }) => files.includes(to));
const room = (name: string) => name.split('/', 1)[0] ?? '';
const names = (found: readonly Import[]) => found.map(({ from, to }) => `${from} -> ${to}`);

test('the imports were read', () => {
  expect(names(ours)).toContain('cli/run.ts -> docker/argv/command.ts');
  expect(names(ours)).toContain('cli/main.ts -> cli/run.ts');
  expect(names(imports)).toContain('host/files.ts -> node:fs/promises');
  expect(imports.filter(({ to }) => to.startsWith('src/') || to.startsWith('../'))).toEqual([]);
});

test('only host has effects', () => {
  expect(names(imports.filter(({ from, to }) => room(from) !== 'host' && EFFECTS.test(to)))).toEqual([]);
});

test('only host and the first lines of the program know the process', () => {
  const knowing = files.filter((name) =>
    /(?<![.\w])process\.(?:argv|cwd|exit|exitCode|kill|on|pid|std\w+|platform|env(?!\['CHALK_BUILD_VERSION'\]))\b|\bfetch\(/.test(
      textOf(name),
    ),
  );
  expect(knowing.filter((name) => room(name) !== 'host' && name !== 'cli/main.ts')).toEqual([]);
});

describe('pure stages take and return values', () => {
  test.each(PURE)('%s', (folder) => {
    const own = imports.filter(({ from }) => from.startsWith(`${folder}/`));
    expect(own.length).toBeGreaterThan(0);
    expect(names(own.filter(({ to, typeOnly }) => !typeOnly && room(to) === 'host'))).toEqual([]);
    expect(
      names(
        own.filter(
          ({ to }) => files.includes(to) && ['cli', 'report', 'image', 'collect'].includes(room(to)),
        ),
      ),
    ).toEqual([]);
  });
});

test('nobody imports cli but cli', () => {
  expect(names(ours.filter(({ from, to }) => room(to) === 'cli' && room(from) !== 'cli'))).toEqual([]);
});

test('base imports nothing of ours, host only base', () => {
  expect(names(ours.filter(({ from, to }) => room(from) === 'base' && room(to) !== 'base'))).toEqual([]);
  expect(
    names(ours.filter(({ from, to }) => room(from) === 'host' && !['host', 'base'].includes(room(to)))),
  ).toEqual([]);
});

describe('there are no import cycles', () => {
  const byFile = new Map(
    files.map((name) => [name, ours.filter(({ from }) => from === name).map(({ to }) => to)]),
  );
  const rooms = [...new Set(files.map(room))];
  const byRoom = new Map(
    rooms.map((name) => [
      name,
      [
        ...new Set(
          ours.filter(({ from, to }) => room(from) === name && room(to) !== name).map(({ to }) => room(to)),
        ),
      ],
    ]),
  );

  test('between files', () => expect(cycleIn(byFile)).toBeUndefined());
  test('between rooms', () => expect(cycleIn(byRoom)).toBeUndefined());
});

/** One cycle, as the way around it. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string | undefined {
  const done = new Set<string>();
  const walk = (node: string, path: readonly string[]): string | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(' -> ');
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const found = walk(next, [...path, node]);
      if (found !== undefined) return found;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = walk(node, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

test(`no file is longer than ${LONGEST_FILE} lines`, () => {
  const long = files.filter((name) => textOf(name).split('\n').length - 1 > LONGEST_FILE);
  expect(long).toEqual([]);
});

test('every room is in ARCHITECTURE.md', () => {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const missing = [...new Set(files.map(room))].filter((name) => !text.includes(`\`src/${name}/\``));
  expect(missing).toEqual([]);
});

test('the launcher names the version of the package', () => {
  const manifest = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(manifest));
  const launcher = readFileSync(join(ROOT, 'plugin', 'docker-chalk'), 'utf8');
  expect(launcher).toContain(`"Version":"v${version}"`);
  expect(launcher.match(/"Version"/g)).toHaveLength(1);
});

const LIB = join(ROOT, 'plugin', 'lib');

describe.skipIf(!existsSync(join(LIB, 'chalk.mjs')))('the built program', () => {
  /** The modules that are read before the first line runs, by their file names in `lib`. */
  function readAtStart(name: string, seen = new Set<string>()): Set<string> {
    if (seen.has(name)) return seen;
    seen.add(name);
    const text = readFileSync(join(LIB, name), 'utf8');
    for (const [, next = ''] of text.matchAll(
      /(?:^|[;}])(?:import|export)\s*(?:[^"';]*?from)?\s*"(\.\/[^"]+)"/gm,
    )) {
      readAtStart(relative('.', next), seen);
    }
    return seen;
  }

  test('starts without the libraries that only some commands need', () => {
    const modules = [...readAtStart('chalk.mjs')];
    const text = modules.map((name) => readFileSync(join(LIB, name), 'utf8')).join('\n');
    for (const sign of ['node_modules/yargs', 'node_modules/tar-stream', 'demandCommand', 'streamx']) {
      expect(text.includes(sign), `${sign} in ${modules.join(' ')}`).toBe(false);
    }
  });

  test('has them in parts of their own', () => {
    const parts = readdirSync(LIB).filter((name) => name.endsWith('.mjs'));
    const all = parts.map((name) => readFileSync(join(LIB, name), 'utf8')).join('\n');
    for (const sign of ['demandCommand', 'node_modules/tar-stream'])
      expect(all.includes(sign), sign).toBe(true);
    expect(readAtStart('chalk.mjs').size).toBeLessThan(parts.length);
  });
});
