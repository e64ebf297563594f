import { describe, expect, test } from 'vitest';
import { render } from '../../../src/docker/argv/parse.ts';
import { type BakeDefinition, parseBakeDefinition } from '../../../src/docker/bake-definition.ts';
import { withEditedTarget, withoutTargets } from '../../../src/docker/bake-metadata.ts';
import {
  asQuestion,
  type BakeEdit,
  CHECKS_ARGUMENT,
  findDifferences,
  namesOfCopies,
  overrideFile,
  overrideValues,
  type TargetEdit,
  withOverrides,
} from '../../../src/docker/bake-overrides.ts';
import { commandOf } from './support.ts';

const definitionOf = (targets: Readonly<Record<string, unknown>>): BakeDefinition => {
  const definition = parseBakeDefinition(JSON.stringify({ target: targets }));
  if (definition === undefined) throw new Error('no definition');
  return definition;
};
const marked = (name: string, more: Partial<TargetEdit> = {}): TargetEdit => ({
  dockerfile: `/t/${name}/file/Dockerfile`,
  payload: `/t/${name}/payload`,
  context: undefined,
  checks: undefined,
  ...more,
});
const changes = (targets: Readonly<Record<string, unknown>>, more: Partial<BakeEdit> = {}): BakeEdit => ({
  definition: definitionOf(targets),
  edits: new Map(),
  labels: new Map(),
  copies: new Map(),
  payloadContext: 'ours',
  remote: false,
  ownChecks: new Map(),
  ...more,
});

describe('what is set', () => {
  test('for a marked target and for one beside it that stays as it is', () => {
    const edit = changes({ a: {}, b: { dockerfile: 'B' } }, { edits: new Map([['a', marked('a')]]) });
    expect(overrideValues(edit)).toEqual([
      'a.dockerfile=/t/a/file/Dockerfile',
      'a.contexts.ours=/t/a/payload',
      'b.dockerfile=B',
      'b.contexts.ours=',
    ]);
  });

  test('for checks: ours, the user’s own, and what would be inherited', () => {
    const edit = changes(
      { a: {}, b: { args: { [CHECKS_ARGUMENT]: 'error=true' } }, c: {}, d: {} },
      { edits: new Map([['a', marked('a', { checks: 'skip=X' })]]), ownChecks: new Map([['c', '']]) },
    );
    expect(overrideValues(edit).filter((value) => value.includes('.args.'))).toEqual([
      `a.args.${CHECKS_ARGUMENT}=skip=X`,
      `b.args.${CHECKS_ARGUMENT}=error=true`,
      `c.args.${CHECKS_ARGUMENT}=`,
    ]);
  });

  test('in a remote definition: paths of this machine', () => {
    const edits = new Map([['a', marked('a', { context: '/t/a/context' })]]);
    expect(overrideValues(changes({ a: {} }, { edits, remote: true }))).toEqual([
      'a.dockerfile=/t/a/file/Dockerfile',
      'a.contexts.ours=cwd:///t/a/payload',
      'a.context=cwd:///t/a/context',
    ]);
  });

  test('for a marked target others are built on: they get a copy without a mark', () => {
    const edit = changes(
      { base: { dockerfile: 'B' }, app: { contexts: { 'x.y/base:1': 'target:base', other: '../o' } } },
      {
        edits: new Map([
          ['base', marked('base')],
          ['app', marked('app')],
        ]),
        copies: new Map([['base', 'base-unmarked']]),
      },
    );
    expect(overrideValues(edit)).toEqual([
      'base.dockerfile=/t/base/file/Dockerfile',
      'base.contexts.ours=/t/base/payload',
      'base-unmarked.dockerfile=B',
      'base-unmarked.contexts.ours=',
      'base-unmarked.cache-to=',
      'app.dockerfile=/t/app/file/Dockerfile',
      'app.contexts.ours=/t/app/payload',
      'app.contexts.x.y/base:1=target:base-unmarked',
    ]);
    expect(overrideFile(edit)).toBe('{"target":{"base-unmarked":{"inherits":["base"]}}}');
  });
});

test('labels are for one target, and are seen where they do not belong', () => {
  const labels = new Map([['a', { 'run.chalk.id': 'X' }]]);
  const edit = changes({ a: {}, b: { labels: { other: '1' } } }, { labels });
  expect(overrideValues(edit)).toContain('a.labels.run.chalk.id=X');
  const after = { a: { labels: { 'run.chalk.id': 'X' } }, b: { labels: { other: '1' } } };
  expect(findDifferences(edit, definitionOf(after))).toEqual([]);
  expect(findDifferences(edit, definitionOf({ ...after, b: after.a }))).toEqual([
    { target: 'b', key: 'labels' },
  ]);
});

test('copies have names of their own', () => {
  const definition = definitionOf({ a: {}, 'a-unmarked': {}, 'a-unmarked-': {} });
  expect([...namesOfCopies(definition, ['a'])]).toEqual([['a', 'a-unmarked--']]);
});

