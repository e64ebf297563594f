import type { Command, Host, ProcessResult } from '../../host/host.ts';

/**
 * The same host, on which a helper program that was run with the same words is not run again: the targets of a bake ask
 * the same questions about engine, repository and base images.
 */
export function askingOnce(host: Host): Host {
  const answers = new Map<string, Promise<ProcessResult>>();
  const { DOCKER_DEFAULT_PLATFORM: _, ...env } = host.env;
  const run = (command: Command): Promise<ProcessResult> => {
    const { file, args, cwd, input, inputFile, env: environment } = command;
    if (input !== undefined && typeof input !== 'string') return host.processes.run(command);
    const key = JSON.stringify([file, args, cwd, input, inputFile, environment]);
    const answer = answers.get(key) ?? host.processes.run(command);
    answers.set(key, answer);
    return answer;
  };
  return {
    ...host,
    // bake does not look at it; build does.
    env,
    processes: { ...host.processes, run },
  };
}
