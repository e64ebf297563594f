import { ChalkError } from '../base/errors.ts';
import { expandWord, type Scope } from './expand.ts';
import type { Dockerfile, Stage } from './file.ts';
import { readInstruction, type Assignment, type CommandForm, type Instruction } from './instructions.ts';
import { lexFile } from './lexer.ts';
import { syntaxError } from './lines.ts';
import type { BuildOptions } from './stages.ts';

/** What a base image's config says; everything absent is empty. */
export interface BaseConfig {
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly shell?: readonly string[] | undefined;
  readonly onbuild?: readonly string[] | undefined;
  /** `name=value` */
  readonly env?: readonly string[] | undefined;
  readonly os?: string | undefined;
}

/** Who set a value, before it is known which stage is the target. */
export type Setter =
  | { readonly kind: 'instruction'; readonly stage: Stage; readonly instruction: Instruction }
  | { readonly kind: 'trigger'; readonly stage: Stage; readonly trigger: string }
  | { readonly kind: 'base' }
  | { readonly kind: 'none' };

/** A trigger is a file of one instruction, with the default escape character (`initOnBuildTriggers`). */
export function readTrigger(trigger: string, stage: Stage): Instruction {
  const line = stage.from.line.startLine;
  try {
    const { lines, escape } = lexFile(trigger);
    const [first, ...others] = lines;
    if (first === undefined || others.length > 0) throw syntaxError(1, 'it is not a single instruction');
    const instruction = readInstruction(first, escape);
    if (instruction.kind === 'from') throw syntaxError(1, 'FROM is not allowed');
    return instruction;
  } catch (thrown) {
    if (!(thrown instanceof ChalkError)) throw thrown;
    throw syntaxError(
      line,
      `the ONBUILD trigger ${JSON.stringify(trigger)} cannot be read: ${thrown.message}`,
    );
  }
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The image config as it grows from stage to stage. */
export class ImageState {
  entrypoint: readonly string[];
  cmd: readonly string[];
  user: string;
  shell: readonly string[];
  entrypointOrigin: Setter;
  cmdOrigin: Setter;
  readonly os: string;
  /** ENV of the image. */
  readonly env = new Map<string, string>();
  /** What USER and defaults see: ENV and ARG, the last one written wins. */
  readonly scope = new Map<string, string>();

  constructor(base: BaseConfig, os: string) {
    this.entrypoint = base.entrypoint ?? [];
    this.cmd = base.cmd ?? [];
    this.user = base.user ?? '';
    this.shell = base.shell ?? [];
    this.entrypointOrigin = { kind: this.entrypoint.length > 0 ? 'base' : 'none' };
    this.cmdOrigin = { kind: this.cmd.length > 0 ? 'base' : 'none' };
    this.os = os;
    for (const entry of base.env ?? []) {
      const [name = ''] = entry.split('=', 1);
      this.env.set(name, entry.slice(name.length + 1));
    }
    if (!this.env.has('PATH') && os !== 'windows') this.env.set('PATH', DEFAULT_PATH);
  }

  args(command: CommandForm): readonly string[] {
    if (command.form === 'exec') return command.args;
    const defaultShell = this.os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c'];
    const shell = this.shell.length > 0 ? this.shell : defaultShell;
    return [...shell, command.form === 'shell' ? command.text : ''];
  }
}

/** Runs one stage's instructions on the state: first the triggers of what it is built on, then its own. */
export class StageRun {
  readonly #state: ImageState;
  readonly #stage: Stage;
  readonly #file: Dockerfile;
  readonly #options: BuildOptions;
  readonly #globalScope: Scope;
  #hasCmd = false;

  constructor(state: ImageState, stage: Stage, file: Dockerfile, options: BuildOptions, globalScope: Scope) {
    this.#state = state;
    this.#stage = stage;
    this.#file = file;
    this.#options = options;
    this.#globalScope = globalScope;
  }

  run(triggers: readonly string[], fired: readonly Instruction[]): void {
    for (const [name, value] of this.#state.env) this.#state.scope.set(name, value);
    for (const [index, instruction] of fired.entries()) {
      this.#apply(instruction, { kind: 'trigger', stage: this.#stage, trigger: triggers[index] ?? '' });
    }
    for (const instruction of this.#stage.instructions) {
      this.#apply(instruction, { kind: 'instruction', stage: this.#stage, instruction });
    }
  }

  #apply(instruction: Instruction, setter: Setter): void {
    const state = this.#state;
    const line = setter.kind === 'trigger' ? this.#stage.from.line.startLine : instruction.line.startLine;
    switch (instruction.kind) {
      case 'entrypoint':
        state.entrypoint = state.args(instruction.command);
        state.entrypointOrigin = setter;
        if (!this.#hasCmd) {
          state.cmd = [];
          state.cmdOrigin = { kind: 'none' };
        }
        return;
      case 'cmd':
        state.cmd = state.args(instruction.command);
        state.cmdOrigin = setter;
        this.#hasCmd = true;
        return;
      case 'shell':
        state.shell = instruction.shell;
        return;
      case 'user':
        state.user = this.#expand(instruction.user, line);
        return;
      case 'env':
        this.#setEnv(instruction.pairs, line);
        return;
      case 'arg':
        for (const argument of instruction.args) this.#setArg(argument, line);
        return;
      case 'from':
      case 'onbuild':
      case 'copy':
      case 'add':
      case 'healthcheck':
      case 'other':
    }
  }

  /** All pairs are expanded before the first one is set. */
  #setEnv(pairs: readonly { readonly name: string; readonly value: string }[], line: number): void {
    const expanded = pairs.map(
      ({ name, value }) => [this.#expand(name, line), this.#expand(value, line)] as const,
    );
    for (const [name, value] of expanded) {
      this.#state.env.set(name, value);
      this.#state.scope.set(name, value);
    }
  }

  /** `--build-arg`, else the default, else the global value (`dispatchArg`). */
  #setArg({ name, value }: Assignment, line: number): void {
    if (name === 'BUILDKIT_SBOM_SCAN_CONTEXT' || name === 'BUILDKIT_SBOM_SCAN_STAGE') return;
    const result =
      this.#options.buildArgs.get(name) ??
      (value === undefined ? this.#globalScope.get(name) : this.#expand(value, line));
    if (result !== undefined) this.#state.scope.set(name, result);
  }

  #expand(word: string, line: number): string {
    return expandWord(word, this.#state.scope, this.#file.escape, line);
  }
}
