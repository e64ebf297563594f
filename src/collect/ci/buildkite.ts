import { listOf, refOf, type CiSystem } from './system.ts';

export const buildkite: CiSystem = {
  name: 'Buildkite',
  activeIf: ['BUILDKITE', 'BUILDKITE_BUILD_ID'],
  facts: (variable) => ({
    BUILD_ID: variable('BUILDKITE_JOB_ID'),
    BUILD_COMMIT_ID: variable('BUILDKITE_COMMIT'),
    BUILD_URI: variable('BUILDKITE_BUILD_URL'),
    BUILD_TRIGGER: variable('BUILDKITE_SOURCE'),
    BUILD_CONTACT: listOf(variable('BUILDKITE_BUILD_CREATOR')),
    BUILD_ORIGIN_ID: variable('BUILDKITE_PIPELINE_ID'),
    BUILD_ORIGIN_OWNER_ID: variable('BUILDKITE_ORGANIZATION_SLUG'),
    BUILD_ORIGIN_URI: variable('BUILDKITE_REPO'),
    BUILD_REF: refOf(variable('BUILDKITE_TAG'), variable('BUILDKITE_BRANCH')),
    BUILD_WORKFLOW_NAME: variable('BUILDKITE_PIPELINE_SLUG'),
    BUILD_WORKFLOW_PATH: variable('BUILDKITE_STEP_KEY'),
  }),
};
