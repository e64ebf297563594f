import { describe, expect, test } from 'vitest';
import {
  commitFacts,
  MAX_MESSAGE,
  parseBatch,
  parseIdentity,
  tagFacts,
} from '../../../src/collect/git-objects.ts';

const ID = '5'.repeat(40);
const bytes = (text: string, encoding: BufferEncoding = 'utf8') => Buffer.from(text, encoding);

function commit(message: string, headers: readonly string[] = []): Buffer {
  return bytes(
    [
      `tree ${ID}`,
      'author A U Thor <a@example.com> 1704164645 +0530',
      'committer C <c@example.com> 1704164646 -0800',
      ...headers,
      '',
      message,
    ].join('\n'),
  );
}

function tag(name: string, seconds: number | undefined, message = '') {
  const tagger = seconds === undefined ? [] : [`tagger T <t@example.com> ${seconds} +0000`];
  return {
    name,
    content: bytes([`object ${ID}`, 'type commit', `tag ${name}`, ...tagger, '', message].join('\n')),
  };
}

describe('commitFacts', () => {
  test('a commit', () => {
    expect(commitFacts(ID, commit('subject\n\nbody\n\n'))).toEqual({
      COMMIT_ID: ID,
      AUTHOR: 'A U Thor <a@example.com>',
      DATE_AUTHORED: '2024-01-02T08:34:05.000+05:30',
      TIMESTAMP_AUTHORED: 1704164645000,
      COMMITTER: 'C <c@example.com>',
      DATE_COMMITTED: '2024-01-01T19:04:06.000-08:00',
      TIMESTAMP_COMMITTED: 1704164646000,
      COMMIT_MESSAGE: 'subject\n\nbody',
      COMMIT_SIGNED: false,
    });
  });

  test.each(['gpgsig', 'gpgsig-sha256'])(
    'a signature in %s is seen, and is no part of the message',
    (name) => {
      const facts = commitFacts(
        ID,
        commit('m', [`${name} -----BEGIN SSH SIGNATURE-----`, ' committer X <x@x> 1 +0000', ' ']),
      );
      expect(facts).toMatchObject({
        COMMIT_SIGNED: true,
        COMMIT_MESSAGE: 'm',
        COMMITTER: 'C <c@example.com>',
      });
    },
  );

  test('the text of a signature in the message signs nothing', () => {
    const facts = commitFacts(ID, commit('gpgsig x\n\n-----BEGIN PGP SIGNATURE-----\n'));
    expect(facts['COMMIT_SIGNED']).toBe(false);
  });

  test('the encoding the commit names', () => {
    const content = Buffer.concat([commit('', ['encoding ISO-8859-1']), bytes('Zo\xEB', 'latin1')]);
    expect(commitFacts(ID, content)['COMMIT_MESSAGE']).toBe('Zoë');
  });

  test.each(['UTF-16', 'no-such-thing', 'x'])('an encoding that is not true (%s): UTF-8', (label) => {
    expect(commitFacts(ID, commit('Zoë', [`encoding ${label}`]))['COMMIT_MESSAGE']).toBe('Zoë');
  });

  test('bytes in no known encoding', () => {
    const content = Buffer.concat([commit(''), Buffer.from([0x61, 0xff, 0x62])]);
    expect(commitFacts(ID, content)['COMMIT_MESSAGE']).toBe('a\uFFFDb');
  });

  test('an empty message is absent, a NUL ends one', () => {
    expect(commitFacts(ID, commit(' \n\n'))).not.toHaveProperty('COMMIT_MESSAGE');
    expect(commitFacts(ID, commit('a\0b'))['COMMIT_MESSAGE']).toBe('a');
  });

  test('a huge message is cut between characters', () => {
    const message = commitFacts(ID, commit(`x${'😀'.repeat(MAX_MESSAGE)}`))['COMMIT_MESSAGE'];
    expect(message).toBe(`x${'😀'.repeat(MAX_MESSAGE / 2 - 1)}…`);
  });

  test('no more than the ID of an object that is none', () => {
    expect(commitFacts(ID, bytes('garbage'))).toEqual({ COMMIT_ID: ID, COMMIT_SIGNED: false });
  });
});

