import { createHash } from 'node:crypto';
import { ChalkError } from '../base/errors.ts';
import { SHIM_PATH } from '../plan/index.ts';
import { exactMember, readExactObject } from './exact-json.ts';
import { judgeLayer, MAX_OWN_LAYER_BYTES, type OwnLayer } from './own-layer.ts';
import { type JsonObject, wordsOf } from './patch/json.ts';

/** What a statement says of an image's content; the version says how it was computed. */
export interface NormalisedHash {
  readonly version: 1;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** An image's layer as its manifest lists it. */
export interface LayerSource {
  /** As it is stored. */
  readonly size: number;
  /** The stored bytes, packed or not. Called only for layers that may be ours. */
  open(): Promise<AsyncIterable<Buffer>>;
}

export interface NormalisedImage {
  readonly hash: NormalisedHash;
  /** The layers that were left out, the lowest first. */
  readonly ownLayers: readonly OwnLayer[];
  /** What the image starts, without our shim. */
  readonly entrypoint: readonly string[];
  readonly wrapped: boolean;
  /** Why the layer below ours counts as content; undefined where none is left. */
  readonly firstContent: string | undefined;
}

/** Labels of ours. */
const OWN_LABELS: ReadonlySet<string> = new Set(
  ['id', 'metadata-id', 'commit', 'origin', 'version'].map((name) => `run.chalk.${name}`),
);
const CONFIG_MEMBERS = [
  'architecture',
  'os',
  'variant',
  'os.version',
  'os.features',
  'config',
  'rootfs',
  'history',
  'created',
];
const ROOTFS_MEMBERS = ['type', 'diff_ids'];
const DIFF_ID = /^sha256:[0-9a-f]{64}$/;
const RUN_MEMBERS = ['Entrypoint', 'Labels', 'Image', 'ArgsEscaped'];

/**
 * The hash an image has without what we add to it: the same for the image of a plain build, for ours, for one with another
 * mark, and for the patched one, as long as what was built is the same. Version 1 is the SHA-256 of this JSON, without
 * white space, members in the order of their UTF-16 code units, strings as `JSON.stringify` writes them:
 *
 * `{"config":{…},"layers":["sha256:…",…],"platform":{"architecture":…,"os":…},"version":1}`
 *
 * - `layers`: the diff IDs of the image's config, lowest first, without the last ones that are ours. From the last one
 *   down, a layer is ours while it holds nothing but our files (`judgeLayer`), whatever the history says; the first that
 *   holds anything else is content, with everything below it, also where that came with a marked base image.
 * - `config`: every member of the config's `config` but `Image` (an ID), `ArgsEscaped` (builders set it by the form of a
 *   line; nothing but Windows reads it), and members that are null, false, 0, or empty. `Entrypoint` is without our shim,
 *   where it is exactly `["/.chalk/shim","--",…]`; `Labels` is without ours.
 * - `platform`: `architecture`, `os`, `variant`, `os.version`, `os.features` where they are not empty.
 *
 * Times, history, author and every ID are left out. `layers` are those of the manifest, as many as the config has diff IDs.
 *
 * Throws `RESPONSE_INVALID` for a config that is none, or that readers could understand in two ways, and what opening or
 * reading a layer throws.
 */
export async function normaliseImage(
  config: Uint8Array | string,
  layers: readonly LayerSource[],
): Promise<NormalisedImage> {
  const what = 'the image’s config';
  const text = typeof config === 'string' ? config : new TextDecoder().decode(config);
  const whole = readExactObject(text, what, CONFIG_MEMBERS);
  const diffIds = diffIdsOf(exactMember(whole, 'rootfs', what, ROOTFS_MEMBERS));
  const { os, architecture } = whole;
  if (diffIds === undefined || typeof os !== 'string' || typeof architecture !== 'string') {
    throw new ChalkError('RESPONSE_INVALID', `${what} lacks its layers or its platform`);
  }
  if (diffIds.length !== layers.length) {
    throw new ChalkError(
      'RESPONSE_INVALID',
      `${what} has ${diffIds.length} layers, and the manifest ${layers.length}`,
    );
  }
  const run =
    exactMember(whole, 'config', what, os === 'windows' ? RUN_MEMBERS.slice(0, 3) : RUN_MEMBERS) ?? {};
  const { own, firstContent } = await ownLayersOf(diffIds, layers);
  const { Entrypoint: entry, Labels: labels, Image: _image, ArgsEscaped: escaped, ...rest } = run;
  const words = wordsOf(entry ?? []);
  if (words === undefined) throw new ChalkError('RESPONSE_INVALID', `${what} has an odd entrypoint`);
  const wrapped = words[0] === SHIM_PATH && words[1] === '--';
  const entrypoint = wrapped ? words.slice(2) : words;
  const canonical = canonicalJson({
    version: 1,
    platform: withoutEmpty({
      os,
      architecture,
      variant: whole['variant'],
      'os.version': whole['os.version'],
      'os.features': whole['os.features'],
    }),
    config: withoutEmpty({
      ...rest,
      ...(os === 'windows' ? { ArgsEscaped: escaped } : {}),
      Entrypoint: entrypoint,
      Labels: withoutOwnLabels(labels),
    }),
    layers: diffIds.slice(0, diffIds.length - own.length),
  });
  const sha256 = createHash('sha256').update(canonical, 'utf8').digest('hex');
  return { hash: { version: 1, sha256 }, ownLayers: own, entrypoint, wrapped, firstContent };
}

function diffIdsOf(rootfs: JsonObject | undefined): readonly string[] | undefined {
  const diffIds = wordsOf(rootfs?.['diff_ids'] ?? []);
  return diffIds?.every((each) => DIFF_ID.test(each)) === true ? diffIds : undefined;
}

async function ownLayersOf(diffIds: readonly string[], layers: readonly LayerSource[]) {
  const own: OwnLayer[] = [];
  for (let at = layers.length - 1; at >= 0; at--) {
    const layer = layers[at];
    const diffId = diffIds[at];
    if (layer === undefined || diffId === undefined) break;
    if (layer.size > MAX_OWN_LAYER_BYTES) return { own, firstContent: 'it is large' };
    const judged = await judgeLayer(await layer.open(), diffId);
    if (judged.kind === 'content') return { own, firstContent: judged.why };
    own.unshift(judged.layer);
  }
  return { own, firstContent: undefined };
}

function withoutOwnLabels(labels: unknown): unknown {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return labels;
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !OWN_LABELS.has(name)));
}

function withoutEmpty(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** JSON with the members of every object in the order of their UTF-16 code units. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
