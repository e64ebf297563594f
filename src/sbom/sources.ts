import { asChalkError, ChalkError } from '../base/errors.ts';
import type { Host } from '../host/host.ts';
import { cached } from './cache.ts';
import { readSbom } from './document.ts';
import { type Maker, type Origin, predicateTypeOf, type SbomLimits, type SbomSource } from './sbom.ts';

/** The first source that has an SBOM. One that fails is passed over; where nobody has one, the first failure is thrown. */
export function firstOf(sources: readonly SbomSource[]): SbomSource {
  return {
    make: async (target, format) => {
      const absent: string[] = [];
      let failure: ChalkError | undefined;
      for (const source of sources) {
        try {
          const attempt = await source.make(target, format);
          if (attempt.kind === 'made') return attempt;
          absent.push(attempt.why);
        } catch (error) {
          failure ??= asChalkError(error, 'SBOM_FAILED');
        }
      }
      if (failure !== undefined) throw failure;
      return { kind: 'absent', why: absent.join('; ') };
    },
  };
}

/** The user named this source: that it has nothing is a failure. */
export function demanded(source: SbomSource, hint: string): SbomSource {
  return {
    make: async (target, format) => {
      const attempt = await source.make(target, format);
      if (attempt.kind === 'made') return attempt;
      throw new ChalkError('SBOM_FAILED', `there is no SBOM of ${target.name}: ${attempt.why}`, { hint });
    },
  };
}

/** A program as a source, once it was found; `find` says why it was not. Only what is an SBOM gets into the cache. */
export function programSource(
  host: Host,
  origin: Origin,
  limits: SbomLimits,
  find: () => Promise<Maker | { readonly absent: string }>,
): SbomSource {
  return {
    make: async (target, format) => {
      const maker = await find();
      if ('absent' in maker) return { kind: 'absent', why: maker.absent };
      const { tool } = maker;
      const text = await cached(host, checked(maker), limits).make(target, format);
      return { kind: 'made', sbom: { format, predicateType: predicateTypeOf(format), text, tool, origin } };
    },
  };
}

/** What a program printed is believed after it was read. */
function checked(maker: Maker): Maker {
  return {
    tool: maker.tool,
    make: async (target, format) =>
      readSbom(await maker.make(target, format), format, { what: `what ${maker.tool.name} printed` }).text,
  };
}
