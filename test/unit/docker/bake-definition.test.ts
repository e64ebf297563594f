import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeTemplates, linkedTargets, parseBakeDefinition } from '../../../src/docker/bake-definition.ts';
import { targetCommand } from '../../../src/docker/bake-request.ts';
import { readBuildRequest } from '../../../src/docker/build-request.ts';
import { render } from '../../../src/docker/argv/parse.ts';
import { commandOf } from './support.ts';

const definition = (targets: Readonly<Record<string, unknown>>) =>
  parseBakeDefinition(
    JSON.stringify({ group: { default: { targets: Object.keys(targets) } }, target: targets }),
  );
const only = (target: unknown) => {
  const found = definition({ app: target })?.get('app');
  if (found === undefined) throw new Error('the target was not read');
  return found;
};

describe('what buildx prints', () => {
  test('is read with its defaults', () => {
    expect(only({})).toMatchObject({
      name: 'app',
      context: '.',
      dockerfile: 'Dockerfile',
      inline: undefined,
      tags: [],
      target: undefined,
      pull: false,
    });
  });

  test('has its templates escaped, and only those', () => {
    const target = only({
      args: { A: '$${HOME}', B: '%%{if}', C: '$HOME $$ 100%', D: '$$${x}', NONE: null },
      labels: { l: '$${a}$${b}' },
      'dockerfile-inline': 'FROM $${BASE}\n',
    });
    expect([...target.args]).toEqual([
      ['A', '${HOME}'],
      ['B', '%{if}'],
      ['C', '$HOME $$ 100%'],
      ['D', '$${x}'],
    ]);
    expect(target.labels.get('l')).toBe('${a}${b}');
    expect(target.inline).toBe('FROM ${BASE}\n');
  });

  test('lists in fields and in words mean the same', () => {
    const fields = only({
      output: [{ type: 'local', dest: 'out' }],
      secret: [{ id: 's', src: 'a,b' }],
      ssh: [{ id: 'default' }, { id: 'k', paths: ['/a', '/b'] }],
      'cache-from': [{ type: 'local', src: 'cache' }],
    });
    const words = only({
      output: ['type=local,dest=out'],
      secret: ['id=s,"src=a,b"'],
      ssh: ['default', 'k=/a,/b'],
      'cache-from': ['type=local,src=cache'],
    });
    for (const key of ['outputs', 'secrets', 'ssh', 'reads', 'writes'] as const) {
      expect(fields[key], key).toEqual(words[key]);
    }
    expect(fields.reads).toEqual(['a,b', 'cache', '/a', '/b']);
    expect(fields.writes).toEqual(['out']);
  });

  test('names the targets another is built on', () => {
    expect(linkedTargets(only({ contexts: { a: 'target:base', b: 'docker-image://x', c: '../c' } }))).toEqual(
      ['base'],
    );
  });
});

test('templates go out as they came in', () => {
  const piece = fc.constantFrom('$', '{', '%', '}', 'x', '\n', '$${', '%%{');
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = `t${pieces.join('')}`;
      expect(only({ 'dockerfile-inline': escapeTemplates(text) }).inline).toBe(text);
    }),
  );
});

describe('a definition nobody can tell apart is none', () => {
  test.each([
    ['nothing', ''],
    ['no JSON', 'target: app'],
    ['another shape', '[1]'],
    ['no targets', '{"target":{}}'],
    ['a target that is a list', '{"target":{"app":[]}}'],
    ['a number for a text', '{"target":{"app":{"dockerfile":7}}}'],
    ['a table for a list', '{"target":{"app":{"tags":{"a":"b"}}}}'],
    ['a name that is a pattern', '{"target":{"*":{}}}'],
    ['a name that is a key', '{"target":{"app.args.X=1":{}}}'],
    ['an empty name', '{"target":{"":{}}}'],
  ])('%s', (_, text) => expect(parseBakeDefinition(text)).toBeUndefined());

  test('any JSON is read or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        parseBakeDefinition(JSON.stringify({ target: { app: value } }));
        parseBakeDefinition(JSON.stringify(value));
      }),
    );
  });
});

