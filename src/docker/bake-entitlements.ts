import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Host } from '../host/host.ts';
import { type Item, lastValueOf, valuesOf } from './argv/parse.ts';
import type { BakeDefinition, BakeTarget } from './bake-definition.ts';
import { isRemoteBake } from './bake-files.ts';
import { looksRemote } from './build-request.ts';

/**
 * What buildx will ask the user's leave for before it builds, in its words (`bake/entitlements.go`); undefined when
 * nothing. The question shows the command line, and a Dockerfile of ours in the place of the user's would not be asked
 * about: such a build is left alone.
 */
export async function findUngranted(
  host: Host,
  items: readonly Item[],
  definition: BakeDefinition,
): Promise<string | undefined> {
  // Programs that read this form are not asked.
  if (lastValueOf(items, 'progress') === 'rawjson') return undefined;
  const granted = valuesOf(items, 'allow');
  const overridden = new Set(
    valuesOf(items, 'set').map((value) => /^[^.=]*\.([^.=+]*)/.exec(value)?.[1] ?? ''),
  );
  const targets = [...definition.values()];
  if (!overridden.has('entitlements')) {
    const asked = targets.flatMap((target) => [
      ...target.entitlements,
      ...(target.network === 'host' ? ['network.host'] : []),
    ]);
    const missing = asked.find((name) => !granted.includes(name));
    if (missing !== undefined) return missing;
  }
  if (!asksAboutFiles(host, items)) return undefined;
  const forwardsAgent = targets.some((target) => target.ssh.some((entry) => !entry.includes('=')));
  if (forwardsAgent && !overridden.has('ssh') && !granted.includes('ssh')) return 'ssh';
  const reading = targets.flatMap((target) => [
    ...localPaths(target),
    ...(['secrets', 'ssh', 'cache-from'].some((key) => overridden.has(key)) ? [] : target.reads),
  ]);
  const writing = ['output', 'cache-to'].some((key) => overridden.has(key))
    ? []
    : targets.flatMap((target) => target.writes);
  return (
    (await firstOutside(host, reading, valuesFor(granted, ['fs', 'fs.read']), 'fs.read')) ??
    (await firstOutside(host, writing, valuesFor(granted, ['fs', 'fs.write']), 'fs.write'))
  );
}

function asksAboutFiles(host: Host, items: readonly Item[]): boolean {
  const setting = host.env['BUILDX_BAKE_ENTITLEMENTS_FS'];
  if (setting !== undefined) return /^(1|t)/i.test(setting);
  return !(isRemoteBake(items) && /^(1|t)/i.test(host.env['BAKE_ALLOW_REMOTE_FS_ACCESS'] ?? ''));
}

/** The paths a target's build reads, where they are on this machine (`collectLocalPaths`). */
function localPaths({ context, dockerfile, contexts }: BakeTarget): string[] {
  const named = [...contexts.values()].filter(
    (value) => !/^(?:target|docker-image):/.test(value) && !looksRemote(value),
  );
  const local = looksRemote(context)
    ? []
    : [
        context,
        isAbsolute(dockerfile) || dockerfile.startsWith('cwd://') ? dockerfile : join(context, dockerfile),
      ];
  return [...local, ...named].map((path) => path.replace(/^cwd:\/\//, ''));
}

function valuesFor(granted: readonly string[], names: readonly string[]): string[] {
  return granted.flatMap((entry) => {
    const equals = entry.indexOf('=');
    return equals !== -1 && names.includes(entry.slice(0, equals)) ? [entry.slice(equals + 1)] : [];
  });
}

async function firstOutside(
  host: Host,
  paths: readonly string[],
  granted: readonly string[],
  name: string,
): Promise<string | undefined> {
  if (granted.includes('*')) return undefined;
  const folders = await Promise.all([host.cwd, ...granted].map((path) => whereItIs(host, path)));
  for (const path of new Set(paths)) {
    const real = await whereItIs(host, path);
    const isInside = folders.some(
      (folder) => folder === '/' || real === folder || real.startsWith(`${folder}/`),
    );
    if (!isInside) return `${name}=${path}`;
  }
  return undefined;
}

/** A path without links, as far as it is there. */
async function whereItIs(host: Host, path: string): Promise<string> {
  const absolute = resolve(host.cwd, path);
  for (let at = absolute; ; at = dirname(at)) {
    const real = await host.files.realPath(at).catch(() => undefined);
    if (real !== undefined) return at === absolute ? real : join(real, absolute.slice(at.length));
    if (at === dirname(at)) return absolute;
  }
}
