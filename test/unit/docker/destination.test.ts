import { expect, test } from 'vitest';
import { parseCommand } from '../../../src/docker/argv/command.ts';
import { asksAttestations, imageDestination, pushesImage } from '../../../src/docker/destination.ts';

function items(line: string) {
  const parsed = parseCommand([], ['build', ...line.split(' ').filter((word) => word !== ''), '.']);
  if (parsed.kind !== 'command') throw new Error(line);
  return parsed.command.items;
}

test.each([
  ['', 'docker', 'engine'],
  ['-t x', 'docker', 'engine'],
  ['--load', 'docker', 'engine'],
  ['--push', 'docker', 'elsewhere'],
  ['--push=false', 'docker', 'engine'],
  ['-o type=docker', 'docker', 'engine'],
  ['-o type=docker,dest=x.tar', 'docker', 'elsewhere'],
  ['-o type=image,name=x', 'docker', 'engine'],
  ['-o type=image,name=x,push=true', 'docker', 'elsewhere'],
  ['-o type=image,push=false', 'docker', 'engine'],
  ['-o type=image --push', 'docker', 'elsewhere'],
  ['-o type=registry', 'docker', 'elsewhere'],
  ['-o type=oci,dest=x.tar', 'docker', 'elsewhere'],
  ['-o type=oci,dest=x.tar --load', 'docker', 'elsewhere'],
  ['-o type=docker -o type=oci,dest=x', 'docker', 'elsewhere'],
  ['-o out', 'docker', 'elsewhere'],
  ['', 'docker-container', 'elsewhere'],
  ['--load', 'docker-container', 'engine'],
  ['--load --push', 'docker-container', 'elsewhere'],
  ['-o type=docker', 'docker-container', 'engine'],
  ['-o type=image,name=x', 'docker-container', 'elsewhere'],
  ['--push', 'remote', 'elsewhere'],
])('build %s with the %s driver: %s', (line, driver, destination) => {
  expect(imageDestination(items(line), driver, {})).toBe(destination);
});

test('BUILDX_NO_DEFAULT_LOAD', () => {
  const env = { BUILDX_NO_DEFAULT_LOAD: 'true' };
  expect(imageDestination(items(''), 'docker', env)).toBe('nowhere');
  expect(imageDestination(items('--load'), 'docker', env)).toBe('engine');
  expect(imageDestination(items(''), 'docker', { BUILDX_NO_DEFAULT_LOAD: '0' })).toBe('engine');
});

test.each([
  ['', false],
  ['--provenance=false', false],
  ['--sbom=0 --provenance=FALSE', false],
  ['--attest type=sbom,disabled=true', false],
  ['--provenance=true', true],
  ['--provenance=mode=max', true],
  ['--sbom=true', true],
  ['--attest type=provenance,mode=min', true],
  ['--provenance=false --sbom=generator=x', true],
])('attestations asked for in %s: %s', (line, asked) => {
  expect(asksAttestations(items(line))).toBe(asked);
});

test.each([
  ['', false],
  ['--push', true],
  ['--push=false', false],
  ['-o type=registry', true],
  ['-o type=registry,name=x', true],
  ['-o type=image,push=true', true],
  ['-o name=x,push=true', true],
  ['-o type=image,"name=x,y",push=1', true],
  ['-o type=image,push=false', false],
  ['-o type=docker,push=true', false],
  ['-o out', false],
  ['-o type=local,dest=x -o type=registry', true],
])('%s is pushed: %s', (line, pushed) => {
  expect(pushesImage(items(line))).toBe(pushed);
});