describe('parseIdentity', () => {
  const none = { milliseconds: undefined, date: undefined };
  test.each([
    ['A <a@x> 0 +0000', { who: 'A <a@x>', milliseconds: 0, date: '1970-01-01T00:00:00.000+00:00' }],
    ['A <a@x> -1 +0000', { who: 'A <a@x>', milliseconds: -1000, date: '1969-12-31T23:59:59.000+00:00' }],
    ['A <a@x> 0 -0000', { who: 'A <a@x>', milliseconds: 0, date: '1970-01-01T00:00:00.000+00:00' }],
    ['A <a@x> 0 +9999', { who: 'A <a@x>', milliseconds: 0, date: '1970-01-01T00:00:00.000+00:00' }],
    ['A <a@x> 0', { who: 'A <a@x>', milliseconds: 0, date: '1970-01-01T00:00:00.000+00:00' }],
    [' <a@x> 0 +0000', { who: '<a@x>', milliseconds: 0, date: '1970-01-01T00:00:00.000+00:00' }],
    ['A <a>b> 0 +0000', { who: 'A <a>b>', milliseconds: 0, date: '1970-01-01T00:00:00.000+00:00' }],
    ['A <> 99999999999999999999 +0000', { who: 'A <>', ...none }],
    ['A <a@x>', { who: 'A <a@x>', ...none }],
    ['A <a@x> soon', { who: 'A <a@x>', ...none }],
  ])('%j', (line, identity) => {
    expect(parseIdentity(line)).toEqual(identity);
  });

  test('no line', () => expect(parseIdentity(undefined)).toBeUndefined());
});

describe('tagFacts', () => {
  test('the latest tagger wins over greater names and lightweight tags', () => {
    const facts = tagFacts([{ name: 'z' }, tag('v1', 5), tag('v3', 3), tag('y', undefined)]);
    expect(facts).toMatchObject({ TAG: 'v1', TIMESTAMP_TAGGED: 5000, TAGGER: 'T <t@example.com>' });
  });

  test('of equals the greater name', () => {
    expect(tagFacts([{ name: 'a' }, { name: 'c' }, { name: 'b' }])).toEqual({ TAG: 'c', TAG_SIGNED: false });
    expect(tagFacts([tag('v1', 7), tag('v2', 7)])['TAG']).toBe('v2');
  });

  test('no tag', () => expect(tagFacts([])).toEqual({}));

  test.each(['PGP SIGNATURE', 'PGP MESSAGE', 'SIGNED MESSAGE', 'SSH SIGNATURE'])('signed: %s', (kind) => {
    const message = `release\n\n-----BEGIN ${kind}-----\nabc\n-----END ${kind}-----\n`;
    expect(tagFacts([tag('v1', 1, message)])).toMatchObject({ TAG_SIGNED: true, TAG_MESSAGE: 'release' });
  });

  test('a signature line inside of a line signs nothing', () => {
    const facts = tagFacts([tag('v1', 1, 'see "-----BEGIN PGP SIGNATURE-----"')]);
    expect(facts).toMatchObject({ TAG_SIGNED: false, TAG_MESSAGE: 'see "-----BEGIN PGP SIGNATURE-----"' });
  });
});

describe('parseBatch', () => {
  test('objects and gaps in order, whatever their content', () => {
    const output = bytes(`${ID} tag 5\na\nb\0c\nrefs/tags/x missing\n${'6'.repeat(64)} commit 0\n\n`);
    expect(parseBatch(output)).toEqual([
      { kind: 'object', id: ID, type: 'tag', content: bytes('a\nb\0c') },
      { kind: 'missing' },
      { kind: 'object', id: '6'.repeat(64), type: 'commit', content: bytes('') },
    ]);
  });

  test.each(['', 'no line break', `${ID} commit 10\nshort`])('cut off: %j', (output) => {
    expect(parseBatch(bytes(output))).toEqual([]);
  });
});
