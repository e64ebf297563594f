export { decidePlan, type PlanInput, type PlatformConfig } from './decide.ts';
export { understandsNamedContexts } from './frontend.ts';
export { PAYLOAD_CONTEXT, SHIM_PATH } from './lines.ts';
export {
  type InlinePlan,
  pass,
  type PassPlan,
  type Plan,
  type PlannedPlatform,
  type Reason,
  type ReasonCode,
} from './plan.ts';
