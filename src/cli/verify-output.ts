import type { Check, Verdict, Verification, Verified } from '../verify/index.ts';

const OUTCOMES: Readonly<Record<Check['outcome'], string>> = {
  ok: 'ok',
  failed: 'FAILED',
  unknown: 'could not tell',
  skipped: 'skipped',
};
const VERDICTS: Readonly<Record<Verdict, string>> = {
  verified: 'verified',
  'not-verified': 'NOT VERIFIED',
  unknown: 'could not tell',
};

/**
 * One line a check, and the verdict last.
 *
 * @param keys paths of keys that the checks call by their file names.
 */
export function verificationText(
  { name, verdict, manifests }: Verification,
  keys: readonly string[],
): string {
  const parts = manifests.map((each) => manifestText(each));
  const paths = keys.map((path) => `key ${harmless(path)}\n`);
  return `${paths.join('')}${parts.join('\n')}\n${name}: ${VERDICTS[verdict]}\n`;
}

function manifestText({ name, digest, checks, attestations }: Verified): string {
  const title = digest === undefined || name.includes(digest) ? name : `${name} ${digest}`;
  const rows = checks.map(
    ({ check, outcome, why, code }) =>
      `  ${check.padEnd(13)}  ${OUTCOMES[outcome].padEnd(14)}  ${code === undefined ? '' : `${code}: `}${harmless(why)}\n`,
  );
  const others = attestations.flatMap((each) => {
    switch (each.kind) {
      case 'good':
        return [];
      case 'elsewhere':
        return [`  not counted: ${each.what}, about another image\n`];
      case 'foreign':
        return [`  not counted: ${each.what} (${each.says}): ${harmless(each.why)}\n`];
      case 'unreadable':
        return [`  not counted: ${each.what}: ${each.error.code}: ${harmless(each.error.message)}\n`];
    }
  });
  return `${harmless(title)}\n${rows.join('')}${others.join('')}`;
}

/** The same for programs. */
export function verificationJson({ name, verdict, manifests }: Verification): string {
  const value = {
    name,
    verdict,
    manifests: manifests.map((each) => ({
      name: each.name,
      digest: each.digest,
      verdict: each.verdict,
      checks: each.checks,
      attestations: each.attestations.map((attestation) => ({
        kind: attestation.kind,
        what: attestation.what,
        ...('says' in attestation ? { says: attestation.says } : {}),
        ...('by' in attestation ? { by: attestation.by } : {}),
        ...('why' in attestation ? { why: attestation.why } : {}),
        ...('error' in attestation ? { code: attestation.error.code, why: attestation.error.message } : {}),
      })),
    })),
  };
  return `${JSON.stringify(value)}\n`;
}

/** Names and messages hold strangers' text: what could steer a terminal is shown escaped. */
function harmless(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
