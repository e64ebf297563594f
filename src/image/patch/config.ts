import { ChalkError } from '../../base/errors.ts';
import { isObject, type JsonObject, readObject, wordsOf } from './json.ts';

/** The part of an image's config that a patch looks at. */
export interface PatchableConfig {
  /** The config as it is, every member in its place. */
  readonly whole: JsonObject;
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | undefined;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly diffIds: readonly string[];
}

/** What a patch changes in a config; all else stays as it was, unknown members and their order too. */
export interface ConfigEdit {
  /** Undefined: the entrypoint is left alone. CMD always is: in a config nothing resets it. */
  readonly entrypoint: readonly string[] | undefined;
  readonly diffId: string;
  /** RFC 3339; the image's own `created` stays the time of the user's build. */
  readonly createdAt: string;
}

/**
 * What the history says of our layer. Whoever looks for a mark takes an image for marked itself when the last step put
 * `/chalk.json` there (`image/extract.ts`, and Chalk).
 */
export const PATCH_STEP = 'COPY chalk.json /chalk.json # docker-chalk';

/** Reads an image's config. Throws `RESPONSE_INVALID` for what is none. */
export function readConfig(text: string): PatchableConfig {
  const whole = readObject(text, 'the image’s config');
  const rootfs = whole['rootfs'];
  const diffIds = isObject(rootfs) ? wordsOf(rootfs['diff_ids']) : undefined;
  const { os, architecture, variant } = whole;
  const run = isObject(whole['config']) ? whole['config'] : {};
  if (diffIds === undefined || typeof os !== 'string' || typeof architecture !== 'string') {
    throw new ChalkError('RESPONSE_INVALID', 'the image’s config lacks its layers or its platform');
  }
  return {
    whole,
    os,
    architecture,
    variant: typeof variant === 'string' && variant !== '' ? variant : undefined,
    entrypoint: wordsOf(run['Entrypoint']) ?? [],
    cmd: wordsOf(run['Cmd']) ?? [],
    diffIds,
  };
}

/** The config of the patched image, as text. */
export function patchConfig(config: PatchableConfig, edit: ConfigEdit): string {
  const { whole, diffIds } = config;
  const run = isObject(whole['config']) ? whole['config'] : {};
  const rootfs = isObject(whole['rootfs']) ? whole['rootfs'] : {};
  const history: readonly unknown[] = Array.isArray(whole['history']) ? whole['history'] : [];
  return JSON.stringify({
    ...whole,
    ...(edit.entrypoint === undefined ? {} : { config: { ...run, Entrypoint: edit.entrypoint } }),
    rootfs: { ...rootfs, diff_ids: [...diffIds, edit.diffId] },
    history: [...history, { created: edit.createdAt, created_by: PATCH_STEP }],
  });
}
