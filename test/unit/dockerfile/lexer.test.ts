import { describe, expect, it } from 'vitest';
import { lexFile, readSyntax } from '../../../src/dockerfile/index.ts';
import { LEXER_CASES } from './lexer-cases.ts';

describe('lexFile', () => {
  it.each(LEXER_CASES)('$name', ({ file, expected }) => {
    if (!('length' in expected)) {
      expect(() => lexFile(file)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_SYNTAX' }));
      expect(() => lexFile(file)).toThrow(expected.error);
      return;
    }
    const { bytes, lines } = lexFile(file);
    const found = lines.map(({ keyword, span, startLine, endLine, args, heredocs }) => ({
      keyword,
      source: new TextDecoder().decode(bytes.subarray(span.start, span.end)),
      lines: [startLine, endLine],
      args,
      heredocs: heredocs.map(({ name }) => name),
    }));
    expect(found).toEqual(expected);
  });

  it('takes a line of exactly 65,535 bytes', () => {
    expect(lexFile(`FROM a\nRUN ${'x'.repeat(65_531)}\n`).lines).toHaveLength(2);
    expect(lexFile(`FROM a\nRUN ${'x'.repeat(65_531)}`).lines).toHaveLength(2);
  });

  it('splits flags, and garbles those that are not ASCII as BuildKit does', () => {
    const [line] = lexFile('COPY --from=a "--chown=b c" x y').lines;
    expect(line).toMatchObject({ flags: ['--from=a'], args: '"--chown=b c" x y' });
    expect(lexFile('COPY --chown="b c"d --li\\nk -- --x y').lines[0]).toMatchObject({
      flags: ['--chown=b cd', '--link'],
      args: '--x y',
    });
    expect(lexFile('COPY --from=é x y').lines[0]?.flags).toEqual(['--from=Ã©']);
  });

  it('keeps the bytes of a heredoc, and says whether its variables are expanded', () => {
    const file = "FROM a\nCOPY <<-A <<'B' /x\n\tone\n\tA\ntwo\nB\n";
    const [, copy] = lexFile(file).lines;
    expect(copy?.heredocs).toEqual([
      { name: 'A', chomp: true, expand: true, content: '\tone\n', body: { start: 26, end: 31 } },
      { name: 'B', chomp: false, expand: false, content: 'two\n', body: { start: 34, end: 38 } },
    ]);
  });

  it('replaces every byte that is not UTF-8 on its own', () => {
    const bytes = Uint8Array.from([...new TextEncoder().encode('USER '), 0xe2, 0x82, 0x78, 0xff]);
    expect(lexFile(bytes).lines[0]?.args).toBe('\ufffd\ufffdx\ufffd');
  });

  it('knows the escapes that still wait for a line', () => {
    expect(lexFile('CMD a \\\n# c\n  \\\n\n').lines[0]?.danglingEscapes).toEqual([6, 14]);
    expect(lexFile('CMD a \\\nb \\\n').lines[0]?.danglingEscapes).toEqual([10]);
    expect(lexFile('CMD a \\\nb\n').lines[0]?.danglingEscapes).toEqual([]);
  });
});

describe('readSyntax', () => {
  const read = (text: string): unknown => readSyntax(new TextEncoder().encode(text));

  it.each([
    ['# syntax=docker/dockerfile:1\nFROM a', 'docker/dockerfile:1', 1, 'hash'],
    ['\ufeff#SYNTAX = x y \r\nFROM a', 'x', 1, 'hash'],
    ['#!/bin/sh\n# escape=`\n# syntax=x\n', 'x', 3, 'hash'],
    ['// syntax=x/y:z\n{}', 'x/y:z', 1, 'slashes'],
    ['#!/bin/sh\n// syntax=x\n', 'x', 2, 'slashes'],
    ['{"syntax":"x/y","a":1}', 'x/y', 1, 'json'],
  ])('%j', (text, reference, line, form) => {
    expect(read(text)).toMatchObject({ reference, line, form });
  });

  it.each([
    ' # syntax=x\nFROM a',
    '# hello\n# syntax=x\nFROM a',
    'FROM a\n# syntax=x\n',
    '# syntax\nFROM a',
    '{"syntax":1}',
    '{"syntax":"x"',
    '',
  ])('%j has none', (text) => {
    expect(read(text)).toBeUndefined();
  });
});
