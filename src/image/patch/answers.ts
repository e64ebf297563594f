import { isObject, readObject } from './json.ts';

/** The names docker gave a build's image before the patch, and the ones it has now. */
export interface Renamed {
  /** Manifest or index: the image's ID in the containerd store, and what a registry would call it. */
  readonly digest: readonly [before: string, after: string];
  readonly configDigest: readonly [before: string | undefined, after: string];
  /** What the digest names now; undefined in a graph driver's store, where it is the config. */
  readonly descriptor: { readonly mediaType: string; readonly size: number } | undefined;
}

/** What `--iidfile` and `-q` say: an ID in some text, which else stays as it is. */
export function renameIds(text: string, { digest, configDigest }: Renamed): string {
  const [before, after] = configDigest;
  const renamed = text.replaceAll(digest[0], digest[1]);
  return before === undefined ? renamed : renamed.replaceAll(before, after);
}

/**
 * buildx's metadata file with the digests of the patched image; every other member stays. Written as buildx does: two
 * spaces, no line feed at the end, and Go's escapes. Throws `RESPONSE_INVALID` for a file that is no JSON object.
 */
export function renameInMetadata(text: string, renamed: Renamed): string {
  const file = readObject(text, 'the metadata file');
  const [beforeConfig, afterConfig] = renamed.configDigest;
  const result: Record<string, unknown> = { ...file };
  if ('containerimage.digest' in file) result['containerimage.digest'] = renamed.digest[1];
  if ('containerimage.config.digest' in file) result['containerimage.config.digest'] = afterConfig;
  const descriptor = file['containerimage.descriptor'];
  if (isObject(descriptor) && renamed.descriptor !== undefined) {
    const { annotations } = descriptor;
    result['containerimage.descriptor'] = {
      ...descriptor,
      mediaType: renamed.descriptor.mediaType,
      digest: renamed.digest[1],
      size: renamed.descriptor.size,
      ...(isObject(annotations)
        ? {
            annotations: Object.fromEntries(
              Object.entries(annotations).map(([name, value]) => [
                name,
                value === beforeConfig ? afterConfig : value,
              ]),
            ),
          }
        : {}),
    };
  }
  return likeGo(JSON.stringify(result, undefined, 2), text.endsWith('\n'));
}

/** `encoding/json` escapes what HTML and JavaScript would stumble over. */
function likeGo(text: string, withLineFeed: boolean): string {
  const escaped = text.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return withLineFeed ? `${escaped}\n` : escaped;
}
