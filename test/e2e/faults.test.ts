/** Everything of ours, and much around us, broken: docker builds the image, and its exit status comes back. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LAUNCHER, type RunOptions, Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

/** What may be done to before a build. */
interface World {
  readonly sandbox: Sandbox;
  /** The installed plugin's folder of programs. */
  readonly lib: string;
  /** The folder that is built. */
  readonly folder: string;
  /** A folder PATH has first. */
  readonly bin: string;
  /** Puts a script before a real program; `"$REAL"` in it is that program. */
  readonly before: (program: 'buildx' | 'docker' | 'git', script: string) => void;
}
type Harm = (world: World) => RunOptions | undefined | void;
type Outcome = 'marked' | 'unmarked' | 'no image';

const parts = (lib: string) => readdirSync(lib).filter((name) => name.startsWith('part-'));

/** Another clock for our program. */
const clock = ({ lib }: World, now: string) => {
  const real = readlinkSync(join(lib, 'node'));
  unlinkSync(join(lib, 'node'));
  const code = `const real = Date.now; let n = 0; Date.now = () => (n += 1, ${now});`;
  writeFileSync(
    join(lib, 'node'),
    `#!/bin/sh\nexec '${real}' --import 'data:text/javascript,${encodeURIComponent(code)}' "$@"\n`,
    { mode: 0o755 },
  );
};

const INSTALLATION: readonly (readonly [string, Outcome, Harm])[] = [
  ['no programs for images', 'unmarked', ({ lib }) => rmSync(join(lib, 'shim'), { recursive: true })],
  [
    'a folder where a program for images should be',
    'unmarked',
    ({ lib }) => {
      for (const name of readdirSync(join(lib, 'shim'), { recursive: true, encoding: 'utf8' })) {
        if (!name.endsWith('shim')) continue;
        rmSync(join(lib, 'shim', name));
        mkdirSync(join(lib, 'shim', name));
      }
    },
  ],
  ['no program', 'unmarked', ({ lib }) => rmSync(join(lib, 'chalk.mjs'))],
  ['an empty program', 'unmarked', ({ lib }) => writeFileSync(join(lib, 'chalk.mjs'), '')],
  [
    'a program that is cut off',
    'unmarked',
    ({ lib }) => {
      const text = readFileSync(join(lib, 'chalk.mjs'), 'utf8');
      writeFileSync(join(lib, 'chalk.mjs'), text.slice(0, text.length / 2));
    },
  ],
  ['no runtime', 'unmarked', ({ lib }) => rmSync(join(lib, 'node'))],
  [
    'a runtime that is a link to nothing',
    'unmarked',
    ({ lib }) => {
      rmSync(join(lib, 'node'));
      symlinkSync('/nowhere/node', join(lib, 'node'));
    },
  ],
  [
    'a runtime that cannot be run',
    'unmarked',
    ({ lib }) => {
      rmSync(join(lib, 'node'));
      writeFileSync(join(lib, 'node'), 'x', { mode: 0o644 });
    },
  ],
  [
    'parts missing',
    'unmarked',
    ({ lib }) => {
      for (const name of parts(lib)) rmSync(join(lib, name));
    },
  ],
  [
    'parts that are no program',
    'unmarked',
    ({ lib }) => {
      for (const name of parts(lib)) writeFileSync(join(lib, name), 'no program');
    },
  ],
  [
    'parts that are empty',
    'unmarked',
    ({ lib }) => {
      for (const name of parts(lib)) writeFileSync(join(lib, name), '');
    },
  ],
  [
    'options for a Node that knows none of them',
    'marked',
    () => ({ env: { NODE_OPTIONS: '--no-such-option' } }),
  ],
];

