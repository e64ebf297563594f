/** An instruction as it must be found: its exact bytes, its lines, and its arguments with continuations joined. */
export interface ExpectedInstruction {
  readonly keyword: string;
  /** The text between the span's offsets. */
  readonly source: string;
  readonly lines: readonly [start: number, end: number];
  readonly args: string;
  /** Names of its heredocs. */
  readonly heredocs?: readonly string[];
}

export interface LexerCase {
  readonly name: string;
  readonly file: string;
  readonly expected: readonly ExpectedInstruction[] | { readonly error: RegExp };
}

function found(
  keyword: string,
  source: string,
  lines: readonly [number, number],
  args: string,
  heredocs: readonly string[] = [],
): ExpectedInstruction {
  return { keyword, source, lines, args, heredocs };
}

const FROM = found('FROM', 'FROM scratch', [1, 1], 'scratch');

/** A second instruction after `FROM scratch`, and a last one that must not be swallowed by it. */
function second(
  name: string,
  source: string,
  keyword: string,
  args: string,
  height = 1,
  heredocs: readonly string[] = [],
): LexerCase {
  return {
    name,
    file: `FROM scratch\n${source}\nUSER last\n`,
    expected: [
      FROM,
      found(keyword, source, [2, 1 + height], args, heredocs),
      found('USER', 'USER last', [2 + height, 2 + height], 'last'),
    ],
  };
}

/** The same with `# escape=` and a backtick in front. */
function backtick(name: string, source: string, keyword: string, args: string, height = 1): LexerCase {
  return {
    name,
    file: `# escape=\`\nFROM scratch\n${source}\nUSER last\n`,
    expected: [
      found('FROM', 'FROM scratch', [2, 2], 'scratch'),
      found(keyword, source, [3, 2 + height], args),
      found('USER', 'USER last', [3 + height, 3 + height], 'last'),
    ],
  };
}

function failing(name: string, file: string, error: RegExp): LexerCase {
  return { name, file, expected: { error } };
}

