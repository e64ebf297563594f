import { type CodecFile, extensionOf } from './codec.ts';

/** Longest shebang line that is looked at; kernels read 256 bytes. */
const MAX_SHEBANG_BYTES = 1024;
const DEFAULT_LANGUAGE = 'sh';

/** Languages whose comments start with `//`; every other, also an unknown one, is given `#` (Chalk `codecSource.nim`). */
const SLASH_COMMENTS: ReadonlySet<string> = new Set(['terraform', 'node', 'php']);

const EXTENSIONS: Readonly<Record<string, string>> = {
  python: 'py py3 pyi pyp pyt pyw pyde bzl bazel cgi fcgi gyp gypi lmi rpy spec tac wsgi xpy',
  node: 'js mjs cjs es es6 jsm jsx jsb jscad jsfl jslib jspre jss frag gs njs pac sjs ssjs xsjs xsjslib',
  ruby: 'rb builder eye gemspec god jbuilder mspec pluginspec podspec rabl rake rbuild rbw rbx ru ruby thor watchr',
  perl: 'pl pm al perl ph plx psgi t',
  php: 'php aw ctp php3 php4 php5 phps phpt',
  sh: 'sh bash fish bats command tmux tool',
  zsh: 'zsh',
  csh: 'csh',
  tcsh: 'tcsh',
  ksh: 'ksh',
  tcl: 'tcl tk itk adp tm',
  terraform: 'tf tfvars hcl nomad workflow',
  awk: 'awk auk gawk mawk nawk',
  expect: 'exp',
};

const LANGUAGE_OF_EXTENSION: ReadonlyMap<string, string> = new Map(
  Object.entries(EXTENSIONS).flatMap(([language, list]) =>
    list.split(' ').map((extension) => [extension, language]),
  ),
);

/** The language of a script: its shebang's interpreter, else that of its extension, else `sh`. */
export function languageOf({ path, bytes }: CodecFile): string {
  const shebang = shebangOf(bytes);
  const interpreter = shebang === undefined ? undefined : interpreterOf(shebang);
  return interpreter ?? LANGUAGE_OF_EXTENSION.get(extensionOf(path)) ?? DEFAULT_LANGUAGE;
}

export function commentPrefix(language: string): string {
  return SLASH_COMMENTS.has(language) ? '//' : '#';
}

/** The first line without its `#!`; undefined where there is no shebang. */
export function shebangOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return undefined;
  const head = Buffer.from(bytes.subarray(2, MAX_SHEBANG_BYTES)).toString('latin1');
  return head.split('\n', 1)[0]?.trim();
}

/** `/usr/bin/python3` is `python3`, but `/usr/bin/env python3.11` is `python`. */
function interpreterOf(shebang: string): string | undefined {
  const [program, ...words] = shebang.split(/\s+/);
  const name = baseName(program);
  if (name !== 'env') return name;
  return baseName(words.find((word) => !word.startsWith('-')))?.replace(/[0-9.]+$/, '') || undefined;
}

function baseName(path: string | undefined): string | undefined {
  return path?.slice(path.lastIndexOf('/') + 1) || undefined;
}
