import { ChalkError } from '../base/errors.ts';
import { parseChalkLine, parseCommand } from '../docker/argv/command.ts';
import { render, switchIsOn } from '../docker/argv/parse.ts';
import { refusalText } from '../docker/argv/command.ts';
import type { Host } from '../host/host.ts';
import type { End } from './end.ts';

/** Carries out one command line, the words docker gave its plugin. */
export async function run(host: Host, argv: readonly string[]): Promise<End> {
  const line = parseChalkLine(argv);
  if (!('words' in line)) {
    const hint = 'see docker chalk --help';
    if (line.kind === 'unknown-flag') {
      throw new ChalkError('ARGV_UNKNOWN_FLAG', `docker chalk has no option ${line.word}`, { hint });
    }
    throw new ChalkError('ARGV_BAD_VALUE', refusalText(line), { hint });
  }
  const { globals, options, words } = line;
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
  const { runOwnCommand } = await import('./own-commands.ts');
  return { kind: 'exited', code: await runOwnCommand(host, globals, options, render(globals), words) };
}
