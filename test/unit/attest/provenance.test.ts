import { expect, test } from 'vitest';
import {
  BUILD_TYPE,
  imageUri,
  type Provenance,
  withoutPaths,
  writeProvenance,
} from '../../../src/attest/index.ts';

const PROVENANCE: Provenance = {
  parameters: { command: ['docker', 'build', '.'], platforms: ['linux/amd64'], buildArgs: ['A'] },
  internal: { builderDriver: 'docker' },
  dependencies: [{ name: 'source', digest: { gitCommit: 'ab'.repeat(20) } }],
  builder: 'local',
  versions: { 'docker-chalk': '0.1.0' },
  invocation: 'id',
  started: 1_700_000_000_999,
  finished: 1_700_000_001_000,
};

test('SLSA provenance v1: the members it must have, and none that claims a level', () => {
  expect(JSON.parse(writeProvenance(PROVENANCE))).toEqual({
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: PROVENANCE.parameters,
      internalParameters: { builderDriver: 'docker' },
      resolvedDependencies: PROVENANCE.dependencies,
    },
    runDetails: {
      builder: {
        id: 'urn:docker-chalk:builder:local',
        version: { 'docker-chalk': '0.1.0' },
      },
      metadata: {
        invocationId: 'id',
        startedOn: '2023-11-14T22:13:20Z',
        finishedOn: '2023-11-14T22:13:21Z',
      },
    },
  });
});

test.each([
  [
    ['docker', 'build', '/home/ada/project'],
    ['docker', 'build', '<<path>>'],
  ],
  [['--file=/home/ada/Dockerfile'], ['--file=<<path>>']],
  [
    ['--file=sub/Dockerfile', '../x', '.'],
    ['--file=sub/Dockerfile', '../x', '.'],
  ],
  [['--output=type=local,dest=/home/ada/out,x=/y'], ['--output=type=local,dest=<<path>>,x=<<path>>']],
  [['--file=file:///home/ada/f'], ['--file=<<path>>']],
  [['https://git.example.com/x.git#main:sub'], ['https://git.example.com/x.git#main:sub']],
  [['--tag=127.0.0.1:5000/a/b:v1'], ['--tag=127.0.0.1:5000/a/b:v1']],
])('%j without paths of the machine: %j', (words, expected) => {
  expect(withoutPaths(words)).toEqual(expected);
});

test.each([
  ['docker.io', 'library/busybox', '1', undefined, 'pkg:docker/busybox@1'],
  ['docker.io', 'team/app', undefined, 'linux/arm64', 'pkg:docker/team/app?platform=linux%2Farm64'],
  ['127.0.0.1:5000', 'a', 'v1', undefined, 'pkg:docker/127.0.0.1:5000/a@v1'],
])('%s %s %s %s is %s, as BuildKit writes it', (registry, repository, tag, platform, expected) => {
  expect(imageUri(registry, repository, tag, platform)).toBe(expected);
});
