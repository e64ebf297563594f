import { listOf, refOf, type CiSystem } from './system.ts';

export const circleci: CiSystem = {
  name: 'CircleCI',
  activeIf: ['CIRCLECI', 'CIRCLE_BUILD_NUM'],
  facts: (variable) => ({
    BUILD_ID: variable('CIRCLE_WORKFLOW_JOB_ID'),
    BUILD_COMMIT_ID: variable('CIRCLE_SHA1'),
    BUILD_URI: variable('CIRCLE_BUILD_URL'),
    BUILD_CONTACT: listOf(variable('CIRCLE_USERNAME')),
    BUILD_ORIGIN_ID: variable('CIRCLE_PROJECT_ID'),
    BUILD_ORIGIN_OWNER_ID: variable('CIRCLE_ORGANIZATION_ID'),
    BUILD_ORIGIN_URI: variable('CIRCLE_REPOSITORY_URL'),
    BUILD_REF: refOf(variable('CIRCLE_TAG'), variable('CIRCLE_BRANCH')),
    BUILD_WORKFLOW_NAME: variable('CIRCLE_WORKFLOW_ID'),
    BUILD_WORKFLOW_PATH: variable('CIRCLE_JOB'),
  }),
};
