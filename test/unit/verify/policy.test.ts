import { describe, expect, test } from 'vitest';
import { matches, readPolicy, ruleFor } from '../../../src/verify/policy.ts';
import { thrownBy } from '../sign/support.ts';

const rule = (more: object) => ({
  repositories: ['ghcr.io/acme/*'],
  require: ['signature'],
  keys: ['a.pub'],
  ...more,
});
const policy = (rules: readonly object[], more: object = {}) =>
  JSON.stringify({ version: 1, rules, ...more });

test('the first rule that fits is the one', () => {
  const read = readPolicy(
    policy([
      rule({ repositories: ['ghcr.io/acme/base', 'ghcr.io/acme/os-*'], keys: ['base.pub'] }),
      rule({}),
      rule({ repositories: ['**'], require: ['mark'], keys: [] }),
    ]),
    'p',
  );
  expect(ruleFor(read, 'ghcr.io/acme/os-1')?.keys).toEqual(['base.pub']);
  expect(ruleFor(read, 'ghcr.io/acme/app')?.keys).toEqual(['a.pub']);
  expect(ruleFor(read, 'docker.io/library/x')?.require).toEqual(new Set(['mark']));
  expect(ruleFor(readPolicy(policy([rule({})]), 'p'), 'docker.io/library/x')).toBeUndefined();
});

test.each([
  ['ghcr.io/acme/*', 'ghcr.io/acme/app', true],
  ['ghcr.io/acme/*', 'ghcr.io/acme/team/app', false],
  ['ghcr.io/acme/**', 'ghcr.io/acme/team/app', true],
  ['ghcr.io/*/app', 'ghcr.io/acme/app', true],
  ['ghcr.io/acme', 'ghcr.io/acme/app', false],
  ['ghcr.io/acme/app', 'xghcr.io/acme/app', false],
  ['ghcr.io/acme/app', 'ghcrXio/acme/app', false],
  ['*', 'app', true],
  ['a(b)*', 'a(b)c', true],
  ['127.0.0.1:5000/**', '127.0.0.1:5000/a/b', true],
])('%s and %s: %s', (pattern, name, fits) => {
  expect(matches(pattern, name)).toBe(fits);
});

test('identities: exactly, or by a pattern for the whole', () => {
  const identities = [
    { identity: 'ada@example.com', issuer: 'https://issuer' },
    { identityPattern: 'https://github\\.com/acme/.*', issuerPattern: 'https://.*' },
  ];
  const read = readPolicy(policy([rule({ keys: [], identities })], { trustedRoot: 'root.json' }), 'p');
  const [first, second] = read.rules[0]?.identities ?? [];
  expect(first).toEqual({ identity: 'ada@example.com', issuer: 'https://issuer' });
  const pattern = second?.identity;
  if (!(pattern instanceof RegExp)) throw new Error('no pattern');
  expect(pattern.test('https://github.com/acme/x')).toBe(true);
  expect(pattern.test('https://evil.example/https://github.com/acme/x')).toBe(false);
});

describe('a bad policy names the place, and what was expected', () => {
  test.each<[string, string, RegExp]>([
    ['no JSON', '{', /no JSON/],
    ['a list', '[]', /the whole: .*object/],
    ['no version', '{"rules":[]}', /version/],
    ['another version', policy([rule({})]).replace('1', '2'), /version/],
    ['no rules', policy([]), /rules/],
    ['an unknown member', policy([rule({})], { rulez: [] }), /rulez/],
    ['an unknown member of a rule', policy([rule({ key: 'x' })]), /rules\[0\]: .*key/],
    ['no repositories', policy([rule({ repositories: [] })]), /rules\[0\]\.repositories/],
    [
      'repositories that are no list',
      policy([rule({ repositories: 'x' })]),
      /rules\[0\]\.repositories: .*array/,
    ],
    ['nothing required', policy([rule({ require: [] })]), /rules\[0\]\.require/],
    [
      'something unknown required',
      policy([rule({ require: ['magic'] })]),
      /rules\[0\]\.require\[0\]: .*"mark"/,
    ],
    ['a signature by nobody', policy([rule({ keys: [] })]), /rules\[0\]: .*keys or identities/],
    [
      'half an identity',
      policy([rule({ identities: [{ identity: 'x' }] })], { trustedRoot: 'r' }),
      /rules\[0\]\.identities\[0\]\.issuer: expected either it or issuerPattern/,
    ],
    [
      'two identities in one',
      policy([rule({ identities: [{ identity: 'x', identityPattern: 'y', issuer: 'z' }] })], {
        trustedRoot: 'r',
      }),
      /identities\[0\]\.identity:/,
    ],
    [
      'a broken pattern',
      policy([rule({ identities: [{ identityPattern: '(', issuer: 'z' }] })], { trustedRoot: 'r' }),
      /identityPattern: it is no regular expression/,
    ],
  ])('%s', (_, text, message) => {
    const error = thrownBy(() => readPolicy(text, 'policy.json'));
    expect(error.code).toBe('POLICY_INVALID');
    expect(error.message).toMatch(/^policy\.json: /);
    expect(error.message).toMatch(message);
  });
});