describe('the definition file of ours', () => {
  const targets = {
    a: { 'dockerfile-inline': 'FROM $${A}' },
    b: { 'dockerfile-inline': 'FROM $$${B}' },
    c: {},
  };

  test('is not needed for Dockerfiles that are files', () => {
    expect(overrideFile(changes({ a: {}, b: {} }, { edits: new Map([['a', marked('a')]]) }))).toBeUndefined();
    expect(overrideFile(changes(targets, { edits: new Map([['c', marked('c')]]) }))).toBeUndefined();
  });

  test('takes a Dockerfile out of the definition, and leaves it in the others', () => {
    expect(overrideFile(changes(targets, { edits: new Map([['a', marked('a')]]) }))).toBe(
      '{"target":{"a":{"dockerfile-inline":""},"b":{"dockerfile-inline":"FROM $$${B}"}}}',
    );
  });
});

describe('what buildx makes of the changes', () => {
  const before = {
    a: { context: '.', tags: ['now'] },
    b: { context: '.', dockerfile: 'B', contexts: { x: '../x' } },
  };
  const edit = changes(before, { edits: new Map([['a', marked('a', { checks: 'skip=X' })]]) });
  const good = {
    a: {
      context: '.',
      tags: ['a second later'],
      dockerfile: '/t/a/file/Dockerfile',
      'dockerfile-inline': '',
      contexts: { ours: '/t/a/payload' },
      args: { [CHECKS_ARGUMENT]: 'skip=X' },
    },
    b: before.b,
  };
  const differences = (after: Readonly<Record<string, unknown>>, of = edit) =>
    findDifferences(of, definitionOf(after)).map(({ target, key }) => `${target}.${key}`);

  test('is what was meant', () => expect(differences(good)).toEqual([]));

  test.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['inherited Dockerfile', { ...good, b: { ...good.b, dockerfile: good.a.dockerfile } }, ['b.dockerfile']],
    ['inherited context', { ...good, b: { ...good.b, contexts: { x: '../x', ours: '/t' } } }, ['b.contexts']],
    ['inherited argument', { ...good, b: { ...good.b, args: good.a.args } }, [`b.${CHECKS_ARGUMENT}`]],
    [
      'emptied Dockerfile',
      { ...good, b: { ...good.b, 'dockerfile-inline': 'FROM x' } },
      ['b.dockerfile-inline'],
    ],
    ['not done', { ...good, a: before.a }, ['a.contexts', 'a.dockerfile', `a.${CHECKS_ARGUMENT}`]],
    ['target gone', { a: good.a }, ['b.name']],
    ['target more', { ...good, c: {} }, ['c.name']],
    ['another output', { ...good, a: { ...good.a, output: ['type=local,dest=.'] } }, ['a.output']],
  ])('is not: %s', (_, after, expected) => expect(differences(after)).toEqual(expected));

  test('a copy is like the original, and is kept nowhere', () => {
    const targets = { base: { tags: ['t'] }, app: { contexts: { base: 'target:base' } } };
    const edits = new Map([['base', marked('base')]]);
    const of = changes(targets, { edits, copies: new Map([['base', 'copy']]) });
    const after = {
      base: { tags: ['t'], dockerfile: '/t/base/file/Dockerfile', contexts: { ours: '/t/base/payload' } },
      copy: { tags: ['t'], output: [{ type: 'cacheonly' }] },
      app: { contexts: { base: 'target:copy' } },
    };
    expect(differences(after, of)).toEqual([]);
    expect(differences({ ...after, copy: { output: [{ type: 'docker' }] } }, of)).toEqual(['copy.output']);
    expect(differences({ ...after, app: targets.app }, of)).toEqual(['app.contexts']);
  });
});

describe('the line', () => {
  const { items } = commandOf('bake -f - --set *.tags=x app -- more');

  test('gets flags behind the user’s, before a --', () => {
    const added = {
      files: ['a.hcl', '/t/o.json'],
      values: ['a.dockerfile=/d'],
      folders: ['/t'],
      metadataFile: '/t/m',
    };
    expect(render(withOverrides(items, added)).join(' ')).toBe(
      '-f - --set *.tags=x app --file=a.hcl --file=/t/o.json --set=a.dockerfile=/d --allow=fs.read=/t --metadata-file=/t/m -- more',
    );
  });

  test('as a question', () => {
    expect(render(asQuestion(items)).join(' ')).toBe(
      '-f - --set *.tags=x app --print=true --progress=quiet -- more',
    );
  });
});

describe('the metadata file', () => {
  const text = '{\n  "a": {\n    "x": "\\u003c\\u0026\\u003e"\n  },\n  "copy": {}\n}';

  test('loses the targets of ours, and no byte else', () => {
    expect(withoutTargets(text, ['copy'])).toBe('{\n  "a": {\n    "x": "\\u003c\\u0026\\u003e"\n  }\n}');
  });

  test.each(['', '[]', '{"a":{}}', 'no JSON'])('is left alone: %s', (other) => {
    expect(withoutTargets(other, ['copy'])).toBeUndefined();
  });
});

test('the metadata of one target can be edited, and all else stays where it is', () => {
  const text = '{"a":{"x":"<"},"b":{"x":"1"},"c":3}';
  const edit = (part: string) => part.replace('1', '2');
  expect(withEditedTarget(text, 'b', edit)).toBe(
    '{\n  "a": {\n    "x": "\\u003c"\n  },\n  "b": {\n    "x": "2"\n  },\n  "c": 3\n}',
  );
  for (const other of ['', '[]', '{"a":{}}']) expect(withEditedTarget(other, 'b', edit)).toBeUndefined();
});