/** What BuildKit does with each of these was checked with its own parser. */
export const LEXER_CASES: readonly LexerCase[] = [
  { name: 'one line', file: 'FROM scratch\n', expected: [FROM] },
  { name: 'no final newline', file: 'FROM scratch', expected: [FROM] },
  { name: 'a byte-order mark', file: '\ufeffFROM scratch\n', expected: [FROM] },
  {
    name: 'a byte-order mark before a directive',
    file: '\ufeff# escape=`\nFROM scratch\nRUN a `\n b\n',
    expected: [found('FROM', 'FROM scratch', [2, 2], 'scratch'), found('RUN', 'RUN a `\n b', [3, 4], 'a  b')],
  },
  {
    name: 'a #! line',
    file: '#!/usr/bin/env docker\nFROM scratch\n',
    expected: [found('FROM', 'FROM scratch', [2, 2], 'scratch')],
  },
  {
    name: 'CRLF',
    file: 'FROM scratch\r\nRUN a \\\r\n  b\r\nUSER u\r\n',
    expected: [FROM, found('RUN', 'RUN a \\\r\n  b', [2, 3], 'a   b'), found('USER', 'USER u', [4, 4], 'u')],
  },
  {
    name: 'a CRLF heredoc',
    file: 'FROM scratch\r\nRUN <<EOF\r\nx\r\nEOF\r\nUSER u\r\n',
    expected: [
      FROM,
      found('RUN', 'RUN <<EOF\r\nx\r\nEOF', [2, 4], '<<EOF', ['EOF']),
      found('USER', 'USER u', [5, 5], 'u'),
    ],
  },
  { name: 'lower case', file: 'from scratch', expected: [found('FROM', 'from scratch', [1, 1], 'scratch')] },
  {
    name: 'indented, with blank lines and comments around',
    file: '\n# c\n\n   FROM scratch  \n\n# d\n\tUSER u\t\n#e',
    expected: [found('FROM', 'FROM scratch  ', [4, 4], 'scratch'), found('USER', 'USER u\t', [7, 7], 'u')],
  },
  {
    name: 'bytes, not characters, are counted',
    file: 'FROM scratch\nLABEL ä="ö €😀"\nUSER ü\n',
    expected: [
      FROM,
      found('LABEL', 'LABEL ä="ö €😀"', [2, 2], 'ä="ö €😀"'),
      found('USER', 'USER ü', [3, 3], 'ü'),
    ],
  },
  second('a continuation', 'RUN a \\\n  b', 'RUN', 'a   b', 2),
  second('a continuation in the middle of a word', 'RUN ab\\\ncd', 'RUN', 'abcd', 2),
  second('blanks after the escape', 'RUN a \\ \t\n b', 'RUN', 'a  b', 2),
  second('a comment inside', 'RUN a \\\n# no \\\n  b', 'RUN', 'a   b', 3),
  second('an indented comment inside', 'RUN a \\\n   # no\n b', 'RUN', 'a  b', 3),
  second('blank lines inside', 'RUN a \\\n\n \t\n b', 'RUN', 'a  b', 4),
  second('an escaped escape ends the line', 'RUN a \\\\', 'RUN', 'a \\\\'),
  second('two escapes and a continuation', 'RUN a \\\\ \\\nb', 'RUN', 'a \\\\ b', 2),
  second('a hash inside is no comment', 'RUN echo # no \\\n b', 'RUN', 'echo # no  b', 2),
  second('the keyword itself is continued', 'ENTRY\\\nPOINT ["a"]', 'ENTRYPOINT', '["a"]', 2),
  second('an escape alone before the keyword', '\\\nUSER u', 'USER', 'u', 2),
  second('a JSON array over lines', 'CMD ["a", \\\n # c\n "b"]', 'CMD', '["a",  "b"]', 3),
  second('flags are split off', 'COPY --from=a --chown="b c" x /y', 'COPY', 'x /y'),
  second('flags on lines of their own', 'COPY --from=a \\\n  --link \\\n  x /y', 'COPY', 'x /y', 3),
  second('two dashes end the flags', 'RUN -- --x', 'RUN', '--x'),
  second('FROM inside a heredoc', 'RUN <<EOF\nSELECT *\nFROM t\nEOF', 'RUN', '<<EOF', 4, ['EOF']),
  second('a heredoc with a continuation inside', 'RUN <<EOF\na \\\nEOF', 'RUN', '<<EOF', 3, ['EOF']),
  second('two heredocs', 'COPY <<A <<B /x/\na\nA\nb\nB', 'COPY', '<<A <<B /x/', 5, ['A', 'B']),
  second('<<- takes tabs', 'RUN <<-EOF\n\ta\n\tEOF', 'RUN', '<<-EOF', 3, ['EOF']),
  second('<< without - does not', 'RUN <<EOF\n\tEOF\nEOF', 'RUN', '<<EOF', 3, ['EOF']),
  second('a quoted name', "RUN <<'EOF' cat\n$x\nEOF", 'RUN', "<<'EOF' cat", 3, ['EOF']),
  second('a quoted name with a blank', 'COPY <<"E F" /x\na\nE F', 'COPY', '<<"E F" /x', 3, ['E F']),
  second('a blank before the name', 'RUN << EOF\na\nEOF', 'RUN', '<< EOF', 3, ['EOF']),
  second('a file descriptor', 'RUN cat 3<<EOF\na\nEOF', 'RUN', 'cat 3<<EOF', 3, ['EOF']),
  second('a heredoc after a continuation', 'RUN a \\\n <<EOF\nb\nEOF', 'RUN', 'a  <<EOF', 4, ['EOF']),
  second('a heredoc in ONBUILD', 'ONBUILD RUN <<EOF\nFROM a\nEOF', 'ONBUILD', 'RUN <<EOF', 3, ['EOF']),
  second('no heredoc in JSON form', 'RUN ["echo", "<<EOF"]', 'RUN', '["echo", "<<EOF"]'),
  second('no heredoc in CMD', 'CMD cat <<EOF', 'CMD', 'cat <<EOF'),
  second('no heredoc in LABEL', 'LABEL a="<<EOF"', 'LABEL', 'a="<<EOF"'),
  second('no heredoc in quotes', 'RUN echo "<<EOF"', 'RUN', 'echo "<<EOF"'),
  second('no heredoc with an odd quote', "RUN echo it's <<EOF", 'RUN', "echo it's <<EOF"),
  second('no heredoc in <<<', 'RUN cat <<<EOF', 'RUN', 'cat <<<EOF'),
  second('no heredoc without a name', 'RUN echo a <<', 'RUN', 'echo a <<'),
  second('an arithmetic shift does start one', 'RUN echo 1 <<2\nx\n2', 'RUN', 'echo 1 <<2', 3, ['2']),
  backtick('escape=`: continuation', 'RUN a `\n b', 'RUN', 'a  b', 2),
  backtick('escape=`: a backslash is a character', 'RUN dir c:\\', 'RUN', 'dir c:\\'),
  backtick('escape=`: doubled', 'RUN a ``', 'RUN', 'a ``'),
  {
    name: 'a directive is not obeyed after a comment',
    file: '# hello\n# escape=`\nFROM scratch\nRUN a `\nUSER u\n',
    expected: [
      found('FROM', 'FROM scratch', [3, 3], 'scratch'),
      found('RUN', 'RUN a `', [4, 4], 'a `'),
      found('USER', 'USER u', [5, 5], 'u'),
    ],
  },
  {
    name: 'a directive is obeyed after another, in any case',
    file: '# syntax=docker/dockerfile:1\n#ESCAPE = `\nFROM scratch\nRUN a `\nb\n',
    expected: [found('FROM', 'FROM scratch', [3, 3], 'scratch'), found('RUN', 'RUN a `\nb', [4, 5], 'a b')],
  },
  {
    name: 'the file ends in a continuation',
    file: 'FROM scratch\nCMD a \\',
    expected: [FROM, found('CMD', 'CMD a \\', [2, 2], 'a')],
  },
  {
    name: 'the file ends in a continuation, comments and blank lines',
    file: 'FROM scratch\nCMD a \\\n# c\n\n',
    expected: [FROM, found('CMD', 'CMD a \\\n# c\n', [2, 4], 'a')],
  },
  failing('a heredoc without an end', 'FROM scratch\nRUN <<EOF\na\n', /line 2: .*not terminated/),
  failing('a quoted heredoc with the quoted end', 'FROM a\nRUN <<"EOF"\n"EOF"\n', /line 2: .*not terminated/),
  failing('an empty file', '', /no instructions/),
  failing('comments only', '# a\n\n# b\n', /no instructions/),
  failing('a directive twice', '# escape=`\n# escape=`\nFROM a\n', /line 2: only one escape/),
  failing('a wrong escape', '# escape=x\nFROM a\n', /line 1: .*escape/),
  failing('a line that is too long', `FROM a\nRUN ${'x'.repeat(65_532)}\n`, /line 2: .*65535/),
];
