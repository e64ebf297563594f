import { listOf, type CiSystem, type Variable } from './system.ts';

export const codebuild: CiSystem = {
  name: 'AWS CodeBuild',
  activeIf: ['CODEBUILD_BUILD_ARN', 'CODEBUILD_SOURCE_REPO_URL'],
  facts(variable) {
    const source = variable('CODEBUILD_SOURCE_REPO_URL');
    const version = variable('CODEBUILD_SOURCE_VERSION');
    const isBucket = source.startsWith('s3://');
    return {
      BUILD_ID: variable('CODEBUILD_BUILD_ARN'),
      // For a source out of a bucket, the resolved version is no commit.
      BUILD_COMMIT_ID: isBucket ? undefined : variable('CODEBUILD_RESOLVED_SOURCE_VERSION'),
      BUILD_URI: variable('CODEBUILD_PUBLIC_BUILD_URL'),
      BUILD_TRIGGER: triggerOf(variable),
      BUILD_CONTACT: listOf(variable('CODEBUILD_INITIATOR')),
      BUILD_ORIGIN_URI: isBucket && version !== '' ? `${source}?versionId=${version}` : source,
    };
  },
};

/** `branch/main`, `tag/v1`, `pr/7`. */
function triggerOf(variable: Variable): string {
  const [event = ''] = variable('CODEBUILD_WEBHOOK_TRIGGER').split('/', 1);
  if (event === 'branch' || event === 'pr') return 'push';
  return event === '' || event === 'tag' ? event : `other: ${event}`;
}
