import { expect, test } from 'vitest';
import { parseBakeDefinition } from '../../../src/docker/bake-definition.ts';
import { findUngranted } from '../../../src/docker/bake-entitlements.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { commandOf } from './support.ts';

test.each<[string, object, string, string | undefined, Readonly<Record<string, string>>?]>([
  ['nothing but the working folder', { context: 'sub', dockerfile: 'D' }, '', undefined],
  ['the working folder by its whole path', { context: '/work' }, '', undefined],
  ['a context above', { context: '..' }, '', 'fs.read=..'],
  ['a context above that was granted', { context: '../other' }, '--allow fs.read=/other', undefined],
  ['a folder of a similar name', { context: '/work2' }, '', 'fs.read=/work2'],
  ['a Dockerfile elsewhere', { dockerfile: '/d/Dockerfile' }, '', 'fs.read=/d/Dockerfile'],
  ['a Dockerfile elsewhere, granted', { dockerfile: '/d/Dockerfile' }, '--allow fs=/d', undefined],
  ['everything granted', { dockerfile: '/d/Dockerfile' }, '--allow fs.read=*', undefined],
  ['writing granted alone', { dockerfile: '/d/Dockerfile' }, '--allow fs.write=/d', 'fs.read=/d/Dockerfile'],
  ['a named context elsewhere', { contexts: { a: '/a' } }, '', 'fs.read=/a'],
  [
    'named contexts that are no files',
    { contexts: { a: 'docker-image://x', b: 'target:t', c: 'https://x/y.git' } },
    '',
    undefined,
  ],
  ['a remote context', { context: 'https://x/y.git', dockerfile: '/d' }, '', undefined],
  ['a secret elsewhere', { secret: [{ id: 's', src: '/s' }] }, '', 'fs.read=/s'],
  [
    'a secret the line itself names',
    { secret: [{ id: 's', src: '/s' }] },
    '--set *.secrets=id=s,src=/s',
    undefined,
  ],
  ['an output elsewhere', { output: [{ type: 'local', dest: '/o' }] }, '', 'fs.write=/o'],
  [
    'an output the line itself names',
    { output: [{ type: 'local', dest: '/o' }] },
    '--set *.output=/o',
    undefined,
  ],
  ['a cache elsewhere', { 'cache-to': [{ type: 'local', dest: '/c' }] }, '', 'fs.write=/c'],
  ['the agent', { ssh: [{ id: 'default' }] }, '', 'ssh'],
  ['the agent, granted', { ssh: [{ id: 'default' }] }, '--allow ssh', undefined],
  ['the host’s network', { network: 'host' }, '', 'network.host'],
  ['the host’s network, granted', { network: 'host' }, '--allow network.host', undefined],
  ['an entitlement', { entitlements: ['security.insecure'] }, '', 'security.insecure'],
  ['files are not asked about', { context: '/o' }, '', undefined, { BUILDX_BAKE_ENTITLEMENTS_FS: '0' }],
  ['but the network is', { network: 'host' }, '', 'network.host', { BUILDX_BAKE_ENTITLEMENTS_FS: '0' }],
  ['a program reads the answer', { context: '/o' }, '--progress rawjson', undefined],
])('%s', async (_, target, line, expected, env = {}) => {
  const definition = parseBakeDefinition(JSON.stringify({ target: { app: target } }));
  if (definition === undefined) throw new Error('no definition');
  const { items } = commandOf(`bake ${line}`.trim());
  expect(await findUngranted(fakeHost({ env }), items, definition)).toBe(expected);
});
