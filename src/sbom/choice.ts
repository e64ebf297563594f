import { ChalkError } from '../base/errors.ts';
import { type Item, lastValueOf, valuesOf } from '../docker/argv/parse.ts';
import type { Environment } from '../host/host.ts';
import { SBOM_FORMATS, type SbomFormat } from './sbom.ts';

export const SBOM_CHOICES = ['auto', 'docker', 'scout', 'syft', 'off'] as const;

/** What the user wants of SBOMs. */
export interface SbomChoice {
  readonly source: (typeof SBOM_CHOICES)[number];
  /** For `docker`: the image BuildKit runs, in place of its own. */
  readonly generator: string | undefined;
  readonly format: SbomFormat;
  /** What is wrong with `CHALK_SBOM`: no SBOM is made then, and nothing else is stopped by it. */
  readonly fault?: ChalkError;
}

/**
 * Reads our options `--sbom=auto|docker[,generator=IMAGE]|scout|syft|off` and `--sbom-format`, and `CHALK_SBOM` behind the first.
 * Throws `ARGV_BAD_VALUE` for what was typed; a variable may be set far away from the build it would stop.
 */
export function readSbomChoice(options: readonly Item[], env: Environment): SbomChoice {
  const format = readSbomFormat(lastValueOf(options, 'sbom-format'));
  const given = lastValueOf(options, 'sbom');
  const value = given ?? (env['CHALK_SBOM'] || 'auto');
  const read = readSource(value);
  if (read !== undefined) return { ...read, format };
  const error = new ChalkError(
    given === undefined ? 'CONFIG_INVALID' : 'ARGV_BAD_VALUE',
    `${given === undefined ? 'CHALK_SBOM' : '--sbom'} is ${JSON.stringify(value)}, not ${SBOM_CHOICES.join(', ')}`,
    { hint: 'docker takes a generator: --sbom=docker,generator=IMAGE' },
  );
  if (given !== undefined) throw error;
  return { source: 'off', generator: undefined, format, fault: error };
}

function readSource(value: string): Pick<SbomChoice, 'source' | 'generator'> | undefined {
  const [first = '', ...fields] = value.split(',');
  const source = SBOM_CHOICES.find((choice) => choice === first);
  if (source === undefined || fields.length > 1) return undefined;
  const [field] = fields;
  if (field === undefined) return { source, generator: undefined };
  const generator = /^generator=(\S+)$/.exec(field)?.[1];
  return source === 'docker' && generator !== undefined ? { source, generator } : undefined;
}

/** Throws `ARGV_BAD_VALUE`. */
export function readSbomFormat(value: string | undefined): SbomFormat {
  const format = SBOM_FORMATS.find((each) => each === (value ?? 'spdx'));
  if (format !== undefined) return format;
  throw new ChalkError(
    'ARGV_BAD_VALUE',
    `the format ${JSON.stringify(value)} is not ${SBOM_FORMATS.join(' or ')}`,
  );
}

/**
 * Whether an SBOM is to be made of what a build or push has left. By itself (`auto`) only of an image that is pushed and will
 * be signed: an SBOM is attached to an image in a registry, under a signature, and where there is no such place nobody would
 * get it, while making one costs seconds. Who names a source wants it in any case.
 */
export function wantsSbom(
  { source }: SbomChoice,
  image: { readonly pushed: boolean; readonly signed: boolean },
): boolean {
  if (source === 'off') return false;
  return source !== 'auto' || (image.pushed && image.signed);
}

/**
 * The value for an `--attest` flag to add to a build, so that BuildKit makes the SBOM; undefined where nothing is to be added.
 * Only when asked for by name, never in `auto`: BuildKit's generator is an image that the builder must pull, and attestations
 * turn a plain image into an index. What the user says of SBOMs in docker's own words stands.
 *
 * @param driver of the builder; under `docker`, only the containerd store keeps attestations, and the build would fail.
 * @param store of the engine (`engineStore`); of no account under other drivers.
 */
export function buildkitAttestation(
  { source, generator }: SbomChoice,
  items: readonly Item[],
  { driver, store }: { readonly driver: string; readonly store: 'graph' | 'containerd' | undefined },
): string | undefined {
  if (source !== 'docker' || (driver === 'docker' && store !== 'containerd')) return undefined;
  const asked =
    valuesOf(items, 'sbom').length > 0 ||
    valuesOf(items, 'attest').some((value) => /(?:^|,)\s*type\s*=\s*sbom\s*(?:,|$)/i.test(value));
  if (asked) return undefined;
  return generator === undefined ? 'type=sbom' : `type=sbom,generator=${generator}`;
}
