import type { BaseConfig } from '../../../src/dockerfile/index.ts';

/** A stage on top of a base, and the config the image must have; the real BuildKit builds the same. */
export interface ConfigCase {
  readonly name: string;
  /** The base is built from these lines where the engine is asked; `config` is what that gives. */
  readonly base: { readonly lines: readonly string[]; readonly config: BaseConfig };
  /** The whole file; `BASE` stands for the base image. */
  readonly file: readonly string[];
  readonly target?: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly expected: {
    readonly entrypoint?: readonly string[];
    readonly cmd?: readonly string[];
    readonly user?: string;
    readonly shell?: readonly string[];
    readonly onbuild?: readonly string[];
  };
}

type Base = ConfigCase['base'];
type Expected = ConfigCase['expected'];

const PLAIN: Base = { lines: [], config: {} };
const BOTH: Base = {
  lines: ['ENTRYPOINT ["/e"]', 'CMD ["c"]', 'USER u', 'ENV A=1'],
  config: { entrypoint: ['/e'], cmd: ['c'], user: 'u', env: ['A=1'] },
};
const CMD_ONLY: Base = { lines: ['CMD ["c"]'], config: { cmd: ['c'] } };
const SHELL: Base = {
  lines: ['SHELL ["/bin/ash", "-ec"]', 'CMD c'],
  config: { shell: ['/bin/ash', '-ec'], cmd: ['/bin/ash', '-ec', 'c'] },
};

function onbuild(...triggers: readonly string[]): Base {
  return { lines: triggers.map((trigger) => `ONBUILD ${trigger}`), config: { onbuild: triggers } };
}

function from(name: string, base: Base, lines: readonly string[], expected: Expected): ConfigCase {
  return { name, base, file: ['FROM BASE', ...lines], expected };
}

function stages(name: string, file: readonly string[], expected: Expected, target?: string): ConfigCase {
  return { name, base: PLAIN, file, expected, ...(target === undefined ? {} : { target }) };
}

const SH = ['/bin/sh', '-c'];

