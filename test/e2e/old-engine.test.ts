/** Debian 12's engine 20.10: its own docker without buildx, and the newer docker with one, over a BuildKit of 2021. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithOldEngine } from '../support/builders.ts';
import { expectSuccess, type RunOptions, Sandbox } from '../support/chalk.ts';
import { pushedImages, withoutAddedLayers } from '../support/comparable.ts';
import { messagesOf } from '../support/progress.ts';

describeWithOldEngine('the old engine', (old, newer) => {
  const clients: readonly [string, typeof old, RunOptions][] = [
    ['its own docker, the old builder', old, {}],
    ['its own docker, DOCKER_BUILDKIT=1', old, { env: { DOCKER_BUILDKIT: '1' } }],
    ['the newer docker with buildx', newer, {}],
    ['the newer docker, the old builder', newer, { env: { DOCKER_BUILDKIT: '0' } }],
  ];
  describe.each(clients)('%s', (name, engine, options) => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await Sandbox.open(engine);
    });
    afterAll(async () => sandbox.close());

    const dockerfile = () =>
      `FROM ${sandbox.base('busybox')}\nRUN echo hello >/hello\nENV A=1 B="two words"\nLABEL x.y="z"\nUSER 1000:1000\n` +
      'WORKDIR /home/app\nEXPOSE 80\nVOLUME /data\nHEALTHCHECK --interval=1h CMD true\nONBUILD RUN true\n' +
      'CMD ["sh", "-c", "cat /hello; id; env | grep -v HOSTNAME | sort; exit 42"]\n';
    const reported = () => sandbox.reports().findLast((report) => report['_OPERATION'] === 'build');

    test('the image is docker’s with one layer more, and runs as it would', async () => {
      const folder = sandbox.project({ Dockerfile: dockerfile() });
      const [plain, ours] = [sandbox.name(), sandbox.name()];
      expectSuccess(await sandbox.docker(['build', '-t', plain, folder], options));
      const result = expectSuccess(await sandbox.chalk(['build', '-t', ours, folder], options));
      expect(result.stderr).not.toContain('docker chalk:');
      expect(reported()?.['_X_CHALK_INJECTION']).toBe('patch');
      const [before, after] = [await sandbox.inspect(plain), await sandbox.inspect(ours)];
      expect(after.RootFS.Layers.slice(0, -1)).toEqual(before.RootFS.Layers);
      expect({ ...after.Config, Entrypoint: 0 }).toEqual({ ...before.Config, Entrypoint: 0 });
      expect(after.Config.Entrypoint).toEqual(['/.chalk/shim', '--']);
      expect((await sandbox.chalk(['extract', ours])).stdout).toMatch(/^mark +valid$/m);
      const run = (image: string) => sandbox.docker(['run', '--rm', '--network=none', image]);
      expect(await run(ours)).toEqual(await run(plain));
    });

    test('-q and --iidfile name the patched image', async () => {
      const folder = sandbox.project({ Dockerfile: dockerfile() });
      const [file, tag] = [join(folder, '..', 'iid'), sandbox.name()];
      const words = ['build', '-q', '--iidfile', file, '-t', tag, folder];
      const { Id: id } = await sandbox.chalk(words, options).then(async (result) => {
        expect(expectSuccess(result).stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
        const image = await sandbox.inspect(tag);
        expect(result.stdout.trim()).toBe(image.Id);
        return image;
      });
      expect(readFileSync(file, 'utf8').trim()).toBe(id);
    });

    test('a push moves the patched image', async () => {
      const folder = sandbox.project({ Dockerfile: dockerfile() });
      const [plain, ours] = ['v1', 'v2'].map((tag) => `${engine.registry}/${sandbox.name()}:${tag}`);
      if (plain === undefined || ours === undefined) throw new Error('no names');
      expectSuccess(await sandbox.docker(['build', '-q', '-t', plain, folder], options));
      expectSuccess(await sandbox.chalk(['build', '-q', '-t', ours, folder], options));
      expectSuccess(await sandbox.docker(['push', plain]));
      expectSuccess(await sandbox.chalk(['push', ours]));
      const stored = (ref: string) => {
        const [repository = '', tag = ''] = ref.slice(ref.indexOf('/') + 1).split(':');
        return pushedImages(engine.registry, repository, tag);
      };
      const [before, after] = [await stored(plain), await stored(ours)];
      expect(before).toBeDefined();
      expect(withoutAddedLayers(after, before)).toEqual(before);
      await sandbox.docker(['image', 'rm', '--force', plain, ours]);
    });

    test.each([
      ['a failing step', 'RUN echo no; exit 9\n', []],
      ['an unknown instruction', 'RUNN true\n', []],
      ['an unknown flag', 'RUN true\n', ['--no-such-flag']],
      ['a target that is not there', 'RUN true\n', ['--target', 'nobody']],
      ['a named context, which it does not know', 'RUN true\n', ['--build-context', 'a=.']],
    ])('%s: docker’s failure, once', async (_, line, words) => {
      const folder = sandbox.project({ Dockerfile: `FROM ${sandbox.base('busybox')}\n${line}` });
      const all = ['build', ...words, '-t', sandbox.name(), folder];
      const [plain, ours] = [await sandbox.docker(all, options), await sandbox.chalk(all, options)];
      expect(ours.code).toBe(plain.code);
      expect(messagesOf(ours.stderr)).toEqual(messagesOf(plain.stderr));
    });

    test('several tags, arguments, a target and a Dockerfile on standard input', async () => {
      const [one, two] = [sandbox.name(), sandbox.name()];
      const folder = sandbox.project({ a: 'in a\n' });
      const input = `ARG B\nFROM ${sandbox.base('entry-cmd')} AS x\nARG B\nENV B=$B\nCOPY a /\nFROM scratch\nCOPY a /\n`;
      const words = ['build', '-t', one, '-t', two, '--build-arg', 'B=1', '--target', 'x', '-f', '-', folder];
      expectSuccess(await sandbox.chalk(words, { ...options, input }));
      const image = await sandbox.inspect(one);
      expect((await sandbox.inspect(two)).Id).toBe(image.Id);
      expect(image.Config['Env']).toContain('B=1');
      expect(image.Config.Entrypoint).toEqual(['/.chalk/shim', '--', '/bin/echo', 'base-entry']);
      expect(image.Config.Cmd).toEqual(['base-cmd']);
    });

    test.runIf(name.includes('BUILDKIT=1') || name.includes('buildx'))(
      '-o to a folder is left alone',
      async () => {
        const out = join(sandbox.project({}), 'out');
        const folder = sandbox.project({ Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'in a\n' });
        expectSuccess(await sandbox.chalk(['build', '-o', out, folder], options));
        expect(readFileSync(join(out, 'a'), 'utf8')).toBe('in a\n');
      },
    );
  });
});
