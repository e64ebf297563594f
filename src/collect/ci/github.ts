import { address, listOf, type CiSystem } from './system.ts';

export const github: CiSystem = {
  name: 'GitHub Actions',
  activeIf: ['GITHUB_ACTIONS', 'GITHUB_SHA'],
  facts(variable) {
    const origin = address(variable('GITHUB_SERVER_URL'), variable('GITHUB_REPOSITORY'));
    const run = variable('GITHUB_RUN_ID');
    const attempt = variable('GITHUB_RUN_ATTEMPT');
    const job = variable('GITHUB_CHECK_RUN_ID');
    const page = address(origin ?? '', 'actions/runs', run);
    const event = variable('GITHUB_EVENT_NAME');
    return {
      BUILD_ID: job || run,
      BUILD_ATTEMPT: attempt,
      BUILD_COMMIT_ID: variable('GITHUB_SHA'),
      BUILD_URI: address(page ?? '', 'job', job) ?? address(page ?? '', 'attempts', attempt) ?? page,
      BUILD_API_URI: variable('GITHUB_API_URL'),
      BUILD_TRIGGER: event === 'push' && variable('GITHUB_REF_TYPE') === 'tag' ? 'tag' : event,
      BUILD_CONTACT: listOf(variable('GITHUB_ACTOR')),
      BUILD_ORIGIN_ID: variable('GITHUB_REPOSITORY_ID'),
      BUILD_ORIGIN_OWNER_ID: variable('GITHUB_REPOSITORY_OWNER_ID'),
      BUILD_ORIGIN_URI: origin,
      BUILD_REF: variable('GITHUB_REF'),
      BUILD_WORKFLOW_NAME: variable('GITHUB_WORKFLOW'),
      BUILD_WORKFLOW_PATH: variable('GITHUB_WORKFLOW_REF'),
      BUILD_WORKFLOW_HASH: variable('GITHUB_WORKFLOW_SHA'),
    };
  },
};
