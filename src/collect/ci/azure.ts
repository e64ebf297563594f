import { address, listOf, type CiSystem } from './system.ts';

export const azure: CiSystem = {
  name: 'Azure DevOps',
  activeIf: ['TF_BUILD', 'BUILD_BUILDID'],
  facts(variable) {
    const server = variable('SYSTEM_TEAMFOUNDATIONCOLLECTIONURI');
    const build = variable('BUILD_BUILDID');
    const project = encodeURIComponent(variable('SYSTEM_TEAMPROJECT'));
    return {
      BUILD_ID: variable('SYSTEM_JOBID'),
      BUILD_COMMIT_ID: variable('BUILD_SOURCEVERSION'),
      BUILD_URI: build === '' ? undefined : address(server, project, `_build/results?buildId=${build}`),
      BUILD_API_URI: server,
      BUILD_TRIGGER: variable('BUILD_REASON'),
      BUILD_CONTACT: listOf(variable('BUILD_REQUESTEDFOR')),
      BUILD_ORIGIN_ID: variable('BUILD_REPOSITORY_ID'),
      BUILD_ORIGIN_OWNER_ID: variable('SYSTEM_TEAMPROJECTID'),
      BUILD_ORIGIN_URI: variable('BUILD_REPOSITORY_URI'),
      BUILD_REF: variable('BUILD_SOURCEBRANCH'),
      BUILD_WORKFLOW_NAME: variable('BUILD_DEFINITIONNAME'),
      BUILD_WORKFLOW_PATH: variable('SYSTEM_DEFINITIONID'),
    };
  },
};
