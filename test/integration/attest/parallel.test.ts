/** Registries cannot compare and swap: attestations of one image by many at once, on the real registry. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { nodeHost } from '../../../src/host/node.ts';
import {
  blobOf,
  connectRegistries,
  digestOf,
  listReferrers,
  MEDIA_TYPES,
} from '../../../src/registry/index.ts';
import { attLayers, attTag } from '../../../src/sign/index.ts';
import { describeWithEngine } from '../../support/engine.ts';

const PROGRAM = fileURLToPath(new URL('attach-program.ts', import.meta.url));
const PROCESSES = 2;
const EACH = 25;
const TIMEOUT_MS = 900_000;

describeWithEngine('attestations of one image', (engine) => {
  test(
    '50 from two processes at once: none is lost, below the .att tag and as a bundle',
    async () => {
      const repository = `chalk-parallel-${process.pid}-${Math.floor(performance.now())}`;
      const registry = connectRegistries(nodeHost(), { configFolder: '/nonexistent' })({
        registry: engine.registry,
        repository,
      });
      const config = Buffer.from(
        '{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}',
      );
      await registry.putBlob(blobOf(config, digestOf(config)));
      const manifest = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.image,
        config: { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length },
        layers: [],
      };
      const bytes = Buffer.from(JSON.stringify(manifest));
      const { digest } = await registry.putManifest({ mediaType: MEDIA_TYPES.image, bytes }, 'v1');

      const words = [PROGRAM, engine.registry, repository, digest, String(EACH)];
      const ended = await Promise.all(Array.from({ length: PROCESSES }, () => finished(words)));
      expect(ended).toEqual(Array.from({ length: PROCESSES }, () => ({ code: 0, stderr: '' })));

      const att = await registry.getManifest(attTag(digest));
      const layers = attLayers(att.bytes, 'att').map(({ descriptor }) => descriptor.digest);
      expect(new Set(layers).size).toBe(PROCESSES * EACH);
      const listed = await listReferrers(registry, digest);
      expect(new Set(listed.map((each) => each.digest)).size).toBe(PROCESSES * EACH);
    },
    TIMEOUT_MS,
  );
});

function finished(
  words: readonly string[],
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stderr }));
  });
}
