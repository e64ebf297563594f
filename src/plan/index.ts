export { decidePlan, type PlanInput, type PlatformConfig, programsFor, SHIM_PLATFORMS } from './decide.ts';
export { decideFallback, type FallbackInput } from './fallback.ts';
export { understandsNamedContexts } from './frontend.ts';
export { PAYLOAD_CONTEXT, SHIM_PATH } from './lines.ts';
export {
  type InlinePlan,
  type LabelPlan,
  pass,
  type PassPlan,
  type PatchPlan,
  type PlannedPlatform,
  type Reason,
  type ReasonCode,
  type Wrapping,
} from './plan.ts';
export { decideWrapping, RUNTIME_MODES, type RuntimeMode, type Wrap, type WrapDecision } from './wrapping.ts';
