import { detectSyntax, findDirective, type SyntaxDirective } from './directives.ts';
import {
  readInstruction,
  type ArgInstruction,
  type FromInstruction,
  type Instruction,
} from './instructions.ts';
import { lexFile, type LexedFile, type LogicalLine, type Source } from './lexer.ts';
import { syntaxError } from './lines.ts';
import { toBinary } from './text.ts';

/** A build stage as written. */
export interface Stage {
  /** 0-based position in the file. */
  readonly index: number;
  /** Lower case. */
  readonly name: string | undefined;
  readonly from: FromInstruction;
  /** Everything after FROM. */
  readonly instructions: readonly Exclude<Instruction, FromInstruction>[];
  /** FROM itself where it stands alone. */
  readonly lastLine: LogicalLine;
}

/** A parsed Dockerfile: what it says, and where every byte of it stands. */
export interface Dockerfile extends LexedFile {
  /** The ARGs before the first FROM. */
  readonly globalArgs: readonly ArgInstruction[];
  /** At least one. */
  readonly stages: readonly [Stage, ...Stage[]];
  /** Which frontend the file asks for; undefined for the builder's own. */
  readonly syntax: SyntaxDirective | undefined;
  /** The value of `# check=`. */
  readonly check: string | undefined;
}

/**
 * Reads a whole Dockerfile. Throws `DOCKERFILE_SYNTAX` naming the line. A file with a `syntax` of somebody else's may be
 * no Dockerfile at all; ask `readSyntax` first.
 */
export function parseDockerfile(source: Source): Dockerfile {
  const lexed = lexFile(source);
  const globalArgs: ArgInstruction[] = [];
  const stages: { from: FromInstruction; instructions: Exclude<Instruction, FromInstruction>[] }[] = [];
  for (const line of lexed.lines) {
    const instruction = readInstruction(line, lexed.escape);
    const stage = stages.at(-1);
    if (instruction.kind === 'from') stages.push({ from: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === 'arg') globalArgs.push(instruction);
    else throw syntaxError(line.startLine, `${line.keyword} stands before the first FROM`);
  }
  const [first, ...others] = stages.map(({ from, instructions }, index): Stage => ({
    index,
    name: from.name,
    from,
    instructions,
    lastLine: instructions.at(-1)?.line ?? from.line,
  }));
  if (first === undefined) throw syntaxError(lexed.lines.at(-1)?.endLine ?? 1, 'the file has no FROM');
  const binary = toBinary(lexed.bytes);
  return {
    ...lexed,
    globalArgs,
    stages: [first, ...others],
    syntax: detectSyntax(binary),
    check: findDirective(binary, 'check')?.value,
  };
}

/** Which frontend the bytes ask for, without reading them as a Dockerfile. Never throws. */
export function readSyntax(bytes: Uint8Array): SyntaxDirective | undefined {
  return detectSyntax(toBinary(bytes));
}
