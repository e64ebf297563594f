import { assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../../../src/registry/challenge.ts';

const read = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('what registries answer with', () => {
  test.each([
    [
      'Docker Hub',
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"',
      'bearer',
      {
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        scope: 'repository:library/alpine:pull',
      },
    ],
    [
      'GHCR',
      'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"',
      'bearer',
      { realm: 'https://ghcr.io/token', service: 'ghcr.io', scope: 'repository:user/image:pull' },
    ],
    [
      'quay',
      'Bearer realm="https://quay.io/v2/auth",service="quay.io"',
      'bearer',
      { realm: 'https://quay.io/v2/auth', service: 'quay.io' },
    ],
    [
      'Harbor',
      'Bearer realm="https://harbor.example.com/service/token",service="harbor-registry",scope="repository:p/x:pull,push"',
      'bearer',
      {
        realm: 'https://harbor.example.com/service/token',
        service: 'harbor-registry',
        scope: 'repository:p/x:pull,push',
      },
    ],
    [
      'ECR',
      'Basic realm="https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"',
      'basic',
      { realm: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/', service: 'ecr.amazonaws.com' },
    ],
    [
      'ECR Public',
      'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"',
      'bearer',
      { realm: 'https://public.ecr.aws/token/', service: 'public.ecr.aws', scope: 'aws' },
    ],
    ['distribution with htpasswd', 'Basic realm="Registry Realm"', 'basic', { realm: 'Registry Realm' }],
  ])('%s', (_, header, scheme, parameters) => {
    expect(read(header)).toEqual([[scheme, parameters]]);
  });
});

describe('the grammar', () => {
  test.each<[string, unknown]>([
    ['', []],
    ['Basic', [['basic', {}]]],
    [
      'Bearer realm="a,b=\\"c\\"", scope="x y" , Basic realm=plain',
      [
        ['bearer', { realm: 'a,b="c"', scope: 'x y' }],
        ['basic', { realm: 'plain' }],
      ],
    ],
    ['bEARER ReAlM = "x"', [['bearer', { realm: 'x' }]]],
    [
      'Negotiate, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'Negotiate abc==, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['Bearer realm="x",,  service=y', [['bearer', { realm: 'x', service: 'y' }]]],
    ['Bearer realm="open', [['bearer', {}]]],
    ['realm="x"', []],
  ])('%s', (header, expected) => {
    expect(read(header)).toEqual(expected);
  });

  test('whatever comes, it ends', () => {
    assert(
      property(
        string({ unit: constantFrom('a', 'B', ' ', ',', '=', '"', '\\', '\t', ';', '/', '\u00e9') }),
        (header) => {
          parseChallenges(header);
        },
      ),
    );
    expect(parseChallenges(`Bearer realm="${'\\"'.repeat(50_000)}`)).toHaveLength(1);
  });

  test('what was quoted comes back', () => {
    assert(
      property(string(), (value) => {
        const quoted = value.replaceAll(/["\\]/g, '\\$&');
        expect(read(`Bearer realm="${quoted}", service="s"`)).toEqual([
          ['bearer', { realm: value, service: 's' }],
        ]);
      }),
    );
  });
});
