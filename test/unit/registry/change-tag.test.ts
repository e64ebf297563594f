import { afterEach, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { nodeHost } from '../../../src/host/node.ts';
import { blobOf, connectRegistries } from '../../../src/registry/index.ts';
import { CONFIG, Double, failureIn, fault, IMAGE, repositoryOf, sha256, times, wiredHost } from './double.ts';

let double: Double;
afterEach(() => double.close());

test('what only the new manifest needs is stored before it', async () => {
  double = await Double.open();
  const config = Buffer.from('{"a":1}');
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: IMAGE,
      config: { mediaType: 'application/json', digest: sha256(config), size: config.length },
      layers: [],
    }),
  );
  await repositoryOf(double).changeTag('v1', (current) =>
    current === undefined ? { mediaType: IMAGE, bytes, blobs: [blobOf(config, sha256(config))] } : undefined,
  );
  expect(double.blobs.get(sha256(config))).toEqual(config);
  const asked = double.asked();
  const upload = asked.findIndex((line) => line.startsWith('PUT blobs/uploads/'));
  expect(upload).toBeGreaterThan(0);
  expect(asked.indexOf('PUT manifests/v1')).toBeGreaterThan(upload);
  expect(double.tags.get('v1')).toBe(sha256(bytes));
});

test('a tag that somebody else moves while blobs are stored is read again', async () => {
  double = await Double.open();
  const config = Buffer.from('{"a":1}');
  const layers = (current?: Uint8Array): readonly string[] =>
    current === undefined
      ? []
      : z.object({ names: z.array(z.string()) }).parse(JSON.parse(Buffer.from(current).toString())).names;
  const bytesOf = (names: readonly string[]) =>
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, layers: [], names }));
  let rounds = 0;
  await repositoryOf(double).changeTag('v1', (current) => {
    const names = layers(current?.bytes);
    if (names.includes('ours')) return undefined;
    rounds += 1;
    // What another client does after we have read.
    if (rounds === 1)
      double.addManifest({ schemaVersion: 2, mediaType: IMAGE, layers: [], names: ['theirs'] }, IMAGE, 'v1');
    return { mediaType: IMAGE, bytes: bytesOf([...names, 'ours']), blobs: [blobOf(config, sha256(config))] };
  });
  expect(rounds).toBe(2);
  expect(double.asked().filter((line) => line === 'PUT manifests/v1')).toHaveLength(1);
  expect(double.tags.get('v1')).toBe(sha256(bytesOf(['theirs', 'ours'])));
});

test('a tag that is well as it is costs one question', async () => {
  double = await Double.open();
  double.addManifest({ schemaVersion: 2, mediaType: IMAGE, layers: [] }, IMAGE, 'v1');
  await repositoryOf(double).changeTag('v1', () => undefined);
  expect(double.asked()).toEqual(['GET manifests/v1']);
});

test('an error that is none of a registry', async () => {
  double = await Double.open();
  const changed = repositoryOf(double).changeTag('v1', () => {
    throw new Error('a mistake');
  });
  await expect(changed).rejects.toThrow('a mistake');
  expect(double.asked()).toEqual(['GET manifests/v1']);
});

const put = ({ method, path }: { method: string; path: string }) =>
  method === 'PUT' && path.includes('/manifests/');
const tagged = { mediaType: IMAGE, bytes: Buffer.from('{"schemaVersion":2,"layers":[]}') };

test('a registry that fails while others write the tag is asked again from the start', async () => {
  double = await Double.open();
  // More often than one request is tried.
  double.intercept = times(5, put, (response) => fault(response, 500, 'UNKNOWN', 'unexpected end of a link'));
  await repositoryOf(double).changeTag('v1', (current) => (current === undefined ? tagged : undefined));
  expect(double.tags.get('v1')).toBe(sha256(tagged.bytes));
});

test('one that always fails is not asked for ever', async () => {
  double = await Double.open();
  double.intercept = times(999, put, (response) => fault(response, 500, 'UNKNOWN', 'full'));
  const changed = repositoryOf(double).changeTag('v1', () => tagged);
  expect(await failureIn(changed)).toMatchObject({ code: 'REGISTRY_FAILED' });
});

test('after the deadline nothing is asked any more, and nothing is waited for', async () => {
  double = await Double.open();
  double.addManifest({ schemaVersion: 2, mediaType: IMAGE, layers: [] }, IMAGE, 'v1');
  const host = wiredHost({}, nodeHost().clock);
  const connect = connectRegistries(host, { configFolder: CONFIG, deadline: host.clock.monotonic() });
  const registry = connect({ registry: double.host, repository: 'team/app' });
  expect(await failureIn(registry.getManifest('v1'))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  expect(double.seen).toEqual([]);
});