const DISK: readonly (readonly [string, Outcome, Harm])[] = [
  ['no temporary folder', 'unmarked', () => ({ env: { TMPDIR: '/nowhere/at/all' } })],
  [
    'a file as temporary folder',
    'unmarked',
    ({ sandbox }) => {
      const file = join(sandbox.root, 'file');
      writeFileSync(file, '');
      return { env: { TMPDIR: file } };
    },
  ],
  [
    'a state folder that is a file',
    'marked',
    ({ sandbox }) => {
      const file = join(sandbox.root, 'state-file');
      writeFileSync(file, '');
      return { env: { XDG_STATE_HOME: file } };
    },
  ],
  ['a state folder nobody can make', 'marked', () => ({ env: { XDG_STATE_HOME: '/proc/nowhere' } })],
  [
    'no home',
    'marked',
    ({ sandbox }) => ({ env: { HOME: join(sandbox.root, 'no-home'), XDG_STATE_HOME: '' } }),
  ],
];

const AROUND: readonly (readonly [string, Outcome, Harm])[] = [
  [
    'a docker that describes no image',
    'marked',
    ({ before }) => before('docker', 'case " $* " in *" image inspect "*) exit 1 ;; esac'),
  ],
  [
    'a docker that describes images in no words we know',
    'marked',
    ({ before }) => before('docker', 'case " $* " in *" image inspect "*) echo "[{]"; exit 0 ;; esac'),
  ],
  [
    'a docker that is slow to describe images',
    'marked',
    ({ before }) => before('docker', 'case " $* " in *" image inspect "*) sleep 3 ;; esac'),
  ],
  [
    'a docker that knows nothing of its engine',
    'unmarked',
    ({ before }) =>
      before('docker', 'case " $* " in *" version "* | *" info "*) echo nonsense; exit 0 ;; esac'),
  ],
  [
    'a buildx that takes no context of ours',
    'unmarked',
    ({ before }) =>
      before('buildx', 'case "$*" in *chalk-payload*) echo "ERROR: no such context" >&2; exit 1 ;; esac'),
  ],
  [
    'a buildx that knows no such flag',
    'unmarked',
    ({ before }) =>
      before('buildx', 'case "$*" in *build-context*) echo "unknown flag" >&2; exit 125 ;; esac'),
  ],
  [
    'a buildx that fails behind the build',
    'unmarked',
    ({ before }) => before('buildx', 'case "$*" in *chalk-payload*) "$REAL" "$@"; exit 7 ;; esac'),
  ],
  [
    'a buildx that keeps no history',
    'marked',
    ({ before }) => before('buildx', 'case " $* " in *" history "*) exit 1 ;; esac'),
  ],
  [
    'a metadata file of garbage',
    'marked',
    ({ before }) =>
      before(
        'buildx',
        `for word; do case $word in --metadata-file=*) "$REAL" "$@"; code=$?; echo '{"contain' >"\${word#*=}"; exit $code ;; esac; done`,
      ),
  ],
  [
    'a metadata file of something else',
    'marked',
    ({ before }) =>
      before(
        'buildx',
        `for word; do case $word in --metadata-file=*) "$REAL" "$@"; code=$?; echo '[{"containerimage.digest":5}]' >"\${word#*=}"; exit $code ;; esac; done`,
      ),
  ],
  [
    'a metadata file that has gone',
    'marked',
    ({ before }) =>
      before(
        'buildx',
        'for word; do case $word in --metadata-file=*) "$REAL" "$@"; code=$?; rm -f "${word#*=}"; exit $code ;; esac; done',
      ),
  ],
  [
    'temporary files that go during the build',
    'marked',
    ({ before, sandbox }) =>
      before(
        'buildx',
        `case "$*" in *chalk-payload*) "$REAL" "$@"; code=$?; rm -rf '${sandbox.temporary}'/docker-chalk-*; exit $code ;; esac`,
      ),
  ],
  [
    'temporary files that go before the build',
    'unmarked',
    ({ before, sandbox }) =>
      before('buildx', `case "$*" in *chalk-payload*) rm -rf '${sandbox.temporary}'/docker-chalk-* ;; esac`),
  ],
  ['a buildx killed in the middle', 'no image', ({ before }) => before('buildx', 'kill -KILL $$')],
  [
    'a registry that is dead, for a base the engine has',
    'marked',
    ({ folder, sandbox }) => {
      const name = `127.0.0.1:1/${sandbox.name()}`;
      spawnSync('docker', ['tag', sandbox.base('busybox'), name], { env: sandbox.env });
      writeFileSync(join(folder, 'Dockerfile'), `FROM ${name}\nCMD ["true"]\n`);
    },
  ],
  [
    'a registry that is dead',
    'no image',
    ({ folder }) => writeFileSync(join(folder, 'Dockerfile'), 'FROM 127.0.0.1:1/nothing\nCMD ["true"]\n'),
  ],
];

