import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { sha256 } from '../../../src/codec/codec.ts';
import { codecFor, readArtifact } from '../../../src/codec/index.ts';
import { chalkIdOfHash, validateMark } from '../../../src/mark/index.ts';
import { fileOf, markFor, read } from './support.ts';

const hashOf = (text: string) => sha256(Buffer.from(text));

describe('scripts', () => {
  test.each([
    ['a.sh', '#!/bin/sh\necho hi\n', '#', '\n'],
    ['a.sh', '#!/bin/sh\necho hi', '\n#', ''],
    ['a.js', '#!/usr/bin/env node\n', '//', '\n'],
    ['a.php', '<?php\n', '//', '\n'],
    ['crlf.sh', '#!/bin/sh\r\necho hi\r\n', '#', '\n'],
  ])('%s: a mark at the end of %j', (path, text, prefix, suffix) => {
    const marked = `${text}${prefix} ${markFor(hashOf(text))}${suffix}`;
    const reading = read(path, marked);
    expect(reading).toMatchObject({ codec: 'source', unchalkedHash: hashOf(text), problems: [] });
    expect(reading.mark && validateMark(reading.mark, reading).kind).toBe('valid');
    const file = fileOf(path, marked);
    expect(Buffer.from(codecFor(file)?.unmarked(file) ?? []).toString()).toBe(text);
  });

  test('3: hash and CHALK_ID of a small script', () => {
    const { unchalkedHash } = read('a', '#!/bin/sh\necho hi\n');
    expect(unchalkedHash).toBe('299001868fb8c02fd431c336c6d058f5558c5dff5b5af5e6fe04b870a6a9cbba');
    expect(chalkIdOfHash(unchalkedHash)).toBe('68WKJC-1G64-W3CE-36C8W6');
  });

  test('8: a placeholder counts with its own spacing, and a mark in its place alike', () => {
    const text = (mark: string) => `#!/usr/bin/env python3\nX = '${mark}'\nprint(1)\n`;
    const typed = text('{"MAGIC":"dadfedabbadabbed"}');
    const { mark, unchalkedHash } = read('a.py', typed);
    expect(mark).toBeUndefined();
    expect(hashOf(typed)).toMatch(/^18d8e3c9.*e524$/);
    expect(unchalkedHash).toBe('edd53970534d7dd4f8919518ab6cf680bef5fa6567cb76d78fef48ce0b7d442b');
    expect(chalkIdOfHash(unchalkedHash)).toBe('CNJ68D-9K74-VK0D-9K6HJ3');
    expect(read('a.py', text(markFor(unchalkedHash))).unchalkedHash).toBe(unchalkedHash);
    const file = fileOf('a.py', typed);
    expect(codecFor(file)?.unmarked(file)).toBe(file.bytes);
  });

  test.each([
    ['x', '#!/usr/bin/python3\n', 'python3'],
    ['x', '#!/usr/bin/env python3.11\n', 'python'],
    ['x', '#!/usr/bin/env -S node --flag\n', 'node'],
    ['x', '#! /bin/bash -e\n', 'bash'],
    ['x.py', '#!\n', 'python'],
    ['x.py', '#!/usr/bin/env\n', 'python'],
    ['dir.d/x.MJS', 'text', 'node'],
    ['.profile', 'text', 'sh'],
    ['x.unknown', '', 'sh'],
    ['x.constructor', '', 'sh'],
  ])('%s %j is in %s', (path, text, language) => {
    expect(read(path, text).artifactType).toBe(language);
  });

  test('binary files are not claimed, text cut within a character is', () => {
    expect(readArtifact(fileOf('x', Buffer.from([1, 0, 2])))).toBeUndefined();
    expect(readArtifact(fileOf('x', Buffer.from([0xff, 0xfe])))).toBeUndefined();
    expect(read('x', `${'a'.repeat(255)}é`).codec).toBe('source');
    expect(read('x', Buffer.concat([Buffer.from('#!/bin/sh\n'), Buffer.from([0, 255])])).codec).toBe(
      'source',
    );
  });

  test('any text with a mark validates, and loses it again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (body) => {
        fc.pre(!body.includes('dadfedabbadabbed'));
        const text = `#!/bin/sh\n${body}`;
        const marked = text.endsWith('\n')
          ? `${text}# ${markFor(hashOf(text))}\n`
          : `${text}\n# ${markFor(hashOf(text))}`;
        const reading = read('x', marked);
        expect(reading.unchalkedHash).toBe(hashOf(text));
        expect(reading.mark && validateMark(reading.mark, reading).kind).toBe('valid');
      }),
    );
  });
});

describe('Python bytecode', () => {
  const code = Buffer.from([0xa7, 13, 13, 10, 0, 0, 0, 0, 1, 2, 3]);
  const hash = sha256(code);

  test('the mark stands at the end', () => {
    expect(read('x.pyc', code)).toMatchObject({ codec: 'python_pyc', mark: undefined, unchalkedHash: hash });
    const marked = Buffer.concat([code, Buffer.from(markFor(hash))]);
    const reading = read('x.pyc', marked);
    expect(reading).toMatchObject({ unchalkedHash: hash, artifactType: 'Python Bytecode', problems: [] });
    expect(reading.mark && validateMark(reading.mark, reading).kind).toBe('valid');
    const file = fileOf('x.pyc', marked);
    expect(codecFor(file)?.unmarked(file)).toEqual(code);
  });

  test('bytes behind the mark are mentioned', () => {
    const { problems } = read('x.pyc', Buffer.concat([code, Buffer.from(`${markFor(hash)}tail`)]));
    expect(problems).toEqual(['4 bytes behind the mark are not covered by its hash']);
  });
});

test('no codec throws anything on random bytes', () => {
  const paths = fc.constantFrom('x', 'x.pyc', 'x.sh', 'x.pt');
  fc.assert(
    fc.property(paths, fc.uint8Array({ maxLength: 400 }), (path, bytes) => {
      fc.pre(!(path === 'x.pt' && bytes[0] === 0x50));
      readArtifact({ path, bytes });
    }),
    { numRuns: 1000 },
  );
});
