import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  addedCasing,
  execForm,
  inCasing,
  insertAtStageEnd,
  parseDockerfile,
  resolveConfig,
  skipCheck,
  type BaseConfig,
  type EffectiveConfig,
} from '../../../src/dockerfile/index.ts';
import { describeWithEngine } from '../../support/engine.ts';
import { CONFIG_CASES } from '../../unit/dockerfile/config-cases.ts';
import { BAD_WORDS, EXPANSIONS, VARIABLES } from '../../unit/dockerfile/expand-cases.ts';
import { LEXER_CASES } from '../../unit/dockerfile/lexer-cases.ts';
import { buildOptions } from '../../unit/dockerfile/support.ts';
import { bake, docker, inspect, mustDocker, readJson, type InspectedConfig } from './docker.ts';

const MINUTES = 60_000;

/** What `--call=targets` says of a file. */
interface Targets {
  readonly targets: readonly {
    readonly name?: string;
    readonly base?: string;
    readonly platform?: string;
    readonly default?: boolean;
    readonly location?: { readonly ranges: readonly { readonly start: { readonly line: number } }[] };
  }[];
}

function isTargets(value: unknown): value is Targets {
  return typeof value === 'object' && value !== null && 'targets' in value;
}

/** What `--call=check` says. */
interface Findings {
  readonly warnings?: readonly { readonly ruleName: string; readonly location: unknown }[];
}

function isFindings(value: unknown): value is Findings {
  return typeof value === 'object' && value !== null;
}

describeWithEngine('stages, against BuildKit', (engine) => {
  const call = (method: string, file: string | Uint8Array): ReturnType<typeof docker> =>
    docker(engine, ['buildx', 'build', `--call=${method},format=json`, '-'], file);

  it.each([
    // Every case of the lexer's table that can follow another, each under a FROM whose line tells if it was read right.
    [
      'all lexer cases',
      LEXER_CASES.filter(({ file, expected }) => 'length' in expected && /^FROM scratch\r?\n/.test(file))
        .map(({ file }, index) => `${file.replace('FROM scratch', `FROM scratch AS s${index}`).trimEnd()}\n`)
        .filter((file) => !file.endsWith('\\\n') && !file.includes('# c\n\n'))
        .join('# between\n\n'),
    ],
    ['escape', '# escape=`\nFROM a `\n AS b\nRUN x\\\nFROM c\n'],
    [
      'a byte-order mark and CRLF',
      '\ufeffFROM a AS B\r\nRUN <<E\r\nFROM x\r\nE\r\n\r\nFROM --platform=$BUILDPLATFORM b\r\n',
    ],
    ['a #! line', '#!/usr/bin/env docker\nFROM a\n'],
    ['the end in a continuation', 'FROM a\nFROM b AS c\nCMD x \\\n# c\n'],
  ])('%s: names, bases, platforms and lines', (_name, text) => {
    const answer = call('targets', text);
    expect(answer).toMatchObject({ code: 0 });
    const { targets } = readJson(answer.stdout, isTargets);
    const { stages } = parseDockerfile(text);
    expect(stages.length).toBe(targets.length);
    expect(stages.map(({ name, from }) => [name, from.base, from.platform, from.line.startLine])).toEqual(
      targets.map(({ name, base, platform, location }) => [
        name,
        base,
        platform,
        location?.ranges[0]?.start.line,
      ]),
    );
  });

  it.each(LEXER_CASES.filter(({ expected }) => !('length' in expected)))('refuses too: $name', ({ file }) => {
    expect(call('targets', file).code).not.toBe(0);
  });

  it('does not fold the case of a FROM that names a stage', () => {
    const { code, stderr } = docker(engine, ['buildx', 'build', '-'], 'FROM scratch AS Up\nFROM Up\nCMD a\n');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/must be lowercase/);
  });
});

