import { readBase64, writeBase64 } from './base64.ts';

export type Pem =
  | { readonly kind: 'block'; readonly label: string; readonly bytes: Uint8Array }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Lines of 64 characters, as cosign and OpenSSL write them. */
export function writePem(label: string, bytes: Uint8Array): string {
  const lines = writeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** Reads the one block of a PEM text. A second one is refused: which of them was meant nobody can know. */
export function readPem(text: string): Pem {
  const begin = /^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?$/m.exec(text);
  if (begin === null) return { kind: 'unreadable', why: 'there is no PEM block in it' };
  const label = begin[1] ?? '';
  const rest = text.slice(begin.index + begin[0].length);
  const end = rest.indexOf(`-----END ${label}-----`);
  if (end === -1) return { kind: 'unreadable', why: `its ${label} block has no end: it was cut off` };
  if (rest.includes('-----BEGIN ', end))
    return { kind: 'unreadable', why: 'there are several PEM blocks in it' };
  const bytes = readBase64(rest.slice(0, end).replaceAll(/\s/g, ''));
  if (bytes === undefined || bytes.length === 0) {
    return { kind: 'unreadable', why: `what its ${label} block holds is not base64` };
  }
  return { kind: 'block', label, bytes };
}
