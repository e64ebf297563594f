import { listOf, refOf, type CiSystem } from './system.ts';

/** Jenkins' BUILD_ID is a name other systems use too, so its server's own variables decide. */
export const jenkins: CiSystem = {
  name: 'Jenkins',
  activeIf: ['JENKINS_URL', 'JENKINS_HOME', 'HUDSON_URL'],
  facts: (variable) => ({
    BUILD_ID: variable('BUILD_ID'),
    BUILD_COMMIT_ID: variable('GIT_COMMIT'),
    BUILD_URI: variable('BUILD_URL'),
    BUILD_API_URI: variable('JENKINS_URL'),
    BUILD_TRIGGER: variable('BUILD_CAUSE'),
    BUILD_CONTACT: listOf(variable('NODE_NAME')),
    BUILD_ORIGIN_ID: variable('JOB_NAME'),
    BUILD_ORIGIN_URI: variable('GIT_URL'),
    BUILD_REF: refOf('', variable('GIT_BRANCH').replace(/^origin\//, '')),
    BUILD_WORKFLOW_NAME: variable('JOB_NAME'),
    BUILD_WORKFLOW_PATH: variable('JOB_URL'),
  }),
};
