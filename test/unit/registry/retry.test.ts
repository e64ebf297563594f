import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readRetryAfter, RegistryFailure } from '../../../src/registry/failure.ts';
import { blobOf } from '../../../src/registry/index.ts';
import type { RegistryRequests } from '../../../src/registry/registry.ts';
import { withRetries } from '../../../src/registry/retry.ts';
import { Double, failureIn, fault, IMAGE, reply, repositoryOf, sha256, times } from './double.ts';

let double: Double;
beforeEach(async () => {
  double = await Double.open();
  double.addManifest({ schemaVersion: 2 }, IMAGE, 'v1');
});
afterEach(() => double.close());

/** The double's repository with four tries, and the waits between them, which do not take place. */
function patient(random = 1): { registry: RegistryRequests; waits: number[] } {
  const waits: number[] = [];
  const registry = withRetries(repositoryOf(double), {
    attempts: 4,
    firstMs: 100,
    longestMs: 30_000,
    random: () => random,
    wait: async (ms) => {
      waits.push(ms);
    },
  });
  return { registry, waits };
}

const isManifest = ({ path }: { path: string }) => path.includes('/manifests/');
const failing = (status: number, headers: Record<string, string> = {}) =>
  times(99, isManifest, (response) => reply(response, status, headers));

describe('what is tried again', () => {
  test('500, then a broken connection, then 503: the fourth answer counts', async () => {
    let count = 0;
    double.intercept = (seen, response) => {
      if (!isManifest(seen)) return false;
      count += 1;
      if (count === 1) fault(response, 500, 'UNKNOWN', 'x');
      else if (count === 2) response.destroy();
      else if (count === 3) reply(response, 503);
      return count <= 3;
    };
    const { registry, waits } = patient();
    expect((await registry.getManifest('v1')).mediaType).toBe(IMAGE);
    expect(waits).toEqual([100, 200, 400]);
  });

  test('four times at most, with waits that differ', async () => {
    double.intercept = failing(500);
    const { registry, waits } = patient(0);
    expect((await failureIn(registry.getManifest('v1'))).code).toBe('REGISTRY_FAILED');
    expect([double.asked().length, waits]).toEqual([4, [50, 100, 200]]);
  });

  test('429: as long as it asks for, by seconds or by date', async () => {
    double.intercept = times(1, isManifest, (response) => reply(response, 429, { 'retry-after': '7' }));
    const { registry, waits } = patient();
    await registry.getManifest('v1');
    expect(waits).toEqual([7000]);
    const at = Date.parse('2026-01-01T00:00:00Z');
    expect(readRetryAfter('Thu, 01 Jan 2026 00:00:20 GMT', at)).toBe(20_000);
    expect(readRetryAfter('Thu, 01 Jan 2025 00:00:20 GMT', at)).toBe(0);
    expect(readRetryAfter('soon', at)).toBeUndefined();
  });

  test('longer than half a minute is not waited for', async () => {
    double.intercept = failing(429, { 'retry-after': '3600' });
    const { registry, waits } = patient();
    expect((await failureIn(registry.getManifest('v1'))).code).toBe('REGISTRY_THROTTLED');
    expect(waits).toEqual([]);
  });

  test('an answer cut off in the middle', async () => {
    const bytes = Buffer.alloc(10_000, 'x');
    const digest = double.addBlob(bytes);
    double.intercept = times(
      1,
      ({ path }) => path.includes('/blobs/'),
      (response) => {
        response.writeHead(200, { 'content-length': '10000' });
        response.write(bytes.subarray(0, 100), () => response.destroy());
      },
    );
    const { registry, waits } = patient();
    expect(await registry.readBlob(digest, 10_000)).toEqual(bytes);
    expect(waits).toHaveLength(1);
  });

  test('an upload that broke starts afresh, and leaves nothing of the first', async () => {
    const bytes = Buffer.alloc(200_000, 'y');
    double.intercept = times(
      1,
      ({ method }) => method === 'PUT',
      (response) => response.destroy(),
    );
    const { registry } = patient();
    expect(await registry.putBlob(blobOf(bytes, sha256(bytes)))).toBe('uploaded');
    expect([double.uploads.size, double.blobs.has(sha256(bytes))]).toEqual([0, true]);
  });
});

describe('what is not', () => {
  test.each([400, 401, 403, 404, 412, 501])('%i', async (status) => {
    double.intercept = failing(status);
    const { registry, waits } = patient();
    await failureIn(registry.getManifest('v1'));
    expect([double.asked().length, waits]).toEqual([1, []]);
  });

  test('a digest that does not fit, and nobody at the port', async () => {
    const digest = double.addBlob(Buffer.from('x'));
    double.blobs.set(digest, Buffer.from('y'));
    const { registry, waits } = patient();
    expect((await failureIn(registry.readBlob(digest, 10))).code).toBe('DIGEST_MISMATCH');
    const gone = patient();
    double.close();
    expect((await failureIn(gone.registry.getManifest('v1'))).code).toBe('REGISTRY_UNREACHABLE');
    expect([...waits, ...gone.waits]).toEqual([]);
  });
});

test('a failure of a registry is one of ours', () => {
  const failure = new RegistryFailure('REGISTRY_FAILED', 'x', { transient: true, retryAfterMs: 1 });
  expect(failure).toMatchObject({
    name: 'ChalkError',
    code: 'REGISTRY_FAILED',
    transient: true,
    retryAfterMs: 1,
  });
});
