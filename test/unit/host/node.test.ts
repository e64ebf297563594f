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

  test('has no password that unlocks our keys, whoever starts it and with whatever environment', async () => {
    for (const name of ['CHALK_PASSWORD', 'COSIGN_PASSWORD']) {
      vi.stubEnv(name, 'canary');
      const { env, processes } = nodeHost();
      expect(env[name]).toBe('canary');
      const file = '/bin/sh';
      for (const given of [{}, { env }]) {
        expect(outputOf(await processes.run({ file, args: ['-c', 'env'], ...given }))).not.toContain(
          'canary',
        );
        expect(await processes.attach({ file, args: ['-c', '! env | grep -q canary'], env })).toMatchObject({
          code: 0,
        });
      }
    }
  });

  test('has one that its command line asks for by name', async () => {
    vi.stubEnv('COSIGN_PASSWORD', 'canary');
    const args = ['-c', 'env', 'build', '--secret', 'id=p,env=COSIGN_PASSWORD'];
    expect(outputOf(await nodeHost().processes.run({ file: '/bin/sh', args }))).toContain('canary');
  });

  test('has none where there was none', async () => {
    vi.stubEnv('NODE_OPTIONS', undefined);
    vi.stubEnv('CHALK_NODE_OPTIONS', undefined);
    expect(await seen('NODE_OPTIONS')).toBe('absent');
    expect('NODE_OPTIONS' in nodeHost().env).toBe(false);
  });
});
