import { describe, expect, it } from 'vitest';
import {
  parseDockerfile,
  resolveConfig,
  type BaseConfig,
  type EffectiveConfig,
} from '../../../src/dockerfile/index.ts';
import { CONFIG_CASES } from './config-cases.ts';
import { buildOptions } from './support.ts';

function resolve(
  file: string,
  base: BaseConfig = {},
  changes: Parameters<typeof buildOptions>[0] = {},
): EffectiveConfig {
  return resolveConfig(parseDockerfile(file), buildOptions(changes), () => base);
}

describe('resolveConfig', () => {
  it.each(CONFIG_CASES)('$name', ({ base, file, target, args, expected }) => {
    const options = { ...(target === undefined ? {} : { target }), ...(args === undefined ? {} : { args }) };
    const { entrypoint, cmd, user, shell, onbuild } = resolve(`${file.join('\n')}\n`, base.config, options);
    expect({ entrypoint, cmd, user, shell, onbuild }).toEqual({
      entrypoint: [],
      cmd: [],
      user: '',
      shell: [],
      onbuild: [],
      ...expected,
    });
  });

  it('uses the shell of Windows where the base is one', () => {
    expect(resolve('FROM a\nCMD x', { os: 'windows' }).cmd).toEqual(['cmd', '/S', '/C', 'x']);
  });

  it('asks for a base once, and fails without', () => {
    const asked: unknown[] = [];
    const file = parseDockerfile('FROM a:1 AS b\nFROM b\n');
    const unknown = (): EffectiveConfig =>
      resolveConfig(file, buildOptions(), (image) => {
        asked.push(image);
        return undefined;
      });
    expect(unknown).toThrow(expect.objectContaining({ code: 'BASE_IMAGE_UNKNOWN' }));
    expect(asked).toEqual([
      { kind: 'image', reference: 'a:1', platform: { os: 'linux', architecture: 'amd64' } },
    ]);
  });

  it('says where the values come from', () => {
    const origins = (file: string, base?: BaseConfig): unknown[] => {
      const { entrypointOrigin, cmdOrigin } = resolve(file, base);
      return [entrypointOrigin, cmdOrigin];
    };
    const both = { entrypoint: ['e'], cmd: ['c'] };
    expect(origins('FROM a', both)).toEqual([{ kind: 'base' }, { kind: 'base' }]);
    expect(origins('FROM a')).toEqual([{ kind: 'none' }, { kind: 'none' }]);
    expect(origins('FROM a\nENTRYPOINT x', both)).toMatchObject([
      { kind: 'own', instruction: { line: { startLine: 2 } } },
      { kind: 'none' },
    ]);
    expect(origins('FROM a', { onbuild: ['CMD o'] })).toEqual([
      { kind: 'none' },
      { kind: 'onbuild', trigger: 'CMD o' },
    ]);
    expect(origins('FROM a AS p\nCMD x\nFROM p')).toMatchObject([
      { kind: 'none' },
      { kind: 'parent-stage', stage: { index: 0 } },
    ]);
    expect(origins('FROM a AS p\nCMD x\nFROM p\nENTRYPOINT []')).toMatchObject([
      { kind: 'own' },
      { kind: 'none' },
    ]);
  });

  it('counts what should stand once, fired and own', () => {
    const file = 'FROM a AS p\nCMD 1\nCMD 2\nFROM p\nENTRYPOINT x\nHEALTHCHECK NONE\n';
    const { counts } = resolve(file, { onbuild: ['CMD 0', 'ENTRYPOINT y'] });
    expect(counts).toMatchObject([
      {
        own: { entrypoint: 0, cmd: 2, healthcheck: 0 },
        triggered: { entrypoint: 1, cmd: 1, healthcheck: 0 },
      },
      {
        own: { entrypoint: 1, cmd: 0, healthcheck: 1 },
        triggered: { entrypoint: 0, cmd: 0, healthcheck: 0 },
      },
    ]);
  });

  it('takes the config of a context that replaces the target, and nothing of its text', () => {
    const file = 'FROM a AS p\nCMD x\nONBUILD CMD y\n';
    const config = resolve(file, { cmd: ['c'], onbuild: ['CMD z'] }, { contexts: { p: 'docker-image://q' } });
    expect(config).toMatchObject({ cmd: ['c'], onbuild: [], cmdOrigin: { kind: 'base' } });
    expect(config.stages.target.replacedBy).toEqual({ name: 'p', value: 'docker-image://q' });
  });

  it('fires the written triggers of a replaced parent, not those of its image', () => {
    const file = 'FROM a AS p\nCMD x\nONBUILD USER y\nFROM p\n';
    const contexts = { p: 'docker-image://q' };
    expect(resolve(file, { cmd: ['c'], onbuild: ['CMD z'] }, { contexts })).toMatchObject({
      cmd: ['c'],
      user: 'y',
    });
  });

  it.each([
    ['FOO x', /line 2: .*unknown instruction/],
    ['CMD a\nCMD b', /line 2: .*single instruction/],
    ['FROM x', /line 2: .*FROM/],
    ['', /line 2: /],
    ['USER ${', /line 2: /],
  ])('refuses the trigger %j', (trigger, message) => {
    expect(() => resolve('# c\nFROM a\n', { onbuild: [trigger] })).toThrow(message);
  });
});
