import { syntaxError } from './lines.ts';
import type { LogicalLine } from './lexer.ts';
import { readJsonForm, splitBlanks, splitCommand, splitWords } from './split.ts';
import { encodeText } from './text.ts';

/** What ENTRYPOINT or CMD is given. `empty` is the bare keyword: a shell is started with an empty command. */
export type CommandForm =
  | { readonly form: 'exec'; readonly args: readonly string[] }
  | { readonly form: 'shell'; readonly text: string }
  | { readonly form: 'empty' };

export interface Assignment {
  readonly name: string;
  /** Unexpanded; undefined for `ARG name`. */
  readonly value: string | undefined;
}

interface Base {
  readonly line: LogicalLine;
}

export interface FromInstruction extends Base {
  readonly kind: 'from';
  /** Unexpanded, as `platform`. */
  readonly base: string;
  readonly platform: string | undefined;
  /** Lower case. */
  readonly name: string | undefined;
}

export interface ArgInstruction extends Base {
  readonly kind: 'arg';
  readonly args: readonly Assignment[];
}

export interface EnvInstruction extends Base {
  readonly kind: 'env';
  readonly pairs: readonly { readonly name: string; readonly value: string }[];
}

export interface CommandInstruction extends Base {
  readonly kind: 'entrypoint' | 'cmd';
  readonly command: CommandForm;
}

export interface ShellInstruction extends Base {
  readonly kind: 'shell';
  readonly shell: readonly string[];
}

export interface UserInstruction extends Base {
  readonly kind: 'user';
  /** Unexpanded. */
  readonly user: string;
}

export interface OnbuildInstruction extends Base {
  readonly kind: 'onbuild';
  /** The trigger as it goes into the image's config, heredoc bodies included. */
  readonly trigger: string;
}

export interface CopyInstruction extends Base {
  readonly kind: 'copy' | 'add';
  /** `COPY --from`: a stage, a stage's index, an image or a named context; never expanded. */
  readonly from: string | undefined;
}

export interface OtherInstruction extends Base {
  readonly kind: 'healthcheck' | 'other';
}

export type Instruction =
  | FromInstruction
  | ArgInstruction
  | EnvInstruction
  | CommandInstruction
  | ShellInstruction
  | UserInstruction
  | OnbuildInstruction
  | CopyInstruction
  | OtherInstruction;

const OTHER_KEYWORDS = new Set(['EXPOSE', 'LABEL', 'MAINTAINER', 'RUN', 'STOPSIGNAL', 'VOLUME', 'WORKDIR']);

/**
 * What an instruction says (BuildKit's `instructions.ParseInstruction`). Throws `DOCKERFILE_SYNTAX` for an unknown
 * instruction, and where the ones of the types above are malformed; the arguments of all others are BuildKit's business.
 */
export function readInstruction(line: LogicalLine, escape: string): Instruction {
  checkArguments(line.keyword, line.args, escape, line.startLine);
  switch (line.keyword) {
    case 'FROM':
      return readFrom(line);
    case 'ARG':
      return readArg(line, escape);
    case 'ENV':
      return readEnv(line, escape);
    case 'ENTRYPOINT':
    case 'CMD':
      allowFlags(line, []);
      return { kind: line.keyword === 'CMD' ? 'cmd' : 'entrypoint', line, command: readCommand(line) };
    case 'SHELL':
      return readShell(line);
    case 'USER':
      allowFlags(line, []);
      if (line.args === '') throw syntaxError(line.startLine, 'USER requires exactly one argument');
      return { kind: 'user', line, user: line.args };
    case 'ONBUILD':
      return readOnbuild(line, escape);
    case 'COPY':
    case 'ADD':
      return { kind: line.keyword === 'COPY' ? 'copy' : 'add', line, from: flagValue(line, 'from') };
    case 'HEALTHCHECK':
      return { kind: 'healthcheck', line };
    default:
      if (OTHER_KEYWORDS.has(line.keyword)) return { kind: 'other', line };
      throw syntaxError(line.startLine, `unknown instruction: ${JSON.stringify(line.keywordText)}`);
  }
}

/** The last value of a `--name=value` flag, undefined where it is not given. */
function flagValue(line: LogicalLine, name: string): string | undefined {
  const prefix = `--${name}=`;
  return line.flags.findLast((flag) => flag.startsWith(prefix))?.slice(prefix.length);
}

function allowFlags(line: LogicalLine, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const flag of line.flags) {
    const equals = flag.indexOf('=');
    const name = flag.slice(2, equals < 0 ? undefined : equals);
    if (!names.includes(name)) throw syntaxError(line.startLine, `${line.keyword} has no flag --${name}`);
    if (seen.has(name)) throw syntaxError(line.startLine, `the flag --${name} is given twice`);
    if (equals < 0) throw syntaxError(line.startLine, `the flag --${name} needs a value`);
    seen.add(name);
  }
}

