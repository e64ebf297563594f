import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import { dockerHelper, type DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';
import { dependsOnSettings } from './endpoint.ts';

const RegistryConfig = z.object({
  InsecureRegistryCIDRs: z.nullish(z.array(z.string())),
  IndexConfigs: z.nullish(z.record(z.string(), z.object({ Secure: z.nullish(z.boolean()) }))),
});

/**
 * The registries the user's engine is configured to call insecure; none where there is no engine to ask.
 *
 * @param registry the only one that will be spoken to, where that is known: of some it makes no difference, and `docker info`
 *   starts every plugin there is.
 */
export async function insecureRegistries(
  host: Host,
  tools: DockerTools,
  registry?: string,
): Promise<readonly string[]> {
  if (registry !== undefined && !dependsOnSettings(registry)) return [];
  const answer = await dockerHelper(host, tools, ['info', '--format', '{{json .RegistryConfig}}']);
  const parsed = RegistryConfig.safeParse(parseJson(outputOf(answer) ?? ''));
  if (!parsed.success) return [];
  const { InsecureRegistryCIDRs: networks, IndexConfigs: named } = parsed.data;
  const insecure = Object.entries(named ?? {}).flatMap(([name, { Secure: secure }]) =>
    secure === false ? [name] : [],
  );
  return [...(networks ?? []), ...insecure];
}
