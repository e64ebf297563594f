import { describe, expect, it } from 'vitest';
import {
  contextName,
  neededBaseImages,
  parseDockerfile,
  resolveStages,
  type ResolvedStage,
} from '../../../src/dockerfile/index.ts';
import { buildOptions } from './support.ts';

type Changes = Parameters<typeof buildOptions>[0];

function describeBase({ base }: ResolvedStage): string {
  if (base.kind === 'stage') return `stage ${base.stage.stage.index}`;
  if (base.kind === 'image') return `image ${base.reference}`;
  return base.kind === 'context' ? `context ${base.name}` : 'scratch';
}

function bases(file: string, changes?: Changes): string[] {
  return resolveStages(parseDockerfile(file), buildOptions(changes)).stages.map(describeBase);
}

function chain(file: string, changes?: Changes): number[] {
  return resolveStages(parseDockerfile(file), buildOptions(changes)).chain.map(({ stage }) => stage.index);
}

describe('parseDockerfile', () => {
  it.each([
    ['FROM\n', /line 1: FROM requires/],
    ['FROM a b\n', /line 1: FROM requires/],
    ['FROM a AS\n', /line 1: FROM requires/],
    ['FROM a AS 1x\n', /line 1: invalid name/],
    ['FROM a AS "x"\n', /line 1: invalid name/],
    ['FROM --platform a\n', /line 1: .*--platform needs a value/],
    ['FROM --x=y a\n', /line 1: FROM has no flag --x/],
    ['FROM --platform=a --platform=b c\n', /line 1: .*twice/],
    ['ARG A\nRUN x\nFROM a\n', /line 2: RUN stands before/],
    ['ARG A\n', /no FROM/],
    ['FROM a\nFOO b\n', /line 2: unknown instruction: "FOO"/],
    ['FROM a\nCMD ["a", 1]\n', /line 2: .*strings only/],
    ['FROM a\nONBUILD CMD [1]\n', /line 2: .*strings only/],
    ['FROM a\nSHELL /bin/sh\n', /line 2: SHELL requires .*JSON/],
    ['FROM a\nSHELL []\n', /line 2: SHELL requires at least/],
    ['FROM a\nONBUILD\n', /line 2: ONBUILD requires/],
    ['FROM a\nONBUILD ONBUILD CMD a\n', /line 2: ONBUILD is not allowed/],
    ['FROM a\nONBUILD FROM b\n', /line 2: FROM is not allowed/],
    ['FROM a\nUSER\n', /line 2: USER requires/],
    ['FROM a\nENV a\n', /line 2: ENV must have/],
    ['FROM a\nENV a=b c\n', /line 2: ENV: there is no =/],
    ['FROM a\nARG =b\n', /line 2: ARG names/],
    ['FROM a\nCMD --x a\n', /line 2: CMD has no flag --x/],
  ])('%j is refused', (file, message) => {
    expect(() => parseDockerfile(file)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_SYNTAX' }));
    expect(() => parseDockerfile(file)).toThrow(message);
  });

  it('reads directives the frontend obeys', () => {
    const file = parseDockerfile('# syntax=docker/dockerfile:1.7\n# check=skip=A\nFROM a\n');
    expect(file).toMatchObject({ syntax: { reference: 'docker/dockerfile:1.7', line: 1 }, check: 'skip=A' });
  });

  it('reads COPY --from, and the ONBUILD trigger as it goes into the config', () => {
    const { stages } = parseDockerfile('FROM a\nCOPY --from=b x y\nONBUILD  RUN <<EOF cat \\\n x\nb\nEOF\n');
    expect(stages[0].instructions).toMatchObject([
      { kind: 'copy', from: 'b' },
      { kind: 'onbuild', trigger: 'RUN <<EOF cat  x\nb\nEOF' },
    ]);
  });
});

describe('resolveStages', () => {
  it('finds stages, scratch and images', () => {
    const file = 'FROM a AS one\nFROM scratch AS two\nFROM one\nFROM two AS one\nFROM one\nFROM three\n';
    expect(bases(file)).toEqual(['image a', 'scratch', 'stage 0', 'stage 1', 'stage 3', 'image three']);
  });

  it('keeps names in lower case, and compares the word of FROM as it is', () => {
    expect(bases('FROM a AS Build\nFROM build\nFROM Build\n')).toEqual(['image a', 'stage 0', 'image Build']);
  });

  it('does not look forward', () => {
    expect(bases('FROM b AS a\nFROM c AS b\n')).toEqual(['image b', 'image c']);
  });

  it('lets a stage be called scratch', () => {
    expect(bases('FROM a AS scratch\nFROM scratch\n')).toEqual(['image a', 'stage 0']);
  });

  it('evaluates global arguments in order, build arguments first', () => {
    const file = 'ARG A=1\nARG B=x$A\nARG C\nARG A=2\nFROM i:$A-$B-${C:-none} AS s\nARG A=9\nFROM $A\n';
    expect(bases(file)).toEqual(['image i:2-x1-none', 'image 2']);
    expect(bases(file, { args: { A: '7', C: 'c' } })).toEqual(['image i:7-x7-c', 'image 7']);
  });

  it('ignores build arguments nobody declares', () => {
    expect(bases('FROM ${A:-none}\n', { args: { A: 'a' } })).toEqual(['image none']);
  });

  it('knows the platform arguments', () => {
    const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
    const file =
      'FROM a:$TARGETPLATFORM-$TARGETOS-$TARGETARCH-$TARGETVARIANT-$BUILDPLATFORM-$BUILDARCH-$TARGETSTAGE AS s\n';
    const expected = 'a:linux/arm/v7-linux-arm-v7-linux/amd64-amd64-s';
    expect(bases(file, { platform })).toEqual([`image ${expected}`]);
    expect(bases('FROM a:$TARGETARCH\n', { args: { TARGETARCH: 'x' } })).toEqual(['image a:x']);
    expect(bases('FROM a:$TARGETSTAGE\n')).toEqual(['image a:default']);
  });

  it.each([
    ['FROM $A\n', /should not be blank/],
    ['FROM ${A\n', /missing '}'/],
    ['FROM --platform=$A a\n', /platform/],
    ['FROM --platform=a/b/c/d a\n', /platform/],
  ])('%j cannot be evaluated', (file, message) => {
    expect(() => resolveStages(parseDockerfile(file), buildOptions())).toThrow(message);
  });

  it('selects the target in any case, the last of a name, else the last stage', () => {
    const file = 'FROM a AS one\nFROM one AS two\nFROM b AS two\nFROM two AS three\n';
    expect(chain(file)).toEqual([3, 2]);
    expect(chain(file, { target: 'TWO' })).toEqual([2]);
    expect(chain(file, { target: 'one' })).toEqual([0]);
    expect(() => chain(file, { target: '0' })).toThrow(expect.objectContaining({ code: 'ARGV_BAD_VALUE' }));
  });

  it('evaluates FROM --platform; a short one is completed by the builder', () => {
    const platform = { os: 'linux', architecture: 'arm64' };
    const root = (file: string): unknown =>
      resolveStages(parseDockerfile(file), buildOptions({ platform })).rootPlatform;
    expect(root('FROM a\n')).toEqual(platform);
    expect(root('FROM --platform=$BUILDPLATFORM a\n')).toEqual({ os: 'linux', architecture: 'amd64' });
    expect(root('FROM --platform=linux/arm/v6 a AS x\nFROM x\n')).toMatchObject({ variant: 'v6' });
    expect(root('FROM --platform=linux a\n')).toEqual({ os: 'linux', architecture: 'amd64' });
    expect(root('FROM --platform=aarch64 a\n')).toEqual({ os: 'linux', architecture: 'arm64' });
    expect(root('FROM --platform=linux/s390x scratch\n')).toEqual(platform);
  });

  it('lets named contexts replace images and whole stages', () => {
    const file = 'FROM docker.io/library/a:latest AS one\nFROM one AS two\nFROM a:1\nFROM two\n';
    expect(bases(file, { contexts: { a: '/dir' } })[0]).toBe('context docker.io/library/a:latest');
    expect(bases(file, { contexts: { 'a:1': '/dir' } })).toMatchObject([
      'image docker.io/library/a:latest',
      'stage 0',
      'context a:1',
      'stage 1',
    ]);
    const replaced = resolveStages(
      parseDockerfile(file),
      buildOptions({ contexts: { two: 'docker-image://x' } }),
    );
    expect(replaced.chain.map(({ stage }) => stage.index)).toEqual([3, 1]);
    expect(replaced.stages[1]?.replacedBy).toEqual({ name: 'two', value: 'docker-image://x' });
  });

  it('never takes scratch from a context', () => {
    expect(bases('FROM scratch\n', { contexts: { scratch: '/dir' } })).toEqual(['scratch']);
  });
});

describe('neededBaseImages', () => {
  const needed = (file: string, changes?: Changes): unknown =>
    neededBaseImages(parseDockerfile(file), buildOptions(changes));
  const platform = { os: 'linux', architecture: 'amd64' };

  it('names the base of the chain only', () => {
    const file = 'FROM a AS one\nFROM b AS two\nFROM one\nCOPY --from=two x y\n';
    expect(needed(file)).toEqual([{ kind: 'image', reference: 'a', platform }]);
    expect(needed('FROM scratch\n')).toEqual([]);
  });

  it('looks through contexts', () => {
    const file = 'FROM a AS one\nFROM one\n';
    const image = [{ kind: 'image', reference: 'b:2', platform }];
    expect(needed(file, { contexts: { a: 'docker-image://b:2' } })).toEqual(image);
    expect(needed(file, { contexts: { one: 'docker-image://b:2' } })).toEqual(image);
    expect(needed(file, { contexts: { a: 'docker-image://scratch' } })).toEqual([]);
    expect(needed(file, { contexts: { a: '../folder' } })).toEqual([]);
    expect(needed(file, { contexts: { a: 'https://example.com/x.git' } })).toEqual([]);
    expect(needed(file, { contexts: { a: 'oci-layout://dir' } })).toMatchObject([
      { kind: 'context', name: 'a' },
    ]);
    expect(needed(file, { contexts: { a: 'target:other' } })).toMatchObject([{ kind: 'context' }]);
  });
});

describe('contextName', () => {
  it.each([
    ['a', 'a'],
    ['a:latest', 'a'],
    ['docker.io/library/a:latest', 'a'],
    ['index.docker.io/library/a', 'a'],
    ['library/a', 'a'],
    ['docker.io/me/a:1', 'me/a:1'],
    ['example.com/library/a', 'example.com/library/a'],
    ['library/a/b', 'library/a/b'],
    ['a@sha256:1', 'a@sha256:1'],
  ])('%s is %s', (name, expected) => {
    expect(contextName(name)).toBe(expected);
  });
});
