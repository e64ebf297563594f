import { describe, expect, test } from 'vitest';
import { atRunTime, collectCi } from '../../../src/collect/index.ts';
import { fakeHost } from './fake-host.ts';

/** A value that must appear in no fact. */
const CANARY = 'c4n4ry-s3cr3t';

/** What is in the environment of any build, and what nobody may publish. */
const SECRETS = {
  CI: 'true',
  PATH: '/usr/bin',
  GITHUB_TOKEN: CANARY,
  ACTIONS_RUNTIME_TOKEN: CANARY,
  CI_JOB_TOKEN: CANARY,
  CI_REGISTRY_PASSWORD: CANARY,
  BUILDKITE_AGENT_ACCESS_TOKEN: CANARY,
  CIRCLE_TOKEN: CANARY,
  SYSTEM_ACCESSTOKEN: CANARY,
  AWS_SECRET_ACCESS_KEY: CANARY,
  BITBUCKET_STEP_OIDC_TOKEN: CANARY,
};

const SHA = '0123456789abcdef0123456789abcdef01234567';

const GITHUB = {
  GITHUB_ACTIONS: 'true',
  GITHUB_SHA: SHA,
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'octocat/hello',
  GITHUB_REPOSITORY_ID: '123',
  GITHUB_REPOSITORY_OWNER_ID: '456',
  GITHUB_RUN_ID: '1658821493',
  GITHUB_RUN_ATTEMPT: '3',
  GITHUB_API_URL: 'https://api.github.com',
  GITHUB_ACTOR: 'octocat',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_REF: 'refs/heads/main',
  GITHUB_REF_TYPE: 'branch',
  GITHUB_WORKFLOW: 'CI',
  GITHUB_WORKFLOW_REF: 'octocat/hello/.github/workflows/ci.yml@refs/heads/main',
  GITHUB_WORKFLOW_SHA: SHA,
};

const GITHUB_FACTS = {
  BUILD_ID: '1658821493',
  BUILD_ATTEMPT: '3',
  BUILD_COMMIT_ID: SHA,
  BUILD_URI: 'https://github.com/octocat/hello/actions/runs/1658821493/attempts/3',
  BUILD_API_URI: 'https://api.github.com',
  BUILD_TRIGGER: 'push',
  BUILD_CONTACT: ['octocat'],
  BUILD_ORIGIN_ID: '123',
  BUILD_ORIGIN_OWNER_ID: '456',
  BUILD_ORIGIN_URI: 'https://github.com/octocat/hello',
  BUILD_REF: 'refs/heads/main',
  BUILD_WORKFLOW_NAME: 'CI',
  BUILD_WORKFLOW_PATH: 'octocat/hello/.github/workflows/ci.yml@refs/heads/main',
  BUILD_WORKFLOW_HASH: SHA,
};

const GITLAB = {
  GITLAB_CI: 'true',
  CI_JOB_ID: '50',
  CI_COMMIT_SHA: SHA,
  CI_JOB_URL: 'https://gitlab.example/g/p/-/jobs/50',
  CI_API_V4_URL: 'https://gitlab.example/api/v4',
  CI_PIPELINE_SOURCE: 'merge_request_event',
  GITLAB_USER_LOGIN: 'ada',
  CI_PROJECT_ID: '34',
  CI_PROJECT_NAMESPACE_ID: '7',
  CI_PROJECT_URL: 'https://gitlab.example/g/p',
  CI_REPOSITORY_URL: `https://gitlab-ci-token:${CANARY}@gitlab.example/g/p.git`,
  CI_MERGE_REQUEST_REF_PATH: 'refs/merge-requests/1/head',
  CI_PIPELINE_NAME: 'release',
  CI_CONFIG_PATH: '.gitlab-ci.yml',
};

