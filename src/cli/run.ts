import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { parseChalkLine, parseCommand, withoutChalk } from '../docker/argv/command.ts';
import { render, switchIsOn } from '../docker/argv/parse.ts';
import { refusalText } from '../docker/argv/command.ts';
import type { Host } from '../host/host.ts';
import type { End } from './end.ts';

/** Carries out one command line, the words docker gave its plugin. */
export async function run(host: Host, argv: readonly string[]): Promise<End> {
  const line = parseChalkLine(argvOf(host, argv));
  if (!('words' in line)) {
    // Standing in for docker, its own words about a wrong flag are the ones to give.
    if (host.launch.entry !== 'plugin') {
      const { runUntouched } = await import('./docker-command.ts');
      return runUntouched(host, [], argv);
    }
    const dockers = withoutChalk(argv);
    if (dockers !== undefined) {
      const { runUntouched } = await import('./docker-command.ts');
      return runUntouched(host, [], dockers);
    }
    const hint = 'see docker chalk --help';
    if (line.kind === 'unknown-flag') {
      throw new ChalkError('ARGV_UNKNOWN_FLAG', `docker chalk has no option ${line.word}`, { hint });
    }
    throw new ChalkError('ARGV_BAD_VALUE', refusalText(line), { hint });
  }
  const { globals, options } = line;
  const words = line.words.length === 0 && switchIsOn(globals, 'version') ? ['version'] : line.words;
  const [first] = words;
  const asksHelp = switchIsOn(globals, 'help') || first === 'help' || first === undefined;
  const command = asksHelp ? { kind: 'other' as const } : parseCommand(globals, words);
  if (command.kind === 'command') {
    const { runDockerCommand } = await import('./docker-command.ts');
    return runDockerCommand(host, command.command, options);
  }
  if (command.kind === 'unclear') {
    const { runUnclear } = await import('./docker-command.ts');
    return runUnclear(host, command.command, options, command.why);
  }
  if (first === 'compose' && !asksHelp) {
    const { runCompose } = await import('./compose-command.ts');
    return runCompose(host, globals, options, words);
  }
  if (host.launch.entry !== 'plugin') {
    // The launcher took it for a build and we do not: it is docker's.
    const { runUntouched } = await import('./docker-command.ts');
    return runUntouched(host, globals, argv);
  }
  const { runOwnCommand } = await import('./own-commands.ts');
  return { kind: 'exited', code: await runOwnCommand(host, globals, options, render(globals), words) };
}

const Words = z.array(z.string());

/**
 * What was typed in docker's terms: standing in for buildx without docker, the word is missing, and so are the options
 * that were typed before `compose`.
 */
function argvOf(host: Host, argv: readonly string[]): readonly string[] {
  const standalone = host.launch.entry === 'buildx' && !host.env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND'];
  if (!standalone) return argv;
  const options = Words.safeParse(parseJson(host.env['CHALK_OPTIONS'] ?? ''));
  return ['chalk', ...(options.success ? options.data : []), 'buildx', ...argv];
}
