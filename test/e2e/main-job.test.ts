/** The main job: what `docker chalk build` makes is the user's image, with a mark and a shim, and runs as it would. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Image, Sandbox } from '../support/chalk.ts';
import { describeWithEveryStore } from '../support/engine.ts';

type Case = {
  readonly name: string;
  readonly dockerfile: string;
  /** What is given to `docker run` behind the image, one list a run. */
  readonly runs?: readonly (readonly string[])[];
  readonly marked?: 'and wrapped' | 'only';
  /** Run with the second image store as well, where only the engine's part differs. */
  readonly everyStore?: true;
};

const cases: readonly Case[] = [
  {
    name: 'CMD in exec form',
    dockerfile: 'FROM busybox\nCMD ["echo", "a  b", "$HOME"]',
    runs: [[], ['echo', 'x']],
  },
  {
    name: 'CMD in shell form',
    dockerfile: 'FROM busybox\nCMD echo "a  b" $HOME; exit 3',
    runs: [[], ['false']],
  },
  {
    name: 'ENTRYPOINT in exec form',
    everyStore: true,
    dockerfile: 'FROM busybox\nENTRYPOINT ["echo", "--", "-n"]',
    runs: [[], ['-x', '--', 'y']],
  },
  {
    name: 'ENTRYPOINT in shell form',
    dockerfile: 'FROM busybox\nENTRYPOINT echo "$0" "$#"; exit 42',
    runs: [[], ['ignored']],
  },
  {
    name: 'ENTRYPOINT and CMD',
    dockerfile: 'FROM busybox\nENTRYPOINT ["echo", "one"]\nCMD ["two"]',
    runs: [[], ['three']],
  },
  {
    name: 'CMD before ENTRYPOINT',
    dockerfile: 'FROM busybox\nCMD ["two"]\nENTRYPOINT ["echo", "one"]',
    runs: [[], ['three']],
  },
  {
    name: 'exit status, streams, user, folder and environment',
    everyStore: true,
    dockerfile:
      'FROM busybox\nWORKDIR /home/app\nUSER 1000:1000\nENV A=1 B="two words"\nLABEL x.y="z"\nEXPOSE 80 53/udp\n' +
      'STOPSIGNAL SIGINT\nVOLUME /data\nHEALTHCHECK --interval=1h CMD true\n' +
      `CMD ["sh", "-c", "id; pwd; env | grep -v HOSTNAME | sort; echo failed >&2; exit 42"]`,
    runs: [[]],
  },
  { name: 'killed by a signal', dockerfile: 'FROM busybox\nCMD ["sh", "-c", "kill -9 $$"]', runs: [[]] },
  { name: 'CMD of the base image', dockerfile: 'FROM busybox\nRUN touch /a', runs: [['echo', 'x']] },
  {
    name: 'ENTRYPOINT and CMD of the base image',
    dockerfile: 'FROM entry-cmd\nRUN true',
    runs: [[], ['x']],
    everyStore: true,
  },
  {
    name: 'ENTRYPOINT resets the CMD of the base',
    dockerfile: 'FROM entry-cmd\nENTRYPOINT ["echo", "own"]',
    runs: [[]],
  },
  { name: 'CMD keeps the ENTRYPOINT of the base', dockerfile: 'FROM entry-cmd\nCMD ["own"]', runs: [[]] },
  {
    name: 'CMD of a parent stage',
    dockerfile: 'FROM busybox AS parent\nCMD ["echo", "parent"]\nFROM parent\nRUN touch /child',
    runs: [[]],
  },
  {
    name: 'ENTRYPOINT resets the CMD of a parent stage',
    dockerfile: 'FROM busybox AS parent\nCMD ["parent"]\nFROM parent\nENTRYPOINT ["echo", "child"]',
    runs: [[]],
  },
  {
    name: 'triggers of the base image',
    dockerfile: 'FROM onbuild\nRUN test -e /onbuild-ran',
    runs: [[], ['x']],
    everyStore: true,
  },
  {
    name: 'triggers of its own are not fired',
    dockerfile: 'FROM busybox\nONBUILD RUN false\nONBUILD CMD ["no"]\nCMD ["echo", "yes"]',
    runs: [[]],
  },
  { name: 'SHELL of the base image', dockerfile: 'FROM shell\nCMD echo $0; echo $UNSET_NAME', runs: [[]] },
  {
    name: 'no shell and no root in the image',
    dockerfile: 'FROM distroless\nCMD ["a b"]',
    runs: [[], ['c']],
  },
  { name: 'empty ENTRYPOINT', dockerfile: 'FROM entry-cmd\nENTRYPOINT []\nCMD ["echo", "x"]', runs: [[]] },
  {
    name: 'heredoc at the end',
    dockerfile: 'FROM busybox\nCMD ["cat", "/f"]\nCOPY <<E /f\nFROM x\nE',
    runs: [[]],
  },
  { name: 'no program', dockerfile: 'FROM scratch\nCOPY f /f', marked: 'only', everyStore: true },
  { name: 'an empty program', dockerfile: 'FROM busybox\nENTRYPOINT [""]', marked: 'only' },
];