const JENKINS = {
  JENKINS_URL: 'https://jenkins.example/',
  BUILD_ID: '153',
  GIT_COMMIT: SHA,
  BUILD_URL: 'https://jenkins.example/job/app/153/',
  BUILD_CAUSE: 'SCMTRIGGER',
  NODE_NAME: 'agent-1',
  JOB_NAME: 'app',
  JOB_URL: `https://admin:${CANARY}@jenkins.example/job/app/`,
  GIT_URL: `https://bot:${CANARY}@git.example/acme/app.git`,
  GIT_BRANCH: 'origin/feature/x',
};

const BUILDKITE = {
  BUILDKITE: 'true',
  BUILDKITE_JOB_ID: 'e44f9784',
  BUILDKITE_COMMIT: SHA,
  BUILDKITE_BUILD_URL: 'https://buildkite.com/acme/app/builds/1514',
  BUILDKITE_SOURCE: 'webhook',
  BUILDKITE_BUILD_CREATOR: 'Ada L',
  BUILDKITE_PIPELINE_ID: 'pipe-uuid',
  BUILDKITE_ORGANIZATION_SLUG: 'acme',
  BUILDKITE_REPO: `https://x-token:${CANARY}@git.example/acme/app.git`,
  BUILDKITE_BRANCH: 'main',
  BUILDKITE_PIPELINE_SLUG: 'app',
  BUILDKITE_STEP_KEY: 'docker',
};

const CODEBUILD = {
  CODEBUILD_BUILD_ARN: 'arn:aws:codebuild:eu-west-1:1:build/app:b1',
  CODEBUILD_RESOLVED_SOURCE_VERSION: SHA,
  CODEBUILD_SOURCE_VERSION: 'main',
  CODEBUILD_PUBLIC_BUILD_URL: 'https://eu-west-1.codebuild.example/b1',
  CODEBUILD_WEBHOOK_TRIGGER: 'branch/main',
  CODEBUILD_INITIATOR: 'ada',
  CODEBUILD_SOURCE_REPO_URL: `https://${CANARY}@git.example/acme/app.git`,
};

const CIRCLECI = {
  CIRCLECI: 'true',
  CIRCLE_WORKFLOW_JOB_ID: 'job-uuid',
  CIRCLE_SHA1: SHA,
  CIRCLE_BUILD_URL: 'https://circleci.com/gh/acme/app/17',
  CIRCLE_USERNAME: 'ada',
  CIRCLE_PROJECT_ID: 'project-uuid',
  CIRCLE_ORGANIZATION_ID: 'org-uuid',
  CIRCLE_REPOSITORY_URL: 'git@github.com:acme/app.git',
  CIRCLE_TAG: 'v1.0',
  CIRCLE_WORKFLOW_ID: 'workflow-uuid',
  CIRCLE_JOB: 'build',
};

const AZURE = {
  TF_BUILD: 'True',
  SYSTEM_JOBID: '12f1170f',
  BUILD_BUILDID: '42',
  BUILD_SOURCEVERSION: SHA,
  SYSTEM_TEAMFOUNDATIONCOLLECTIONURI: 'https://dev.azure.com/acme/',
  SYSTEM_TEAMPROJECT: 'My App',
  BUILD_REASON: 'IndividualCI',
  BUILD_REQUESTEDFOR: 'Ada L',
  BUILD_REPOSITORY_ID: 'repo-uuid',
  SYSTEM_TEAMPROJECTID: 'project-uuid',
  BUILD_REPOSITORY_URI: 'https://acme@dev.azure.com/acme/app/_git/app',
  BUILD_SOURCEBRANCH: 'refs/heads/main',
  BUILD_DEFINITIONNAME: 'app',
  SYSTEM_DEFINITIONID: '9',
};