function readFrom(line: LogicalLine): FromInstruction {
  const words = line.args === '' ? [] : splitBlanks(line.args);
  const [base, as, alias] = words;
  let name: string | undefined;
  if (words.length === 3 && as?.toLowerCase() === 'as') {
    name = alias?.toLowerCase() ?? '';
    if (!/^[a-z][a-z0-9\-_.]*$/.test(name)) {
      throw syntaxError(line.startLine, `invalid name for a build stage: ${JSON.stringify(alias)}`);
    }
  } else if (words.length !== 1) {
    throw syntaxError(line.startLine, 'FROM requires either one or three arguments');
  }
  allowFlags(line, ['platform']);
  // `--platform=` is as good as none (an empty flag is the flag's default).
  return { kind: 'from', line, base: base ?? '', platform: flagValue(line, 'platform') || undefined, name };
}

function readArg(line: LogicalLine, escape: string): ArgInstruction {
  const words = splitWords(line.args, escape);
  if (words.length === 0) throw syntaxError(line.startLine, 'ARG requires at least one argument');
  const args = words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw syntaxError(line.startLine, 'ARG names can not be blank');
    return equals < 0
      ? { name: word, value: undefined }
      : { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { kind: 'arg', line, args };
}

function readEnv(line: LogicalLine, escape: string): EnvInstruction {
  allowFlags(line, []);
  const pairs = readPairs('ENV', line.args, escape, line.startLine);
  if (pairs.length === 0) throw syntaxError(line.startLine, 'ENV requires at least one argument');
  if (pairs.some(({ name }) => name === '')) throw syntaxError(line.startLine, 'ENV names can not be blank');
  return { kind: 'env', line, pairs };
}

/** `name value` with one value to the end of the line, or `name=value …`; the first word decides (`parseNameVal`). */
function readPairs(
  keyword: string,
  args: string,
  escape: string,
  line: number,
): { readonly name: string; readonly value: string }[] {
  const words = splitWords(args, escape);
  if (words[0]?.includes('=') === false) {
    const blank = /[\t\v\f\r ]+/.exec(args);
    if (blank === null) throw syntaxError(line, `${keyword} must have two arguments`);
    return [{ name: args.slice(0, blank.index), value: args.slice(blank.index + blank[0].length) }];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) throw syntaxError(line, `${keyword}: there is no = in ${JSON.stringify(word)}`);
    return { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}

const JSON_KEYWORDS = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

/** What BuildKit refuses while it still cuts the file into instructions, in ONBUILD triggers too. */
function checkArguments(keyword: string, args: string, escape: string, line: number): void {
  if (keyword === 'ENV' || keyword === 'LABEL') readPairs(keyword, args, escape, line);
  const json = keyword === 'HEALTHCHECK' ? args.replace(/^\S+\s*/, '') : args;
  if ((JSON_KEYWORDS.has(keyword) || keyword === 'HEALTHCHECK') && readJsonForm(json).kind === 'mixed') {
    throw syntaxError(line, 'when using JSON array syntax, arrays must be comprised of strings only');
  }
}

function readCommand(line: LogicalLine): CommandForm {
  if (line.args === '') return { form: 'empty' };
  const json = readJsonForm(line.args);
  return json.kind === 'strings' ? { form: 'exec', args: json.values } : { form: 'shell', text: line.args };
}

function readShell(line: LogicalLine): ShellInstruction {
  allowFlags(line, []);
  const json = readJsonForm(line.args);
  if (json.kind !== 'strings') {
    throw syntaxError(line.startLine, 'SHELL requires the arguments to be in JSON form');
  }
  if (json.values.length === 0) throw syntaxError(line.startLine, 'SHELL requires at least one argument');
  return { kind: 'shell', line, shell: json.values };
}

function readOnbuild(line: LogicalLine, escape: string): OnbuildInstruction {
  allowFlags(line, []);
  const inner = splitCommand(encodeText(line.args), escape);
  const keyword = inner.keyword.toUpperCase();
  if (keyword === '') throw syntaxError(line.startLine, 'ONBUILD requires at least one argument');
  if (['ONBUILD', 'FROM', 'MAINTAINER'].includes(keyword)) {
    throw syntaxError(line.startLine, `${keyword} is not allowed as an ONBUILD trigger`);
  }
  checkArguments(keyword, inner.args, escape, line.startLine);
  const expression = line.text.replace(/^[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*/i, '');
  const bodies = line.heredocs.map(({ content, name }) => `\n${content}${name}`);
  return { kind: 'onbuild', line, trigger: expression + bodies.join('') };
}
