/** What the shim and the reporter are as files: small, static, readable, the same every time. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { build, parseReport, scratchFolder, shimFolder } from './support.ts';

const platforms = [
  'linux-amd64',
  'linux-arm64',
  'linux-arm-v7',
  'linux-ppc64le',
  'linux-riscv64',
  'linux-s390x',
];
/** What an image may grow by; the mark and the runtime configuration are the rest. */
const GROWTH = 5_000_000;
const MARK = 16_384;
const machines: Readonly<Record<string, string>> = {
  'linux-amd64': 'X86-64',
  'linux-arm64': 'AArch64',
  'linux-arm-v7': 'ARM',
  'linux-ppc64le': 'PowerPC64',
  'linux-riscv64': 'RISC-V',
  'linux-s390x': 'IBM S/390',
};
const native = arch() === 'arm64' ? 'linux-arm64' : 'linux-amd64';
const emulators: Readonly<Record<string, string>> = {
  'linux-amd64': 'qemu-x86_64',
  'linux-arm64': 'qemu-aarch64',
  'linux-arm-v7': 'qemu-arm',
  'linux-ppc64le': 'qemu-ppc64le',
  'linux-riscv64': 'qemu-riscv64',
  'linux-s390x': 'qemu-s390x',
};
let built = '';