const BITBUCKET = {
  BITBUCKET_BUILD_NUMBER: '5',
  BITBUCKET_STEP_UUID: '{step}',
  BITBUCKET_COMMIT: SHA,
  BITBUCKET_GIT_HTTP_ORIGIN: 'https://bitbucket.org/acme/app',
  BITBUCKET_REPO_UUID: '{repo}',
  BITBUCKET_WORKSPACE: 'acme',
  BITBUCKET_BRANCH: 'main',
  BITBUCKET_REPO_FULL_NAME: 'acme/app',
  BITBUCKET_PIPELINE_UUID: '{pipeline}',
};

const TEAMCITY = {
  TEAMCITY_VERSION: '2024.03',
  BUILD_NUMBER: '77',
  BUILD_VCS_NUMBER: SHA,
  BUILD_URL: 'https://teamcity.example/build/9001',
  TEAMCITY_BUILDCONF_NAME: 'Docker',
};

const FIXTURES: readonly [name: string, env: Record<string, string>, facts: Record<string, unknown>][] = [
  ['GitHub', GITHUB, GITHUB_FACTS],
  [
    'GitLab',
    GITLAB,
    {
      BUILD_ID: '50',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://gitlab.example/g/p/-/jobs/50',
      BUILD_API_URI: 'https://gitlab.example/api/v4',
      BUILD_TRIGGER: 'merge_request_event',
      BUILD_CONTACT: ['ada'],
      BUILD_ORIGIN_ID: '34',
      BUILD_ORIGIN_OWNER_ID: '7',
      BUILD_ORIGIN_URI: 'https://gitlab.example/g/p',
      BUILD_REF: 'refs/merge-requests/1/head',
      BUILD_WORKFLOW_NAME: 'release',
      BUILD_WORKFLOW_PATH: '.gitlab-ci.yml',
    },
  ],
  [
    'Jenkins',
    JENKINS,
    {
      BUILD_ID: '153',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://jenkins.example/job/app/153/',
      BUILD_API_URI: 'https://jenkins.example/',
      BUILD_TRIGGER: 'SCMTRIGGER',
      BUILD_CONTACT: ['agent-1'],
      BUILD_ORIGIN_ID: 'app',
      BUILD_ORIGIN_URI: 'https://git.example/acme/app.git',
      BUILD_REF: 'refs/heads/feature/x',
      BUILD_WORKFLOW_NAME: 'app',
      BUILD_WORKFLOW_PATH: 'https://jenkins.example/job/app/',
    },
  ],
  [
    'Buildkite',
    BUILDKITE,
    {
      BUILD_ID: 'e44f9784',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://buildkite.com/acme/app/builds/1514',
      BUILD_TRIGGER: 'webhook',
      BUILD_CONTACT: ['Ada L'],
      BUILD_ORIGIN_ID: 'pipe-uuid',
      BUILD_ORIGIN_OWNER_ID: 'acme',
      BUILD_ORIGIN_URI: 'https://git.example/acme/app.git',
      BUILD_REF: 'refs/heads/main',
      BUILD_WORKFLOW_NAME: 'app',
      BUILD_WORKFLOW_PATH: 'docker',
    },
  ],
  [
    'CodeBuild',
    CODEBUILD,
    {
      BUILD_ID: 'arn:aws:codebuild:eu-west-1:1:build/app:b1',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://eu-west-1.codebuild.example/b1',
      BUILD_TRIGGER: 'push',
      BUILD_CONTACT: ['ada'],
      BUILD_ORIGIN_URI: 'https://git.example/acme/app.git',
    },
  ],
  [
    'CircleCI',
    CIRCLECI,
    {
      BUILD_ID: 'job-uuid',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://circleci.com/gh/acme/app/17',
      BUILD_CONTACT: ['ada'],
      BUILD_ORIGIN_ID: 'project-uuid',
      BUILD_ORIGIN_OWNER_ID: 'org-uuid',
      BUILD_ORIGIN_URI: 'git@github.com:acme/app.git',
      BUILD_REF: 'refs/tags/v1.0',
      BUILD_WORKFLOW_NAME: 'workflow-uuid',
      BUILD_WORKFLOW_PATH: 'build',
    },
  ],
  [
    'Azure DevOps',
    AZURE,
    {
      BUILD_ID: '12f1170f',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://dev.azure.com/acme/My%20App/_build/results?buildId=42',
      BUILD_API_URI: 'https://dev.azure.com/acme/',
      BUILD_TRIGGER: 'IndividualCI',
      BUILD_CONTACT: ['Ada L'],
      BUILD_ORIGIN_ID: 'repo-uuid',
      BUILD_ORIGIN_OWNER_ID: 'project-uuid',
      BUILD_ORIGIN_URI: 'https://dev.azure.com/acme/app/_git/app',
      BUILD_REF: 'refs/heads/main',
      BUILD_WORKFLOW_NAME: 'app',
      BUILD_WORKFLOW_PATH: '9',
    },
  ],
  [
    'Bitbucket',
    BITBUCKET,
    {
      BUILD_ID: '{step}',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://bitbucket.org/acme/app/pipelines/results/5',
      BUILD_TRIGGER: 'push',
      BUILD_ORIGIN_ID: '{repo}',
      BUILD_ORIGIN_OWNER_ID: 'acme',
      BUILD_ORIGIN_URI: 'https://bitbucket.org/acme/app',
      BUILD_REF: 'refs/heads/main',
      BUILD_WORKFLOW_NAME: 'acme/app',
      BUILD_WORKFLOW_PATH: '{pipeline}',
    },
  ],
  [
    'TeamCity',
    TEAMCITY,
    {
      BUILD_ID: '77',
      BUILD_COMMIT_ID: SHA,
      BUILD_URI: 'https://teamcity.example/build/9001',
      BUILD_WORKFLOW_NAME: 'Docker',
    },
  ],
];

