import { expect, test } from 'vitest';
import { inline, passed } from './support.ts';

const BEHIND = 'FROM scratch AS b\nCMD ["/b"]\n';
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('a target that is not the last stage gets one built on it, and every line of the file stays', () => {
  const file = `FROM scratch AS a\nCMD ["/a"]\n${BEHIND}`;
  const plan = inline(file, { target: 'a', canRetarget: true });
  expect(plan.target).toBe('chalk');
  expect(text(plan.dockerfile).startsWith(`${file}\n\nFROM a AS chalk\n`)).toBe(true);
  // In a stage of its own the ENTRYPOINT resets the CMD, which is therefore written again.
  expect(plan.added.slice(2, 4)).toEqual(['ENTRYPOINT ["/.chalk/shim","--"]', 'CMD ["/a"]']);
  expect([1, 2, 3, 4].map(plan.isUserLine)).toEqual([true, true, true, true]);
  expect(plan.isUserLine(7)).toBe(false);
});

test('its ENTRYPOINT is the only one in its stage, whatever the target has: no check is silenced', () => {
  const twice = 'FROM scratch AS a\nENTRYPOINT ["/a"]\nENTRYPOINT /b\n';
  const plan = inline(`${twice}${BEHIND}`, { target: 'a', canRetarget: true });
  expect(plan.checks).toBeUndefined();
  expect(plan.added).toContain('ENTRYPOINT ["/.chalk/shim","--","/bin/sh","-c","/b"]');
});

test('its keywords have the casing of the file', () => {
  const plan = inline('from scratch as a\ncmd ["/a"]\nfrom scratch\n', { target: 'a', canRetarget: true });
  expect(plan.added[0]).toBe('from a as chalk');
});

test.each([
  ['the last stage', `${BEHIND}FROM scratch AS a\nCMD ["/a"]\n`],
  ['triggers, which would fire in it', `FROM scratch AS a\nCMD ["/a"]\nONBUILD RUN x\n${BEHIND}`],
  [
    'an argument for the SBOM scanner',
    `FROM scratch AS a\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nCMD ["/a"]\n${BEHIND}`,
  ],
  ['its name taken', `FROM scratch AS a\nCMD ["/a"]\nFROM scratch AS chalk\n`],
])('%s: the lines go into the target', (_, file) => {
  const plan = inline(file, { target: 'a', canRetarget: true });
  expect(plan.target).toBeUndefined();
  expect(plan.added[0]).toMatch(/^COPY /);
});

test('a build that cannot have another target keeps its own', () => {
  expect(inline(`FROM scratch AS a\nCMD ["/a"]\n${BEHIND}`, { target: 'a' }).target).toBeUndefined();
});

test('a file with a stage of the name our context has is left alone', () => {
  const plan = passed('FROM scratch AS chalk-payload\nFROM scratch\nCMD ["/a"]\n');
  expect(plan).toMatchObject({ kind: 'pass', reason: { code: 'stage-replaced' } });
});

test('the line that names the frontend is no line of the user’s: an old one fails there because of us', () => {
  const plan = inline('# syntax=docker/dockerfile:1\nFROM scratch\nCMD ["/a"]\n');
  expect([1, 2, 3].map(plan.isUserLine)).toEqual([false, true, true]);
});