/** Only to end a broken run: a busy machine may take as long as it likes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

beforeAll(() => {
  built = build();
});

const readelf = (...args: string[]): string => execFileSync('readelf', args, { encoding: 'utf8' });

describe.each(platforms)('%s', (platform) => {
  test('shim: at most 8 kB, one read-only executable segment, nothing dynamic', () => {
    const path = join(built, platform, 'shim');
    const segments = readelf('-lW', path);
    expect(statSync(path).size).toBeLessThanOrEqual(8192);
    expect(segments).not.toMatch(/INTERP|DYNAMIC|RWE/);
    expect(segments.match(/^ +LOAD .*$/gm)).toEqual([expect.stringMatching(/ R E /)]);
    expect(segments).toMatch(/GNU_STACK .* RW /);
  });

  test('shim: segment is aligned for the largest pages of the processor', () => {
    const aligned = ['linux-arm64', 'linux-ppc64le'].includes(platform) ? '0x10000' : '0x1000';
    expect(readelf('-lW', join(built, platform, 'shim'))).toMatch(new RegExp(`LOAD .* ${aligned}$`, 'm'));
  });

  const emulator = platform === native ? undefined : emulators[platform];
  const runs = emulator === undefined || spawnSync(emulator, ['-version']).status === 0;
  /** The words that start a program of this platform here. */
  const starting = (path: string): [string, ...string[]] =>
    emulator === undefined ? [path] : [emulator, path];

  test.skipIf(!runs)('shim: runs a program, in an emulator where the processor is another', () => {
    const [program, ...before] = starting(join(built, platform, 'shim'));
    const run = (...words: string[]) =>
      spawnSync(program, [...before, ...words], {
        encoding: 'utf8',
        env: { PATH: '/usr/bin:/bin', CHALK_SHIM: 'off' },
      });
    expect(run('--', 'sh', '-c', 'echo "$0 $1"; exit 5', 'a', 'b c')).toMatchObject({
      status: 5,
      stdout: 'a b c\n',
    });
    expect(run('--mode=exec', '--', 'missing')).toMatchObject({
      status: 127,
      stderr: 'chalk-shim: cannot run missing: not found\n',
    });
  });

  test.skipIf(!runs)('reporter: sends a report that can be read, in an emulator likewise', () => {
    const folder = scratchFolder();
    try {
      const [program, ...before] = starting(join(built, platform, 'reporter'));
      const words = [...before, 'exec', `${process.pid}`, '1', '0'];
      const file = join(folder, 'report');
      const env = { CHALK_REPORT_FILE: file, GOMAXPROCS: '1', GOGC: 'off' };
      expect(spawnSync(program, words, { env, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
      const { host, chalk } = parseReport(readFileSync(file, 'utf8'));
      expect(host).toMatchObject({ _OPERATION: 'exec', _OP_HOST_SYSNAME: 'Linux' });
      expect(chalk).toMatchObject({ _PROCESS_PID: process.pid });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('shim and reporter: an image grows by 5 MB at most', () => {
    const sizes = ['shim', 'reporter'].map((program) => statSync(join(built, platform, program)).size);
    expect(sizes.reduce((sum, size) => sum + size, MARK)).toBeLessThanOrEqual(GROWTH);
  });

  test('reporter: static, for the right processor, without build id', () => {
    const path = join(built, platform, 'reporter');
    expect(readelf('-hW', path)).toContain(machines[platform]);
    expect(readelf('-lW', path)).not.toMatch(/INTERP|DYNAMIC/);
    expect(readelf('-nW', path)).not.toMatch(/NT_GNU_BUILD_ID/);
  });
});

test('a second build elsewhere gives the same bytes, and a third does nothing', () => {
  const other = scratchFolder();
  try {
    build(other);
    const file = (folder: string, name: string): Buffer => readFileSync(join(folder, name));
    for (const name of platforms.flatMap((platform) => [`${platform}/shim`, `${platform}/reporter`])) {
      expect(file(other, name).equals(file(built, name)), name).toBe(true);
    }
    const before = statSync(join(other, 'linux-amd64/reporter')).ino;
    build(other);
    expect(statSync(join(other, 'linux-amd64/reporter')).ino).toBe(before);
  } finally {
    rmSync(other, { recursive: true });
  }
});

test('no path of this machine is in the programs', () => {
  for (const name of platforms.flatMap((platform) => [`${platform}/shim`, `${platform}/reporter`])) {
    expect(readFileSync(join(built, name)).includes(shimFolder), name).toBe(false);
  }
});

describe('the shim can be read', () => {
  const folder = join(shimFolder, 'shim');
  const linesOf = (name: string): string[] => readFileSync(join(folder, name), 'utf8').split('\n');
  const code = (name: string): number =>
    linesOf(name).filter((line) => !/^\s*($|\/\*.*\*\/$|\/\*(?!.*\*\/)| \*)/.test(line)).length;

  test('process 1 and the helper: at most 150 lines of code together; half of that for the mode that stays', () => {
    expect(code('shim.c') + code('keeper.c')).toBeLessThanOrEqual(150);
    expect(code('init.c')).toBeLessThanOrEqual(75);
    expect(readdirSync(folder).filter((name) => name.endsWith('.c'))).toHaveLength(3);
  });

  test.each(['shim.c', 'keeper.c', 'init.c'])(
    'the compiler’s static analysis has nothing to say about %s',
    (name) => {
      const flags = [
        '-fanalyzer',
        '-Werror',
        '-Wall',
        '-Wextra',
        '-std=c11',
        '-Os',
        '-ffreestanding',
        '-fno-builtin',
      ];
      const result = spawnSync('gcc', [...flags, '-c', '-o', '/dev/null', join(folder, name)], {
        encoding: 'utf8',
      });
      expect(result).toMatchObject({ status: 0, stderr: '' });
    },
  );

  test('no line is too long', () => {
    const lines = readdirSync(folder).flatMap((name) => linesOf(name));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(145);
  });
});

test('the reporter needs nothing but Go, and its own tests pass', () => {
  const toolchain = execFileSync('bash', [join(shimFolder, 'toolchain.sh')], { encoding: 'utf8' });
  const go = /^GO=(.*)$/m.exec(toolchain)?.[1] ?? 'go';
  const options = {
    cwd: join(shimFolder, 'reporter'),
    encoding: 'utf8',
    env: { ...process.env, GOTOOLCHAIN: 'local', GOPROXY: 'off', GOFLAGS: '', GOWORK: 'off' },
  } as const;
  expect(readFileSync(join(shimFolder, 'reporter/go.mod'), 'utf8')).not.toContain('require');
  for (const command of ['vet', 'test']) {
    const { status, stdout, stderr } = spawnSync(go, [command, './...'], options);
    expect(status, `go ${command} ./...\n${stdout}${stderr}`).toBe(0);
  }
});
