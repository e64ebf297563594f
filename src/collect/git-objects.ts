import { known, type Facts } from './facts.ts';
import { writeTime } from './when.ts';

/** One object as `git cat-file --batch` prints it; `missing` when git could not resolve or read the name. */
export type GitObject =
  | { readonly kind: 'object'; readonly id: string; readonly type: string; readonly content: Uint8Array }
  | { readonly kind: 'missing' };

/** A commit's or tag's author: `Name <email>`, and when, if the line holds a time a date can be written for. */
export interface Identity {
  readonly who: string;
  readonly milliseconds: number | undefined;
  readonly date: string | undefined;
}

/** A tag that leads to the commit; a lightweight one has nothing but its name. */
export interface Tag {
  readonly name: string;
  readonly content?: Uint8Array;
}

const LF = 10;

/** Messages longer than this are cut: a mark has to fit into an image, and nobody reads the rest there. */
export const MAX_MESSAGE = 16_384;

/** A line that opens a signature at the end of a tag (gpg-interface.c: PGP, X.509 and SSH). */
const SIGNATURE = /^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----$/gm;

/** Splits the output of `git cat-file --batch` into the objects asked for, in order; what is cut off is left out. */
export function parseBatch(output: Uint8Array): readonly GitObject[] {
  const objects: GitObject[] = [];
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(LF, at);
    if (end < 0) break;
    const line = new TextDecoder().decode(output.subarray(at, end));
    const header = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(line);
    at = end + 1;
    if (!header) {
      objects.push({ kind: 'missing' });
      continue;
    }
    const [, id = '', type = '', size = '0'] = header;
    const content = output.subarray(at, at + Number(size));
    if (content.length < Number(size)) break;
    objects.push({ kind: 'object', id, type, content });
    at += Number(size) + 1;
  }
  return objects;
}

/** The facts a raw commit object holds. A signature is only seen, never checked: that would run the user's gpg. */
export function commitFacts(id: string, content: Uint8Array): Facts {
  const { headers, message } = parseObject(content);
  const author = parseIdentity(headers.get('author'));
  const committer = parseIdentity(headers.get('committer'));
  return known({
    COMMIT_ID: id,
    AUTHOR: author?.who,
    DATE_AUTHORED: author?.date,
    TIMESTAMP_AUTHORED: author?.milliseconds,
    COMMITTER: committer?.who,
    DATE_COMMITTED: committer?.date,
    TIMESTAMP_COMMITTED: committer?.milliseconds,
    COMMIT_MESSAGE: tidyMessage(message),
    COMMIT_SIGNED: hasSignatureHeader(headers),
  });
}

/** The facts of the tag that speaks for the commit: the latest, of equals the one with the greater name. */
export function tagFacts(tags: readonly Tag[]): Facts {
  const [best] = tags
    .map((tag) => ({ tag, time: taggedAt(tag) }))
    .sort((a, b) => b.time - a.time || (a.tag.name < b.tag.name ? 1 : -1));
  if (!best) return {};
  const { name, content } = best.tag;
  if (!content) return { TAG: name, TAG_SIGNED: false };
  const { headers, message } = parseObject(content);
  const tagger = parseIdentity(headers.get('tagger'));
  const signatureAt = [...message.matchAll(SIGNATURE)].at(-1)?.index;
  return known({
    TAG: name,
    TAG_SIGNED: signatureAt !== undefined || hasSignatureHeader(headers),
    TAGGER: tagger?.who,
    DATE_TAGGED: tagger?.date,
    TIMESTAMP_TAGGED: tagger?.milliseconds,
    TAG_MESSAGE: tidyMessage(message.slice(0, signatureAt)),
  });
}

function taggedAt({ content }: Tag): number {
  if (!content) return 0;
  return parseIdentity(parseObject(content).headers.get('tagger'))?.milliseconds ?? 0;
}

/** Reads `Name <email> seconds +hhmm`; a line git would not write gives what can be made out. */
export function parseIdentity(line: string | undefined): Identity | undefined {
  if (line === undefined) return undefined;
  const close = line.lastIndexOf('>');
  const who = (close < 0 ? line : line.slice(0, close + 1)).trim();
  const [, seconds, zone = '+0000'] = /^\s*(-?\d+)(?:\s+([+-]\d{1,6}))?/.exec(line.slice(close + 1)) ?? [];
  const milliseconds = Number(seconds) * 1000;
  if (!hasWritableYear(milliseconds)) return { who, milliseconds: undefined, date: undefined };
  return { who, milliseconds, date: writeTime(milliseconds, offsetMinutes(zone)).datetime };
}

/** `-0500` in minutes. No place is a day or more from UTC: such a zone is somebody's broken tool, and becomes UTC. */
function offsetMinutes(zone: string): number {
  const digits = Math.abs(Number(zone));
  const minutes = Math.floor(digits / 100) * 60 + (digits % 100);
  if (minutes >= 24 * 60 || minutes === 0) return 0;
  return zone.startsWith('-') ? -minutes : minutes;
}

/** A day inside of both ends, so that the zone cannot push the year out of four digits. NaN is not inside. */
function hasWritableYear(milliseconds: number): boolean {
  return milliseconds > Date.parse('0000-01-02') && milliseconds < Date.parse('9999-12-30');
}

interface ParsedObject {
  readonly headers: ReadonlyMap<string, string>;
  readonly message: string;
}

/** Header lines (the first of a name counts; a space continues the one above), an empty line, the message. */
function parseObject(content: Uint8Array): ParsedObject {
  const text = decode(content);
  const blank = text.indexOf('\n\n');
  const headers = new Map<string, string>();
  for (const line of (blank < 0 ? text : text.slice(0, blank)).split('\n')) {
    const space = line.indexOf(' ');
    if (space <= 0) continue;
    const name = line.slice(0, space);
    if (!headers.has(name)) headers.set(name, line.slice(space + 1));
  }
  return { headers, message: blank < 0 ? '' : text.slice(blank + 2) };
}

/** Text in the encoding the object names, else UTF-8; bytes that are neither become U+FFFD, as a mark must be UTF-8. */
function decode(content: Uint8Array): string {
  const utf8 = new TextDecoder().decode(content);
  const label = /^encoding (\S+)$/m.exec(utf8.split('\n\n', 1)[0] ?? '')?.[1];
  if (label === undefined) return utf8;
  try {
    const text = new TextDecoder(label).decode(content);
    // A label that takes even the header apart (UTF-16) was not the truth.
    return text.slice(0, 4) === utf8.slice(0, 4) ? text : utf8;
  } catch {
    return utf8;
  }
}

function hasSignatureHeader(headers: ReadonlyMap<string, string>): boolean {
  return headers.has('gpgsig') || headers.has('gpgsig-sha256');
}

/** The message as C strings end it, trimmed and cut to a length that never splits a character. */
function tidyMessage(message: string): string {
  const text = (message.split('\0', 1)[0] ?? '').trim();
  if (text.length <= MAX_MESSAGE) return text;
  return `${text
    .slice(0, MAX_MESSAGE)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}
