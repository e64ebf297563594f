import { ChalkError } from '../base/errors.ts';
import type { Host } from '../host/host.ts';
import { Password } from './password.ts';

/**
 * One line from the terminal itself, whatever our standard input is: a shell, because it restores the echo however it ends,
 * and `read` and `printf` are part of it, so that no program's arguments show what was typed.
 */
const QUESTION = `
2>/dev/null true </dev/tty || exit 3
exec 3<>/dev/tty
saved=$(stty -g <&3) || exit 3
trap 'stty "$saved" <&3' EXIT
trap 'printf "\\n" >&3; exit 130' HUP INT QUIT TERM
if [ "$2" = hidden ]; then stty -echo <&3; fi
printf '%s' "$1" >&3
IFS= read -r answer <&3
status=$?
if [ "$2" = hidden ]; then printf '\\n' >&3; fi
printf '%s' "$answer"
exit "$status"
`;

export type Answer =
  | { readonly kind: 'answer'; readonly text: string }
  /** Nobody is there to ask. */
  | { readonly kind: 'no-terminal' }
  /** Ctrl-C, or the end of input. */
  | { readonly kind: 'cancelled' };

/** Asks on the terminal. What was typed does not show where the answer is `hidden`. */
export async function ask(host: Host, question: string, echo: 'shown' | 'hidden'): Promise<Answer> {
  if (!host.terminal.stderrIsTerminal) return { kind: 'no-terminal' };
  const result = await host.processes.attach({
    file: '/bin/sh',
    args: ['-c', QUESTION, 'sh', question, echo],
    env: { PATH: host.env['PATH'] },
    captureStdout: true,
  });
  if (result.kind === 'not-started' || (result.kind === 'exited' && result.code === 3)) {
    return { kind: 'no-terminal' };
  }
  if (result.kind === 'killed' || result.code !== 0) return { kind: 'cancelled' };
  return { kind: 'answer', text: result.stdout ?? '' };
}

/** Asks for the password of a key. Throws `PASSWORD_MISSING` where there is nobody to ask, or no answer. */
export async function askPassword(host: Host, keyName: string): Promise<Password> {
  const answer = await ask(host, `Password of ${keyName}: `, 'hidden');
  switch (answer.kind) {
    case 'answer':
      return new Password(answer.text, 'what was typed');
    case 'cancelled':
      throw new ChalkError('PASSWORD_MISSING', `no password for ${keyName} was typed`);
    case 'no-terminal':
      throw new ChalkError('PASSWORD_MISSING', `there is no password for ${keyName}`, {
        hint: 'set CHALK_PASSWORD, or name a file with --password-file',
      });
  }
}
