import { type DockerCommand, parseChalkLine, parseCommand } from '../../../src/docker/argv/command.ts';
import type { DockerTools } from '../../../src/docker/tools.ts';

/** A docker command line, as typed without `docker`, that must be one of ours. */
export function commandOf(words: string | readonly string[]): DockerCommand {
  const line = parseChalkLine(typeof words === 'string' ? words.split(' ') : words);
  if (!('words' in line)) throw new Error(line.kind);
  const result = parseCommand(line.globals, line.words);
  if (result.kind !== 'command') throw new Error(result.kind);
  return result.command;
}

export function toolsWith(more: Partial<DockerTools> = {}): DockerTools {
  return {
    docker: '/usr/bin/docker',
    buildx: '/plugins/docker-buildx',
    config: { folder: '/home/u/.docker', pluginFolders: [], context: 'default' },
    globals: [],
    ...more,
  };
}
