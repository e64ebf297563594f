import { attestImages } from '../../../src/attest/index.ts';
import { nodeHost } from '../../../src/host/node.ts';
import { generateSigningKey, keySigner } from '../../../src/sign/index.ts';

/** Signs one image with so many keys at once: `REGISTRY REPOSITORY DIGEST COUNT`. What cannot be attached is said. */
const [registry = '', repository = '', digest = '', count = '0'] = process.argv.slice(2);
/** A minute is what a user is kept waiting; who else uses this machine is no part of the test. */
const TIME_LIMIT_MS = 600_000;

const host = nodeHost();
const provenance = {
  parameters: { command: ['docker', 'build'] },
  internal: {},
  dependencies: [],
  builder: 'local',
  versions: {},
  invocation: 'id',
  started: 0,
  finished: 1000,
} as const;
const signed = await Promise.all(
  Array.from({ length: Number(count) }, (_, index) =>
    attestImages(
      host,
      { configFolder: '/nonexistent' },
      keySigner(generateSigningKey(host.random, `key ${index}`)),
      [{ repository: { registry, repository }, digest, provenance }],
      TIME_LIMIT_MS,
    ),
  ),
);
const errors = signed.flat().flatMap((each) => each.errors);
for (const { code, message } of errors) await host.terminal.writeError(`${code}: ${message}\n`);
process.exitCode = errors.length === 0 ? 0 : 1;
