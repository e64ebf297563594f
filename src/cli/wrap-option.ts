import { ChalkError } from '../base/errors.ts';
import { type Item, lastValueOf, switchIsOn } from '../docker/argv/parse.ts';
import type { Host } from '../host/host.ts';
import { RUNTIME_MODES, type Wrap } from '../plan/index.ts';

/** Reads `--no-wrap`, `--runtime-mode` and `CHALK_RUNTIME_MODE`. Throws `ARGV_BAD_VALUE` for a mode there is not. */
export function wrapOption(host: Pick<Host, 'env'>, options: readonly Item[]): Wrap {
  const option = lastValueOf(options, 'runtime-mode');
  const asked = option ?? host.env['CHALK_RUNTIME_MODE'] ?? '';
  const mode = RUNTIME_MODES.find((each) => each === asked);
  if (mode === undefined && (option !== undefined || asked !== '')) {
    const name = option === undefined ? 'CHALK_RUNTIME_MODE' : '--runtime-mode';
    throw new ChalkError('ARGV_BAD_VALUE', `${name} is ${JSON.stringify(asked)}, which is no mode`, {
      hint: `one of ${RUNTIME_MODES.join(', ')}`,
    });
  }
  return switchIsOn(options, 'no-wrap') ? false : (mode ?? true);
}
