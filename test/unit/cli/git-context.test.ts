import { expect, test } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { exited, type FakeHost, fakeHost } from '../../support/fake-host.ts';

/** A builder that gives the Dockerfile of a repository, or none where it cannot get at it. */
function hostWith(dockerfile: string | undefined): FakeHost {
  const sources = [Buffer.from(dockerfile ?? '').toString('base64')];
  return fakeHost({
    env: { PATH: '/usr/bin', HOME: '/home/u', TOKEN: 'secret' },
    programs: ['/usr/bin/docker', '/usr/libexec/docker/cli-plugins/docker-buildx'],
    run: ({ args }) => {
      if (args.includes('version')) return exited('28.0.0 28.0.0 linux/amd64');
      if (!args.includes('--call=targets,format=json')) return exited('', 1);
      return dockerfile === undefined ? exited('', 1) : exited(JSON.stringify({ sources }));
    },
    attach: () => ({ kind: 'exited', code: 0 }),
  });
}
const build = (host: FakeHost, words: readonly string[]) =>
  run(host, ['chalk', '--no-wrap', '--no-report', 'build', ...words]);
const lines = (commands: readonly { readonly args: readonly string[] }[]) =>
  commands.map(({ args }) => args.join(' '));

const COMMIT = 'a'.repeat(40);
const CONTEXTS: readonly (readonly [context: string, flags: readonly string[]])[] = [
  ['https://git.example.com/acme/app.git', ['--secret=id=GIT_AUTH_TOKEN,env=TOKEN']],
  [`https://git.example.com/acme/app.git#${COMMIT}:sub`, ['--secret=id=GIT_AUTH_HEADER,env=TOKEN']],
  ['https://git.example.com/acme/app.git?branch=main&subdir=sub', []],
  ['ssh://git@git.example.com:2222/acme/app.git#main', ['--ssh=default']],
  ['ssh://git.example.com/acme/app', ['--ssh=default=/run/agent']],
  ['git@git.example.com:acme/app.git', ['--ssh=default']],
  ['git@git.example.com:acme/app.git#main:sub', ['--ssh=default']],
  ['git://git.example.com/acme/app.git', []],
  ['github.com/acme/app', []],
];

test.each(CONTEXTS)(
  '%s is fetched with the user’s own means, and built with our copy',
  async (context, flags) => {
    const host = hostWith('FROM scratch\nCMD ["a"]\n');
    expect(await build(host, [...flags, context])).toEqual({ kind: 'exited', code: 0 });
    const [question] = lines(host.ran.filter(({ args }) => args.includes('--call=targets,format=json')));
    expect(question).toMatch(/^buildx build /);
    expect(question?.endsWith(` ${[...flags, '--', context].join(' ')}`)).toBe(true);
    const [line = '', ...others] = lines(host.attached);
    expect(others).toEqual([]);
    expect(line.startsWith(`buildx build ${[...flags, context].join(' ')} --file=/tmp/`)).toBe(true);
    expect(line).toContain(' --build-context=chalk-payload=/tmp/');
    expect(host.printed).toEqual({ out: '', error: '' });
  },
);

test.each(CONTEXTS)('%s that nobody can get at is docker’s, as it was typed', async (context, flags) => {
  const host = hostWith(undefined);
  await build(host, [...flags, '--push', '--tag=x.invalid/y', context]);
  const [line = '', ...others] = lines(host.attached);
  expect(others).toEqual([]);
  expect(line).not.toContain('--file');
  expect(line).toContain(` ${context}`);
});

test('a token is in no word of ours', async () => {
  const host = hostWith('FROM scratch\nCMD ["a"]\n');
  await build(host, ['--secret=id=GIT_AUTH_TOKEN,env=TOKEN', 'https://git.example.com/a.git']);
  const words = [...host.ran, ...host.attached].flatMap(({ args }) => args);
  expect(words.some((word) => word.includes('secret') && !word.startsWith('--secret='))).toBe(false);
  expect([...host.disk.values()].some(({ content }) => content.includes('secret'))).toBe(false);
});
