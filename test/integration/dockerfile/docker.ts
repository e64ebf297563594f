import { spawnSync } from 'node:child_process';
import type { Engine } from '../../support/engine.ts';

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the testbed's docker to its end. */
export function docker(engine: Engine, args: readonly string[], input: string | Uint8Array = ''): Answer {
  const { status, stdout, stderr } = spawnSync('docker', args, {
    env: { ...engine.env },
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    timeout: 120_000,
  });
  return { code: status, stdout, stderr };
}

/** The same, for a command that must succeed. */
export function mustDocker(engine: Engine, args: readonly string[], input: string | Uint8Array = ''): string {
  const { code, stdout, stderr } = docker(engine, args, input);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${code}\n${stderr}`);
  return stdout;
}

/** One image for every Dockerfile, all in one run of BuildKit; each is tagged with its name. Bake reads `${` itself. */
export function bake(
  engine: Engine,
  builds: Readonly<
    Record<
      string,
      { readonly file: string; readonly target?: string; readonly args?: Readonly<Record<string, string>> }
    >
  >,
): void {
  const target = Object.fromEntries(
    Object.entries(builds).map(([name, { file, target: stage, args }]) => [
      name,
      { 'dockerfile-inline': file.replaceAll('${', () => '$${'), tags: [name], target: stage, args },
    ]),
  );
  const definition = JSON.stringify({ group: { default: { targets: Object.keys(builds) } }, target });
  mustDocker(engine, ['buildx', 'bake', '--provenance=false', '--file', '-'], definition);
}

/** JSON of docker's, taken for what `guard` lets through. */
export function readJson<T>(text: string, guard: (value: unknown) => value is T): T {
  const value: unknown = JSON.parse(text);
  if (!guard(value)) throw new Error(`docker said something else: ${text}`);
  return value;
}

function isObject(value: unknown): value is InspectedConfig {
  return typeof value === 'object' && value !== null;
}

/** The part of an image's config that a Dockerfile's last stage decides, as docker reports it. */
export interface InspectedConfig {
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly User?: string;
  readonly Shell?: readonly string[] | null;
  readonly OnBuild?: readonly string[] | null;
  readonly Env?: readonly string[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

export function inspect(engine: Engine, images: readonly string[]): readonly InspectedConfig[] {
  const lines = mustDocker(engine, ['image', 'inspect', '--format', '{{json .Config}}', ...images]);
  return lines
    .trim()
    .split('\n')
    .map((line) => readJson(line, isObject));
}