describe.each(FIXTURES)('%s', (_, env, facts) => {
  test('its facts, and nothing of the secrets around them', async () => {
    const collected = await collectCi(fakeHost({ ...SECRETS, ...env }));
    expect(collected).toEqual({ facts, errors: [] });
    expect(JSON.stringify(collected)).not.toContain(CANARY);
  });

  test('empty variables give no facts', async () => {
    const blank = Object.fromEntries(Object.keys(env).map((name, index) => [name, index === 0 ? 'x' : ' ']));
    const collected = await collectCi(fakeHost(blank));
    for (const value of Object.values(collected.facts)) {
      expect(value).not.toBe('');
      expect(value).not.toEqual([]);
      expect(value).not.toEqual(['']);
    }
  });
});

test.each([
  ['nothing', {}],
  ['CI alone', { CI: 'true' }],
  ['variables that belong to no one', { CI: 'true', BUILD_ID: '1', BUILD_URL: 'https://x', GIT_COMMIT: SHA }],
])('%s activates no system', async (_, env) => {
  expect(await collectCi(fakeHost(env))).toEqual({ facts: {}, errors: [] });
});

test('one system speaks: a Jenkins around does not mix in', async () => {
  expect((await collectCi(fakeHost({ ...JENKINS, ...GITHUB }))).facts).toEqual(GITHUB_FACTS);
});

test.each([
  [
    { GITHUB_CHECK_RUN_ID: '99' },
    { BUILD_ID: '99', BUILD_URI: 'https://github.com/octocat/hello/actions/runs/1658821493/job/99' },
  ],
  [{ GITHUB_RUN_ATTEMPT: '' }, { BUILD_URI: 'https://github.com/octocat/hello/actions/runs/1658821493' }],
  [
    { GITHUB_REF_TYPE: 'tag', GITHUB_REF: 'refs/tags/v1' },
    { BUILD_TRIGGER: 'tag', BUILD_REF: 'refs/tags/v1' },
  ],
  [{ GITHUB_REF_TYPE: 'tag', GITHUB_EVENT_NAME: 'release' }, { BUILD_TRIGGER: 'release' }],
])('GitHub with %j', async (env, facts) => {
  expect((await collectCi(fakeHost({ ...GITHUB, ...env }))).facts).toMatchObject(facts);
});

