import { afterEach, describe, expect, test, vi } from 'vitest';
import { nodeHost } from '../../../src/host/node.ts';
import { outputOf } from '../../../src/host/processes.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the environment of a child', () => {
  const seen = async (name: string) =>
    outputOf(
      await nodeHost().processes.run({ file: '/bin/sh', args: ['-c', `printf %s "\${${name}-absent}"`] }),
    );

  test('has the NODE_OPTIONS that the launcher kept from us', async () => {
    vi.stubEnv('NODE_OPTIONS', undefined);
    vi.stubEnv('CHALK_NODE_OPTIONS', '--title=x');
    expect(await seen('NODE_OPTIONS')).toBe('--title=x');
    expect(await seen('CHALK_NODE_OPTIONS')).toBe('absent');
    expect(nodeHost().env['NODE_OPTIONS']).toBe('--title=x');
  });

  test('has none where there was none', async () => {
    vi.stubEnv('NODE_OPTIONS', undefined);
    vi.stubEnv('CHALK_NODE_OPTIONS', undefined);
    expect(await seen('NODE_OPTIONS')).toBe('absent');
    expect('NODE_OPTIONS' in nodeHost().env).toBe(false);
  });
});
