/** `docker chalk ps` does not cost more calls of docker where more containers run. */
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { psCommand } from '../../../src/cli/ps-command.ts';
import { defaultReportFile } from '../../../src/report/index.ts';
import { writeCache } from '../../../src/runtime/ps.ts';
import { exited, type FakeHost, fakeHost } from '../../support/fake-host.ts';

const hex = (number: number): string => number.toString(16).padStart(64, '0');

/** A machine on which that many containers of as many images run; an earlier run has seen all those images. */
function machine(count: number): FakeHost {
  const numbers = Array.from({ length: count }, (_, index) => index);
  const inspected = numbers.map((number) => ({
    Id: hex(number),
    Name: `/web-${number}`,
    Image: `sha256:${hex(number)}`,
  }));
  const known = new Map(numbers.map((number) => [`sha256:${hex(number)}`, { without: 'no mark' }] as const));
  const env = { PATH: '/usr/bin', HOME: '/home/u', XDG_STATE_HOME: '/home/u/state' };
  const cache = join(dirname(defaultReportFile(fakeHost({ env }))), 'image-marks.json');
  return fakeHost({
    env,
    programs: ['/usr/bin/docker'],
    files: { [cache]: writeCache(known) },
    run: ({ args }) =>
      exited(
        args[0] === 'ps' ? numbers.map((number) => `${hex(number)}\n`).join('') : JSON.stringify(inspected),
      ),
  });
}

test.each([1, 200])('%i containers: two calls', async (count) => {
  const host = machine(count);
  expect(await psCommand(host, [], true)).toBe(0);
  expect(host.ran.map(({ args }) => args[0])).toEqual(['ps', 'container']);
  const rows: unknown = JSON.parse(host.printed.out);
  expect(rows).toHaveLength(count);
  expect(rows).toContainEqual(
    expect.objectContaining({ _INSTANCE_NAME: `web-${count - 1}`, _X_CHALK_WITHOUT: 'no mark' }),
  );
});
