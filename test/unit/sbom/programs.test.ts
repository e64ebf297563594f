import { describe, expect, test } from 'vitest';
import type { Command, ProcessResult } from '../../../src/host/host.ts';
import type { SbomSource } from '../../../src/sbom/sbom.ts';
import { scoutSource } from '../../../src/sbom/scout.ts';
import { syftSource } from '../../../src/sbom/syft.ts';
import { exited, fakeHost } from '../../support/fake-host.ts';
import { DIGEST, IN_ENGINE, inRegistry, matching, SPDX, TOOLS, words } from './support.ts';

const LIMITS = { timeoutMs: 5000, maxBytes: 100_000 };
const VERSION = exited(JSON.stringify({ application: 'syft', version: '1.18.1' }));
const ENV = {
  PATH: 'bin:/opt/bin',
  HOME: '/home/ada',
  HTTPS_PROXY: 'http://proxy:8080',
  AWS_SECRET_ACCESS_KEY: 'hidden',
  CHALK_PASSWORD: 'hidden',
  SYFT_REGISTRY_AUTH_PASSWORD: 'hidden',
  NODE_OPTIONS: '--require=x',
};

function syftHost(scan: (command: Command) => ProcessResult, more: Readonly<Record<string, string>> = {}) {
  return fakeHost({
    env: { ...ENV, ...more },
    programs: ['/opt/bin/syft', '/work/bin/syft', '/plugins/docker-scout'],
    run: (command) => (command.args.includes('version') ? VERSION : scan(command)),
  });
}

const failure = (stderr: string): ProcessResult => ({
  kind: 'exited',
  code: 1,
  stdout: new Uint8Array(),
  stderr,
});
const spdx = () => exited(JSON.stringify(SPDX));
const make = (source: SbomSource, target = inRegistry()) => source.make(target, 'spdx');

describe('syft', () => {
  test('reads a registry by digest, in a folder of ours, and is told what it needs', async () => {
    const host = syftHost(spdx);
    await expect(make(syftSource(host, TOOLS, LIMITS))).resolves.toMatchObject({ kind: 'made' });
    const [version, scan] = host.ran;
    expect(version).toMatchObject({ file: '/opt/bin/syft', args: ['version', '-o', 'json'] });
    expect(scan?.args).toEqual(
      [
        ...words(
          'scan registry:registry.example/app@DIGEST --platform linux/amd64 --quiet --output spdx-json@2.3',
        ),
        ...words('--source-name registry.example/app --source-version DIGEST'),
      ].map((word) => word.replace('DIGEST', DIGEST)),
    );
    expect(scan).toMatchObject({ timeoutMs: 5000, maxOutputBytes: 100_000, cwd: '/tmp/docker-chalk-sbom-x' });
    expect(scan?.env).toEqual({
      PATH: ENV.PATH,
      HOME: ENV.HOME,
      HTTPS_PROXY: ENV.HTTPS_PROXY,
      DOCKER_CONFIG: '/home/ada/.docker',
      TMPDIR: '/tmp/docker-chalk-sbom-x',
      SYFT_CHECK_FOR_APP_UPDATE: 'false',
    });
  });

  test.each([
    ['127.0.0.1:5000', { plain: true }, {}],
    ['10.0.0.1:5000', { plain: true }, { SYFT_REGISTRY_INSECURE_USE_HTTP: 'true' }],
    [
      'lan:5000',
      { plain: true, verify: false },
      { SYFT_REGISTRY_INSECURE_USE_HTTP: 'true', SYFT_REGISTRY_INSECURE_SKIP_TLS_VERIFY: 'true' },
    ],
  ])('is told of the registry %s what the engine knows', async (name, endpoint, expected) => {
    const host = syftHost(spdx);
    await make(syftSource(host, TOOLS, LIMITS), inRegistry(name, endpoint));
    const told = Object.entries(host.ran[1]?.env ?? {}).filter(([variable]) =>
      variable.startsWith('SYFT_REGISTRY'),
    );
    expect(Object.fromEntries(told)).toEqual(expected);
  });

  test('reads an image of the engine from what docker saves, without a network', async () => {
    const host = syftHost((command) => (command.file === '/usr/bin/docker' ? exited('') : spdx()));
    await expect(make(syftSource(host, TOOLS, LIMITS), IN_ENGINE)).resolves.toMatchObject({ kind: 'made' });
    const file = '/tmp/docker-chalk-sbom-x/image.tar';
    expect(host.ran[1]?.args).toEqual(
      words(`--context c image save --output ${file} --platform linux/amd64 -- ${DIGEST}`),
    );
    expect(host.ran[2]?.args.slice(0, 2)).toEqual(['scan', `docker-archive:${file}`]);
    expect(host.ran[2]?.env).not.toHaveProperty('HTTPS_PROXY');
  });

  test.each([
    ['unknown flag: --platform', 'linux/amd64', true],
    [
      '"--platform" requires API version 1.48, but the Docker daemon API version is 1.41',
      'linux/amd64',
      true,
    ],
    [
      '"--platform" requires API version 1.48, but the Docker daemon API version is 1.41',
      'linux/arm64',
      false,
    ],
    ['no space left on device', 'linux/amd64', false],
  ])('an engine that says %s, for %s', async (stderr, platform, works) => {
    const host = syftHost((command) => {
      if (command.file !== '/usr/bin/docker') return spdx();
      return command.args.includes('--platform') ? failure(stderr) : exited('');
    });
    const attempt = make(syftSource(host, TOOLS, LIMITS), { ...IN_ENGINE, platform });
    if (works) await expect(attempt).resolves.toMatchObject({ kind: 'made' });
    else
      await expect(attempt).rejects.toMatchObject({
        code: 'SBOM_FAILED',
        message: matching(new RegExp(stderr.slice(0, 20))),
      });
  });

  test('only an absolute folder of PATH counts', async () => {
    const host = fakeHost({
      env: { PATH: 'bin:.::' },
      cwd: '/work',
      programs: ['/work/bin/syft', '/work/syft'],
    });
    await expect(make(syftSource(host, TOOLS, LIMITS))).resolves.toEqual({
      kind: 'absent',
      why: 'there is no syft on PATH',
    });
    expect(host.ran).toEqual([]);
  });

  test('another program of that name is none', async () => {
    const host = fakeHost({
      env: ENV,
      programs: ['/opt/bin/syft'],
      run: () => exited('syft 0.9, the ship tracker'),
    });
    await expect(make(syftSource(host, TOOLS, LIMITS))).resolves.toMatchObject({
      kind: 'absent',
      why: matching(/is not Syft’s/),
    });
  });

  test('in a container it has no network, no mount and no login, and is removed whatever happens', async () => {
    const image = `anchore/syft@${DIGEST}`;
    const steps: string[] = [];
    const host = syftHost(spdx, { CHALK_SYFT: `docker://${image}` });
    host.processes.run = async (command) => {
      host.ran.push(command);
      const isVersion = host.ran.length <= 3;
      if (isVersion) return command.args.includes('start') ? VERSION : exited('');
      steps.push(command.args[2] ?? '');
      return command.args[2] === 'start' ? { kind: 'timed-out', afterMs: 5000, stderr: '' } : exited('');
    };
    await expect(make(syftSource(host, TOOLS, LIMITS))).rejects.toMatchObject({
      code: 'SBOM_FAILED',
      message: 'syft did not answer within 5000 ms',
    });
    expect(steps).toEqual(['image', 'create', 'cp', 'start', 'rm']);
    const create = host.ran.findLast(({ args }) => args[2] === 'create')?.args ?? [];
    expect(create).toEqual(
      expect.arrayContaining(['--network=none', '--cap-drop=ALL', image, 'docker-archive:/scanned']),
    );
    expect(create.filter((word) => /^-(?:v|-volume|-mount|-privileged)/.test(word))).toEqual([]);
  });
});