const SOURCE: readonly (readonly [string, Outcome, Harm])[] = [
  ['a repository of garbage', 'marked', ({ folder }) => writeFileSync(join(folder, '.git'), '\0garbage')],
  [
    'a repository whose HEAD is garbage',
    'marked',
    ({ folder }) => {
      spawnSync('git', ['init', '-q', folder]);
      writeFileSync(join(folder, '.git', 'HEAD'), '\uffff\0');
    },
  ],
  [
    'a repository without objects',
    'marked',
    ({ folder }) => {
      spawnSync('git', ['init', '-q', folder]);
      rmSync(join(folder, '.git', 'objects'), { recursive: true });
      writeFileSync(join(folder, '.git', 'HEAD'), `${'a'.repeat(40)}\n`);
    },
  ],
  ['a git that fails', 'marked', ({ before }) => before('git', 'exit 128')],
  ['a git that answers nonsense', 'marked', ({ before }) => before('git', 'echo nonsense; exit 0')],
  [
    'a CI that promises files it has not',
    'marked',
    () => ({ env: { CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_EVENT_PATH: '/', GITHUB_SHA: '\u00ff' } }),
  ],
  [
    'a .dockerignore that is a folder',
    'marked',
    ({ folder }) => {
      mkdirSync(join(folder, '.dockerignore'));
    },
  ],
];

const CLOCK: readonly (readonly [string, Outcome, Harm])[] = [
  ['a clock at the epoch', 'marked', (world) => clock(world, '0')],
  ['a clock that goes back', 'marked', (world) => clock(world, 'real() - n * 86400000')],
  ['a clock far in the future', 'marked', (world) => clock(world, '8.64e15')],
  ['a clock before the epoch', 'marked', (world) => clock(world, '-1e12')],
];

const CONFIGURATION: readonly (readonly [string, string])[] = [
  ['no JSON', 'no json'],
  ['an array', '[]'],
  ['folders of plugins that are none', '{"cliPluginsExtraDirs":5}'],
  ['a context nobody made', '{"currentContext":"nobody"}'],
  ['a credential helper that is not there', '{"credsStore":"nobody"}'],
  ['an alias that is not allowed', '{"aliases":{"b":"c"}}'],
];

test('there are at least thirty faults', () => {
  const all = [INSTALLATION, DISK, AROUND, SOURCE, CLOCK, CONFIGURATION];
  expect(all.flat().length).toBeGreaterThanOrEqual(30);
});

