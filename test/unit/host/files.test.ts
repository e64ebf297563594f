import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeFiles } from '../../../src/host/files.ts';

describe('a new folder', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'chalk-files-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('comes with those above it, and may be there', async () => {
    const path = join(root, 'a', 'b', 'c');
    await Promise.all([nodeFiles().makeFolder(path, 0o700), nodeFiles().makeFolder(path, 0o700)]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, 'a')).mode & 0o777).toBe(0o700);
  });

  test.each(['/proc/nowhere/at/all', '/dev/null/x', 'FILE', 'FILE/below'])(
    'that cannot be made is refused: %s',
    async (name) => {
      writeFileSync(join(root, 'file'), '');
      const path = name.replace('FILE', join(root, 'file'));
      await expect(nodeFiles().makeFolder(path, 0o700)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    },
  );
});
