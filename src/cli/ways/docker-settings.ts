import { join } from 'node:path';
import * as z from 'zod/mini';
import { ChalkError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import type { Host } from '../../host/host.ts';

/** docker's `config.json` as it is: everything we do not know stays as it was. */
export type Settings = Readonly<Record<string, unknown>>;

const Root = z.record(z.string(), z.unknown());

/** Throws `CONFIG_INVALID` for a file that is no JSON object: docker does not read it either. */
export async function readSettings(host: Host, folder: string): Promise<Settings> {
  const path = join(folder, 'config.json');
  if ((await host.files.stat(path)) === undefined) return {};
  const parsed = Root.safeParse(parseJson(await host.files.readText(path)));
  if (parsed.success) return parsed.data;
  throw new ChalkError('CONFIG_INVALID', `${path} is no JSON object`, {
    hint: 'docker cannot read it either; mend it first',
  });
}

/** Writes beside the file and moves it there, so that no reader ever sees half of it; indented as docker does. */
export async function writeSettings(host: Host, folder: string, settings: Settings): Promise<void> {
  const path = join(folder, 'config.json');
  const there = await host.files.stat(path);
  // A link (a dotfiles repository's, say) stays one: its target is replaced.
  const target = there === undefined ? path : await host.files.realPath(path);
  await host.files.makeFolder(folder, 0o700);
  const draft = `${target}.chalk-${Buffer.from(host.random.bytes(4)).toString('hex')}`;
  await host.files.write(draft, `${JSON.stringify(settings, null, '\t')}\n`, there?.mode ?? 0o600);
  await host.files.rename(draft, target);
}

/** The settings without a member that would be empty. */
export function withMember(settings: Settings, name: string, value: unknown): Settings {
  const { [name]: _, ...rest } = settings;
  const isEmpty =
    value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  if (isEmpty) return rest;
  return name in settings ? { ...settings, [name]: value } : { ...rest, [name]: value };
}
