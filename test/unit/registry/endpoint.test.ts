import { describe, expect, test } from 'vitest';
import { parseImageRef } from '../../../src/base/image-ref.ts';
import { endpointOf } from '../../../src/registry/endpoint.ts';
import { insecureRegistries } from '../../../src/registry/index.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { TOOLS } from '../sbom/support.ts';

describe('names people use', () => {
  test.each([
    ['alpine', 'registry-1.docker.io', 'library/alpine', 'https://index.docker.io/v1/'],
    ['index.docker.io/org/app', 'registry-1.docker.io', 'org/app', 'https://index.docker.io/v1/'],
    ['registry-1.docker.io/org/app', 'registry-1.docker.io', 'org/app', 'https://index.docker.io/v1/'],
    ['ghcr.io/owner/app', 'ghcr.io', 'owner/app', 'ghcr.io'],
    ['quay.io/org/app', 'quay.io', 'org/app', 'quay.io'],
    ['public.ecr.aws/alias/app', 'public.ecr.aws', 'alias/app', 'public.ecr.aws'],
    [
      '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app',
      '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
      'team/app',
      '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
    ],
    [
      'harbor.example.com:8443/project/sub/app',
      'harbor.example.com:8443',
      'project/sub/app',
      'harbor.example.com:8443',
    ],
    ['localhost/app', 'localhost', 'app', 'localhost'],
  ])('%s', (name, host, repository, key) => {
    const ref = parseImageRef(name);
    const endpoint = endpointOf(ref?.registry ?? '');
    expect([endpoint.host, ref?.repository, endpoint.credentialKeys[0]]).toEqual([host, repository, key]);
  });
});

describe('where TLS is not asked for', () => {
  test.each([
    ['ghcr.io', [], false, true],
    ['localhost', [], true, true],
    ['localhost:5000', [], true, true],
    ['127.0.0.1:5000', [], true, true],
    ['127.1.2.3:5000', [], true, true],
    ['[::1]:5000', [], true, true],
    ['localhost.example.com', [], false, true],
    ['127.0.0.1.example.com', [], false, true],
    ['registry.lan:5000', ['registry.lan:5000'], true, false],
    ['Registry.lan:5000', ['registry.LAN:5000'], true, false],
    ['registry.lan:5001', ['registry.lan:5000'], false, true],
    ['10.1.2.3:5000', ['10.0.0.0/8'], true, false],
    ['11.1.2.3:5000', ['10.0.0.0/8'], false, true],
    ['10.1.2.3:5000', ['10.1.2.3/32', '::1/128'], true, false],
    ['10.1.2.3:5000', ['10.0.0.0/', '/8', 'x/8', '10.0.0.0/99x'], false, true],
    ['docker.io', ['docker.io', '0.0.0.0/0'], false, true],
    // Engines list loopback; that is no reason to take any certificate there.
    ['127.0.0.1:5000', ['127.0.0.0/8'], true, true],
  ])('%s with %j', (registry, insecure, plainAllowed, verify) => {
    expect(endpointOf(registry, insecure)).toMatchObject({ plainAllowed, verify });
  });
});

describe('the engine’s settings', () => {
  const answer = JSON.stringify({
    InsecureRegistryCIDRs: ['10.0.0.0/8', '127.0.0.0/8'],
    IndexConfigs: { 'plain.example:5000': { Secure: false }, 'docker.io': { Secure: true } },
  });
  const engine = () => fakeHost({ run: () => exited(answer) });

  test('are read', async () => {
    const host = engine();
    const all = ['10.0.0.0/8', '127.0.0.0/8', 'plain.example:5000'];
    await expect(insecureRegistries(host, TOOLS)).resolves.toEqual(all);
    await expect(insecureRegistries(host, TOOLS, 'ghcr.io')).resolves.toEqual(all);
    await expect(insecureRegistries(fakeHost(), TOOLS)).resolves.toEqual([]);
  });

  test.each(['docker.io', 'index.docker.io', 'localhost:5000', '127.0.0.1:5000', '[::1]:5000'])(
    'change nothing for %s, and are not asked for',
    async (registry) => {
      const host = engine();
      const insecure = await insecureRegistries(host, TOOLS, registry);
      expect([insecure, host.ran]).toEqual([[], []]);
      expect(endpointOf(registry, ['127.0.0.0/8', registry])).toEqual(endpointOf(registry));
    },
  );
});
