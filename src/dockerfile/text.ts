/**
 * Text as BuildKit sees it. A Dockerfile is bytes; inside this folder a line is a "binary string", one character for
 * each byte, so that an index into it is a byte offset. It becomes real text only where a value leaves the folder.
 */

/** Go's `unicode.IsSpace`; JavaScript's `\s` differs in U+0085 and U+FEFF. */
const SPACE = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u;

/** A valid UTF-8 sequence of two bytes or more, or one byte that is none. */
const NOT_ASCII =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

const LEADING_SPACE =
  /^(?:[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)+/;

export function isSpace(character: string): boolean {
  return SPACE.test(character);
}

/** The code points of a text, which is what Go calls runes. */
export function codePoints(text: string): string[] {
  return Array.from(text);
}

/** Bytes to one character for each byte. */
export function toBinary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Text to one character for each byte of its UTF-8 form. */
export function encodeText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The text a binary string stands for; every byte that is not UTF-8 becomes one U+FFFD, as in Go. */
export function decodeText(binary: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[\0-\x7f]*$/.test(binary)) return binary;
  return binary.replace(NOT_ASCII, (bytes) =>
    bytes.length === 1 ? '\ufffd' : Buffer.from(bytes, 'latin1').toString('utf8'),
  );
}

/** How many bytes of white space a binary string begins with (`bytes.TrimLeftFunc(unicode.IsSpace)`). */
export function leadingSpace(binary: string): number {
  return LEADING_SPACE.exec(binary)?.[0].length ?? 0;
}

/** `strings.TrimSpace` on a binary string. */
export function trimSpace(binary: string): string {
  let end = binary.length;
  for (;;) {
    const width = trailingSpace(binary, end);
    if (width === 0) break;
    end -= width;
  }
  return binary.slice(0, end).slice(leadingSpace(binary.slice(0, end)));
}

function trailingSpace(binary: string, end: number): number {
  for (const width of [1, 2, 3]) {
    const tail = binary.slice(end - width, end);
    if (end >= width && leadingSpace(tail) === width) return width;
  }
  return 0;
}
