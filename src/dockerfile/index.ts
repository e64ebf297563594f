export { addedCasing, inCasing } from './casing.ts';
export type { Casing } from './casing.ts';
export { formatCheckOptions, parseCheckOptions, skipCheck } from './checks.ts';
export type { CheckOptions } from './checks.ts';
export { contextName } from './contexts.ts';
export type { Directive, DirectiveName, SyntaxDirective } from './directives.ts';
export { execForm, insertAtStageEnd, replaceInstruction } from './edit.ts';
export { expandWord } from './expand.ts';
export type { Scope } from './expand.ts';
export { parseDockerfile, readSyntax } from './file.ts';
export type { Dockerfile, Stage } from './file.ts';
export type { BaseConfig } from './image-state.ts';
export type {
  ArgInstruction,
  Assignment,
  CommandForm,
  CommandInstruction,
  CopyInstruction,
  EnvInstruction,
  FromInstruction,
  Instruction,
  OnbuildInstruction,
  OtherInstruction,
  ShellInstruction,
  UserInstruction,
} from './instructions.ts';
export { lexFile } from './lexer.ts';
export type { Heredoc, LexedFile, LogicalLine, Source, Span } from './lexer.ts';
export { neededBaseImages, resolveConfig } from './resolve.ts';
export type { Counts, EffectiveConfig, NeededImage, Origin, StageCounts } from './resolve.ts';
export { resolveStages } from './stages.ts';
export type { BuildOptions, ResolvedStage, ResolvedStages, StageBase } from './stages.ts';
