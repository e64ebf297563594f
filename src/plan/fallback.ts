import { type LabelPlan, pass, type PassPlan, type PatchPlan, type Reason, type ReasonCode } from './plan.ts';

/** What is known of a build whose Dockerfile is not to be edited. */
export interface FallbackInput {
  /** Why it is not. */
  readonly reason: Reason;
  readonly destination: 'engine' | 'elsewhere' | 'nowhere';
  /** Why there will be no image, if so. */
  readonly noImage: string | undefined;
  readonly platforms: readonly { readonly os: string }[];
  /** Whether the user asked for attestations, which name the image by its digest. */
  readonly attestations: boolean;
}

/** These builds are none of our business, or nobody knows what they are. */
const LEFT_ALONE: ReadonlySet<ReasonCode> = new Set([
  'no-image',
  'argv',
  'bake',

  'engine-unreachable',
  'internal',
]);

/**
 * What to do where no lines can be added to the Dockerfile: patch the one image that docker leaves in the engine, else
 * label the image, else nothing. Pure.
 */
export function decideFallback(input: FallbackInput): PatchPlan | LabelPlan | PassPlan {
  const { reason, destination, noImage, platforms, attestations } = input;
  if (LEFT_ALONE.has(reason.code)) return { kind: 'pass', reason };
  if (noImage !== undefined) return pass('no-image', noImage);
  if (destination === 'nowhere') return pass('no-image', 'the image is kept nowhere');
  const label = (why: string): LabelPlan => ({ kind: 'label', reason, why });
  if (destination === 'elsewhere') return label('the image does not go to the engine alone');
  if (platforms.length > 1) return label('an image for several platforms cannot be patched');
  if (reason.code === 'platform-unsupported' || platforms.some(({ os }) => os !== 'linux')) {
    return label('only images for Linux can be patched');
  }
  if (attestations) return label('the attestations that were asked for name the image as it was built');
  return { kind: 'patch', reason };
}
