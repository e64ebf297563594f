import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import { type MarkMap, type MarkValue, writeValue } from '../mark/index.ts';

/** A running container, as the engine describes it. */
export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly started: string;
}

/** What the list says of an image's mark; the same for ever, for an image's ID follows from its content. */
export const KnownMark = z.object({
  CHALK_ID: z.optional(z.string()),
  METADATA_ID: z.optional(z.string()),
  COMMIT_ID: z.optional(z.string()),
  BRANCH: z.optional(z.string()),
  DATETIME_WHEN_CHALKED: z.optional(z.string()),
  /** Why there is no mark to show: none, or one that does not validate. */
  without: z.optional(z.string()),
});
export type KnownMark = z.infer<typeof KnownMark>;

const KEYS = ['CHALK_ID', 'METADATA_ID', 'COMMIT_ID', 'BRANCH', 'DATETIME_WHEN_CHALKED'] as const;

/** One container with its mark. */
export interface Row {
  readonly container: RunningContainer;
  readonly mark: KnownMark;
}

const Container = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  Config: z.nullish(z.object({ Image: z.nullish(z.string()) })),
  State: z.nullish(z.object({ StartedAt: z.nullish(z.string()) })),
});

/** Reads what `docker container inspect` prints; undefined for anything else. */
export function readContainers(text: string): RunningContainer[] | undefined {
  const parsed = z.array(Container).safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  return parsed.data.map(({ Id, Name, Image, Config, State }) => ({
    id: Id,
    name: Name.replace(/^\//, ''),
    image: Config?.Image || Image,
    imageId: Image,
    started: State?.StartedAt ?? '',
  }));
}

/** The part of a mark that the list shows. */
export function knownMark(values: MarkMap): KnownMark {
  const text = (value: MarkValue | undefined): string | undefined => {
    if (value === undefined || value === null) return undefined;
    return typeof value === 'string' ? value : writeValue(value);
  };
  return Object.fromEntries(
    KEYS.flatMap((key) => {
      const value = text(values.get(key));
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

const Cache = z.object({ version: z.literal(1), images: z.record(z.string(), KnownMark) });

/** Marks by image ID, as an earlier run kept them; a file that is damaged is as good as none. */
export function readCache(text: string): Map<string, KnownMark> {
  const parsed = Cache.safeParse(parseJson(text));
  return new Map(parsed.success ? Object.entries(parsed.data.images) : []);
}

const MAX_KEPT = 1000;

/** The newest entries last, the oldest gone. */
export function writeCache(marks: ReadonlyMap<string, KnownMark>): string {
  return `${JSON.stringify({ version: 1, images: Object.fromEntries([...marks].slice(-MAX_KEPT)) })}\n`;
}

/** The list as JSON, by Chalk's names of keys; `null` where there is no mark. */
export function listAsJson(rows: readonly Row[]): string {
  const list = rows.map(({ container, mark }) => ({
    _INSTANCE_CONTAINER_ID: container.id,
    _INSTANCE_NAME: container.name,
    _INSTANCE_CONFIG_IMAGE: container.image,
    _INSTANCE_IMAGE_ID: container.imageId.replace(/^sha256:/, ''),
    _INSTANCE_START_DATETIME: container.started,
    ...Object.fromEntries(KEYS.map((key) => [key, mark[key] ?? null])),
    ...(mark.without === undefined ? {} : { _X_CHALK_WITHOUT: mark.without }),
  }));
  return `${JSON.stringify(list, null, 2)}\n`;
}

/** The list as a table, in the manner of `docker ps`. */
export function listAsTable(rows: readonly Row[]): string {
  const cells = rows.map(({ container, mark }) => [
    container.id.slice(0, 12),
    container.name,
    container.image,
    mark.CHALK_ID ?? `(${mark.without ?? 'no mark'})`,
    mark.COMMIT_ID?.slice(0, 12) ?? '',
    mark.BRANCH ?? '',
    mark.DATETIME_WHEN_CHALKED?.replace(/\.\d+/, '') ?? '',
  ]);
  const all = [['CONTAINER', 'NAME', 'IMAGE', 'CHALK ID', 'COMMIT', 'BRANCH', 'BUILT'], ...cells].map((row) =>
    row.map(printable),
  );
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Marks are strangers' text: what could steer a terminal is not shown. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
}
