import type { Environment } from '../host/host.ts';
import { type Item, switchIsOn, valuesOf } from './argv/parse.ts';
import { field } from './bake-definition.ts';

/** Where the image of a build ends up, as far as the command line tells. */
export type Destination =
  /** In the engine this machine talks to, and nowhere else. */
  | 'engine'
  /** In a registry, an archive, several places, or wherever the builder was told when it was made. */
  | 'elsewhere'
  /** Nothing is kept but the build cache. */
  | 'nowhere';

/**
 * buildx's own rules (`build/opt.go`): without an output the docker driver keeps the image in its engine; `--load` and
 * `type=docker` without a file bring it there from any driver.
 *
 * @param driver the builder's driver; `docker` for the old builder, which knows no other place.
 */
export function imageDestination(items: readonly Item[], driver: string, env: Environment): Destination {
  const outputs = valuesOf(items, 'output');
  const [output, ...others] = outputs;
  const [push, load] = [switchIsOn(items, 'push'), switchIsOn(items, 'load')];
  if (push || others.length > 0) return 'elsewhere';
  if (output === undefined) {
    if (load) return 'engine';
    if (driver !== 'docker') return 'elsewhere';
    return /^(1|t)/i.test(env['BUILDX_NO_DEFAULT_LOAD'] ?? '') ? 'nowhere' : 'engine';
  }
  const fields = new Map(
    output.split(',').map((part): [string, string] => {
      const [name = '', ...value] = part.split('=');
      return [name.trim().toLowerCase(), value.join('=').trim()];
    }),
  );
  const type = fields.get('type');
  if (load && type !== 'docker') return 'elsewhere';
  if (type === 'docker') return fields.has('dest') ? 'elsewhere' : 'engine';
  const stays = driver === 'docker' && !/^(1|t)/i.test(fields.get('push') ?? '');
  return type === 'image' && stays ? 'engine' : 'elsewhere';
}

/** Whether a build sends its image to a registry: `--push`, or an output that does (`buildflags/export.go`). */
export function pushesImage(items: readonly Item[]): boolean {
  return switchIsOn(items, 'push') || valuesOf(items, 'output').some(outputPushes);
}

/** The same of one output, `type=image,push=true`. */
export function outputPushes(output: string): boolean {
  const [type = output.includes('=') ? 'image' : 'local'] = field(output, ['type']);
  return type === 'registry' || (type === 'image' && /^(1|t)/i.test(field(output, ['push'])[0] ?? ''));
}

/** Whether the user asked for attestations by name. What buildx adds by itself is not asked for. */
export function asksAttestations(items: readonly Item[]): boolean {
  const isOff = (value: string) => /^(0|f)/i.test(value) || /(?:^|,)\s*disabled\s*=\s*(1|t)/i.test(value);
  return ['attest', 'provenance', 'sbom'].some((name) =>
    valuesOf(items, name).some((value) => !isOff(value)),
  );
}
