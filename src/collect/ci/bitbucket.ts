import { address, refOf, type CiSystem } from './system.ts';

export const bitbucket: CiSystem = {
  name: 'Bitbucket Pipelines',
  activeIf: ['BITBUCKET_BUILD_NUMBER', 'BITBUCKET_PIPELINE_UUID'],
  facts(variable) {
    const origin = variable('BITBUCKET_GIT_HTTP_ORIGIN');
    const tag = variable('BITBUCKET_TAG');
    return {
      BUILD_ID: variable('BITBUCKET_STEP_UUID'),
      BUILD_COMMIT_ID: variable('BITBUCKET_COMMIT'),
      BUILD_URI: address(origin, 'pipelines/results', variable('BITBUCKET_BUILD_NUMBER')),
      BUILD_TRIGGER: variable('BITBUCKET_PR_ID') !== '' ? 'pullrequest' : tag !== '' ? 'tag' : 'push',
      BUILD_ORIGIN_ID: variable('BITBUCKET_REPO_UUID'),
      BUILD_ORIGIN_OWNER_ID: variable('BITBUCKET_WORKSPACE'),
      BUILD_ORIGIN_URI: origin,
      BUILD_REF: refOf(tag, variable('BITBUCKET_BRANCH')),
      BUILD_WORKFLOW_NAME: variable('BITBUCKET_REPO_FULL_NAME'),
      BUILD_WORKFLOW_PATH: variable('BITBUCKET_PIPELINE_UUID'),
    };
  },
};
