import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChalkError } from '../../../src/base/errors.ts';
import {
  addedCasing,
  insertAtStageEnd,
  lexFile,
  parseDockerfile,
  readSyntax,
  resolveConfig,
  type Dockerfile,
} from '../../../src/dockerfile/index.ts';
import { buildOptions } from './support.ts';

/** Pieces that meet each other in bad places, between broken bars. */
const PIECES = [
  'FROM a\n¦FROM scratch AS b\n¦from b\r\n¦RUN ¦CMD ¦ENTRYPOINT ¦ONBUILD ¦COPY ¦ENV a=$b ¦USER x\n¦--from=b ¦--',
  '\n¦\r\n¦\r¦\\\n¦\\ \t\n¦\\\\\n¦\\¦`\n¦`¦# c\n¦#¦ ¦\t¦\n\n¦\0¦\ufeff¦é€😀¦a',
  '<<E¦<<-E¦<< E¦<<"E F"¦<<\'E\'¦E\n¦\tE\n¦E¦E F\n¦["a"]¦["a", 1]¦[¦"¦\'',
  '# escape=`\n¦# syntax=x\n¦# check=skip=all\n¦${¦}¦:-¦$a',
].flatMap((row) => row.split('¦'));

const PIECE = fc.constantFrom(...PIECES);

const TEXT = fc.array(PIECE, { maxLength: 30 }).map((pieces) => `FROM a\n${pieces.join('')}`);
const SOUP = fc.array(PIECE, { maxLength: 30 }).map((pieces) => pieces.join(''));

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ChalkError);
    return undefined;
  }
}

function readAll(source: Uint8Array | string): Dockerfile | undefined {
  const file = attempt(() => parseDockerfile(source));
  if (file === undefined) return undefined;
  addedCasing(file);
  attempt(() => resolveConfig(file, buildOptions(), () => ({})));
  return file;
}

describe('any input', () => {
  it('never throws anything but a ChalkError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        readSyntax(bytes);
        readAll(bytes);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(SOUP, (text) => void readAll(text)),
      { numRuns: 2000 },
    );
  });

  it('is covered by instructions and gaps of blanks, comments and directives', () => {
    fc.assert(
      fc.property(fc.oneof(TEXT, SOUP), (text) => {
        const file = attempt(() => lexFile(text));
        if (file === undefined) return;
        const decode = (start: number, end: number): string =>
          new TextDecoder('utf-8', { ignoreBOM: true }).decode(file.bytes.subarray(start, end));
        let joined = '';
        let offset = 0;
        let line = 1;
        for (const { span, startLine, endLine, next } of file.lines) {
          const gap = decode(offset, span.start);
          expect(gap).toMatch(/^\ufeff?(?:[\s\u0085]*(?:#[^\n]*\n|$))*$/);
          line += gap.split('\n').length - 1;
          expect(startLine).toBe(line);
          const source = decode(span.start, span.end);
          line += source.split('\n').length - 1;
          expect(endLine).toBe(line);
          expect(decode(span.end, next)).toMatch(/^\r*\n?$/);
          joined += gap + source;
          offset = span.end;
        }
        expect(joined + decode(offset, file.bytes.length)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('insertAtStageEnd', () => {
  it('adds instructions to that stage and changes no other byte, nor any other instruction', () => {
    fc.assert(
      fc.property(TEXT, fc.nat(), (text, chosen) => {
        const file = attempt(() => parseDockerfile(text));
        if (file === undefined) return;
        const stage = file.stages[chosen % file.stages.length] ?? file.stages[0];
        const edited = attempt(() => insertAtStageEnd(file, stage, ['USER added', 'CMD ["added"]']));
        if (edited === undefined) return;
        const { next, danglingEscapes } = stage.lastLine;
        const untouched = danglingEscapes[0] ?? next;
        expect(edited.slice(0, untouched)).toEqual(file.bytes.slice(0, untouched));
        expect(edited.slice(edited.length - (file.bytes.length - next))).toEqual(file.bytes.slice(next));
        const again = parseDockerfile(edited);
        const texts = (read: Dockerfile): string[][] =>
          read.stages.map(({ from, instructions }) =>
            [from, ...instructions].map(({ line }) => `${line.keyword} ${line.flags.join(' ')} ${line.args}`),
          );
        const expected = texts(file);
        expected[stage.index]?.push('USER  added', 'CMD  ["added"]');
        expect(texts(again)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a file of 1 MB', () => {
  const SIZE = 1_000_000;
  const times = (text: string): string => text.repeat(Math.ceil(SIZE / text.length));

  it.each([
    ['instructions', `FROM a\n${times('RUN echo a b c\n')}`],
    ['one instruction over many lines', `FROM a\nRUN a \\\n${times(' b \\\n')} c\n`],
    ['continuations with comments', `FROM a\nRUN a \\\n${times('# b \\\n\n')} c\n`],
    ['a heredoc', `FROM a\nRUN <<E\n${times('FROM b\n')}E\n`],
    ['heredocs', `FROM a\n${times('RUN <<A <<B\nA\nB\n')}`],
    ['heredoc words that are none', `FROM a\nRUN ${'\\\n<<'.repeat(SIZE / 4)}\n`],
    ['stages', `FROM a AS x\n${times('FROM x AS x\nUSER b\n')}`],
    ['blanks', `FROM a\n${times('      \\\n')}\nUSER x\n`],
    ['long lines', `FROM a\n${times(`LABEL a=${' '.repeat(60_000)}b\n`)}`],
    ['quotes', `FROM a\nRUN ${`\\\n"'"'`.repeat(SIZE / 6)} <<\n`],
    ['variables', `FROM a\nARG x=1\nUSER ${'\\\n${x:-${x}}'.repeat(20_000)}\n`],
    ['open substitutions', `FROM a\nUSER ${'\\\n${x:-'.repeat(SIZE / 7)}\n`],
    ['nested ONBUILD', `FROM a\n${'ONBUILD \\\n'.repeat(SIZE / 10)}\n`],
    ['JSON brackets', `FROM a\nCMD ${'\\\n[['.repeat(SIZE / 4)}\n`],
    ['escapes', `FROM a\nRUN ${'\\\\\\\\\\\\ \\\n'.repeat(SIZE / 9)}x\n`],
  ])('%s take time in proportion', (_name, text) => {
    const start = performance.now();
    readAll(text);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