describeWithEveryStore('main job', (engine, place) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  const chosen = cases.filter(({ everyStore }) => place === 'first' || everyStore);
  test.concurrent.each(chosen)('$name', async ({ dockerfile, runs = [], marked = 'and wrapped' }) => {
    const folder = sandbox.project({ Dockerfile: withBases(dockerfile), f: 'f\n' });
    const plain = await sandbox.plain(folder);
    const ours = await sandbox.mark(folder);
    const [before, after] = await Promise.all([sandbox.inspect(plain), sandbox.inspect(ours)]);
    expectSameImage(before, after, marked);
    for (const words of runs) {
      const [expected, seen] = await Promise.all([run(plain, words), run(ours, words)]);
      expect(seen, words.join(' ')).toEqual(expected);
    }
  });

  test('a base image that is wrapped already is wrapped once', async () => {
    const base = sandbox.project({
      Dockerfile: withBases('FROM busybox\nENTRYPOINT ["echo", "base"]\nCMD ["x"]'),
    });
    const child = (name: string) => sandbox.project({ Dockerfile: `FROM ${name}\nRUN touch /child` });
    const plain = await sandbox.plain(child(await sandbox.plain(base)));
    const ours = await sandbox.mark(child(await sandbox.mark(base)));
    const image = await sandbox.inspect(ours);
    expect(image.Config).toMatchObject({ Entrypoint: ['/.chalk/shim', '--', 'echo', 'base'], Cmd: ['x'] });
    expect(await run(ours, [])).toEqual(await run(plain, []));
    expect((await sandbox.chalk(['extract', ours])).code).toBe(0);
  });

  test('a program that is not there: the exit status docker gives', async () => {
    const folder = sandbox.project({ Dockerfile: withBases('FROM busybox\nCMD ["/nowhere", "x"]') });
    const [plain, ours] = await Promise.all([sandbox.plain(folder), sandbox.mark(folder)]);
    for (const words of [[], ['/etc'], ['nowhere']]) {
      expect((await run(ours, words)).code, words.join()).toBe((await run(plain, words)).code);
    }
  });

  test('--no-wrap marks, and leaves the entrypoint alone', async () => {
    const folder = sandbox.project({ Dockerfile: withBases('FROM busybox\nCMD ["echo", "x"]') });
    const name = sandbox.name();
    expect((await sandbox.chalk(['--no-wrap', 'build', '-t', name, folder])).code).toBe(0);
    const plain = await sandbox.plain(folder);
    expectSameImage(await sandbox.inspect(plain), await sandbox.inspect(name), 'only');
  });

  const withBases = (dockerfile: string) =>
    dockerfile.replaceAll(
      /^FROM (busybox|entry-cmd|onbuild|shell|distroless)\b/gm,
      (_, name: string) => `FROM ${sandbox.base(name)}`,
    );
  const run = async (image: string, words: readonly string[]) =>
    sandbox.docker(['run', '--rm', image, ...words]);
});

/** Layers of the user's are the very same; of the configuration only the entrypoint differs. */
function expectSameImage(plain: Image, ours: Image, marked: 'and wrapped' | 'only'): void {
  const count = plain.RootFS.Layers.length;
  expect(ours.RootFS.Layers.slice(0, count)).toEqual(plain.RootFS.Layers);
  expect(ours.RootFS.Layers.length - count).toBe(marked === 'only' ? 1 : 2);
  const { Entrypoint: entrypoint, ...expected } = plain.Config;
  const { Entrypoint: wrapped, ...config } = ours.Config;
  expect(withoutNull(config)).toEqual(withoutNull(expected));
  expect(wrapped ?? []).toEqual([
    ...(marked === 'only' ? [] : ['/.chalk/shim', '--']),
    ...(entrypoint ?? []),
  ]);
}

/** Engines write an absent list as null or leave it out. */
function withoutNull(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}
