import { describe, expect, test } from 'vitest';
import { parseImageRef, repositoryName, withDefaultTag } from '../../../src/base/image-ref.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('an image reference', () => {
  test.each([
    ['alpine', 'docker.io', 'library/alpine', 'latest', undefined],
    ['alpine:3', 'docker.io', 'library/alpine', '3', undefined],
    ['docker.io/alpine', 'docker.io', 'library/alpine', 'latest', undefined],
    ['index.docker.io/alpine', 'docker.io', 'library/alpine', 'latest', undefined],
    ['library/alpine', 'docker.io', 'library/alpine', 'latest', undefined],
    ['acme/app:1.0-rc.1_x', 'docker.io', 'acme/app', '1.0-rc.1_x', undefined],
    ['localhost/x', 'localhost', 'x', 'latest', undefined],
    ['localhost:5000/x', 'localhost:5000', 'x', 'latest', undefined],
    ['localhost:5000/x:1', 'localhost:5000', 'x', '1', undefined],
    ['127.0.0.1:5000/a/b', '127.0.0.1:5000', 'a/b', 'latest', undefined],
    ['host:5000/a/b:tag', 'host:5000', 'a/b', 'tag', undefined],
    ['ghcr.io/a/b/c', 'ghcr.io', 'a/b/c', 'latest', undefined],
    ['Host/x', 'Host', 'x', 'latest', undefined],
    ['x:5000', 'docker.io', 'library/x', '5000', undefined],
    [`alpine@${DIGEST}`, 'docker.io', 'library/alpine', undefined, DIGEST],
    [`ghcr.io/a/b:1@${DIGEST}`, 'ghcr.io', 'a/b', '1', DIGEST],
    [`localhost:5000/x@${DIGEST}`, 'localhost:5000', 'x', undefined, DIGEST],
  ])('%s', (text, registry, repository, tag, digest) => {
    const ref = parseImageRef(text);
    expect([ref?.registry, ref?.repository, ref?.tag, ref?.digest]).toEqual([
      registry,
      repository,
      tag,
      digest,
    ]);
    expect(ref && repositoryName(ref)).toBe(`${registry}/${repository}`);
  });

  test.each([
    '',
    ' ',
    'UPPER',
    'a/UPPER',
    'x:',
    ':1',
    'x@',
    'x@sha256:abc',
    'x:a b',
    '-x',
    'https://x/y',
    '$BASE',
    'x:1:2',
    'ghcr.io/',
  ])('%j is none', (text) => {
    expect(parseImageRef(text)).toBeUndefined();
  });

  test('long text that is none is refused at once', () => {
    const start = performance.now();
    expect(parseImageRef(`${'a/'.repeat(20_000)}!`)).toBeUndefined();
    expect(parseImageRef(`${'a:1/'.repeat(20_000)}!`)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

test.each([
  ['x', 'x:latest'],
  ['x:1', 'x:1'],
  ['latest', 'latest:latest'],
  ['x:latest', 'x:latest'],
  ['localhost:5000/x', 'localhost:5000/x:latest'],
  [`x@${DIGEST}`, `x@${DIGEST}`],
  [`x:1@${DIGEST}`, `x:1@${DIGEST}`],
  ['No Image', 'No Image'],
])('%s with its tag is %s', (text, expected) => {
  expect(withDefaultTag(text)).toBe(expected);
});
