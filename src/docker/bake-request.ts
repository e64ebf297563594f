import { isAbsolute, join, resolve } from 'node:path';
import type { Environment } from '../host/host.ts';
import type { DockerCommand } from './argv/command.ts';
import { BUILD_FLAGS } from './argv/flag-table.ts';
import { parseFlags } from './argv/parse.ts';
import type { BakeTarget } from './bake-definition.ts';
import { looksRemote } from './build-request.ts';
import { outputPushes } from './destination.ts';

/** A target as the build command that would build the same image, for the stages that know build commands. */
export type TargetCommand =
  | {
      readonly kind: 'command';
      readonly command: DockerCommand;
      /** The Dockerfile's text where it is in the definition; the command then reads standard input. */
      readonly inline: string | undefined;
    }
  | { readonly kind: 'refused'; readonly why: string };

/** What the targets of one definition have in common. */
export interface BakeSurroundings {
  readonly command: DockerCommand;
  readonly cwd: string;
  readonly env: Environment;
  /** The definition itself is in a repository or behind an address. */
  readonly remote: boolean;
}

/** Environment variables buildx makes secrets of for remote contexts (`toBuildOpt`), and their names as secrets. */
const GIT_SECRETS = [
  ['BUILDX_BAKE_GIT_AUTH_TOKEN', 'GIT_AUTH_TOKEN'],
  ['BUILDX_BAKE_GIT_AUTH_HEADER', 'GIT_AUTH_HEADER'],
] as const;

/** Pure, after buildx's `toBuildOpt`. */
export function targetCommand(target: BakeTarget, surroundings: BakeSurroundings): TargetCommand {
  const { command, cwd, env, remote } = surroundings;
  const { context, inline } = target;
  if (context === '' || context === '-') {
    return { kind: 'refused', why: `the context ${JSON.stringify(context)} is none that bake takes` };
  }
  const remoteContext = looksRemote(context);
  if (remote && !remoteContext) {
    return {
      kind: 'refused',
      why: 'the context is a part of a remote definition, which only buildx can see',
    };
  }
  const file = inline === undefined ? dockerfileWord(target, cwd, remoteContext) : '-';
  if (file === undefined) return { kind: 'refused', why: `bake reads no Dockerfile at ${target.dockerfile}` };
  const secrets = remoteContext
    ? GIT_SECRETS.flatMap(([variable, id]) =>
        env[variable] === undefined ? [] : [`id=${id},env=${variable}`],
      )
    : [];
  const flags: readonly (readonly [name: string, values: readonly string[]])[] = [
    ['file', file === '' ? [] : [file]],
    ['target', target.target === undefined ? [] : [target.target]],
    ['build-arg', pairs(target.args)],
    ['build-context', pairs(target.contexts)],
    ['platform', target.platforms],
    ['tag', target.tags],
    ['label', pairs(target.labels)],
    ['annotation', target.annotations],
    ['secret', [...target.secrets, ...secrets]],
    ['ssh', target.ssh],
    ['network', target.network === undefined ? [] : [target.network]],
    ['add-host', pairs(target.extraHosts)],
    ['allow', target.entitlements],
    ['output', target.outputs],
    ['call', target.call === undefined ? [] : [target.call]],
    ['pull', target.pull ? ['true'] : []],
    ['push', target.outputs.some(outputPushes) ? ['true'] : []],
  ];
  const words = flags.flatMap(([name, values]) => values.map((value) => `--${name}=${value}`));
  const parsed = parseFlags([...words, '--', context], BUILD_FLAGS, true);
  if (parsed.kind !== 'parsed') return { kind: 'refused', why: 'the target is no build command' };
  const { globals, throughBuildx, pathItems } = command;
  return {
    kind: 'command',
    command: {
      globals,
      path: ['buildx', 'build'],
      kind: 'build',
      throughBuildx,
      pathItems,
      items: parsed.items,
    },
    inline,
  };
}

/**
 * Unlike `-f`, a target's Dockerfile is looked for in its context. Empty: where a build looks by itself, which includes
 * the name in lower case.
 */
function dockerfileWord(
  { context, dockerfile }: BakeTarget,
  cwd: string,
  remote: boolean,
): string | undefined {
  if (dockerfile === '-' || /^https?:/.test(dockerfile)) return undefined;
  if (dockerfile.startsWith('cwd://')) return resolve(cwd, dockerfile.slice('cwd://'.length));
  if (dockerfile === 'Dockerfile') return '';
  return remote || isAbsolute(dockerfile) ? dockerfile : join(context, dockerfile);
}

function pairs(table: ReadonlyMap<string, string>): string[] {
  return [...table].map(([name, value]) => `${name}=${value}`);
}
