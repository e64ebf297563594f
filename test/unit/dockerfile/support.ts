import type { BuildOptions } from '../../../src/dockerfile/index.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };

/** Options of a plain build, with what a test changes. */
export function buildOptions(
  changes: {
    readonly target?: string;
    readonly args?: Readonly<Record<string, string>>;
    readonly contexts?: Readonly<Record<string, string>>;
    readonly platform?: BuildOptions['targetPlatform'];
  } = {},
): BuildOptions {
  return {
    ...(changes.target === undefined ? {} : { target: changes.target }),
    buildArgs: new Map(Object.entries(changes.args ?? {})),
    namedContexts: new Map(Object.entries(changes.contexts ?? {})),
    targetPlatform: changes.platform ?? AMD64,
    buildPlatform: AMD64,
  };
}