describe('a target is a build command', () => {
  const command = commandOf('buildx --builder b bake');
  const asCommand = (target: unknown, more: object = {}) =>
    targetCommand(only(target), { command, cwd: '/work', env: {}, remote: false, ...more });
  const words = (target: unknown, more: object = {}) => {
    const result = asCommand(target, more);
    if (result.kind === 'refused') return result.why;
    return render(result.command.items).join(' ');
  };

  test.each<[string, unknown, string]>([
    ['nothing said', {}, '-- .'],
    ['another Dockerfile, in its context', { context: 'sub', dockerfile: 'D' }, '--file=sub/D -- sub'],
    ['above its context', { context: 'sub', dockerfile: '../D' }, '--file=D -- sub'],
    ['an absolute one', { dockerfile: '/d/D' }, '--file=/d/D -- .'],
    ['one of the working folder', { dockerfile: 'cwd://D' }, '--file=/work/D -- .'],
    ['in the definition', { 'dockerfile-inline': 'FROM x', dockerfile: 'D' }, '--file=- -- .'],
    ['a remote context', { context: 'https://x/y.git', dockerfile: 'D' }, '--file=D -- https://x/y.git'],
    ['a stage, arguments', { target: 't', args: { A: '1', B: null } }, '--target=t --build-arg=A=1 -- .'],
    ['contexts', { contexts: { base: 'target:b' } }, '--build-context=base=target:b -- .'],
    [
      'platforms and tags',
      { platforms: ['a/b', 'c/d'], tags: ['t'] },
      '--platform=a/b --platform=c/d --tag=t -- .',
    ],
    [
      'a pushed image',
      { output: [{ type: 'image', push: 'true' }] },
      '--output=type=image,push=true --push=true -- .',
    ],
    ['a registry', { output: ['type=registry'] }, '--output=type=registry --push=true -- .'],
    [
      'the rest',
      { pull: true, network: 'host', 'extra-hosts': { h: '1' } },
      '--network=host --add-host=h=1 --pull=true -- .',
    ],
    ['a value that looks like a flag', { target: '--push' }, '--target=--push -- .'],
    ['a context that looks like a flag', { context: '--push' }, '-- --push'],
    ['no context', { context: '' }, 'the context "" is none that bake takes'],
    ['standard input', { context: '-' }, 'the context "-" is none that bake takes'],
    [
      'a Dockerfile behind an address',
      { dockerfile: 'https://x/D' },
      'bake reads no Dockerfile at https://x/D',
    ],
  ])('%s', (_, target, expected) => expect(words(target)).toBe(expected));

  test('a part of a remote definition is for buildx alone', () => {
    expect(words({ context: 'sub' }, { remote: true })).toContain('which only buildx can see');
    expect(words({ context: 'https://x/y.git' }, { remote: true })).toBe('-- https://x/y.git');
  });

  test('credentials for repositories go along as buildx takes them', () => {
    const env = { BUILDX_BAKE_GIT_AUTH_TOKEN: 'hush' };
    expect(words({ context: 'https://x/y.git' }, { env })).toBe(
      '--secret=id=GIT_AUTH_TOKEN,env=BUILDX_BAKE_GIT_AUTH_TOKEN -- https://x/y.git',
    );
    expect(words({}, { env })).toBe('-- .');
  });

  test.each<[string, unknown, string | undefined]>([
    ['an image', { output: ['type=docker'] }, undefined],
    ['files', { output: [{ type: 'local', dest: 'out' }] }, 'is no image'],
    ['cache alone', { output: [{ type: 'cacheonly' }] }, 'is no image'],
    ['a question', { call: 'check' }, '--call=check builds nothing'],
  ])('that makes %s', (_, target, why) => {
    const result = asCommand(target);
    if (result.kind === 'refused') throw new Error(result.why);
    const read = readBuildRequest(result.command, {}, '/work', { os: 'linux', architecture: 'amd64' });
    if (read.kind === 'refused') throw new Error(read.why);
    if (why === undefined) expect(read.request.noImage).toBeUndefined();
    else expect(read.request.noImage).toContain(why);
  });
});