test.each([
  [{ CODEBUILD_WEBHOOK_TRIGGER: 'tag/v1' }, 'tag'],
  [{ CODEBUILD_WEBHOOK_TRIGGER: 'pr/7' }, 'push'],
  [{ CODEBUILD_WEBHOOK_TRIGGER: 'release/7' }, 'other: release'],
  [{ CODEBUILD_WEBHOOK_TRIGGER: '' }, undefined],
])('CodeBuild triggered by %j', async (env, trigger) => {
  expect((await collectCi(fakeHost({ ...CODEBUILD, ...env }))).facts['BUILD_TRIGGER']).toBe(trigger);
});

test('CodeBuild out of a bucket has a version and no commit', async () => {
  const env = { ...CODEBUILD, CODEBUILD_SOURCE_REPO_URL: 's3://b/src.zip', CODEBUILD_SOURCE_VERSION: 'v7' };
  const { facts } = await collectCi(fakeHost(env));
  expect(facts).toMatchObject({ BUILD_ORIGIN_URI: 's3://b/src.zip?versionId=v7' });
  expect(facts).not.toHaveProperty('BUILD_COMMIT_ID');
});

test.each([
  [
    { BITBUCKET_PR_ID: '3', BITBUCKET_TAG: 'v1' },
    { BUILD_TRIGGER: 'pullrequest', BUILD_REF: 'refs/tags/v1' },
  ],
  [{ BITBUCKET_TAG: 'v1' }, { BUILD_TRIGGER: 'tag', BUILD_REF: 'refs/tags/v1' }],
])('Bitbucket with %j', async (env, facts) => {
  expect((await collectCi(fakeHost({ ...BITBUCKET, ...env }))).facts).toMatchObject(facts);
});

test('TeamCity reads its properties file', async () => {
  const properties = [
    '#TeamCity build properties',
    '',
    'teamcity.build.id=9001',
    'teamcity.serverUrl=https\\://teamcity.example',
    'teamcity.buildType.id=App_Docker',
    'teamcity.build.branch=main',
    'teamcity.build.triggeredBy.username=Zo\\u00eb',
    `teamcity.auth.password=${CANARY}`,
    'no value here',
  ].join('\r\n');
  const env = { ...TEAMCITY, TEAMCITY_BUILD_PROPERTIES_FILE: '/tc/build.properties' };
  const collected = await collectCi(fakeHost(env, { '/tc/build.properties': properties }));
  expect(collected.facts).toMatchObject({
    BUILD_ID: '9001',
    BUILD_API_URI: 'https://teamcity.example',
    BUILD_WORKFLOW_PATH: 'App_Docker',
    BUILD_REF: 'refs/heads/main',
    BUILD_CONTACT: ['Zoë'],
  });
  expect(JSON.stringify(collected)).not.toContain(CANARY);
});

test('TeamCity without its properties file keeps what it knows, and says so', async () => {
  const env = { ...TEAMCITY, TEAMCITY_BUILD_PROPERTIES_FILE: '/gone' };
  const { facts, errors } = await collectCi(fakeHost(env));
  expect(facts['BUILD_ID']).toBe('77');
  expect(errors.map(({ code }) => code)).toEqual(['FILE_UNREADABLE']);
});

test('a value too long to name anything is left out', async () => {
  const { facts } = await collectCi(fakeHost({ ...GITHUB, GITHUB_WORKFLOW: 'x'.repeat(5_000) }));
  expect(facts).not.toHaveProperty('BUILD_WORKFLOW_NAME');
});

test('atRunTime', () => {
  expect(atRunTime({ BUILD_ID: '1' })).toEqual({ _BUILD_ID: '1' });
});
