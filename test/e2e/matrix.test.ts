/** The README's table of ways in and kinds of build, from what the builds leave behind. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

/** What is typed, as it stands in the table; IMAGE is the name of the image. */
const KINDS: readonly (readonly [title: string, words: string, env?: Readonly<Record<string, string>>])[] = [
  ['docker build', 'build -t IMAGE .'],
  ['docker image build', 'image build -t IMAGE .'],
  ['docker builder build', 'builder build -t IMAGE .'],
  ['docker buildx build', 'buildx build -t IMAGE .'],
  ['docker bake', 'bake'],
  ['docker buildx bake', 'buildx bake'],
  ['docker compose build', 'compose build'],
  ['docker compose create --build', 'compose create --build'],
  ['docker compose up --build', 'compose up --build'],
  ['docker compose run --build', 'compose run --build --rm -T app'],
  ['DOCKER_BUILDKIT=0 docker build', 'build -t IMAGE .', { DOCKER_BUILDKIT: '0' }],
];
const WAYS = ['docker chalk …', '--wrapper', '--builder-alias', '--buildx-shim'] as const;

const cells = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));
const TABLE = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map(cells);

describeWithEngine('the table of ways in', (engine) => {
  let sandbox: Sandbox;
  let bin = '';
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    bin = join(sandbox.root, 'bin');
    mkdirSync(bin);
  });
  afterAll(async () => sandbox.close());

  /** Builds in one way, and says whether the image has a mark. */
  const result = async (way: (typeof WAYS)[number], words: string, env: Readonly<Record<string, string>>) => {
    const image = sandbox.name();
    const cwd = sandbox.project({
      Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n`,
      'compose.yaml': `services:\n  app:\n    image: ${image}\n    build: .\n    network_mode: none\n`,
    });
    const line = words.replace('IMAGE', image).split(' ');
    const path = way === '--wrapper' ? `${bin}:${sandbox.env['PATH'] ?? ''}` : (sandbox.env['PATH'] ?? '');
    const typed = way === 'docker chalk …' ? ['chalk', ...line] : line;
    expectSuccess(await sandbox.docker(typed, { cwd, env: { ...env, PATH: path } }));
    const { code } = await sandbox.chalk(['extract', image]);
    if (line[0] === 'compose') await sandbox.docker(['compose', 'down', '--timeout', '0'], { cwd });
    return code === 0 ? 'marked' : 'docker’s own';
  };

  test.each(WAYS)(
    '%s',
    async (way) => {
      const install = way === '--wrapper' ? [`--wrapper=${bin}`] : [way];
      if (way !== 'docker chalk …') expectSuccess(await sandbox.chalk(['install', ...install]));
      const seen: Record<string, string> = {};
      for (const [title, words, env] of KINDS) seen[title] = await result(way, words, env ?? {});
      if (way !== 'docker chalk …') expectSuccess(await sandbox.chalk(['uninstall', ...install]));
      const head = TABLE.find(([first]) => first === 'what is typed') ?? [];
      const column = head.indexOf(way);
      const said = KINDS.map(
        ([title]) => [title, TABLE.find(([first]) => first === title)?.[column]] as const,
      );
      expect(seen).toEqual(Object.fromEntries(said));
    },
    600_000,
  );
});
