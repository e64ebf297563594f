import { explain } from '../build/explain.ts';
import type { BakePreparation, TargetPlan } from './prepare.ts';

/** What `--explain` prints for a bake: every target's own plan below its name. */
export function explainBake(preparation: BakePreparation): string {
  const { errors } = preparation;
  if (preparation.kind === 'pass') {
    const { reason } = preparation;
    return explain({ kind: 'pass', plan: { kind: 'pass', reason }, errors }, []);
  }
  return preparation.targets.map((plan) => `target ${plan.target.name}\n${explainTarget(plan)}`).join('\n');
}

function explainTarget(plan: TargetPlan): string {
  switch (plan.kind) {
    case 'marked':
      return explain({ kind: 'prepared', build: plan.build }, plan.command.items);
    case 'labelled': {
      const { reason, why, build } = plan;
      return explain(
        { kind: 'fallback', plan: { kind: 'label', reason, why }, request: build.request, errors: [] },
        [],
      );
    }
    case 'patched': {
      const { reason, request } = plan;
      return explain({ kind: 'fallback', plan: { kind: 'patch', reason }, request, errors: [] }, []);
    }
    case 'left':
      return explain({ kind: 'pass', plan: { kind: 'pass', reason: plan.reason }, errors: [] }, []);
  }
}
