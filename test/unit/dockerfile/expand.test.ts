import { describe, expect, it } from 'vitest';
import { expandWord } from '../../../src/dockerfile/index.ts';
import { BAD_WORDS, EXPANSIONS, VARIABLES } from './expand-cases.ts';

const SCOPE = new Map(Object.entries(VARIABLES));

function expand(word: string, escape = '\\'): string {
  return expandWord(word, SCOPE, escape, 7);
}

describe('expandWord', () => {
  it.each(EXPANSIONS)('%s', (word, expected) => {
    expect(expand(word)).toBe(expected);
  });

  it.each(BAD_WORDS)('refuses %s', (word) => {
    expect(() => expand(word)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_SYNTAX' }));
    expect(() => expand(word)).toThrow(/^line 7: /);
  });

  it('evaluates a default it does not need, and fails there', () => {
    expect(() => expand('${v:-${unset:?never}}')).toThrow(/unset: never/);
  });

  it('says what ${v:?message} says', () => {
    expect(() => expand('${unset:?set it with $v}')).toThrow('line 7: unset: set it with value');
    expect(() => expand('${empty:?}')).toThrow('line 7: empty: is not allowed to be empty');
  });

  it('uses the escape character of the file', () => {
    expect(expand('`$v', '`')).toBe('$v');
    expect(expand('\\$v', '`')).toBe('\\value');
    expect(expand('"a`"b"', '`')).toBe('a"b');
    // In a pattern the backslash stays the escape, whatever the file's is.
    expect(expand('${star#\\*}', '`')).toBe('.gz');
  });

  it('gives $1 and $name in a replacement the meaning Go gives them', () => {
    const scope = new Map([
      ['v', 'abc'],
      ['r', '[$0][$1]$$'],
    ]);
    expect(expandWord('${v//b/$r}', scope, '\\', 1)).toBe('a[b][]$c');
    expect(expandWord('${v/b/$r}', scope, '\\', 1)).toBe('a[$0][$1]$$c');
  });

  it('refuses nesting and sizes that would only exhaust the machine', () => {
    expect(() => expand('${unset:-'.repeat(300) + '}'.repeat(300))).toThrow(/nested too deeply/);
    const long = new Map([['x', 'y'.repeat(1000)]]);
    expect(() => expandWord('$x'.repeat(2000), long, '\\', 1)).toThrow(/too long/);
    expect(() => expandWord('${x//?/$x$x}', long, '\\', 1)).toThrow(/too long/);
  });

  it('is not slow on patterns that are exponential for a backtracking matcher', () => {
    const scope = new Map([['x', 'a'.repeat(2000)]]);
    expect(expandWord(`\${x##${'*a'.repeat(20)}*b}`, scope, '\\', 1)).toBe('a'.repeat(2000));
    const hostile = new Map([['x', 'a'.repeat(60_000)]]);
    expect(() => expandWord(`\${x//${'*a'.repeat(50)}b/}`, hostile, '\\', 1)).toThrow(/too long to match/);
  });
});
