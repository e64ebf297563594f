import { describe, expect, test } from 'vitest';
import { hostProgramWords, programWords } from '../../../src/runtime/host-process.ts';
import {
  knownMark,
  listAsJson,
  listAsTable,
  readCache,
  readContainers,
  writeCache,
} from '../../../src/runtime/ps.ts';

const inspected = JSON.stringify([
  {
    Id: 'a'.repeat(64),
    Name: '/web',
    Image: `sha256:${'b'.repeat(64)}`,
    Config: { Image: 'shop:1', Env: ['PASSWORD=x'] },
    State: { StartedAt: '2026-11-22T08:00:00Z' },
  },
  { Id: 'c'.repeat(64), Name: '/old', Image: `sha256:${'d'.repeat(64)}` },
]);

const mark = knownMark(
  new Map<string, string | number>([
    ['CHALK_ID', 'EVJ0P3-6ZYG-D47A-Q22TYJ'],
    ['COMMIT_ID', '311658ac31169b1dae61fbed281c109f2ae5e9cc'],
    ['BRANCH', 'main'],
    ['DATETIME_WHEN_CHALKED', '2026-11-21T23:54:18.775+00:00'],
    ['AUTHOR', 'not shown'],
  ]),
);

describe('docker chalk ps', () => {
  test('reads what docker prints, and nothing else', () => {
    expect(readContainers(inspected)).toEqual([
      {
        id: 'a'.repeat(64),
        name: 'web',
        image: 'shop:1',
        imageId: `sha256:${'b'.repeat(64)}`,
        started: '2026-11-22T08:00:00Z',
      },
      {
        id: 'c'.repeat(64),
        name: 'old',
        image: `sha256:${'d'.repeat(64)}`,
        imageId: `sha256:${'d'.repeat(64)}`,
        started: '',
      },
    ]);
    expect(readContainers('[]')).toEqual([]);
    for (const text of ['', 'no JSON', '{}', '[{"Id":1}]']) expect(readContainers(text)).toBeUndefined();
  });

  test('a table', () => {
    const [web, old] = readContainers(inspected) ?? [];
    if (web === undefined || old === undefined) throw new Error('no containers');
    const rows = [
      { container: web, mark },
      { container: { ...old, image: 'x\u001B[31m' }, mark: { without: 'no mark' } },
    ];
    expect(listAsTable(rows)).toBe(
      [
        'CONTAINER      NAME   IMAGE    CHALK ID                  COMMIT         BRANCH   BUILT',
        'aaaaaaaaaaaa   web    shop:1   EVJ0P3-6ZYG-D47A-Q22TYJ   311658ac3116   main     2026-11-21T23:54:18+00:00',
        'cccccccccccc   old    x?[31m   (no mark)',
        '',
      ].join('\n'),
    );
    expect(listAsTable([])).toBe('CONTAINER   NAME   IMAGE   CHALK ID   COMMIT   BRANCH   BUILT\n');
  });

  test('JSON by the names of keys, null where there is no mark', () => {
    const [web, old] = readContainers(inspected) ?? [];
    if (web === undefined || old === undefined) throw new Error('no containers');
    expect(
      JSON.parse(
        listAsJson([
          { container: web, mark },
          { container: old, mark: { without: 'no mark' } },
        ]),
      ),
    ).toMatchObject([
      {
        _INSTANCE_NAME: 'web',
        _INSTANCE_IMAGE_ID: 'b'.repeat(64),
        CHALK_ID: 'EVJ0P3-6ZYG-D47A-Q22TYJ',
        METADATA_ID: null,
      },
      { _INSTANCE_NAME: 'old', CHALK_ID: null, BRANCH: null, _X_CHALK_WITHOUT: 'no mark' },
    ]);
  });

  test('what is kept is read again; what is damaged is nothing; the oldest go', () => {
    const many = new Map(Array.from({ length: 1200 }, (_, index) => [`sha256:${index}`, mark] as const));
    const again = readCache(writeCache(many));
    expect(again.size).toBe(1000);
    expect(again.get('sha256:1199')).toEqual(mark);
    expect(again.has('sha256:0')).toBe(false);
    for (const text of [
      '',
      '[]',
      '{"version":2,"images":{}}',
      '{"version":1,"images":{"a":{"CHALK_ID":1}}}',
    ]) {
      expect(readCache(text).size).toBe(0);
    }
  });
});

describe('docker chalk exec', () => {
  test('the words of the program come last and unchanged', () => {
    const words = ['prog', '--', '$HOME', "it's", ''];
    const all = hostProgramWords({
      reporter: '/r',
      markFile: '/m',
      artifactType: 'ELF',
      path: '/bin/prog',
      words,
    });
    expect(all.slice(2)).toEqual(['docker-chalk-exec', '/r', '/m', 'ELF', '/bin/prog', ...words]);
  });

  test('a -- before the program is not its own', () => {
    expect(programWords(['--', 'a', '--'])).toEqual(['a', '--']);
    expect(programWords(['a', '--', 'b'])).toEqual(['a', '--', 'b']);
    expect(programWords([])).toEqual([]);
  });
});
