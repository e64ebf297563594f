import { explain } from '../build/explain.ts';
import type { BakePreparation } from './prepare.ts';

/** What `--explain` prints for a bake: every target's own plan below its name. */
export function explainBake(preparation: BakePreparation): string {
  const errors = preparation.errors;
  if (preparation.kind === 'pass') {
    return explain({ kind: 'pass', plan: preparation, errors }, []);
  }
  return preparation.targets
    .map((plan) => {
      const text =
        plan.kind === 'marked'
          ? explain({ kind: 'prepared', build: plan.build }, plan.command.items)
          : explain({ kind: 'pass', plan: { kind: 'pass', reason: plan.reason }, errors }, []);
      return `target ${plan.target.name}\n${text}`;
    })
    .join('\n');
}
