import { createHash } from 'node:crypto';
import { RFC3161Timestamp } from '@sigstore/core';
import type { Host } from '../../host/host.ts';
import { ask, nonsense } from './service.ts';

const NAME = 'the timestamp authority';
/** TimeStampReq of RFC 3161, up to the 32 bytes of a SHA-256: version 1, and that algorithm. */
const HEAD = Buffer.from('30390201013031300d060960864801650304020105000420', 'hex');
/** `certReq` TRUE: the certificates are part of the answer. */
const TAIL = Buffer.from('0101ff', 'hex');
/** PKIStatus `granted`, and `grantedWithMods`. */
const GRANTED: ReadonlySet<bigint> = new Set([0n, 1n]);

/**
 * Has bytes timestamped, and gives the authority's whole answer (TimeStampResp, DER), as it stands in a bundle. A nonce is not
 * sent: a signature is new each time, so no earlier answer fits it. Throws as `ask` does.
 */
export async function timestampOf(host: Host, url: string, signed: Uint8Array): Promise<Uint8Array> {
  const digest = createHash('sha256').update(signed).digest();
  const { bytes } = await ask(host, {
    name: NAME,
    method: 'POST',
    url,
    headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
    body: Buffer.concat([HEAD, digest, TAIL]),
  });
  const { status, imprint } = read(bytes);
  if (!GRANTED.has(status)) throw nonsense(NAME, `its status is ${status}`);
  if (!digest.equals(imprint)) throw nonsense(NAME, 'its timestamp is of something else');
  return bytes;
}

function read(bytes: Uint8Array): { readonly status: bigint; readonly imprint: Uint8Array } {
  try {
    const { status, tstInfo } = RFC3161Timestamp.parse(Buffer.from(bytes));
    return { status, imprint: tstInfo.messageImprintHashedMessage };
  } catch (cause) {
    throw nonsense(NAME, 'it is no timestamp', cause);
  }
}
