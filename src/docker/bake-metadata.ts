import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';

const Metadata = z.record(z.string(), z.unknown());

/** A bake's metadata without some targets, in the form Go writes JSON; undefined when it is none or holds none of them. */
export function withoutTargets(text: string, names: readonly string[]): string | undefined {
  const parsed = Metadata.safeParse(parseJson(text));
  if (!parsed.success || !names.some((name) => name in parsed.data)) return undefined;
  const rest = Object.fromEntries(Object.entries(parsed.data).filter(([name]) => !names.includes(name)));
  return goJson(rest);
}

/**
 * A bake's metadata with one target's part edited, in the form Go writes JSON; undefined when it is none or does not hold
 * the target.
 *
 * @param edit from the text of a single build's metadata to another.
 */
export function withEditedTarget(
  text: string,
  name: string,
  edit: (part: string) => string,
): string | undefined {
  const parsed = Metadata.safeParse(parseJson(text));
  const part = parsed.success ? parsed.data[name] : undefined;
  if (!parsed.success || part === undefined) return undefined;
  return goJson({ ...parsed.data, [name]: parseJson(edit(JSON.stringify(part))) });
}

/** `encoding/json` escapes what HTML and JavaScript would stumble over. */
function goJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
