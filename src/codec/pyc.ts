import { findMark } from '../mark/index.ts';
import { type Codec, type CodecFile, extensionOf, marked, sha256, trailingProblem } from './codec.ts';

const EXTENSIONS: ReadonlySet<string> = new Set(['pyc', 'pyo', 'pyd']);

/** Python bytecode, by extension alone: the mark stands at the end, HASH is of the bytes before it (Chalk `codecPythonPyc.nim`). */
export const pycCodec: Codec = {
  name: 'python_pyc',
  claims: ({ path }) => EXTENSIONS.has(extensionOf(path)),
  read(file) {
    const { found, problems } = findMark(file.bytes);
    return {
      mark: marked(found),
      unchalkedHash: sha256(unmarked(file)),
      artifactType: 'Python Bytecode',
      problems: [...problems, ...trailingProblem(found?.kind === 'mark' ? file.bytes.length - found.end : 0)],
    };
  },
  unmarked,
};

function unmarked({ bytes }: CodecFile): Uint8Array {
  const { found } = findMark(bytes);
  return found?.kind === 'mark' ? bytes.subarray(0, found.start) : bytes;
}
