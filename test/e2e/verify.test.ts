/** `docker chalk verify` of images that `docker chalk build --push` has signed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { expectSuccess, matching, onlyChalk, readReport } from '../support/chalk.ts';
import { describeWithEngine, describeWithEveryStore } from '../support/engine.ts';
import { newKey } from '../support/signed-image.ts';
import { Signer } from './sign-support.ts';

const Answer = z.object({
  verdict: z.string(),
  manifests: z.array(
    z.object({
      digest: z.string(),
      checks: z.array(z.object({ check: z.string(), outcome: z.string(), why: z.string() })),
    }),
  ),
});

/** Each builds an image, and starts the program several times. */
const TIMEOUT_MS = 300_000;

describeWithEngine('verify', (engine) => {
  let signer: Signer;
  let folder = '';
  beforeAll(async () => {
    signer = await Signer.open(engine);
    folder = signer.sandbox.project({
      Dockerfile: `FROM ${signer.sandbox.base('busybox')}\nRUN echo content >/content\nCMD ["true"]\n`,
    });
  });
  afterAll(async () => signer.close());

  const push = async (words: readonly string[] = []): Promise<string> => {
    const name = `${engine.registry}/${signer.repository()}:v1`;
    expectSuccess(await signer.chalk(['build', '--push', '-t', name, ...words, folder]));
    return name;
  };
  const verify = (...words: string[]) => signer.sandbox.chalk(['verify', ...words]);
  const outcomes = (stdout: string, at = -1) => {
    const checks = Answer.parse(JSON.parse(stdout)).manifests.at(at)?.checks ?? [];
    return Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]));
  };
  const contentOf = (stdout: string) => {
    const checks = Answer.parse(JSON.parse(stdout)).manifests.at(-1)?.checks ?? [];
    return checks.find(({ check }) => check === 'content')?.why.slice(0, 64);
  };

  test(
    'a signed image: by the key 0, by another 1, by nobody 2',
    async () => {
      const name = await push();
      const good = await verify('--key', signer.publicKeyFile, '--json', name);
      expect(good).toMatchObject({ code: 0, stderr: '' });
      expect(outcomes(good.stdout)).toMatchObject({
        image: 'ok',
        layers: 'ok',
        mark: 'ok',
        signature: 'ok',
        subject: 'ok',
        'attested-mark': 'ok',
        content: 'ok',
        provenance: 'ok',
        shim: 'ok',
      });
      const other = join(signer.sandbox.root, 'other.pub');
      writeFileSync(other, newKey('other').publicKey.pem);
      expect(await verify('--key', other, name)).toMatchObject({
        code: 1,
        stdout: matching(/NOT VERIFIED\n$/),
      });
      expect(await verify('--key', other, '--key', signer.publicKeyFile, name)).toMatchObject({
        code: 0,
        stdout: matching(/: verified\n$/),
      });
      expect(await verify(name)).toMatchObject({ code: 2, stdout: matching(/could not tell\n$/) });
      // Every line names the key, and only the first its path.
      const long = await verify('--key', signer.publicKeyFile, name);
      expect(long.stdout.split('\n')[0]).toBe(`key ${signer.publicKeyFile}`);
      expect(long.stdout.split(signer.publicKeyFile)).toHaveLength(2);
      expect(long.stdout).toContain('signed by chalk.pub');
      mkdirSync(join(signer.sandbox.root, 'same'));
      const same = join(signer.sandbox.root, 'same', 'chalk.pub');
      writeFileSync(same, newKey('same').publicKey.pem);
      const both = await verify('--key', signer.publicKeyFile, '--key', same, name);
      expect(both.stdout).toContain(`signed by ${signer.publicKeyFile}`);
      // The digest is as good a name as the tag.
      const digest = Answer.parse(JSON.parse(good.stdout)).manifests[0]?.digest ?? '';
      const pinned = `${name.replace(/:v1$/, '')}@${digest}`;
      expect((await verify('--key', signer.publicKeyFile, '--layers', pinned)).code).toBe(0);
      expectSuccess(await signer.sandbox.docker(['image', 'rm', '--force', name]));
    },
    TIMEOUT_MS,
  );

  test(
    'the content is that of the plain build, in the engine, in an archive and in a layout',
    async () => {
      const name = await push();
      const plain = await signer.sandbox.plain(folder);
      const remote = await verify('--json', name);
      const local = await verify('--json', '--offline', plain);
      expect(local).toMatchObject({ code: 1, stderr: '' });
      expect(outcomes(local.stdout)).toMatchObject({ mark: 'failed', signature: 'unknown' });
      expect(contentOf(local.stdout)).toBe(contentOf(remote.stdout));

      const archive = join(signer.sandbox.root, 'saved.tar');
      expectSuccess(await signer.sandbox.docker(['save', '-o', archive, name]));
      const layout = join(signer.sandbox.root, 'layout');
      mkdirSync(layout);
      expectSuccess(await signer.sandbox.run('tar', ['-xf', archive, '-C', layout]));
      for (const words of [[`docker-daemon:${name}`], [layout], ['--layers', archive]]) {
        const answer = await verify('--json', ...words);
        expect(answer, words.join(' ')).toMatchObject({ code: 2, stderr: '' });
        expect(outcomes(answer.stdout)).toMatchObject({ mark: 'ok', layers: 'ok', signature: 'unknown' });
        expect(contentOf(answer.stdout)).toBe(contentOf(remote.stdout));
      }
      writeFileSync(archive, 'evil', { flag: 'r+' });
      expect((await verify(archive)).code).not.toBe(0);
      expectSuccess(await signer.sandbox.docker(['image', 'rm', '--force', name]));
    },
    TIMEOUT_MS,
  );

  test(
    'an image that was never pushed: its mark alone, which a policy may be content with',
    async () => {
      const name = `${engine.registry}/${signer.repository()}:v1`;
      expectSuccess(await signer.chalk(['build', '-q', '-t', name, folder]));
      const answer = await verify('--key', signer.publicKeyFile, name);
      expect(answer).toMatchObject({
        code: 2,
        stderr: matching(/^docker chalk: this is what the engine has; its registry: REGISTRY_NOT_FOUND/),
      });
      const policy = join(signer.sandbox.root, 'marks.json');
      const rules = [{ repositories: [`${engine.registry}/**`], require: ['mark'] }];
      writeFileSync(policy, JSON.stringify({ version: 1, rules }));
      expect((await verify('--policy', policy, '--offline', name)).code).toBe(0);
      expectSuccess(await signer.sandbox.docker(['image', 'rm', '--force', name]));
    },
    TIMEOUT_MS,
  );

  test(
    'policies: the first rule that fits; none and a bad one could not tell',
    async () => {
      const name = await push();
      const policy = join(signer.sandbox.root, 'policy.json');
      const ruled = async (rule: object) => {
        const rules = [
          { repositories: ['ghcr.io/**'], require: ['mark'] },
          { repositories: ['**'], ...rule },
        ];
        writeFileSync(policy, JSON.stringify({ version: 1, rules }));
        return verify('--policy', policy, name);
      };
      const keys = ['xdg/docker-chalk/chalk.pub'];
      expect(await ruled({ require: ['mark', 'signature', 'content', 'provenance'], keys })).toMatchObject({
        code: 0,
      });
      expect(await ruled({ require: ['signature'], keys: [signer.publicKey().pem] })).toMatchObject({
        code: 0,
      });
      expect(await ruled({ require: ['base'], keys })).toMatchObject({ code: 1 });
      expect(await ruled({ require: ['magic'], keys })).toMatchObject({
        code: 2,
        stdout: '',
        stderr: matching(/POLICY_INVALID: .*policy\.json: rules\[1\]\.require\[0\]: expected "mark" or /),
      });
      expect(await ruled({ require: ['signature'], keys: ['no.pub'] })).toMatchObject({
        code: 2,
        stderr: matching(/FILE_UNREADABLE/),
      });
      writeFileSync(policy, '{"version":1,"rules":[{"repositories":["ghcr.io/**"],"require":["mark"]}]}');
      expect(await verify('--policy', policy, name)).toMatchObject({
        code: 2,
        stderr: matching(/has no rule for/),
      });
      expectSuccess(await signer.sandbox.docker(['image', 'rm', '--force', name]));
    },
    TIMEOUT_MS,
  );

  test(
    'extract takes the mark from the statement first, and says so',
    async () => {
      const name = await push();
      const built = onlyChalk(signer.sandbox.lastReport());
      const report = readReport(
        expectSuccess(await signer.sandbox.chalk(['extract', '--json', '--remote', name])).stdout,
      );
      expect(onlyChalk(report)).toMatchObject({
        METADATA_ID: built['METADATA_ID'],
        _VALIDATED_METADATA: true,
        _SIGNATURES: [{ payloadType: 'application/vnd.in-toto+json' }],
      });
      const table = expectSuccess(await signer.sandbox.chalk(['extract', '--remote', name])).stdout;
      expect(table).toContain('from a signed statement');
      expectSuccess(await signer.sandbox.docker(['image', 'rm', '--force', name]));
    },
    TIMEOUT_MS,
  );

  test(
    'words that stand for nothing, and options that do not go together',
    async () => {
      const pub = signer.publicKeyFile;
      expect(await verify('./nothing')).toMatchObject({ code: 2, stderr: matching(/IMAGE_NOT_FOUND/) });
      expect(await verify('--offline', 'nothing')).toMatchObject({
        code: 2,
        stdout: matching(/IMAGE_NOT_FOUND/),
      });
      expect(await verify('--key', signer.privateKeyFile, 'x')).toMatchObject({
        code: 2,
        stderr: matching(/KEY_INVALID/),
      });
      for (const words of [
        ['UPPER'],
        ['--identity', 'x', 'x'],
        ['--identity', 'x', '--issuer', 'y', '--offline', 'x'],
        ['--policy', 'p', '--key', pub, 'x'],
        ['--platform', 'linux', 'x'],
        ['--offline', 'registry://x'],
        ['--key'],
      ]) {
        expect((await verify(...words)).code, words.join(' ')).toBe(125);
      }
    },
    TIMEOUT_MS,
  );
});

