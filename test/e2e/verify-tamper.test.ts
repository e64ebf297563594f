/** Everything a stranger with access to the registry could change in an image, one thing at a time: `verify` finds each. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { sealMark, writeMark } from '../../src/mark/index.ts';
import { describeWithEngine } from '../support/engine.ts';
import { newMark } from '../support/signed-image.ts';
import { expectFound, type Signing, TamperBench } from '../support/tamper-bench.ts';
import { editTar, type Json, type Parts, type TarEntry } from '../support/tampered-image.ts';

describeWithEngine('verify of a tampered image', (engine) => {
  let bench: TamperBench;
  beforeAll(async () => {
    if (engine.store === 'containerd') bench = await TamperBench.open(engine);
  });
  afterAll(async () => {
    if (engine.store === 'containerd') await bench.close();
  });

  // Graph drivers make no index of several platforms.
  describe.skipIf(engine.store !== 'containerd')('', () => {
    test('untouched, and copied as it is: verified', async () => {
      const untouched = await bench.verify(bench.original);
      expect(untouched, JSON.stringify(untouched)).toMatchObject({ verdict: 'verified' });
      expect(untouched.manifests).toHaveLength(3);
      expect(await bench.verify(await bench.fresh())).toMatchObject({ verdict: 'verified' });
    });

    test('unchanged, and signed anew: verified', async () => {
      expect(await bench.tamper((parts) => parts, 'anew')).toMatchObject({ verdict: 'verified' });
    });

    const run =
      (change: Json | ((run: Json) => Json)) =>
      (parts: Parts): Parts => {
        const before = z.record(z.string(), z.unknown()).parse(parts.config['config']);
        const after = typeof change === 'function' ? change(before) : { ...before, ...change };
        return { ...parts, config: { ...parts.config, config: after } };
      };

    describe('configs', () => {
      test.each<[string, Json]>([
        ['Env', { Env: ['A=1', 'LD_PRELOAD=/evil.so'] }],
        ['Entrypoint', { Entrypoint: ['/.chalk/shim', '--', 'evil'] }],
        ['Entrypoint without the shim', { Entrypoint: ['evil'] }],
        ['an option for the shim', { Entrypoint: ['/.chalk/shim', '-x', '--', 'own'] }],
        ['another program as shim', { Entrypoint: ['/app', '--', 'own'] }],
        ['Cmd', { Cmd: ['evil'] }],
        ['User', { User: 'root' }],
        ['WorkingDir', { WorkingDir: '/evil' }],
        ['Labels', { Labels: { 'org.opencontainers.image.source': 'evil' } }],
        ['Volumes', { Volumes: { '/etc': {} } }],
        ['ExposedPorts', { ExposedPorts: { '22/tcp': {} } }],
        ['OnBuild', { OnBuild: ['RUN evil'] }],
        ['Healthcheck', { Healthcheck: { Test: ['CMD', 'evil'] } }],
        ['StopSignal', { StopSignal: 'SIGKILL' }],
        ['Shell', { Shell: ['evil'] }],
      ])('%s, signed without looking: the content is another', async (_, change) => {
        expectFound(await bench.tamper(run(change), 'anew'), 'not-verified', ['content']);
      });

      test.each<[Signing, readonly string[]]>([
        ['nothing', ['signature', 'index']],
        ['copied', ['signature', 'subject', 'index']],
      ])('User, with %s signed', async (signing, checks) => {
        expectFound(await bench.tamper(run({ User: 'root' }), signing), 'not-verified', checks);
      });

      test('another architecture than the index says', async () => {
        const change = (parts: Parts) => ({ ...parts, config: { ...parts.config, architecture: 'arm64' } });
        expectFound(await bench.tamper(change, 'anew'), 'not-verified', ['image', 'content']);
      });

      test.each<[string, (text: string) => string]>([
        ['a member twice', (text) => text.replace('"config":{', '"config":{"Env":["EVIL=1"]},"config":{')],
        ['another casing', (text) => text.replace('"config":{', '"config":{"entrypoint":["evil"],')],
        ['no JSON', (text) => text.slice(1)],
      ])('a config with %s', async (_, text) => {
        const found = await bench.tamper((parts) => parts, 'anew', { text });
        expect(found.verdict).not.toBe('verified');
      });
    });

    const layers = (
      change: (layers: readonly Buffer[]) => readonly Buffer[] | Promise<readonly Buffer[]>,
    ) => {
      return async (parts: Parts): Promise<Parts> => ({ ...parts, layers: await change(parts.layers) });
    };
    const edit = (at: number, change: (entries: readonly TarEntry[]) => readonly TarEntry[]) =>
      layers(async (all) => {
        const place = at < 0 ? all.length + at : at;
        return Promise.all(all.map(async (tar, index) => (index === place ? editTar(tar, change) : tar)));
      });
    const file = (name: string, content = 'evil', mode = 0o755): TarEntry => ({
      header: { name, mode, uid: 0, gid: 0, type: 'file' },
      content: Buffer.from(content),
    });
    const layerOf = (...entries: TarEntry[]) => editTar(Buffer.alloc(1024), () => entries);

    describe('layers', () => {
      test.each<[string, (parts: Parts) => Promise<Parts>, string[]]>([
        ['a layer less', layers((all) => all.slice(1)), ['content']],
        [
          'layers in another order',
          layers(([a, b, ...rest]) => [b, a, ...rest].filter((each) => each !== undefined)),
          ['content'],
        ],
        [
          'a layer more, below ours',
          layers(async (all) => all.toSpliced(-2, 0, await layerOf(file('evil')))),
          ['content'],
        ],
        [
          'a layer more, between ours',
          layers(async (all) => all.toSpliced(-1, 0, await layerOf(file('evil')))),
          ['content'],
        ],
        [
          'a layer more, above the mark',
          layers(async (all) => [...all, await layerOf(file('evil'))]),
          ['content', 'mark'],
        ],
        [
          'a whiteout',
          layers(async (all) => all.toSpliced(-1, 0, await layerOf(file('.wh.app', '')))),
          ['content'],
        ],
        ['a file in a layer of the user', edit(0, (all) => [...all, file('evil')]), ['content']],
        ['a file behind our programs', edit(-2, (all) => [...all, file('evil')]), ['content']],
        ['a program of another name', edit(-2, (all) => [...all, file('.chalk/evil')]), ['content']],
        ['a file before the mark', edit(-1, (all) => [file('etc/passwd'), ...all]), ['content']],
        [
          'a shim with set-user-ID',
          edit(-2, (all) => all.map((each) => ({ ...each, header: { ...each.header, mode: 0o4755 } }))),
          ['content'],
        ],
        [
          'programs of somebody else',
          edit(-2, (all) => all.map((each) => ({ ...each, header: { ...each.header, uid: 1000 } }))),
          ['content'],
        ],
      ])('%s, signed without looking', async (_, change, checks) => {
        expectFound(await bench.tamper(change, 'anew'), 'not-verified', checks);
      });

      test.each([0, -1, -2])('layer %i is not the one of the config', async (at) => {
        const found = await bench.tamper(
          edit(at, (all) => [...all, file('.chalk/runtime.json')]),
          'anew',
          {
            keepDiffIds: true,
          },
        );
        expectFound(found, 'not-verified', ['layers']);
      });

      test('more layers in the manifest than in the config', async () => {
        const found = await bench.tamper(
          layers(async (all) => [...all, await layerOf(file('evil'))]),
          'anew',
          { keepDiffIds: true },
        );
        expectFound(found, 'not-verified', ['layers', 'content']);
      });
    });

    describe('marks', () => {
      const mark = (change: (text: string) => string) =>
        edit(-1, (all) =>
          all.map((each) => ({ ...each, content: Buffer.from(change(each.content.toString())) })),
        );

      test.each<[string, (text: string) => string, string[]]>([
        [
          'a value changed',
          (text) => text.replace('Docker Image', 'Another Thing'),
          ['mark', 'attested-mark'],
        ],
        ['another CHALK_ID', (text) => text.replace(/("CHALK_ID" ?: ?")....../, '$1AAAAAA'), ['mark']],
        ['another METADATA_ID', (text) => text.replace(/("METADATA_ID" ?: ?")....../, '$1AAAAAA'), ['mark']],
        ['a member more', (text) => text.replace('"CHALK_ID"', '"EVIL":"x","CHALK_ID"'), ['mark']],
        ['a member less', (text) => text.replace(/, ?"ARTIFACT_TYPE" ?: ?"[^"]*"/, ''), ['mark']],
        ['another MAGIC', (text) => text.replace('dadfedabbadabbed', 'dadfedabbadabbee'), ['mark']],
        ['no JSON', () => 'evil', ['mark']],
        ['nothing', () => '', ['mark']],
        ['a form of a CHALK_ID that is none', () => resealed('nothing'), ['mark']],
        ['a mark of another image', () => newMark().text, ['attested-mark']],
        [
          'a value that no METADATA_ID covers',
          (text) =>
            text.replace('{', '{ "SIGNATURE" : "x",').replace(/^\{ ("SIGNATURE" : "x"),(.*)\}$/s, '{$2, $1}'),
          ['attested-mark'],
        ],
      ])('%s, signed without looking', async (_, change, checks) => {
        expectFound(await bench.tamper(mark(change), 'anew'), 'not-verified', checks);
      });

      const resealed = (id: string): string => {
        const { values } = sealMark({ CHALK_ID: 'AAAAAA-AAAA-AAAA-AAAAAA', CHALK_VERSION: '1.1.2' });
        return writeMark(new Map([...values, ['CHALK_ID', id]]));
      };

      test('the step that put it there is gone from the history', async () => {
        const change = (parts: Parts): Parts => {
          const history: readonly unknown[] = Array.isArray(parts.config['history'])
            ? parts.config['history']
            : [];
          return { ...parts, config: { ...parts.config, history: history.slice(0, -1) } };
        };
        expectFound(await bench.tamper(change, 'anew'), 'not-verified', ['mark']);
      });

      test('a link in its place', async () => {
        const change = edit(-1, (all) =>
          all.map(({ header }) => ({
            header: { ...header, type: 'symlink', linkname: '/etc/passwd' },
            content: Buffer.alloc(0),
          })),
        );
        expectFound(await bench.tamper(change, 'anew'), 'not-verified', ['mark', 'content']);
      });

      test('the layer with it is gone', async () => {
        expectFound(
          await bench.tamper(
            layers((all) => all.slice(0, -1)),
            'anew',
          ),
          'not-verified',
          ['mark'],
        );
      });
    });

    describe('what starts the program', () => {
      test.each<[string, (parts: Parts) => Promise<Parts>]>([
        [
          'another shim',
          edit(-2, (all) =>
            all.map((each) => (each.header.name === '.chalk/shim' ? file('.chalk/shim') : each)),
          ),
        ],
        [
          'another reporter',
          edit(-2, (all) =>
            all.map((each) => (each.header.name === '.chalk/reporter' ? file('.chalk/reporter') : each)),
          ),
        ],
        ['a place to report to', edit(-2, (all) => [...all, file('.chalk/runtime.json', '{}', 0o444)])],
        ['no shim', edit(-2, (all) => all.filter((each) => each.header.name !== '.chalk/shim'))],
      ])('%s: nobody signed that image', async (name, change) => {
        const found = await bench.tamper(change, 'copied');
        const shim = name === 'a place to report to' ? [] : ['shim'];
        expectFound(found, 'not-verified', ['signature', 'subject', ...shim]);
      });
    });
  });
});
