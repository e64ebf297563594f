/** Injection C: builds whose Dockerfile we do not edit. Docker builds them as typed; then the image is marked and wrapped. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import {
  expectSuccess,
  LAUNCHER,
  onlyChalk,
  type Report,
  type RunOptions,
  Sandbox,
} from '../support/chalk.ts';
import { describeWithEveryStore } from '../support/engine.ts';

const Inspected = z.array(
  z.looseObject({
    Id: z.string(),
    Created: z.string(),
    Config: z.looseObject({ Entrypoint: z.nullish(z.array(z.string())) }),
    RootFS: z.object({ Layers: z.array(z.string()) }),
  }),
);
const LEGACY = { env: { DOCKER_BUILDKIT: '0' } };

describeWithEveryStore('patch', (engine) => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.open(engine);
  });
  afterAll(async () => sandbox.close());

  const inspect = async (name: string) => {
    const { stdout } = expectSuccess(await sandbox.docker(['image', 'inspect', name]));
    const [image] = Inspected.parse(JSON.parse(stdout));
    if (image === undefined) throw new Error(stdout);
    return image;
  };
  const steps = async (name: string) => {
    const { stdout } = await sandbox.docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}', name]);
    return stdout.trimEnd().split('\n');
  };
  const runOf = (name: string, words: readonly string[] = []) =>
    sandbox.docker(['run', '--rm', name, ...words]);
  const extracted = async (name: string) => (await sandbox.chalk(['extract', name])).stdout;
  /** Of the last build; looking at a mark is reported as well. */
  const lastBuild = (): Report => {
    const report = sandbox.reports().findLast((each) => each['_OPERATION'] === 'build');
    if (report === undefined) throw new Error('no build was reported');
    return report;
  };
  const injection = () => {
    const report = lastBuild();
    const [reason] = String(report['_X_CHALK_INJECTION_REASON']).split(':');
    return [report['_X_CHALK_INJECTION'], reason];
  };
  /** Files of a build whose target stage a named context replaces, which BuildKit knows and a Dockerfile cannot be edited for. */
  const replaced = (base: string) => ({
    folder: sandbox.project({ Dockerfile: 'FROM scratch AS app\nCMD ["never"]\n' }),
    words: ['--build-context', `app=docker-image://${base}`],
  });

  /** Builds the same plainly and with docker chalk: one layer more, a wrapped entrypoint, and all else the same. */
  const compare = async (folder: string, words: readonly string[], options: RunOptions = {}) => {
    const [plain, ours] = [sandbox.name(), sandbox.name()];
    const expected = expectSuccess(await sandbox.docker(['build', '-t', plain, ...words, folder], options));
    const seen = await sandbox.chalk(['build', '-t', ours, ...words, folder], options);
    expect(seen.code, seen.stderr).toBe(0);
    expect(seen.stderr).not.toContain('docker chalk:');
    const ids =
      /sha256:[0-9a-f]{64}|(?<=built )[0-9a-f]{12}|(?<=---> )[0-9a-f]{12}|(?<=container |Running in )[0-9a-f]{12}/g;
    const comparable = (text: string) =>
      text
        .replaceAll(ids, 'ID')
        .replaceAll(plain, 'NAME')
        .replaceAll(ours, 'NAME')
        // Of a compressed archive in which docker gives the Dockerfile a random name.
        .replace(/(?<=Docker daemon) +[\d.]+/, ' SIZE ');
    const withoutCache = (text: string) =>
      text.replaceAll(/ ---> (Running in ID|Removed.*|Using cache|ID)\n/g, '');
    expect(withoutCache(comparable(seen.stdout))).toBe(withoutCache(comparable(expected.stdout)));
    const [before, after] = [await inspect(plain), await inspect(ours)];
    expect(after.RootFS.Layers.slice(0, -1)).toEqual(before.RootFS.Layers);
    expect({ ...after.Config, Entrypoint: 0 }).toEqual({ ...before.Config, Entrypoint: 0 });
    expect(after.Config.Entrypoint).toEqual(['/.chalk/shim', '--', ...(before.Config.Entrypoint ?? [])]);
    expect(after.Created).toBe(before.Created);
    expect(await steps(ours)).toEqual([
      'COPY chalk.json /chalk.json # docker-chalk',
      ...(await steps(plain)),
    ]);
    expect(await runOf(ours)).toEqual(await runOf(plain));
    expect(await extracted(ours)).toMatch(/^mark +valid$/m);
    return { plain, ours };
  };

  const dockerfile = (base: string) =>
    `FROM ${base}\nRUN echo hello >/hello\nENV A=1 B="two words"\nLABEL x.y="z"\nUSER 1000:1000\nWORKDIR /home/app\n` +
    'EXPOSE 80 53/udp\nVOLUME /data\nSTOPSIGNAL SIGINT\nHEALTHCHECK --interval=1h CMD true\nONBUILD RUN echo trigger >/trigger\n' +
    'CMD ["sh", "-c", "cat /hello; id; pwd; env | grep -v HOSTNAME | sort; echo failed >&2; exit 42"]\n';

  describe('the old builder', () => {
    test('DOCKER_BUILDKIT=0: everything a Dockerfile can say', async () => {
      const folder = sandbox.project({ Dockerfile: dockerfile(sandbox.base('busybox')) });
      await compare(folder, [], LEGACY);
      expect(injection()).toEqual(['patch', 'legacy-builder']);
      const chalk = onlyChalk(lastBuild());
      expect(chalk['DOCKER_BASE_IMAGE']).toBe(sandbox.base('busybox'));
      expect(chalk['DOCKER_PLATFORM']).toBe('linux/amd64');
    });

    test('ENTRYPOINT and CMD of the base, arguments', async () => {
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('entry-cmd')}\nRUN true\n` });
      const { plain, ours } = await compare(folder, [], LEGACY);
      expect(await runOf(ours, ['x', '-y'])).toEqual(await runOf(plain, ['x', '-y']));
    });

    test('a base with ONBUILD triggers', async () => {
      const base = sandbox.name();
      const folder = sandbox.project({
        Dockerfile: dockerfile(sandbox.base('busybox')).replace('USER 1000:1000\n', ''),
      });
      expectSuccess(await sandbox.chalk(['build', '-t', base, folder], LEGACY));
      const child = sandbox.project({ Dockerfile: `FROM ${base}\nENTRYPOINT ["cat", "/trigger"]\n` });
      const name = sandbox.name();
      expectSuccess(await sandbox.chalk(['build', '-t', name, child], LEGACY));
      expect(await runOf(name)).toEqual({ code: 0, stdout: 'trigger\n', stderr: '' });
      // The base was wrapped, and the child is: never a shim in a shim.
      expect((await inspect(name)).Config.Entrypoint).toEqual(['/.chalk/shim', '--', 'cat', '/trigger']);
      expect(await extracted(name)).toMatch(/^mark +valid$/m);
    });

    test('a Dockerfile on standard input', async () => {
      const folder = sandbox.project({ hello: 'x' });
      const input = `FROM ${sandbox.base('busybox')}\nCOPY hello /hello\nCMD ["cat", "/hello"]\n`;
      await compare(folder, ['-f', '-'], { ...LEGACY, input });
    });

    test('-q and --iidfile: the patched image’s ID', async () => {
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["true"]\n` });
      const file = join(sandbox.root, 'legacy.iid');
      const name = sandbox.name();
      const result = await sandbox.chalk(['build', '-q', '--iidfile', file, '-t', name, folder], LEGACY);
      const { Id } = await inspect(name);
      expect([result.code, result.stdout]).toEqual([0, `${Id}\n`]);
      expect(readFileSync(file, 'utf8').trim()).toBe(Id);
    });

    test('an image without a name', async () => {
      const folder = sandbox.project({
        Dockerfile: `FROM ${sandbox.base('busybox')}\nCMD ["echo", "${sandbox.name()}"]\n`,
      });
      const { code, stdout } = await sandbox.chalk(['build', '-q', folder], LEGACY);
      expect(code).toBe(0);
      const id = stdout.trim();
      expect((await inspect(id)).Config.Entrypoint).toEqual(['/.chalk/shim', '--']);
      expect(await runOf(id)).toMatchObject({ code: 0, stderr: '' });
      await sandbox.docker(['image', 'rm', '--force', id]);
    });

    test('what the old builder has cached stays cached', async () => {
      const folder = sandbox.project({
        Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN echo ${sandbox.name()} >/a\n`,
      });
      expectSuccess(await sandbox.chalk(['build', '-t', sandbox.name(), folder], LEGACY));
      const again = expectSuccess(await sandbox.chalk(['build', '-t', sandbox.name(), folder], LEGACY));
      expect(again.stdout).toContain('Using cache');
      expect(again.stdout).not.toContain('Running in');
    });

    test('an image without a program is marked alone', async () => {
      const folder = sandbox.project({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'x' });
      const name = sandbox.name();
      expectSuccess(await sandbox.chalk(['build', '-t', name, folder], LEGACY));
      expect((await inspect(name)).Config.Entrypoint ?? []).toEqual([]);
      expect(injection()[0]).toBe('patch');
    });

    test('a failing build is docker’s own failure, run once', async () => {
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\nRUN exit 7\n` });
      const words = ['-t', sandbox.name(), folder];
      const plain = await sandbox.docker(['build', ...words], LEGACY);
      const ours = await sandbox.chalk(['build', ...words], LEGACY);
      expect([ours.code, ours.stderr.replaceAll(/[0-9a-f]{12}/g, 'ID')]).toEqual([
        plain.code,
        plain.stderr.replaceAll(/[0-9a-f]{12}/g, 'ID'),
      ]);
      expect(ours.stdout.match(/RUN exit 7/g)).toHaveLength(1);
      expect(injection()).toEqual(['none', 'legacy-builder']);
    });

    test('no buildx', async () => {
      const bare = join(sandbox.root, 'bare');
      mkdirSync(join(bare, 'cli-plugins'), { recursive: true });
      const plugin = join(sandbox.config, 'cli-plugins', 'docker-chalk');
      symlinkSync(plugin, join(bare, 'cli-plugins', 'docker-chalk'));
      const folder = sandbox.project({ Dockerfile: dockerfile(sandbox.base('busybox')) });
      await compare(folder, [], { env: { DOCKER_CONFIG: bare } });
      // Where buildx is installed for the whole machine it is found there.
      if (lastBuild()['_X_CHALK_INJECTION'] === 'patch') expect(injection()).toEqual(['patch', 'no-buildx']);
    });
  });

  describe('BuildKit', () => {
    test('a target stage that a build context replaces: history and config to the letter', async () => {
      const base = sandbox.name();
      const folder = sandbox.project({ Dockerfile: dockerfile(sandbox.base('busybox')) });
      expectSuccess(await sandbox.docker(['build', '-t', base, folder]));
      const { folder: project, words } = replaced(base);
      await compare(project, words);
      expect(injection()).toEqual(['patch', 'stage-replaced']);
    });

    test('-q, --iidfile, --metadata-file and two names say the same; no image of this build stays nameless', async () => {
      const { folder, words } = replaced(sandbox.base('entry-cmd'));
      const read = (file: string): Record<string, unknown> =>
        z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(join(sandbox.root, file), 'utf8')));
      const [one, two] = [sandbox.name(), sandbox.name()];
      const label = ['--label', `only=${one}`, ...words];
      const files = (kind: string) => ['--iidfile', `${kind}.iid`, '--metadata-file', `${kind}.json`];
      const ours = await sandbox.chalk([
        'build',
        '-q',
        '-t',
        one,
        '-t',
        two,
        ...files('ours'),
        ...label,
        folder,
      ]);
      const { Id } = await inspect(one);
      expect(ours).toEqual({ code: 0, stdout: `${Id}\n`, stderr: '' });
      expect((await inspect(two)).Id).toBe(Id);
      expect(readFileSync(join(sandbox.root, 'ours.iid'), 'utf8')).toBe(Id);
      const before = read('ours.json');
      expect(before['containerimage.digest']).toBe(Id);
      const nameless = await sandbox.docker([
        'image',
        'ls',
        '-q',
        '--filter',
        'dangling=true',
        '--filter',
        `label=only=${one}`,
      ]);
      expect(nameless.stdout).toBe('');
      expectSuccess(
        await sandbox.docker(['build', '-q', '-t', one, '-t', two, ...files('plain'), ...label, folder]),
      );
      expect(Object.keys(before)).toEqual(Object.keys(read('plain.json')));
      expect(`sha256:${String(onlyChalk(lastBuild())['_CURRENT_HASH'])}`).toBe(Id);
    });

    test('an image the user had before is left to him', async () => {
      const { folder, words } = replaced(sandbox.base('entry-cmd'));
      const [his, ours] = [sandbox.name(), sandbox.name()];
      const label = ['--provenance=false', '--label', `only=${his}`, ...words];
      expectSuccess(await sandbox.docker(['build', '-t', his, ...label, folder]));
      const before = await inspect(his);
      expectSuccess(await sandbox.chalk(['build', '-t', ours, ...label, folder]));
      expect({ ...(await inspect(his)), Metadata: 0 }).toEqual({ ...before, Metadata: 0 });
      expect((await inspect(ours)).Id).not.toBe(before.Id);
    });

    test('provenance=false: the files name what docker’s would', async () => {
      const { folder, words } = replaced(sandbox.base('entry-cmd'));
      const name = sandbox.name();
      const label = ['--provenance=false', '--label', `only=${name}`, ...words];
      const result = await sandbox.chalk([
        'build',
        '-q',
        '--iidfile',
        'np.iid',
        '-t',
        name,
        ...label,
        folder,
      ]);
      expect(result.code, result.stderr).toBe(0);
      // With the containerd store this buildx prints the config's digest, not the image's.
      expect(result.stdout.trim()).toBe(readFileSync(join(sandbox.root, 'np.iid'), 'utf8'));
      const chalk = onlyChalk(lastBuild());
      expect([
        `sha256:${String(chalk['_CURRENT_HASH'])}`,
        `sha256:${String(chalk['_IMAGE_CONFIG_DIGEST'])}`,
      ]).toContain(result.stdout.trim());
    });

    test('--runtime-report goes along', async () => {
      const { folder, words } = replaced(sandbox.base('busybox'));
      const name = sandbox.name();
      expectSuccess(
        await sandbox.chalk(['--runtime-report', '/tmp/r', 'build', '-t', name, ...words, folder]),
      );
      const { stdout } = await runOf(name, ['ls', '-ln', '/.chalk', '/chalk.json']);
      expect(stdout).toMatch(/-r--r--r-- +1 0 +0 .* runtime\.json$/m);
      expect(stdout).toMatch(/-r-xr-xr-x +1 0 +0 .* shim$/m);
      expect(stdout).toMatch(/-r--r--r-- +1 0 +0 .* \/chalk\.json$/m);
    });

    test('--no-wrap marks alone; --explain builds nothing', async () => {
      const { folder, words } = replaced(sandbox.base('entry-cmd'));
      const name = sandbox.name();
      const explained = await sandbox.chalk(['--explain', 'build', '-t', name, ...words, folder]);
      expect(explained.stdout).toMatch(/^plan +patch: /);
      expect((await sandbox.docker(['image', 'inspect', name])).code).toBe(1);
      expectSuccess(await sandbox.chalk(['--no-wrap', 'build', '-t', name, ...words, folder]));
      expect((await inspect(name)).Config.Entrypoint).toEqual(
        (await inspect(sandbox.base('entry-cmd'))).Config.Entrypoint,
      );
      expect(await extracted(name)).toMatch(/^mark +valid$/m);
    });
  });

  describe('the patched image', () => {
    test('can be pushed, pulled and run', async () => {
      const folder = sandbox.project({ Dockerfile: dockerfile(sandbox.base('busybox')) });
      const name = `${engine.registry}/${sandbox.name()}:1`;
      expectSuccess(await sandbox.chalk(['build', '-t', name, folder], LEGACY));
      const before = await runOf(name);
      expectSuccess(await sandbox.docker(['push', '-q', name]));
      expectSuccess(await sandbox.docker(['image', 'rm', '--force', name]));
      expectSuccess(await sandbox.docker(['pull', '-q', name]));
      expect(await runOf(name)).toEqual(before);
      expect(await extracted(name)).toMatch(/^mark +valid$/m);
      await sandbox.docker(['image', 'rm', '--force', name]);
    });

    test('can be built on, by BuildKit and by the old builder', async () => {
      const base = sandbox.name();
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('entry-cmd')}\nRUN true\n` });
      expectSuccess(await sandbox.chalk(['build', '-t', base, folder], LEGACY));
      const child = sandbox.project({ Dockerfile: `FROM ${base}\nCMD ["child"]\n` });
      for (const options of [{}, LEGACY]) {
        const [plain, ours] = [sandbox.name(), sandbox.name()];
        expectSuccess(await sandbox.docker(['build', '-t', plain, child], options));
        expectSuccess(await sandbox.chalk(['build', '-t', ours, child], options));
        expect(await runOf(ours)).toEqual(await runOf(plain));
        expect((await inspect(ours)).Config.Entrypoint).toEqual((await inspect(base)).Config.Entrypoint);
      }
    });
  });

  describe('when the patch fails', () => {
    /** An installation of its own, without programs for images. */
    const withoutPrograms = (): Readonly<Record<string, string>> => {
      const root = sandbox.project({});
      cpSync(dirname(LAUNCHER), join(root, 'plugin'), { recursive: true, verbatimSymlinks: true });
      rmSync(join(root, 'plugin', 'lib', 'shim'), { recursive: true });
      const plugins = join(root, 'config', 'cli-plugins');
      cpSync(join(sandbox.config, 'cli-plugins'), plugins, { recursive: true, verbatimSymlinks: true });
      rmSync(join(plugins, 'docker-chalk'));
      symlinkSync(join(root, 'plugin', 'docker-chalk'), join(plugins, 'docker-chalk'));
      return { DOCKER_CONFIG: join(root, 'config') };
    };

    test('`docker load` failing, and loading something else: the image is docker’s', async () => {
      const { folder, words } = replaced(sandbox.base('entry-cmd'));
      const bin = join(sandbox.project({}), 'bin');
      mkdirSync(bin);
      const real = expectSuccess(await sandbox.run('sh', ['-c', 'command -v docker'])).stdout.trim();
      for (const [instead, code] of [
        ['exit 1', 'PROCESS_FAILED'],
        ['exit 0', 'RESPONSE_INVALID'],
      ] as const) {
        const script = `#!/bin/sh\ncase " $* " in *" image load "*) ${instead} ;; esac\nexec '${real}' "$@"\n`;
        writeFileSync(join(bin, 'docker'), script, { mode: 0o755 });
        const name = sandbox.name();
        // Started by itself, as no docker has called it, it takes the first docker on PATH.
        const result = await sandbox.run(LAUNCHER, ['chalk', 'build', '-t', name, ...words, folder], {
          env: { PATH: `${bin}:${sandbox.env['PATH'] ?? ''}` },
        });
        expect(result.code, result.stderr).toBe(0);
        expect(result.stderr.match(/^docker chalk: .*$/gm)).toEqual([
          expect.stringMatching(new RegExp(`^docker chalk: the image has no mark: ${code}: `)),
        ]);
        expect((await inspect(name)).Config.Entrypoint?.[0]).not.toBe('/.chalk/shim');
        expect(injection()).toEqual(['none', 'stage-replaced']);
      }
    });

    test('the image is docker’s, the exit status 0, one line says why, and quiet builds say nothing', async () => {
      const { folder, words } = replaced(sandbox.base('entry-cmd'));
      const label = ['--provenance=false', '--label', `only=${sandbox.name()}`, ...words];
      const [plain, ours] = [sandbox.name(), sandbox.name()];
      const expected = expectSuccess(await sandbox.docker(['build', '-q', '-t', plain, ...label, folder]));
      const env = withoutPrograms();
      const result = await sandbox.chalk(['build', '-t', ours, ...label, folder], { env });
      expect([result.code, result.stdout]).toEqual([0, '']);
      expect(result.stderr.match(/^docker chalk: .*$/gm)).toEqual([
        expect.stringMatching(/^docker chalk: the image has no mark: SHIM_MISSING: /),
      ]);
      expect((await inspect(ours)).Id).toBe((await inspect(plain)).Id);
      expect(injection()).toEqual(['none', 'stage-replaced']);
      const quiet = await sandbox.chalk(['build', '-q', '-t', ours, ...label, folder], { env });
      expect(quiet).toEqual({ code: 0, stdout: expected.stdout, stderr: '' });
      expect(lastBuild()['_OP_ERRORS']).toEqual([expect.stringMatching(/^SHIM_MISSING/)]);
    });
  });
});
