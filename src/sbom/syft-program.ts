import type { DockerTools } from '../docker/tools.ts';
import type { Environment, Host, ProcessResult } from '../host/host.ts';

/** Syft, wherever it runs. */
export interface SyftProgram {
  /** Whether it can read a registry with docker's own logins. */
  readonly readsRegistries: boolean;
  /** `file` is what it shall look at, a file or a folder, given to it at the path that `words` gets. */
  run(
    words: (path: string) => readonly string[],
    work: {
      readonly folder: string;
      readonly file?: string;
      /** Given for a registry: what Syft is to know of it. */
      readonly env?: Environment;
      readonly timeoutMs: number;
      readonly maxOutputBytes: number;
    },
  ): Promise<ProcessResult>;
}

/** What Syft needs of the environment to find its files. */
const KEPT = ['PATH', 'HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'LANG'];
/** And to reach a registry as docker does. */
const KEPT_FOR_REGISTRIES = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'XDG_RUNTIME_DIR',
];

/** A program of this machine. */
export function localSyft(host: Host, tools: DockerTools, file: string): SyftProgram {
  const kept = (names: readonly string[]) =>
    Object.fromEntries(names.flatMap((name) => (host.env[name] ? [[name, host.env[name]]] : [])));
  return {
    readsRegistries: true,
    run: (words, work) =>
      host.processes.run({
        file,
        args: words(work.file ?? ''),
        // Syft reads a `.syft.yaml` of the folder it runs in, which must not be the repository's.
        cwd: work.folder,
        env: {
          ...kept(KEPT),
          ...(work.env === undefined ? {} : { ...kept(KEPT_FOR_REGISTRIES), ...work.env }),
          ...(work.env === undefined ? {} : { DOCKER_CONFIG: tools.config.folder }),
          // What it unpacks is gone with our folder, also when it was killed.
          TMPDIR: work.folder,
          SYFT_CHECK_FOR_APP_UPDATE: 'false',
        },
        timeoutMs: work.timeoutMs,
        maxOutputBytes: work.maxOutputBytes,
      }),
  };
}

/** Works in a private folder that is gone afterwards. */
export async function withFolder<T>(host: Host, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await host.files.makeTemporary('docker-chalk-sbom-');
  try {
    return await work(folder);
  } finally {
    await host.files.remove(folder).catch(() => undefined);
  }
}
