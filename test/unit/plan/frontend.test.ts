import { expect, test } from 'vitest';
import { understandsNamedContexts } from '../../../src/plan/index.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

test.each([
  'docker/dockerfile',
  'docker/dockerfile:1',
  'docker/dockerfile:1.4',
  'docker/dockerfile:1.4.0',
  'docker/dockerfile:1.21-labs',
  'docker/dockerfile:2',
  'docker/dockerfile:latest',
  'docker/dockerfile:labs',
  'docker/dockerfile-upstream:master',
  'docker.io/docker/dockerfile:1.7',
  'mirror.example:5000/docker/dockerfile:1',
  'localhost:5000/mine/dockerfile:1.10',
  `docker/dockerfile@${DIGEST}`,
  `docker/dockerfile:1.5@${DIGEST}`,
])('%s has named contexts', (frontend) => {
  expect(understandsNamedContexts(frontend)).toBe(true);
});

test.each([
  'docker/dockerfile:1.3',
  'docker/dockerfile:1.3-labs',
  'docker/dockerfile:experimental',
  'docker/dockerfile:1-experimental',
  'docker/dockerfile:1.0.0-experimental',
  'docker/dockerfile:0.9',
  `docker/dockerfile:1.2@${DIGEST}`,
  'docker/dockerfile-copy:v0.1.9',
  'r2d4/mockerfile',
  'ghcr.io/x/dockerfile-x:1',
  'dockerfile.example/frontend',
  '',
  'Not An Image',
])('%s may have none', (frontend) => {
  expect(understandsNamedContexts(frontend)).toBe(false);
});
