import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chalkIdOfHash, sealMark, writeMark } from '../../../src/mark/index.ts';
import { sign, type SigningKey } from '../../../src/sign/index.ts';
import { type Requirement, type Trust, trustKeys, verifyArtifact } from '../../../src/verify/index.ts';
import { newKey } from '../../support/signed-image.ts';

const VECTORS = join(import.meta.dirname, '../../fixtures/vectors');
const MARK_ONLY = new Set(['mark'] as const);
const BOTH = new Set(['mark', 'signature'] as const);
const ada = newKey('ada.pub');
const eve = newKey('eve.pub');
const trustIn = (key: SigningKey): Trust => trustKeys([key.publicKey]);

const outcomes = (
  bytes: Uint8Array,
  trust?: Trust,
  required: ReadonlySet<Requirement> = BOTH,
  name = 'run.sh',
) => {
  const { verdict, manifests } = verifyArtifact(`/x/${name}`, bytes, trust, required);
  return [
    verdict,
    Object.fromEntries((manifests[0]?.checks ?? []).map(({ check, outcome }) => [check, outcome])),
  ];
};

/** A script with a mark as Chalk signs it; `names` is the key the mark says it was signed by. */
function signedScript(key: SigningKey, names = key, more: Record<string, string> = {}): string {
  const script = '#!/bin/sh\necho signed\n';
  const hash = createHash('sha256').update(script).digest('hex');
  const mark = sealMark({
    CHALK_ID: chalkIdOfHash(hash),
    CHALK_VERSION: '1.1.2',
    HASH: hash,
    INJECTOR_PUBLIC_KEY: names.publicKey.pem,
    ...more,
  });
  const message = Buffer.from(`${hash}${mark.metadataHash}\n`);
  const signature = Buffer.from(sign([message], key)).toString('base64');
  const values = new Map([...mark.values, ['SIGNING', true], ['SIGNATURE', signature]] as const);
  return `${script}# ${writeMark(values)}\n`;
}

describe('marks of files', () => {
  test.each(['marked/script.sh', 'marked/elf_true', 'marked/plain.zip', 'marked/app.jar', 'marked/app.py'])(
    '%s agrees with itself and its file, and is signed by nobody',
    (name) => {
      const path = name.replace('marked/script.sh', 'marked/script.sh');
      const bytes = readFileSync(join(VECTORS, path));
      expect(outcomes(bytes, undefined, MARK_ONLY, name)).toMatchObject(['verified', { mark: 'ok' }]);
      expect(outcomes(bytes, trustIn(ada), BOTH, name)).toMatchObject([
        'not-verified',
        { mark: 'ok', signature: 'failed' },
      ]);
    },
  );

  test.each(['tampered_body.sh', 'tampered_value.sh', 'good_nonl.sh'])('%s does not', (name) => {
    const bytes = readFileSync(join(VECTORS, 'judged', name));
    expect(outcomes(bytes, undefined, MARK_ONLY)).toMatchObject(['not-verified', { mark: 'failed' }]);
  });

  test('no mark, and a file that can have none', () => {
    const none = readFileSync(join(VECTORS, 'in/script.sh'));
    expect(outcomes(none, trustIn(ada))).toMatchObject(['not-verified', { mark: 'failed' }]);
    expect(outcomes(Buffer.from([0, 1, 2]))).toMatchObject(['unknown', { image: 'unknown' }]);
  });
});

describe('signatures of files', () => {
  const good = signedScript(ada);

  test('are verified by a named key alone', () => {
    expect(outcomes(Buffer.from(good), trustIn(ada))).toMatchObject(['verified', { signature: 'ok' }]);
    expect(outcomes(Buffer.from(good), trustIn(eve))).toMatchObject([
      'not-verified',
      { signature: 'failed' },
    ]);
    expect(outcomes(Buffer.from(good))).toMatchObject(['unknown', { signature: 'unknown' }]);
    // Whatever key the mark names.
    expect(outcomes(Buffer.from(signedScript(eve, ada)), trustIn(ada))).toMatchObject(['not-verified', {}]);
    expect(outcomes(Buffer.from(signedScript(ada, eve)), trustIn(ada))).toMatchObject(['verified', {}]);
  });

  test.each<[string, (text: string) => string]>([
    ['the file', (text) => text.replace('echo', 'rm -f')],
    ['a value', (text) => text.replace('"1.1.2"', '"1.1.3"')],
    [
      'the signature',
      (text) => text.replace(/"SIGNATURE" ?: ?"..../, (found) => `${found.slice(0, -4)}AAAA`),
    ],
    ['no base64', (text) => text.replace(/"SIGNATURE" ?: ?"/, (found) => `${found}!`)],
    ['no signature', (text) => text.replace(/, ?"SIGNATURE" ?: ?"[^"]*"/, '')],
    ['a line below the mark', (text) => `${text}rm -rf /\n`],
  ])('do not survive a change: %s', (_, change) => {
    const changed = change(good);
    expect(changed).not.toBe(good);
    expect(outcomes(Buffer.from(changed), trustIn(ada))[0]).not.toBe('verified');
  });
});