describeWithEngine('words, against BuildKit', (engine) => {
  const name = `chalk-dockerfile-${process.pid}-words`;
  const args = Object.keys(VARIABLES).map((variable) => `ARG ${variable}`);

  afterAll(() => void docker(engine, ['image', 'rm', '--force', name]));

  it(
    'expands every form to the same text',
    () => {
      const labels = EXPANSIONS.map(([word], index) => `LABEL w${index} ${word}`);
      const file = ['FROM scratch', ...args, ...labels, ''].join('\n');
      const options = Object.entries(VARIABLES).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
      mustDocker(
        engine,
        ['buildx', 'build', '--provenance=false', '--load', '-t', name, ...options, '-'],
        file,
      );
      const built = inspect(engine, [name])[0]?.Labels ?? {};
      expect(EXPANSIONS.map(([word], index) => [word, built[`w${index}`]])).toEqual(EXPANSIONS);
    },
    MINUTES,
  );

  it(
    'refuses the same words',
    () => {
      const outcomes = BAD_WORDS.map((word) => {
        const file = ['FROM scratch', 'ARG v=value', 'ARG empty=', `LABEL w ${word}`, ''].join('\n');
        return [word, docker(engine, ['buildx', 'build', '--call=outline', '-'], file).code === 0];
      });
      expect(outcomes.filter(([, passed]) => passed)).toEqual([]);
    },
    2 * MINUTES,
  );
});

describeWithEngine('configs, against BuildKit', (engine) => {
  const prefix = `chalk-dockerfile-${process.pid}`;
  const cases = CONFIG_CASES.map((item, index) => ({
    ...item,
    baseName: `${prefix}-base-${index}`,
    plainName: `${prefix}-plain-${index}`,
    wrappedName: `${prefix}-wrapped-${index}`,
    text: `${item.file.join('\n').replace(/\bBASE\b/, `${prefix}-base-${index}`)}\n`,
  }));
  const names = cases.flatMap(({ baseName, plainName, wrappedName }) => [baseName, plainName, wrappedName]);
  let bases: readonly InspectedConfig[] = [];
  let plain: readonly InspectedConfig[] = [];
  let wrapped: readonly InspectedConfig[] = [];

  const resolve = (index: number): EffectiveConfig | undefined => {
    const item = cases[index];
    const base = bases[index];
    if (item === undefined || base === undefined) return undefined;
    const { target, args } = item;
    const options = { ...(target === undefined ? {} : { target }), ...(args === undefined ? {} : { args }) };
    return resolveConfig(parseDockerfile(item.text), buildOptions(options), () => toBase(base));
  };

  /** The user's file with ENTRYPOINT and CMD written again at the end of the target, as the wrapper does. */
  const wrap = (index: number): string => {
    const file = parseDockerfile(cases[index]?.text ?? '');
    const config = resolve(index);
    if (config === undefined) return '';
    const casing = addedCasing(file);
    const lines = [
      execForm(inCasing('ENTRYPOINT', casing), ['/wrapper', ...config.entrypoint]),
      execForm(inCasing('CMD', casing), config.cmd),
    ];
    return new TextDecoder().decode(insertAtStageEnd(file, config.stages.target.stage, lines));
  };

  beforeAll(() => {
    const lines = (index: number): string =>
      ['FROM scratch', ...(cases[index]?.base.lines ?? []), ''].join('\n');
    const builds = (file: (index: number) => string, name: 'baseName' | 'plainName' | 'wrappedName'): void =>
      bake(
        engine,
        Object.fromEntries(
          cases.map((item, index) => {
            const { target, args } = name === 'baseName' ? {} : item;
            const build = {
              ...(target === undefined ? {} : { target }),
              ...(args === undefined ? {} : { args }),
            };
            return [item[name], { file: file(index), ...build }];
          }),
        ),
      );
    builds(lines, 'baseName');
    bases = inspect(
      engine,
      cases.map(({ baseName }) => baseName),
    );
    builds((index) => cases[index]?.text ?? '', 'plainName');
    plain = inspect(
      engine,
      cases.map(({ plainName }) => plainName),
    );
    builds(wrap, 'wrappedName');
    wrapped = inspect(
      engine,
      cases.map(({ wrappedName }) => wrappedName),
    );
  }, 5 * MINUTES);

  afterAll(() => void docker(engine, ['image', 'rm', '--force', ...names]), MINUTES);

  it.each(cases.map(({ name }, index) => [name, index] as const))('%s', (_name, index) => {
    const built = plain[index];
    const config = resolve(index);
    expect(config).toMatchObject({
      entrypoint: built?.Entrypoint ?? [],
      cmd: built?.Cmd ?? [],
      user: built?.User ?? '',
      shell: built?.Shell ?? [],
      onbuild: built?.OnBuild ?? [],
    });
    expect(wrapped[index]).toEqual({
      ...built,
      Entrypoint: ['/wrapper', ...(built?.Entrypoint ?? [])],
      ...((built?.Cmd ?? []).length > 0 ? { Cmd: built?.Cmd } : {}),
      ...(wrapped[index] && 'ArgsEscaped' in wrapped[index] ? { ArgsEscaped: true } : {}),
    });
  });

  it(
    'adds no finding to Docker’s checks but the one that can be skipped',
    () => {
      const findings = (file: string, check?: string): string => {
        const argument = check === undefined ? [] : ['--build-arg', `BUILDKIT_DOCKERFILE_CHECK=${check}`];
        return docker(engine, ['buildx', 'build', '--call=check,format=json', ...argument, '-'], file).stdout;
      };
      const rules = (json: string): unknown[] => {
        const { warnings = [] } = readJson(json, isFindings);
        return warnings.map(({ ruleName, location }) => [ruleName, location]);
      };
      for (const text of [
        'from scratch as a\nENTRYPOINT x\ncmd ["y"]\n',
        'FROM scratch\nCMD a\nentrypoint ["b"]\n',
      ]) {
        const file = parseDockerfile(text);
        const casing = addedCasing(file);
        const lines = [
          execForm(inCasing('ENTRYPOINT', casing), ['z']),
          execForm(inCasing('CMD', casing), ['y']),
        ];
        const edited = new TextDecoder().decode(insertAtStageEnd(file, file.stages[0], lines));
        const check = skipCheck(file.check, 'MultipleInstructionsDisallowed');
        expect(rules(findings(edited, check))).toEqual(rules(findings(text)));
        expect(rules(findings(text))).not.toEqual([]);
        expect(rules(findings(edited))).not.toEqual(rules(findings(text)));
      }
    },
    MINUTES,
  );
});

