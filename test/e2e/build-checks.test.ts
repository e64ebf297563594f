/** Docker's build checks say of the user's Dockerfile what they said before, no word more and none less. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sandbox } from '../support/chalk.ts';
import { describeWithEngine } from '../support/engine.ts';

const Warning = z.object({
  detail: z.optional(z.array(z.string())),
  short: z.optional(z.string()),
  range: z.optional(z.array(z.object({ start: z.object({ line: z.number() }) }))),
});

type Case = readonly [string, string, (readonly string[])?, string?];

const cases: readonly Case[] = [
  ['nothing to say', 'FROM busybox\nCMD ["true"]\n'],
  ['own ENTRYPOINT in exec form', 'FROM busybox\nENTRYPOINT ["true"]\nCMD ["x"]\n'],
  ['own ENTRYPOINT in shell form', 'FROM busybox\nENTRYPOINT echo x\n'],
  ['ENTRYPOINT and CMD in shell form', 'FROM busybox\nENTRYPOINT echo x\nCMD echo y\n'],
  ['CMD in shell form', 'FROM busybox\nCMD echo "$HOME"\n'],
  ['CMD in shell form in a parent stage', 'FROM busybox AS a\nCMD echo x\nFROM a\nRUN true\n'],
  ['ENTRYPOINT in shell form in a parent stage', 'FROM busybox AS a\nENTRYPOINT echo x\nFROM a\nRUN true\n'],
  ['two CMDs', 'FROM busybox\nCMD ["a"]\nCMD ["b"]\n'],
  ['three CMDs, one in shell form', 'FROM busybox\nCMD ["a"]\nCMD b\nCMD ["c"]\n'],
  ['two ENTRYPOINTs', 'FROM busybox\nENTRYPOINT ["a"]\nRUN true\nENTRYPOINT ["true"]\n'],
  ['two ENTRYPOINTs, the first in shell form', 'FROM busybox\nENTRYPOINT a\nENTRYPOINT ["true"]\n'],
  ['two ENTRYPOINTs, the last in shell form', 'FROM busybox\nENTRYPOINT ["a"]\nENTRYPOINT true\n'],
  [
    'two HEALTHCHECKs and an ENTRYPOINT',
    'FROM busybox\nHEALTHCHECK NONE\nHEALTHCHECK CMD true\nENTRYPOINT ["true"]\n',
  ],
  ['two CMDs and an ENTRYPOINT', 'FROM busybox\nCMD ["a"]\nENTRYPOINT ["true"]\nCMD ["b"]\n'],
  [
    'two CMDs in another stage',
    'FROM busybox AS a\nCMD ["a"]\nCMD ["b"]\nFROM busybox\nENTRYPOINT ["true"]\nCOPY --from=a /etc /e\n',
  ],
  ['lower case', 'from busybox\nrun true\nentrypoint ["true"]\n'],
  ['lower case, CMD inherited', 'from busybox\nrun true\n'],
  ['mixed case', 'FROM busybox\nrun true\nEntrypoint ["true"]\nCMD ["x"]\n'],
  ['one line in lower case of many', 'FROM busybox\nRUN true\nENV A=1\nworkdir /x\nCMD ["x"]\n'],
  ['as many lower as upper', 'FROM busybox\nrun true\n'],
  [
    'other findings',
    'FROM --platform=linux/amd64 busybox as Build\nMAINTAINER me\nWORKDIR x\nENV a b\nRUN echo $B\nCMD ["x"]\n',
  ],
  ['a secret in ENV', 'FROM busybox\nENV API_TOKEN=x\nARG PASSWORD\nENTRYPOINT ["true"]\n'],
  ['error=true, nothing to say', '# check=error=true\nFROM busybox\nENTRYPOINT ["true"]\n'],
  ['error=true, lower case', '# check=error=true\nfrom busybox\nentrypoint ["true"]\n'],
  ['error=true, CMD in parent stage', '# check=error=true\nFROM busybox AS a\nCMD ["x"]\nFROM a\nRUN true\n'],
  ['error=true and a finding', '# check=error=true\nFROM busybox\nENTRYPOINT echo x\n'],
  [
    'error=true and two CMDs',
    '# check=error=true\nFROM busybox\nENTRYPOINT ["true"]\nCMD ["a"]\nCMD ["b"]\n',
  ],
  ['skip of one rule', '# check=skip=JSONArgsRecommended\nFROM busybox\nENTRYPOINT echo x\nWORKDIR y\n'],
  [
    'skip of one rule, error=true',
    '# check=skip=JSONArgsRecommended;error=true\nFROM busybox\nENTRYPOINT echo x\n',
  ],
  ['skip of all', '# check=skip=all\nFROM busybox\nENTRYPOINT a\nENTRYPOINT b\n'],
  [
    'skip of our rule',
    '# check=skip=MultipleInstructionsDisallowed\nFROM busybox\nENTRYPOINT ["a"]\nENTRYPOINT ["true"]\n',
  ],
  [
    'skip by argument',
    'FROM busybox\nENTRYPOINT echo x\n',
    ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=skip=JSONArgsRecommended'],
  ],
  [
    'error by argument',
    'FROM busybox\nENTRYPOINT ["true"]\n',
    ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=error=true'],
  ],
  [
    'error by argument, a finding',
    'FROM busybox\nENTRYPOINT x\n',
    ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=error=true'],
  ],
  [
    'argument over directive',
    '# check=error=true\nFROM busybox\nENTRYPOINT x\n',
    ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=skip=none'],
  ],
  ['experimental checks', '# check=experimental=all\nFROM busybox\nENTRYPOINT ["true"]\nCOPY . /x\n'],
  [
    'target not last',
    'FROM busybox AS a\nENTRYPOINT ["true"]\nFROM busybox AS b\nCMD echo x\n',
    ['--target', 'a'],
  ],
  [
    'target not last, two CMDs behind',
    'FROM busybox AS a\nENTRYPOINT ["a"]\nENTRYPOINT ["true"]\nFROM busybox\nCMD ["a"]\nCMD ["b"]\n',
    ['--target=a'],
  ],
  [
    'findings behind the target stay where they are',
    'FROM busybox AS a\nENTRYPOINT ["true"]\nCMD x\nFROM busybox AS B\nENV A b\nMAINTAINER x\nrun true\nRUN echo \\\n\n  x\n',
    ['--target', 'a'],
  ],
  ['a name that is used twice', 'FROM busybox AS a\nRUN true\nFROM busybox AS A\nENTRYPOINT ["true"]\n'],
  ['another file name', 'FROM busybox\nENTRYPOINT ["a"]\nENTRYPOINT ["true"]\n', [], 'my.Dockerfile'],
];

/** Left alone: a shell-form ENTRYPOINT has a finding of its own, which is lost if ours takes its place. */
const left: ReadonlySet<string> = new Set(['two ENTRYPOINTs, the last in shell form']);

