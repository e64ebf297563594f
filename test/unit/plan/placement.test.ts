import { describe, expect, test } from 'vitest';
import { inline, MARK, passed, SHIM, textOf } from './support.ts';

const WRAPPED = 'ENTRYPOINT ["/.chalk/shim","--","/a"]';
const ONCE = 'skip=MultipleInstructionsDisallowed';

describe('Docker’s build checks', () => {
  const own = 'FROM scratch\nENTRYPOINT ["/a"]\n';
  test.each([
    ['no ENTRYPOINT of the user’s', 'FROM scratch\nCMD ["/a"]\n', undefined, undefined],
    ['an ENTRYPOINT of the user’s', own, undefined, ONCE],
    [
      'a rule the user skips',
      `# check=skip=JSONArgsRecommended\n${own}`,
      undefined,
      'skip=JSONArgsRecommended,MultipleInstructionsDisallowed',
    ],
    ['findings that fail the build', `# check=error=true\n${own}`, undefined, `${ONCE};error=true`],
    [
      'an argument, which replaces the directive',
      `# check=error=true\n${own}`,
      'skip=A',
      'skip=A,MultipleInstructionsDisallowed',
    ],
    ['an empty argument', `# check=error=true\n${own}`, '', ONCE],
    ['the rule is skipped already', `# check=${ONCE}\n${own}`, undefined, undefined],
    ['all rules are skipped', own, 'skip=all', undefined],
  ])('%s', (_, text, checkArgument, checks) => {
    const made = inline(text, checkArgument === undefined ? {} : { checkArgument });
    expect(made.checks).toBe(checks);
  });
});

describe('an ENTRYPOINT that Docker would warn about', () => {
  const twice = 'FROM scratch\nENTRYPOINT ["/x"]\nentrypoint ["/a"]\nLABEL a=b\n';

  test('is replaced where it stands, line for line', () => {
    const made = inline(twice);
    expect(textOf(made)).toBe(
      `FROM scratch\nENTRYPOINT ["/x"]\nentrypoint ["/.chalk/shim","--","/a"]\nLABEL a=b\n\n\n${SHIM}\n${MARK}\n`,
    );
    expect(made.checks).toBeUndefined();
    expect([1, 2, 3, 4, 5].map(made.isUserLine)).toEqual([true, true, false, true, false]);
  });

  test('is replaced over all the lines it has', () => {
    const text = 'FROM scratch\nCMD x\nCMD ["y"]\nENTRYPOINT [ \\\n  # why\n  "/a" ]\nLABEL a=b\n';
    const made = inline(text);
    expect(textOf(made)).toBe(
      `FROM scratch\nCMD x\nCMD ["y"]\n${WRAPPED}\n\n\nLABEL a=b\n\n\n${SHIM}\n${MARK}\n`,
    );
    expect([3, 4, 5, 6, 7].map(made.isUserLine)).toEqual([true, false, false, false, true]);
  });

  test.each([
    [
      'two CMDs in another stage',
      'FROM scratch AS o\nCMD ["x"]\nCMD ["y"]\nFROM scratch\nENTRYPOINT ["/a"]\n',
    ],
    ['two HEALTHCHECKs', 'FROM scratch\nHEALTHCHECK NONE\nHEALTHCHECK NONE\nENTRYPOINT ["/a"]\n'],
  ])('is replaced for the sake of %s', (_, text) => {
    const made = inline(text);
    expect(made.checks).toBeUndefined();
    expect(textOf(made)).toContain(`\n${WRAPPED}\n`);
    expect(textOf(made)).not.toContain('\nENTRYPOINT ["/a"]');
  });

  test('in shell form has a warning of its own, so the build is left alone', () => {
    expect(passed('FROM scratch\nENTRYPOINT ["/x"]\nENTRYPOINT /a\n').reason.code).toBe('build-checks');
  });

  test('that ONBUILD wrote cannot be replaced', () => {
    const base = { onbuild: ['ENTRYPOINT ["/x"]', 'CMD ["a"]'] };
    expect(passed('FROM b\nCMD ["c"]\n', { base }).reason.code).toBe('build-checks');
  });

  test('may simply be joined where nobody listens to that check', () => {
    expect(inline(`# check=${ONCE}\n${twice}`).added).toEqual([SHIM, WRAPPED, MARK]);
  });

  test('stays where the image is only marked', () => {
    expect(textOf(inline(twice, { wrap: false }))).toBe(`${twice}\n\n${MARK}\n`);
  });
});

describe('the lines stand', () => {
  test('at the end, out of sight of a failing last step', () => {
    const text = 'FROM scratch\nCMD ["/a"]';
    expect(textOf(inline(text))).toBe(`${text}\n\n\n${SHIM}\nENTRYPOINT ["/.chalk/shim","--"]\n${MARK}`);
  });

  test('at the end of the target stage, before the next', () => {
    const text = 'FROM scratch AS a\nCMD ["/a"]\nFROM scratch AS b\nCMD ["/b"]\n';
    const made = inline(text, { target: 'A', wrap: false });
    expect(textOf(made)).toBe(`FROM scratch AS a\nCMD ["/a"]\n\n\n${MARK}\nFROM scratch AS b\nCMD ["/b"]\n`);
    expect([1, 2, 3, 4].map(made.isUserLine)).toEqual([true, true, false, false]);
  });

  test('behind a heredoc, with the file’s own line endings', () => {
    const text = 'FROM scratch\r\nRUN <<X\r\nFROM x\r\nX\r\n';
    expect(textOf(inline(text))).toBe(`${text}\r\n\r\n${MARK}\r\n`);
  });

  test('in the case the file is written in', () => {
    const made = inline('from b\nrun x\ncmd ["/a"]\n', { platforms: ['linux/amd64', 'linux/arm64'] });
    expect(made.added.map((line) => line.split(' ', 1)[0])).toEqual([
      'arg',
      'arg',
      'arg',
      'copy',
      'entrypoint',
      'copy',
    ]);
  });

  test('with every byte of the user’s before and behind them', () => {
    const text = '\uFEFF# escape=`\nFROM scratch AS a\nRUN x `\n  y\n\n# end\nFROM b\nCMD ["z"]';
    const made = textOf(inline(text, { target: 'a' }));
    expect(made.replace(`\n\n${MARK}\n`, '')).toBe(new TextDecoder().decode(new TextEncoder().encode(text)));
  });
});