describeWithEngine('named contexts, against BuildKit', (engine) => {
  const prefix = `chalk-dockerfile-${process.pid}-context`;
  const image = `${prefix}-image`;
  const built = `${prefix}-built`;

  beforeAll(() => {
    bake(engine, { [image]: { file: 'FROM scratch\nCMD ["c"]\nUSER i\nONBUILD USER fired\n' } });
  });

  afterAll(() => void docker(engine, ['image', 'rm', '--force', image, built]));

  const named = `docker-image://docker.io/library/${image}`;
  const parent = 'FROM scratch AS p\nCMD ["p"]\nONBUILD ENTRYPOINT ["o"]\n';

  it.each([
    ['a base', 'FROM library/other:latest\nENTRYPOINT ["e"]\n', 'other', named],
    ['a base with a tag', 'FROM other:1\n', 'docker.io/library/other:1', named],
    ['a base by a folder', 'FROM other\nCMD ["d"]\n', 'other', import.meta.dirname],
    ['a base by nothing', 'FROM other\nCMD ["d"]\n', 'other', 'docker-image://scratch'],
    ['the target itself', parent, 'p', named],
    ['a parent stage', `${parent}FROM p\n`, 'p', named],
    ['a parent stage’s parent', `${parent}FROM p AS q\nFROM q\n`, 'p', named],
    ['scratch, which cannot be', 'FROM scratch\nCMD ["d"]\n', 'scratch', named],
  ])(
    'replaces %s',
    (_name, text, name, value) => {
      const options = ['--provenance=false', '--load', '-t', built, '--build-context', `${name}=${value}`];
      mustDocker(engine, ['buildx', 'build', ...options, '-'], text);
      const [found, base] = inspect(engine, [built, image]);
      const contexts = { [name]: value };
      const config = resolveConfig(parseDockerfile(text), buildOptions({ contexts }), () =>
        toBase(base ?? {}),
      );
      expect(config).toMatchObject({
        entrypoint: found?.Entrypoint ?? [],
        cmd: found?.Cmd ?? [],
        user: found?.User ?? '',
        onbuild: found?.OnBuild ?? [],
      });
    },
    MINUTES,
  );
});

function toBase(config: InspectedConfig): BaseConfig {
  return {
    entrypoint: config.Entrypoint ?? undefined,
    cmd: config.Cmd ?? undefined,
    user: config.User,
    shell: config.Shell ?? undefined,
    onbuild: config.OnBuild ?? undefined,
    env: config.Env ?? undefined,
  };
}