describeWithEveryStore('verify of an image in the engine', (engine) => {
  let signer: Signer;
  beforeAll(async () => {
    signer = await Signer.open(engine);
  });
  afterAll(async () => signer.close());

  test(
    'its mark and content are told without a registry, and are those of what was pushed',
    async () => {
      const name = `${engine.registry}/${signer.repository()}:v1`;
      const folder = signer.sandbox.project({
        Dockerfile: `FROM ${signer.sandbox.base('busybox')}\nRUN echo engine >/content\nCMD ["true"]\n`,
      });
      expectSuccess(await signer.chalk(['build', '-t', name, folder]));
      expectSuccess(await signer.chalk(['push', name]));
      const key = ['--key', signer.publicKeyFile, '--json'];
      const read = async (...words: string[]) => {
        const { code, stdout, stderr } = await signer.sandbox.chalk(['verify', ...key, ...words]);
        expect(stderr).toBe('');
        const checks = Answer.parse(JSON.parse(stdout)).manifests.at(-1)?.checks ?? [];
        const found = Object.fromEntries(checks.map((each) => [each.check, each.outcome]));
        return { code, found, content: checks.find(({ check }) => check === 'content')?.why.slice(0, 64) };
      };
      const there = await read(name);
      expect(there).toMatchObject({ code: 0, found: { content: 'ok', signature: 'ok', shim: 'ok' } });
      const here = await read('--layers', `docker-daemon:${name}`);
      expect(here).toMatchObject({
        code: 2,
        found: { image: 'ok', layers: 'ok', mark: 'ok', shim: 'ok', signature: 'unknown' },
        content: there.content,
      });
      expectSuccess(await signer.sandbox.docker(['image', 'rm', '--force', name]));
    },
    TIMEOUT_MS,
  );
});
