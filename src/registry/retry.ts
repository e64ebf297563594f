import { RegistryFailure } from './failure.ts';
import type { RegistryRequests } from './registry.ts';

export interface RetryPolicy {
  readonly attempts: number;
  /** The first wait; each one after it is twice as long, and between half and the whole of that is waited. */
  readonly firstMs: number;
  /** A registry that asks for a longer wait than this gets none, and the caller its answer. */
  readonly longestMs: number;
  wait(ms: number): Promise<void>;
  /** From 0 up to 1. */
  random(): number;
}

/**
 * The same registry, which tries again what may go better the next time: broken connections, 429 and 5xx. Everything it
 * does can be done twice: content has its digest for a name, and an upload starts afresh. A stream is opened again, but
 * never continued.
 */
export function withRetries(registry: RegistryRequests, policy: RetryPolicy): RegistryRequests {
  const retried = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const delay = attempt < policy.attempts ? delayAfter(error, attempt, policy) : undefined;
        if (delay === undefined) throw error;
        await policy.wait(delay);
      }
    }
  };
  return {
    name: registry.name,
    getManifest: (...words) => retried(() => registry.getManifest(...words)),
    headManifest: (...words) => retried(() => registry.headManifest(...words)),
    putManifest: (...words) => retried(() => registry.putManifest(...words)),
    streamBlob: (...words) => retried(() => registry.streamBlob(...words)),
    readBlob: (...words) => retried(() => registry.readBlob(...words)),
    headBlob: (...words) => retried(() => registry.headBlob(...words)),
    putBlob: (...words) => retried(() => registry.putBlob(...words)),
    referrers: (...words) => retried(() => registry.referrers(...words)),
  };
}

function delayAfter(error: unknown, attempt: number, policy: RetryPolicy): number | undefined {
  if (!(error instanceof RegistryFailure) || !error.transient) return undefined;
  if (error.retryAfterMs !== undefined) {
    return error.retryAfterMs <= policy.longestMs ? error.retryAfterMs : undefined;
  }
  const full = Math.min(policy.longestMs, policy.firstMs * 2 ** (attempt - 1));
  return full * (0.5 + policy.random() / 2);
}
