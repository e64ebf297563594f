import { parsePlatform, type Platform } from '../../../src/base/platform.ts';
import { type BaseConfig, parseDockerfile, resolveConfig } from '../../../src/dockerfile/index.ts';
import {
  decidePlan,
  type InlinePlan,
  type PassPlan,
  type PlanInput,
  type Wrap,
} from '../../../src/plan/index.ts';

export interface Case {
  readonly platforms?: readonly string[];
  readonly target?: string;
  /** The base image's config, the same or one a platform. */
  readonly base?: BaseConfig | ((platform: Platform) => BaseConfig);
  readonly contexts?: Readonly<Record<string, string>>;
  readonly checkArgument?: string;
  readonly wrap?: Wrap;
  readonly runtimeConfig?: boolean;
  readonly canRetarget?: boolean;
}

export function platform(text: string): Platform {
  const parsed = parsePlatform(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

export function plan(text: string, options: Case = {}) {
  const dockerfile = parseDockerfile(new TextEncoder().encode(text));
  const { base = {} } = options;
  const configFor = (name: string): PlanInput['configs'][number] => ({
    platform: platform(name),
    config: resolveConfig(
      dockerfile,
      {
        ...(options.target === undefined ? {} : { target: options.target }),
        buildArgs: new Map(),
        namedContexts: new Map(Object.entries(options.contexts ?? {})),
        targetPlatform: platform(name),
        buildPlatform: platform('linux/amd64'),
      },
      (image) => (typeof base === 'function' ? base(image.platform) : base),
    ),
  });
  const [first = 'linux/amd64', ...others] = options.platforms ?? [];
  return decidePlan({
    dockerfile,
    configs: [configFor(first), ...others.map(configFor)],
    checkArgument: options.checkArgument,
    wrap: options.wrap ?? true,
    runtimeConfig: options.runtimeConfig ?? false,
    canRetarget: options.canRetarget ?? false,
  });
}

export function inline(text: string, options?: Case): InlinePlan {
  const made = plan(text, options);
  if (made.kind !== 'inline') throw new Error(`${made.reason.code}: ${made.reason.text}`);
  return made;
}

export function passed(text: string, options?: Case): PassPlan {
  const made = plan(text, options);
  if (made.kind !== 'pass') throw new Error(`${made.reason.code}: ${made.reason.text}`);
  return made;
}

export function textOf({ dockerfile }: InlinePlan): string {
  return new TextDecoder().decode(dockerfile);
}

export const SHIM = 'COPY --from=chalk-payload --chown=0:0 --chmod=0555 linux-amd64/programs /';
export const MARK = 'COPY --from=chalk-payload --chown=0:0 --chmod=0444 linux-amd64/chalk.json /chalk.json';
