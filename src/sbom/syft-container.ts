import type { DockerTools } from '../docker/tools.ts';
import { dockerHelper } from '../docker/tools.ts';
import type { Host, ProcessResult } from '../host/host.ts';
import type { SyftProgram } from './syft-program.ts';

const INSIDE = '/scanned';

/**
 * Syft in a container of the user's engine, wherever that is: what it looks at is copied in, so that it needs no mount, no
 * network and nobody's login. The entrypoint of its image must be Syft, as that of Anchore's is.
 */
export function containerSyft(host: Host, tools: DockerTools, image: string): SyftProgram {
  return {
    readsRegistries: false,
    run: async (words, { file, timeoutMs, maxOutputBytes }) => {
      const name = `docker-chalk-syft-${Buffer.from(host.random.bytes(8)).toString('hex')}`;
      const docker = (args: readonly string[], maxBytes?: number) =>
        dockerHelper(host, tools, args, {
          timeoutMs,
          ...(maxBytes === undefined ? {} : { maxOutputBytes: maxBytes }),
        });
      try {
        const steps = [
          () => docker(['create', ...LOCKED, '--name', name, image, ...words(INSIDE)]),
          ...(file === undefined ? [] : [() => docker(['cp', file, `${name}:${INSIDE}`])]),
          () => docker(['start', '--attach', name], maxOutputBytes),
        ];
        let result: ProcessResult | undefined;
        for (const step of steps) {
          result = await step();
          if (result.kind !== 'exited' || result.code !== 0) break;
        }
        return result ?? { kind: 'not-started', cause: new Error('nothing was to be done') };
      } finally {
        // Whoever was killed is docker's client; the container would go on.
        await dockerHelper(host, tools, ['rm', '--force', '--volumes', name]);
      }
    },
  };
}

/** It reads one file and prints; nothing else is for it to do. */
const LOCKED = [
  '--network=none',
  '--user=0:0',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--env=SYFT_CHECK_FOR_APP_UPDATE=false',
];
