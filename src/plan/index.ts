export { decidePlan, type PlanInput, type PlatformConfig, SHIM_PLATFORMS } from './decide.ts';
export { decideFallback, type FallbackInput } from './fallback.ts';
export { understandsNamedContexts } from './frontend.ts';
export { PAYLOAD_CONTEXT, SHIM_PATH } from './lines.ts';
export {
  type InlinePlan,
  type LabelPlan,
  pass,
  type PassPlan,
  type PatchPlan,
  type Plan,
  type PlannedPlatform,
  type Reason,
  type ReasonCode,
  type Wrapping,
} from './plan.ts';
export { decideWrapping, type WrapDecision } from './wrapping.ts';
