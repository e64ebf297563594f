import { describe, expect, it } from 'vitest';
import {
  addedCasing,
  execForm,
  formatCheckOptions,
  inCasing,
  insertAtStageEnd,
  parseCheckOptions,
  parseDockerfile,
  replaceInstruction,
  skipCheck,
} from '../../../src/dockerfile/index.ts';

function insert(text: string, lines: readonly string[], index = -1): string {
  const file = parseDockerfile(text);
  const stage = file.stages.at(index);
  if (stage === undefined) throw new Error('no such stage');
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(insertAtStageEnd(file, stage, lines));
}

describe('insertAtStageEnd', () => {
  it.each([
    ['at the end', 'FROM a\nRUN b\n', 'FROM a\nRUN b\nX\nY\n'],
    ['before what follows the last instruction', 'FROM a\n\n# end\n', 'FROM a\nX\nY\n\n# end\n'],
    ['without a final newline', 'FROM a\nRUN é', 'FROM a\nRUN é\nX\nY'],
    ['CRLF', 'FROM a\r\nRUN b\r\n', 'FROM a\r\nRUN b\r\nX\r\nY\r\n'],
    ['CRLF without a final newline', 'FROM a\r\nRUN b', 'FROM a\r\nRUN b\r\nX\r\nY'],
    ['a byte-order mark', '\ufeffFROM a\n', '\ufeffFROM a\nX\nY\n'],
    ['after a heredoc', 'FROM a\nRUN <<E\nb\nE\n', 'FROM a\nRUN <<E\nb\nE\nX\nY\n'],
    ['after a heredoc that ends the file', 'FROM a\nRUN <<E\nb\nE', 'FROM a\nRUN <<E\nb\nE\nX\nY'],
    ['a dangling continuation', 'FROM a\nCMD b \\', 'FROM a\nCMD b \nX\nY'],
    [
      'a dangling continuation and more',
      'FROM a\nCMD b \\\n# c\n \\\n\n',
      'FROM a\nCMD b \n# c\n \n\nX\nY\n',
    ],
    ['a dangling backtick', '# escape=`\nFROM a\nCMD b `\n', '# escape=`\nFROM a\nCMD b \nX\nY\n'],
    ['an escaped escape', 'FROM a\nCMD b \\\\\n', 'FROM a\nCMD b \\\\\nX\nY\n'],
  ])('%s', (_name, before, after) => {
    expect(insert(before, ['X', 'Y'])).toBe(after);
  });

  it('in the middle, before the comments of the next stage', () => {
    expect(insert('FROM a AS b\nRUN c\n\n# next\nFROM b\n', ['X'], 0)).toBe(
      'FROM a AS b\nRUN c\nX\n\n# next\nFROM b\n',
    );
    expect(insert('FROM a AS b\nFROM b\n', ['', 'X'], 0)).toBe('FROM a AS b\n\nX\nFROM b\n');
  });

  it('adds no line, gives the same bytes', () => {
    const file = parseDockerfile('FROM a\nCMD b \\');
    expect(insertAtStageEnd(file, file.stages[0], [])).toBe(file.bytes);
  });

  it.each(['FROM a\nCMD b\\ \\', 'FROM a\nCMD b\\ \\\n# c\n', 'FROM a\nCMD b\\\\ \\'])(
    'refuses %j',
    (text) => {
      expect(() => insert(text, ['X'])).toThrow(expect.objectContaining({ code: 'DOCKERFILE_SYNTAX' }));
    },
  );

  it.each(['a\nb', 'a\r', 'a \\', 'a \\ ', 'x'.repeat(65_535)])('refuses a line that is none', (line) => {
    expect(() => insert('FROM a\n', [line])).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('replaceInstruction', () => {
  const replace = (text: string, lines: readonly string[]): string => {
    const file = parseDockerfile(text);
    const old = file.stages[0].lastLine;
    return new TextDecoder().decode(replaceInstruction(file, old, lines));
  };

  it('keeps the number of lines', () => {
    expect(replace('FROM a\nCMD b \\\n  c \\\n d\n# e\n', ['CMD x'])).toBe('FROM a\nCMD x\n\n\n# e\n');
    expect(replace('FROM a\r\n  CMD b \\\r\n c', ['X', 'Y'])).toBe('FROM a\r\n  X\r\nY');
    expect(() => replace('FROM a\nCMD b\n', ['X', 'Y'])).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    );
  });
});

describe('execForm', () => {
  it('can be read back, whatever the arguments', () => {
    const args = ['a"b\\', '$x ${y}', '\n\t`', '', 'é\u2028😀', '<<EOF', '#'];
    const file = insert('# escape=`\nFROM a\n', [execForm('CMD', args)]);
    const [cmd] = parseDockerfile(file).stages[0].instructions;
    expect(cmd).toMatchObject({ kind: 'cmd', command: { form: 'exec', args } });
  });
});

describe('addedCasing', () => {
  it.each([
    ['FROM a\nRUN b\n', 'upper'],
    ['from a\nrun b\n', 'lower'],
    ['from a\nRUN b\n', 'upper'],
    ['from a\nrun b\nRUN c\n', 'lower'],
    ['From a\nrun b\n', 'lower'],
    ['From a\n', 'upper'],
    ['arg A\narg B\nFROM a\n', 'upper'],
  ])('%j is %s', (file, expected) => {
    expect(addedCasing(parseDockerfile(file))).toBe(expected);
  });

  it('is applied', () => {
    expect([inCasing('Cmd', 'upper'), inCasing('CMD', 'lower')]).toEqual(['CMD', 'cmd']);
  });
});

describe('check options', () => {
  it.each([
    ['', { skip: [], experimental: [], error: false }],
    [' skip = A , B ;error=1', { skip: ['A', 'B'], experimental: [], error: true }],
    ['error=F;experimental=all;skip=all', { skip: 'all', experimental: 'all', error: false }],
    ['skip=A;skip=B', { skip: ['B'], experimental: [], error: false }],
    ['skip=all;skip=B', { skip: 'all', experimental: [], error: false }],
  ])('%j', (text, expected) => {
    expect(parseCheckOptions(text)).toEqual(expected);
    expect(parseCheckOptions(formatCheckOptions(parseCheckOptions(text)))).toEqual(expected);
  });

  it('knows three parts only', () => {
    expect(parseCheckOptions('skip=A;error=0;experimental=B;C').experimental).toEqual(['B;C']);
  });

  it.each(['skip', 'error=yes', 'other=1', 'skip=A;', '=A'])('%j is refused', (text) => {
    expect(() => parseCheckOptions(text)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_SYNTAX' }));
  });

  it.each([
    [undefined, 'skip=R'],
    ['', 'skip=R'],
    ['error=true', 'skip=R;error=true'],
    ['error=true;skip=A, B', 'skip=A,B,R;error=true'],
    ['experimental=all', 'skip=R;experimental=all'],
    ['skip=all;error=true', 'skip=all;error=true'],
    ['error=1;skip=R', 'error=1;skip=R'],
    ['skip=', 'skip=R'],
  ])('%j and one more is %j', (text, expected) => {
    expect(skipCheck(text, 'R')).toBe(expected);
  });
});
