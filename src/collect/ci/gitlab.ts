import { listOf, type CiSystem } from './system.ts';

export const gitlab: CiSystem = {
  name: 'GitLab CI',
  activeIf: ['GITLAB_CI'],
  facts: (variable) => ({
    BUILD_ID: variable('CI_JOB_ID'),
    BUILD_COMMIT_ID: variable('CI_COMMIT_SHA'),
    BUILD_URI: variable('CI_JOB_URL'),
    BUILD_API_URI: variable('CI_API_V4_URL'),
    BUILD_TRIGGER: variable('CI_PIPELINE_SOURCE'),
    BUILD_CONTACT: listOf(variable('GITLAB_USER_LOGIN')),
    BUILD_ORIGIN_ID: variable('CI_PROJECT_ID'),
    BUILD_ORIGIN_OWNER_ID: variable('CI_PROJECT_NAMESPACE_ID'),
    BUILD_ORIGIN_URI: variable('CI_PROJECT_URL'),
    BUILD_REF: variable('CI_MERGE_REQUEST_REF_PATH'),
    BUILD_WORKFLOW_NAME: variable('CI_PIPELINE_NAME'),
    BUILD_WORKFLOW_PATH: variable('CI_CONFIG_PATH'),
  }),
};
