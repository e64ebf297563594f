import { type Codec, type CodecFile, type Reading } from './codec.ts';
import { elfCodec, elfLastResortCodec } from './elf.ts';
import { pycCodec } from './pyc.ts';
import { scriptCodec } from './script.ts';
import { zipCodec } from './zip.ts';

/** All codecs; the first that claims a file has it (Chalk `base_plugins.c4m`). */
export const CODECS: readonly Codec[] = [zipCodec, pycCodec, elfCodec, scriptCodec, elfLastResortCodec];

export function codecFor(file: CodecFile): Codec | undefined {
  return CODECS.find((codec) => codec.claims(file));
}

export interface ReadArtifact extends Reading {
  /** Name of the codec that read it. */
  readonly codec: string;
}

/** Reads a file with the codec that claims it; undefined where none does. Throws like `Codec.read`. */
export function readArtifact(file: CodecFile): ReadArtifact | undefined {
  const codec = codecFor(file);
  return codec && { codec: codec.name, ...codec.read(file) };
}