describe('docker scout', () => {
  const scout = (scan: () => ProcessResult) =>
    syftHost((command) =>
      command.file === '/plugins/docker-scout'
        ? exited('{"SchemaVersion":"0.1.0","Version":"v1.18.1"}')
        : scan(),
    );

  test('is docker’s own plugin, in the engine the user chose', async () => {
    const host = scout(spdx);
    await expect(make(scoutSource(host, TOOLS, LIMITS))).resolves.toMatchObject({
      kind: 'made',
      sbom: { origin: 'scout', tool: { name: 'docker scout', version: '1.18.1' } },
    });
    await make(scoutSource(scout(spdx), TOOLS, LIMITS), IN_ENGINE);
    expect(host.ran[1]).toMatchObject({ file: '/usr/bin/docker', timeoutMs: 5000, maxOutputBytes: 100_000 });
    expect(host.ran[1]?.args).toEqual([
      ...words('--context c scout sbom --format spdx --platform linux/amd64'),
      `registry://registry.example/app@${DIGEST}`,
    ]);
    const local = scout(spdx);
    await make(scoutSource(local, TOOLS, LIMITS), { ...IN_ENGINE, platform: undefined });
    expect(local.ran[1]?.args.slice(2)).toEqual(['scout', 'sbom', '--format', 'spdx', `local://${DIGEST}`]);
  });

  test('that fails says so', async () => {
    const host = scout(() => failure('ERROR Log in with your Docker ID'));
    await expect(make(scoutSource(host, TOOLS, LIMITS))).rejects.toMatchObject({
      code: 'SBOM_FAILED',
      message: 'docker scout sbom exited with 1: ERROR Log in with your Docker ID',
      hint: matching(/docker login/),
    });
  });

  test('that is not there is none', async () => {
    await expect(make(scoutSource(fakeHost(), TOOLS, LIMITS))).resolves.toMatchObject({ kind: 'absent' });
    const broken = fakeHost({ programs: ['/plugins/docker-scout'], run: () => exited('not a plugin') });
    await expect(make(scoutSource(broken, TOOLS, LIMITS))).resolves.toMatchObject({ kind: 'absent' });
  });
});