export const CONFIG_CASES: readonly ConfigCase[] = [
  from('nothing at all', PLAIN, [], {}),
  from('all inherited', BOTH, [], { entrypoint: ['/e'], cmd: ['c'], user: 'u' }),
  from('ENTRYPOINT resets an inherited CMD', BOTH, ['ENTRYPOINT ["/n"]'], { entrypoint: ['/n'], user: 'u' }),
  from('also in shell form', CMD_ONLY, ['ENTRYPOINT n'], { entrypoint: [...SH, 'n'] }),
  from('also when empty', BOTH, ['ENTRYPOINT []'], { user: 'u' }),
  from('CMD leaves ENTRYPOINT alone', BOTH, ['CMD ["n"]'], { entrypoint: ['/e'], cmd: ['n'], user: 'u' }),
  from('CMD before ENTRYPOINT stays', BOTH, ['CMD ["n"]', 'ENTRYPOINT ["/n"]'], {
    entrypoint: ['/n'],
    cmd: ['n'],
    user: 'u',
  }),
  from('CMD after ENTRYPOINT stays', BOTH, ['ENTRYPOINT ["/n"]', 'CMD ["n"]'], {
    entrypoint: ['/n'],
    cmd: ['n'],
    user: 'u',
  }),
  from('an empty CMD counts as one', CMD_ONLY, ['CMD []', 'ENTRYPOINT ["/n"]'], { entrypoint: ['/n'] }),
  from('CMD []', BOTH, ['CMD []'], { entrypoint: ['/e'], user: 'u' }),
  from('ENTRYPOINT [""]', PLAIN, ['ENTRYPOINT [""]'], { entrypoint: [''] }),
  from('ENTRYPOINT [" ", ""]', PLAIN, ['ENTRYPOINT [" ", ""]'], { entrypoint: [' ', ''] }),
  from('bare ENTRYPOINT', PLAIN, ['ENTRYPOINT'], { entrypoint: [...SH, ''] }),
  from('bare CMD', PLAIN, ['CMD'], { cmd: [...SH, ''] }),
  from('shell form keeps quotes and blanks', PLAIN, ['CMD a  "b c"   $D'], { cmd: [...SH, 'a  "b c"   $D'] }),
  from('broken JSON is shell form', PLAIN, ['CMD ["a"', "ENTRYPOINT ['b']"], {
    cmd: [...SH, '["a"'],
    entrypoint: [...SH, "['b']"],
  }),
  from('JSON and more is shell form', PLAIN, ['CMD ["a"] x'], { cmd: [...SH, '["a"] x'] }),
  from('JSON escapes', PLAIN, ['CMD ["\\u0041\\n\\"", "é€"]'], { cmd: ['A\n"', 'é€'] }),
  from('a continued shell form', PLAIN, ['CMD a \\', '  b \\', '# c', '', ' d'], {
    cmd: [...SH, 'a   b  d'],
  }),
  from('the last of several wins', PLAIN, ['CMD a', 'ENTRYPOINT ["b"]', 'ENTRYPOINT ["d"]', 'CMD ["e"]'], {
    entrypoint: ['d'],
    cmd: ['e'],
  }),
  from('SHELL of the base', SHELL, ['ENTRYPOINT n'], {
    entrypoint: ['/bin/ash', '-ec', 'n'],
    shell: ['/bin/ash', '-ec'],
  }),
  from('SHELL counts from where it stands', PLAIN, ['CMD a', 'SHELL ["x"]', 'ENTRYPOINT b'], {
    entrypoint: ['x', 'b'],
    cmd: [...SH, 'a'],
    shell: ['x'],
  }),
  from('USER is expanded', BOTH, ['ARG B=2', 'ENV C="x y"', 'USER ${A}-$B-${C#x }-${D:-d}'], {
    entrypoint: ['/e'],
    cmd: ['c'],
    user: '1-2-y-d',
  }),
  {
    ...from('build arguments beat defaults', PLAIN, ['ARG B=2', 'ARG C', 'USER $B$C$D'], { user: 'bc' }),
    args: { B: 'b', C: 'c', D: 'undeclared' },
  },
  {
    name: 'a global argument is seen where it is declared again',
    base: PLAIN,
    file: ['ARG G=g', 'ARG H=h', 'FROM BASE', 'ARG G', 'USER ${G}${H:-none}'],
    expected: { user: 'gnone' },
  },
  from('ENV in one line does not see itself', PLAIN, ['ENV A=1', 'ENV A=2 B=$A', 'USER $A$B'], {
    user: '21',
  }),
  from('the last of ARG and ENV wins', PLAIN, ['ENV A=env', 'ARG A=arg', 'USER $A'], { user: 'arg' }),
  from('ONBUILD fires, CMD kept by ENTRYPOINT', onbuild('CMD ["o"]'), ['ENTRYPOINT ["/n"]'], {
    entrypoint: ['/n'],
    cmd: ['o'],
  }),
  from(
    'ONBUILD ENTRYPOINT resets the base',
    {
      lines: ['CMD ["c"]', 'ONBUILD ENTRYPOINT ["/o"]'],
      config: { cmd: ['c'], onbuild: ['ENTRYPOINT ["/o"]'] },
    },
    [],
    { entrypoint: ['/o'] },
  ),
  from(
    'ONBUILD USER, ENV, ARG and SHELL',
    onbuild('ENV A=a', 'ARG B=b', 'SHELL ["s"]', 'USER $A$B'),
    ['CMD x'],
    {
      user: 'ab',
      shell: ['s'],
      cmd: ['s', 'x'],
    },
  ),
  from('own ONBUILD goes into the image', PLAIN, ['ONBUILD CMD x', 'onbuild   COPY <<E /f', 'a', 'E'], {
    onbuild: ['CMD x', 'COPY <<E /f\na\nE'],
  }),
  stages(
    'CMD of a parent stage does not count',
    ['FROM BASE AS p', 'CMD ["p"]', 'FROM p', 'ENTRYPOINT ["/n"]'],
    {
      entrypoint: ['/n'],
    },
  ),
  stages(
    'a parent stage is inherited',
    ['FROM BASE AS p', 'CMD ["p"]', 'USER q', 'SHELL ["s"]', 'FROM p', 'ENTRYPOINT e', 'CMD f'],
    {
      entrypoint: ['s', 'e'],
      cmd: ['s', 'f'],
      user: 'q',
      shell: ['s'],
    },
  ),
  stages(
    'ONBUILD of a parent stage fires',
    ['FROM BASE AS p', 'ONBUILD CMD ["o"]', 'FROM p AS q', 'ENTRYPOINT ["/n"]', 'FROM q'],
    {
      entrypoint: ['/n'],
      cmd: ['o'],
    },
  ),
  stages('ONBUILD fires once only', ['FROM BASE AS p', 'ONBUILD USER o', 'FROM p AS q', 'USER q', 'FROM q'], {
    user: 'q',
  }),
  stages('ARG of a parent stage is seen', ['FROM BASE AS p', 'ARG A=a', 'FROM p', 'USER $A'], { user: 'a' }),
  stages('--target', ['FROM BASE AS p', 'CMD ["p"]', 'FROM p AS q', 'CMD ["q"]'], { cmd: ['p'] }, 'P'),
  stages('scratch', ['FROM scratch', 'COPY <<E /x', 'CMD no', 'E', 'CMD ["y"]'], { cmd: ['y'] }),
];
