const FOREIGN = /[^A-Za-z0-9+/_=-]/;

export function writeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/**
 * Reads padded base64, in the standard or the URL-safe alphabet: DSSE allows both. Undefined for anything that is not the
 * one spelling of its bytes, so that no character of a signed text can be changed without notice. Written for texts of
 * hundreds of megabytes: no pattern here backtracks.
 */
export function readBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || FOREIGN.test(text)) return undefined;
  if (/[+/]/.test(text) && /[-_]/.test(text)) return undefined;
  const padding = text.indexOf('=');
  if (padding !== -1 && padding < text.length - 4) return undefined;
  const last = text.slice(-4).replaceAll('-', '+').replaceAll('_', '/');
  if (Buffer.from(last, 'base64').toString('base64') !== last) return undefined;
  return Buffer.from(text, 'base64');
}