describeWithEngine('faults', (engine) => {
  let sandbox: Sandbox;
  let world: World;
  let undo: (() => void)[] = [];
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());
  beforeEach(() => {
    const plugin = sandbox.project({}, 'a folder, näm€d ödly');
    cpSync(join(LAUNCHER, '..'), plugin, { recursive: true, verbatimSymlinks: true });
    const link = join(sandbox.config, 'cli-plugins', 'docker-chalk');
    rmSync(link);
    symlinkSync(join(plugin, 'docker-chalk'), link);
    const bin = join(plugin, 'bin');
    mkdirSync(bin);
    const put = (path: string, real: string, script: string) => {
      writeFileSync(path, `#!/bin/sh\nREAL='${real}'\n${script}\nexec "$REAL" "$@"\n`);
      chmodSync(path, 0o755);
    };
    world = {
      sandbox,
      lib: join(plugin, 'lib'),
      folder: sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN true\nCMD ["true"]\n` }),
      bin,
      before: (program, script) => {
        if (program === 'buildx') {
          const path = join(sandbox.config, 'cli-plugins', 'docker-buildx');
          renameSync(path, `${path}.real`);
          undo.push(() => renameSync(`${path}.real`, path));
          // docker asks every plugin who it is.
          put(
            path,
            `${path}.real`,
            `case $1 in docker-cli-plugin-metadata) exec "$REAL" "$@" ;; esac\n${script}`,
          );
          return;
        }
        const real = spawnSync('sh', ['-c', `command -v ${program}`], { env: sandbox.env, encoding: 'utf8' });
        put(join(bin, program), real.stdout.trim(), script);
      },
    };
  });
  afterEach(() => {
    for (const each of undo) each();
    undo = [];
  });

  /** Plain docker in this world, and docker chalk. */
  const build = async (how: 'plain' | 'by docker' | 'alone', options: RunOptions) => {
    const name = sandbox.name();
    const words = ['build', '--progress=plain', '-t', name, world.folder];
    // Started by itself, as no docker has called it, it takes the first docker on PATH.
    const result =
      how === 'alone'
        ? await sandbox.run(join(world.lib, '..', 'docker-chalk'), ['chalk', ...words], options)
        : await sandbox.docker(how === 'plain' ? words : ['chalk', ...words], options);
    const image = await sandbox.docker(['image', 'inspect', name], {
      env: { PATH: sandbox.env['PATH'] ?? '' },
    });
    const outcome: Outcome =
      image.code !== 0 ? 'no image' : image.stdout.includes('/.chalk/shim') ? 'marked' : 'unmarked';
    return { ...result, outcome };
  };
  const optionsOf = (harm: Harm): RunOptions => {
    const options = harm(world) ?? {};
    return { ...options, env: { PATH: `${world.bin}:${sandbox.env['PATH'] ?? ''}`, ...options.env } };
  };

  describe.each([
    ['of our installation', INSTALLATION],
    ['of the disk', DISK],
    ['of docker and buildx', AROUND],
    ['of the source', SOURCE],
    ['of the clock', CLOCK],
  ] as const)('%s', (_, table) => {
    test.each(table)('%s: %s', async (_name, outcome, harm) => {
      const options = optionsOf(harm);
      const ours = await build('alone', options);
      expect(ours.outcome, ours.stderr).toBe(outcome);
      // What a signal ended ends so itself, and its docker, which is not here, makes 255 of that.
      const code = ours.code ?? 255;
      expect(code, ours.stderr).toBe(outcome === 'no image' ? (await build('plain', options)).code : 0);
      expect(ours.stdout).toBe('');
      expect(ours.stderr).not.toMatch(/^ {4}at .*\.(mjs|ts|js):\d+/m);
    });
  });

  test.each(CONFIGURATION)('of docker’s configuration: %s', async (_, text) => {
    const path = join(sandbox.config, 'config.json');
    writeFileSync(path, text);
    undo.push(() => writeFileSync(path, '{}\n'));
    const plain = await build('plain', {});
    const ours = await build('by docker', {});
    expect(ours.code, ours.stderr).toBe(plain.code);
    expect(ours.outcome === 'no image').toBe(plain.outcome === 'no image');
  });

  test('of the disk: few open files', async () => {
    const name = sandbox.name();
    const line = `ulimit -n 64; umask 777; docker chalk build --progress=plain -t ${name} '${world.folder}'`;
    const { code, stderr } = await sandbox.run('sh', ['-c', line]);
    expect(code, stderr).toBe(0);
    await sandbox.inspect(name);
  });
});