describeWithEngine('build checks', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  test.concurrent.for(cases)('%s', async ([name, dockerfile, words = [], file = 'Dockerfile']) => {
    const text = dockerfile.replaceAll(/^from busybox|(?<=^FROM (--platform=\S+ )?)busybox/gim, (found) =>
      found.replace('busybox', sandbox.base('busybox')),
    );
    const folder = sandbox.project({ [file]: text });
    const args = ['--progress=rawjson', '-f', join(folder, file), ...words, folder];
    const plain = await sandbox.docker(['build', '-o', 'type=cacheonly', ...args]);
    const report = join(folder, '..', 'report');
    const ours = await sandbox.chalk(['--report', report, 'build', '-t', sandbox.name(), ...args]);
    expect(ours.code, ours.stderr).toBe(plain.code);
    const found = warnings(ours.stderr);
    // A finding that fails the build names no line, so docker is asked once more and says it once more.
    expect(plain.code === 0 ? found : [...new Set(found)]).toEqual(warnings(plain.stderr));
    if (plain.code === 0)
      expect(readFileSync(report, 'utf8')).toMatch(left.has(name) ? / "build-checks: / : / "wrapped: /);
  });
});

/** What the checks found, from the progress as programs read it. */
function warnings(progress: string): unknown[] {
  const Line = z.object({ warnings: z.optional(z.array(Warning)) });
  return progress
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => Line.parse(JSON.parse(line)).warnings ?? [])
    .map(({ short, detail, range }) =>
      JSON.stringify([
        Buffer.from(short ?? '', 'base64').toString(),
        detail?.map((text) => Buffer.from(text, 'base64').toString()),
        range?.map(({ start }) => start.line),
      ]),
    )
    .toSorted();
}
