import { expect, test } from 'vitest';
import { askBuilder } from '../../../src/docker/builder-answer.ts';
import type { ProcessResult } from '../../../src/host/host.ts';
import { fakeHost } from '../../support/fake-host.ts';
import { toolsWith } from './support.ts';

const printed = (stdout: string): ProcessResult => ({
  kind: 'exited',
  code: 0,
  stdout: Buffer.from(stdout),
  stderr: '',
});

/** What `docker buildx inspect` prints, and what an engine answers that is asked how. */
async function platformFor(driver: string, inspected: string): Promise<[string | undefined, string[]]> {
  const host = fakeHost({
    run: ({ args }) => printed(args.includes('version') ? '28.0 28.1 linux/arm64\n' : inspected),
  });
  const { platform } = await askBuilder(host, toolsWith({ globals: ['-H', 'tcp://h:1'] }), {
    name: 'box',
    environment: {},
    driver,
  });
  const words = host.ran.map(({ args }) => args.join(' ').split(' --format')[0] ?? '');
  return [platform && `${platform.os}/${platform.architecture}`, words];
}

const node = (endpoint: string, more: string) =>
  `Name: box\nDriver: x\n\nNodes:\nName: box0\nEndpoint: ${endpoint}\nStatus: y\n${more}`;

test('the docker driver’s is the engine’s', async () => {
  expect(await platformFor('docker', '')).toEqual(['linux/arm64', ['-H tcp://h:1 version']]);
});

test.each(['docker-container', 'remote'])('%s: the first node’s first platform', async (driver) => {
  const text = `${node('unix:///s', 'Platforms: linux/s390x*, linux/amd64\n')}Name: box1\nPlatforms: linux/amd64\n`;
  expect(await platformFor(driver, text)).toEqual(['linux/s390x', ['-H tcp://h:1 buildx inspect box']]);
});

test.each([
  ['unix:///s', '--config /home/u/.docker --host unix:///s version'],
  ['colima', '--config /home/u/.docker --context colima version'],
])('a container that is yet to be made builds for the engine at %s', async (endpoint, words) => {
  const [platform, asked] = await platformFor('docker-container', node(endpoint, ''));
  expect([platform, asked.at(-1)]).toEqual(['linux/arm64', words]);
});

test('a remote builder that does not answer says nothing', async () => {
  expect((await platformFor('remote', node('tcp://h:2', '')))[0]).toBeUndefined();
  expect((await platformFor('docker-container', ''))[0]).toBeUndefined();
});

test.each([
  ['docker', '20.10.24+dfsg1', '', false],
  ['docker', '23.0.0', '', true],
  ['docker', '28.5.2', '', true],
  ['docker', 'dev', '', true],
  ['remote', '', 'BuildKit version: v0.9.3\n', false],
  ['remote', '', 'Buildkit: v0.10.0\n', true],
  ['docker-container', '', 'BuildKit version: v0.25.2\n', true],
  ['docker-container', '', 'BuildKit version: v1.0.0\n', true],
  ['docker-container', '', 'BuildKit version: v0.0.0+unknown\n', true],
  ['docker-container', '', '', true],
])('named contexts: %s, engine %j, %j', async (driver, server, line, expected) => {
  const inspected = node('unix:///s', `Platforms: linux/amd64\n${line}`);
  const host = fakeHost({
    run: ({ args }) => printed(args.includes('version') ? `28.0 ${server} linux/amd64\n` : inspected),
  });
  const { namedContexts } = await askBuilder(host, toolsWith(), { name: 'box', environment: {}, driver });
  expect(namedContexts).toBe(expected);
});
