import * as fc from 'fast-check';

import { type MarkValue, float } from '../../../src/mark/index.ts';

const strings = fc.string({ unit: 'binary', maxLength: 20 });
const keys = fc.oneof(strings, fc.constantFrom('1', '0', '__proto__', 'constructor', 'A', 'B'));
const integers = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
const floats = fc.double({ noNaN: true, noDefaultInfinity: true }).map(float);

/** Any value a mark can hold, nested a few levels; floats only on request, since their encoding hides changes. */
export function arbitraryValue({ withFloats }: { withFloats: boolean }): fc.Arbitrary<MarkValue> {
  return fc.letrec<{ value: MarkValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      strings,
      integers,
      fc.boolean(),
      fc.constant(null),
      ...(withFloats ? [floats] : []),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
    ),
  })).value;
}

/** Keys a caller might seal: two that are required, and some of its own. */
export function arbitraryKeys({
  withFloats,
}: {
  withFloats: boolean;
}): fc.Arbitrary<Record<string, MarkValue>> {
  const own = fc.string({ unit: fc.constantFrom(...'ABCXYZ_$09'.split('')), minLength: 1, maxLength: 8 });
  return fc
    .dictionary(
      own.filter((key) => !key.startsWith('_')),
      arbitraryValue({ withFloats }),
      { maxKeys: 6 },
    )
    .map((record) => ({
      ...record,
      CHALK_ID: 'EVJ0P3-6ZYG-D47A-Q22TYJ',
      CHALK_VERSION: '1.1.3',
    }));
}
