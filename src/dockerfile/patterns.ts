import { codePoints } from './text.ts';

/**
 * The shell patterns of `${v#p}`, `${v%p}` and `${v/p/r}`: `*`, `?` and `\` escapes, no brackets. BuildKit turns them
 * into Go regular expressions, whose time is linear; JavaScript's is not, so patterns are matched here step by step.
 */

/** What one pattern position matches: `any` run of characters, `one` character, or that character itself. */
type Token =
  { readonly kind: 'any' } | { readonly kind: 'one' } | { readonly kind: 'is'; readonly character: string };

/** A pattern nobody can use: the message is for the user, without the line. */
export class PatternError extends Error {}

/** Longest result of `//`, in UTF-16 units. */
const MAX_LENGTH = 1 << 20;

/** Steps allowed for one substitution; a pattern of a Dockerfile needs some hundreds. */
const MAX_STEPS = 20_000_000;

interface Budget {
  steps: number;
}

/** `${value#pattern}` (shortest) and `${value##pattern}` (`greedy`, longest). Throws `PatternError`. */
export function trimPrefix(pattern: string, value: string, greedy: boolean): string {
  return trimStart(codePoints(pattern), codePoints(value), greedy).join('');
}

/** `${value%pattern}` and `${value%%pattern}`: the same from the end, both sides reversed as BuildKit does. */
export function trimSuffix(pattern: string, value: string, greedy: boolean): string {
  return trimStart(reversePattern(codePoints(pattern)), codePoints(value).toReversed(), greedy)
    .toReversed()
    .join('');
}

function trimStart(pattern: readonly string[], value: string[], greedy: boolean): string[] {
  const end = matchAt(compile(pattern), value, 0, greedy, { steps: 0 });
  return end === undefined ? value : value.slice(end);
}

/** `${value/pattern/replacement}`: the first, leftmost and longest match. */
export function replaceFirst(pattern: string, value: string, replacement: string): string {
  const characters = codePoints(value);
  const match = find(compile(codePoints(pattern)), characters, 0, { steps: 0 });
  if (match === undefined) return value;
  return characters.slice(0, match.start).join('') + replacement + characters.slice(match.end).join('');
}

/**
 * `${value//pattern/replacement}`. Go's `ReplaceAllString`: no empty match directly after another match, and `$name` in
 * the replacement stands for a group, of which there are none but `$0`.
 */
export function replaceAll(pattern: string, value: string, replacement: string): string {
  const tokens = compile(codePoints(pattern));
  const characters = codePoints(value);
  const budget = { steps: 0 };
  let result = '';
  let copied = 0;
  let position = 0;
  while (position <= characters.length) {
    const match = find(tokens, characters, position, budget);
    if (match === undefined) break;
    result += characters.slice(copied, match.start).join('');
    if (match.end > copied || match.start === 0) {
      result += expandTemplate(replacement, characters.slice(match.start, match.end).join(''));
    }
    if (result.length > MAX_LENGTH) throw new PatternError('the result of a substitution is too long');
    copied = match.end;
    position = Math.max(position + 1, match.end);
  }
  return result + characters.slice(copied).join('');
}

/** Go's `Regexp.Expand` for an expression without groups. */
function expandTemplate(template: string, match: string): string {
  return template.replace(
    /\$\$|\$\{([\p{L}\p{Nd}_]+)\}|\$([\p{L}\p{Nd}_]+)/gu,
    (found, braced: string | undefined, bare: string | undefined) => {
      if (found === '$$') return '$';
      return (braced ?? bare) === '0' ? match : '';
    },
  );
}

function find(
  tokens: readonly Token[],
  value: readonly string[],
  from: number,
  budget: Budget,
): { start: number; end: number } | undefined {
  for (let start = from; start <= value.length; start += 1) {
    const end = matchAt(tokens, value, start, true, budget);
    if (end !== undefined) return { start, end };
  }
  return undefined;
}

/**
 * Where the shortest (or longest) match of the whole pattern that begins at `start` ends. Keeps the set of positions
 * every token can end at, which is the time and the answer of an automaton. `*` and `?` do not cross a newline.
 */
function matchAt(
  tokens: readonly Token[],
  value: readonly string[],
  start: number,
  longest: boolean,
  budget: Budget,
): number | undefined {
  let positions = [start];
  for (const token of tokens) {
    const reached: number[] = [];
    for (const position of positions) {
      spend(budget);
      if (token.kind === 'any') {
        // A position inside a run that is already there adds nothing to it.
        if (position <= (reached.at(-1) ?? -1)) continue;
        for (let end = position; ; end += 1) {
          reached.push(end);
          spend(budget);
          if (end >= value.length || value[end] === '\n') break;
        }
      } else if (position < value.length && accepts(token, value[position])) {
        reached.push(position + 1);
      }
    }
    if (reached.length === 0) return undefined;
    positions = reached;
  }
  return longest ? positions.at(-1) : positions[0];
}

function accepts(token: Token, character: string | undefined): boolean {
  return token.kind === 'one' ? character !== '\n' : token.kind === 'is' && token.character === character;
}

function spend(budget: Budget): void {
  budget.steps += 1;
  if (budget.steps > MAX_STEPS) throw new PatternError('the pattern takes too long to match');
}

/** Pattern text to tokens; the escape is always a backslash, whatever the file's escape character is. */
function compile(pattern: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index] ?? '';
    if (character === '*') tokens.push({ kind: 'any' });
    else if (character === '?') tokens.push({ kind: 'one' });
    else if (character !== '\\') tokens.push({ kind: 'is', character });
    else {
      const next = pattern[index + 1];
      // `\}` and `\/` are only there to get past the end of the substitution.
      if (next === '}' || next === '/') continue;
      if (next !== '*' && next !== '?' && next !== '\\') {
        throw new PatternError(`invalid escape '\\${next ?? ''}' in the pattern (${pattern.join('')})`);
      }
      tokens.push({ kind: 'is', character: next });
      index += 1;
    }
  }
  return tokens;
}

/** Reverses a pattern, an escape and its character staying in order. */
function reversePattern(pattern: readonly string[]): string[] {
  const units: string[][] = [];
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index] ?? '';
    const next = pattern[index + 1];
    if (character === '\\' && next !== undefined) {
      units.push([character, next]);
      index += 1;
    } else units.push([character]);
  }
  return units.toReversed().flat();
}
