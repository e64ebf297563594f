import { ChalkError } from '../../base/errors.ts';
import type { Host } from '../../host/host.ts';
import { type Envelope, signEnvelope, writeEnvelope } from '../dsse.ts';
import type { Signer } from '../signer.ts';
import { STATEMENT_PAYLOAD } from '../statement.ts';
import { ambientIdentity } from './ambient.ts';
import { type Certified, certify } from './certificate.ts';
import { type Addresses, addressesOf, type KeylessOptions, type Services } from './options.ts';
import { type Log, logAt } from './rekor.ts';
import { signedStatement, type Timestamps } from './signed.ts';
import { timestampOf } from './timestamp.ts';
import type { TrustedRoot } from './trusted-root.ts';

/** A certificate that ends this soon is not used for a further signature. */
const MARGIN_MS = 60_000;

/** What signing needs; where it comes from a network, it is fetched with the first signature. */
interface Equipment {
  readonly log: Log | undefined;
  readonly timestamp: string | undefined;
  readonly certified: () => Promise<Certified>;
  /** Whom the result is verified by. */
  readonly root: TrustedRoot | undefined;
}

/**
 * A signer by identity: one token, one key and one certificate for all statements of a run, as long as the certificate lasts
 * (ten minutes at Sigstore's own). Every signature is logged, timestamped, or both, by what is configured, and verified at
 * once where there is a trusted root. Nothing is asked of a network before the first signature.
 *
 * Throws `ARGV_USAGE` and `ARGV_BAD_VALUE` for what is configured, `TRUSTED_ROOT_UNUSABLE`. Signing throws that too, and
 * `IDENTITY_MISSING`, `IDENTITY_INVALID`, `SIGNING_SERVICE_FAILED` and `SIGNING_SERVICE_REFUSED`.
 */
export async function keylessSigner(host: Host, options: KeylessOptions): Promise<Signer> {
  const addresses = addressesOf(options, host.env);
  let equipment = addresses.kind === 'own' ? own(host, addresses) : undefined;
  await equipment;
  return {
    kind: 'keyless',
    sign: async (statement) => {
      equipment ??= ofThePublic(host);
      const { log, timestamp, certified, root } = await equipment;
      const by = await certified();
      const envelope = signEnvelope(statement, STATEMENT_PAYLOAD, [by.key]);
      const [entry, timestamps] = await Promise.all([
        log?.(envelope, by),
        timestamp === undefined ? undefined : timestampsOf(host, timestamp, envelope),
      ]);
      const signed = signedStatement({ envelope, certified: by, entry, timestamps });
      if (root !== undefined) await mustVerify(signed.bundle, root);
      return signed;
    },
  };
}

/** The libraries that read a trusted root are loaded where there is one. */
async function own(
  host: Host,
  { services, trustedRoot }: Extract<Addresses, { kind: 'own' }>,
): Promise<Equipment> {
  if (trustedRoot === undefined) return equipmentOf(host, services, undefined);
  const { readTrustedRoot } = await import('./trusted-root.ts');
  return equipmentOf(host, services, await readTrustedRoot(host, trustedRoot));
}

async function ofThePublic(host: Host): Promise<Equipment> {
  const { fetchPublic } = await import('./tuf.ts');
  const { services, root } = await fetchPublic(host);
  return equipmentOf(host, services, root);
}

function equipmentOf(host: Host, services: Services, root: TrustedRoot | undefined): Equipment {
  const { fulcio, rekor, timestamp } = services;
  const log = rekor === undefined ? undefined : logAt(host, rekor, timestamp !== undefined);
  return { log, timestamp, certified: certificates(host, fulcio), root };
}

async function timestampsOf(host: Host, url: string, envelope: Envelope): Promise<Timestamps> {
  const [{ sig } = { sig: new Uint8Array() }] = envelope.signatures;
  const [ofSignature, ofEnvelope] = await Promise.all([
    timestampOf(host, url, sig),
    timestampOf(host, url, writeEnvelope(envelope)),
  ]);
  return { ofSignature, ofEnvelope };
}

/** The certificate of now: a new one when the last one is about to end. Statements signed side by side share it. */
function certificates(host: Host, fulcio: string): () => Promise<Certified> {
  let current: Promise<Certified> | undefined;
  const renew = async () => certify(host, fulcio, await ambientIdentity(host));
  return async () => {
    const last = current;
    const held = await last;
    if (held !== undefined && held.goodUntil - host.clock.now() > MARGIN_MS) return held;
    // Of those who waited for the same one, the first renews it for all.
    if (current === undefined || current === last) current = renew();
    return current;
  };
}

async function mustVerify(bundle: Uint8Array, root: TrustedRoot): Promise<void> {
  const { verifyBundle } = await import('./verify.ts');
  const verdict = verifyBundle(bundle, root);
  if (verdict.kind === 'verified') return;
  throw new ChalkError(
    'SIGNING_SERVICE_FAILED',
    `what was signed does not verify with ${root.name}: ${verdict.why}`,
    { hint: 'the trusted root must be that of the servers that sign' },
  );
}
