/** One JSON object as text: the raw text of each of its members. */
export type Scan =
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, string> }
  /** The offset at which the text stops being one JSON object (RFC 8259). */
  | { readonly kind: 'fault'; readonly at: number };

/** Nobody's SBOM is this deep; JSON libraries of other languages give up somewhere behind it. */
const MAX_DEPTH = 512;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const ESCAPE = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

/**
 * Checks that a text is one JSON object, without making values of it: parsing an SBOM of 200 MB takes seconds and half a
 * gigabyte, in which nobody would pass on a Ctrl-C. A member named twice is a fault, since readers differ on which counts.
 */
export function scanObject(text: string): Scan {
  const members = new Map<string, string>();
  /** What closes the objects and arrays we are in. */
  const open: string[] = [];
  /** The member of the outermost object that is being read. */
  let name: string | undefined;
  let start = 0;
  let at = skipSpace(text, 0);

  /** Reads `"name":`; false for a fault. */
  const readName = (): boolean => {
    const from = skipSpace(text, at);
    const end = text[from] === '"' ? stringEnd(text, from) : undefined;
    if (end === undefined) return false;
    at = skipSpace(text, end);
    if (text[at] !== ':') return false;
    at = skipSpace(text, at + 1);
    if (open.length > 1) return true;
    name = String(JSON.parse(text.slice(from, end)));
    start = at;
    return !members.has(name);
  };

  if (text[at] !== '{') return { kind: 'fault', at };
  for (;;) {
    at = skipSpace(text, at);
    const first = text[at];
    if (first === '{' || first === '[') {
      if (open.length === MAX_DEPTH) return { kind: 'fault', at };
      open.push(first === '{' ? '}' : ']');
      at = skipSpace(text, at + 1);
      if (text[at] !== open.at(-1)) {
        if (first === '{' && !readName()) return { kind: 'fault', at };
        continue;
      }
    } else {
      const end = first === '"' ? stringEnd(text, at) : (endOf(LITERAL, text, at) ?? endOf(NUMBER, text, at));
      if (end === undefined) return { kind: 'fault', at };
      at = end;
    }
    // Behind a value: all that closes here, then a comma or the end.
    for (;;) {
      if (open.length === 1 && name !== undefined) members.set(name, text.slice(start, at));
      name = open.length === 1 ? undefined : name;
      at = skipSpace(text, at);
      if (text[at] !== open.at(-1)) break;
      at += 1;
      open.pop();
      if (open.length > 0) continue;
      at = skipSpace(text, at);
      return at === text.length ? { kind: 'object', members } : { kind: 'fault', at };
    }
    if (text[at] !== ',') return { kind: 'fault', at };
    at += 1;
    if (open.at(-1) === '}' && !readName()) return { kind: 'fault', at };
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

/** Where the string that starts at `from` ends, its quotes included. */
function stringEnd(text: string, from: number): number | undefined {
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    // Behind the end it is no number, which is no control character, either.
    if (!(code >= 0x20)) return undefined;
    at += 1;
    if (code === 0x22) return at;
    if (code !== 0x5c) continue;
    const end = endOf(ESCAPE, text, at);
    if (end === undefined) return undefined;
    at = end;
  }
}

function endOf(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
