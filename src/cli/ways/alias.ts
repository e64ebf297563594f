import { ChalkError } from '../../base/errors.ts';

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

/**
 * The line that makes `docker` in an interactive shell our link before docker. An alias is seen by nobody else: scripts,
 * make and sudo want the wrapper on PATH.
 */
export function aliasLine(shell: string, wrapper: string): string {
  const quoted = `'${wrapper.replaceAll("'", String.raw`'\''`)}'`;
  switch (shell) {
    case 'bash':
    case 'zsh':
      return `alias docker=${quoted}\n`;
    case 'fish':
      return `alias docker ${quoted.replaceAll(String.raw`'\''`, String.raw`\'`)}\n`;
    case 'powershell':
      return `Set-Alias -Name docker -Value '${wrapper.replaceAll("'", "''")}'\n`;
    default:
      throw new ChalkError('ARGV_BAD_VALUE', `${shell} is no shell known here`, {
        hint: `one of ${SHELLS.join(', ')}`,
      });
  }
}
