import { join } from 'node:path';
import type { Host, TlsSettings } from '../host/host.ts';

/**
 * What docker is told to trust for one registry: `certs.d/HOST[:PORT]/` holds authorities (`*.crt`) and who we are
 * (`NAME.cert` beside `NAME.key`). The engine's folder comes last: it is often for root alone.
 */
export async function readCertificates(
  host: Host,
  configFolder: string,
  registryHost: string,
): Promise<TlsSettings> {
  if (!/^[\w.:[\]-]+$/.test(registryHost)) return {};
  const home = host.env['XDG_CONFIG_HOME'] || join(host.env['HOME'] ?? '/', '.config');
  const roots = [configFolder, join(home, 'docker'), '/etc/docker'];
  const folders = await Promise.all(
    roots.map((root) => readFolder(host, join(root, 'certs.d', registryHost))),
  );
  const authorities = folders.flatMap((folder) => folder.authorities);
  const client = folders.map((folder) => folder.client).find((found) => found !== undefined);
  return {
    ...(authorities.length > 0 ? { authorities } : {}),
    ...(client === undefined ? {} : { client }),
  };
}

async function readFolder(host: Host, folder: string) {
  const names = [...(await host.files.list(folder).catch(() => []))].sort();
  const read = (name: string) => host.files.readText(join(folder, name)).catch(() => undefined);
  const authorities = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
  const own = names.find((name) => name.endsWith('.cert') && names.includes(name.replace(/cert$/, 'key')));
  const [certificate, key] =
    own === undefined ? [] : await Promise.all([read(own), read(own.replace(/cert$/, 'key'))]);
  return {
    authorities: authorities.filter((text) => text !== undefined),
    client: certificate === undefined || key === undefined ? undefined : { certificate, key },
  };
}
