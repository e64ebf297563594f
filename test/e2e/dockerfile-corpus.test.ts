/** Dockerfiles with every oddity we know of, each named for its own: what we read in them is what BuildKit makes of them. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { parseDockerfile, resolveConfig } from '../../src/dockerfile/index.ts';
import { expectSuccess, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';
import { buildOptions } from '../unit/dockerfile/support.ts';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'dockerfiles');
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.Dockerfile'))
  .map((file) => file.slice(0, -'.Dockerfile'.length));
/** BuildKit says no to these, and so do we, before anything is built. */
const REFUSED = NAMES.filter((name) => name.startsWith('refused-'));
const READ = NAMES.filter((name) => !name.startsWith('refused-'));
const pathOf = (name: string) => join(FOLDER, `${name}.Dockerfile`);
const targetOf = (name: string) => (name.startsWith('target-') ? { target: 'wanted' } : {});

const Targets = z.object({
  target: z.record(
    z.string(),
    z.object({
      targets: z.object({
        targets: z.array(
          z.object({
            name: z.optional(z.string()),
            base: z.optional(z.string()),
            platform: z.optional(z.string()),
            location: z.object({ ranges: z.array(z.object({ start: z.object({ line: z.number() }) })) }),
          }),
        ),
      }),
    }),
  ),
});
const Words = z.nullish(z.array(z.string()));
const Config = z.object({
  Entrypoint: Words,
  Cmd: Words,
  User: z.optional(z.string()),
  Shell: Words,
  OnBuild: Words,
  Env: Words,
});

test('the corpus has at least sixty files', () => {
  expect(READ.length).toBeGreaterThanOrEqual(60);
});

describeWithEngine('Dockerfile corpus', (engine) => {
  let sandbox: Sandbox;
  let definition = '';
  let prefix = '';
  let context = '';
  const contexts = () => ({ base: `docker-image://${sandbox.base('busybox')}` });
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
    prefix = sandbox.name();
    definition = join(sandbox.root, 'corpus.json');
    context = join(sandbox.root, 'empty');
    mkdirSync(context);
    const targets = READ.map((name): [string, object] => [
      name,
      {
        context,
        dockerfile: pathOf(name),
        contexts: contexts(),
        tags: [`${prefix}:${name}`],
        ...targetOf(name),
      },
    ]);
    const target: Record<string, object> = Object.fromEntries(targets);
    writeFileSync(definition, JSON.stringify({ group: { default: { targets: READ } }, target }));
  });
  afterAll(async () => sandbox.close());

  const entitled = { env: { BUILDX_BAKE_ENTITLEMENTS_FS: '0' } };
  const bake = async (...words: string[]) =>
    expectSuccess(await sandbox.docker(['buildx', 'bake', '--file', definition, ...words], entitled));

  test('stages: names, bases, platforms and lines', async () => {
    const { stdout } = await bake('--call=targets,format=json');
    const { target } = Targets.parse(JSON.parse(stdout));
    for (const name of READ) {
      const theirs = (target[name]?.targets.targets ?? []).map(
        ({ name: stage, base, platform, location }) => [
          stage,
          base,
          platform,
          location.ranges[0]?.start.line,
        ],
      );
      const { stages } = parseDockerfile(readFileSync(pathOf(name)));
      const ours = stages.map(({ name: stage, from }) => [
        stage,
        from.base,
        from.platform,
        from.line.startLine,
      ]);
      expect(ours, name).toEqual(theirs);
    }
  });

  test('ENTRYPOINT, CMD, USER, SHELL and ONBUILD are those of the image that is built', async () => {
    await bake('--provenance=false');
    const configsOf = async (images: readonly string[]) => {
      const words = ['image', 'inspect', '--format', '{{json .Config}}', ...images];
      const { stdout } = expectSuccess(await sandbox.docker(words));
      return stdout
        .trim()
        .split('\n')
        .map((line) => Config.parse(JSON.parse(line)));
    };
    const [base] = await configsOf([sandbox.base('busybox')]);
    const built = await configsOf(READ.map((name) => `${prefix}:${name}`));
    for (const [index, name] of READ.entries()) {
      const options = buildOptions({ contexts: contexts(), ...targetOf(name) });
      const config = resolveConfig(parseDockerfile(readFileSync(pathOf(name))), options, () => ({
        entrypoint: base?.Entrypoint ?? [],
        cmd: base?.Cmd ?? [],
        env: base?.Env ?? [],
        user: base?.User ?? '',
      }));
      const theirs = built[index];
      const onbuild = theirs?.OnBuild ?? [];
      expect(
        {
          entrypoint: config.entrypoint,
          cmd: config.cmd,
          user: config.user ?? '',
          shell: config.shell ?? [],
          onbuild: config.onbuild.length,
        },
        name,
      ).toEqual({
        entrypoint: theirs?.Entrypoint ?? [],
        cmd: theirs?.Cmd ?? [],
        user: theirs?.User ?? '',
        shell: theirs?.Shell ?? [],
        onbuild: onbuild.length,
      });
    }
  });

  test.each(REFUSED)('%s: by BuildKit and by us', async (name) => {
    const file = parse(name);
    const words = ['build', '--build-context', `base=docker-image://${sandbox.base('busybox')}`];
    const theirs = await sandbox.docker([...words, '-f', pathOf(name), context]);
    expect(theirs.code).toBe(1);
    expect(file).toMatch(/^(DOCKERFILE_SYNTAX|BASE_IMAGE_UNKNOWN)$/);
  });

  test('every file can be marked: nothing is left to docker for its oddity', async () => {
    const { stdout } = expectSuccess(
      await sandbox.chalk(['--explain', 'bake', '--file', definition], entitled),
    );
    const plans = new Map(
      stdout
        .split(/^target /m)
        .slice(1)
        .map((block) => [block.split('\n', 1)[0] ?? '', /^plan +(\w+)/m.exec(block)?.[1]] as const),
    );
    expect([...plans].filter(([, plan]) => plan !== 'inline')).toEqual([]);
    expect([...plans.keys()].sort()).toEqual([...READ].sort());
  });

  // Those whose end is hard to find: where our lines go.
  const ENDS = READ.filter((name) =>
    /end|byte-order|crlf|escape|heredoc-(holds|with-tabs|two)|comments/.test(name),
  );

  test('files whose last line is an oddity are built with our lines behind it', async () => {
    const { stderr } = expectSuccess(await sandbox.chalk(['bake', '--file', definition, ...ENDS], entitled));
    expect(stderr).not.toContain('docker chalk:');
    expect(sandbox.lastReport()._CHALKS).toHaveLength(ENDS.length);
  });

  /** The code of the error a file is refused with. */
  function parse(name: string): string {
    try {
      const file = parseDockerfile(readFileSync(pathOf(name)));
      resolveConfig(file, buildOptions({ contexts: contexts() }), () => ({}));
      return 'read';
    } catch (error) {
      return z.object({ code: z.string() }).parse(error).code;
    }
  }
});
