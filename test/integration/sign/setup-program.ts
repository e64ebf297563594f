import { parseArgs } from 'node:util';
import { asChalkError, describeError } from '../../../src/base/errors.ts';
import { exitCodeOf } from '../../../src/cli/exit-codes.ts';
import { setupCommand } from '../../../src/cli/setup-command.ts';
import { nodeHost } from '../../../src/host/node.ts';

/** `docker chalk setup …` without docker around it, on the real host. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    import: { type: 'string' },
    'password-file': { type: 'string' },
    yes: { type: 'boolean', default: false },
  },
});
const host = nodeHost();
try {
  process.exitCode = await setupCommand(host, {
    generate: positionals[0] === 'gen',
    importFile: values.import,
    passwordFile: values['password-file'],
    yes: values.yes,
  });
} catch (thrown) {
  const error = asChalkError(thrown);
  await host.terminal.writeError(`docker chalk: ${describeError(error)}\n`);
  process.exitCode = exitCodeOf(error.code);
}
