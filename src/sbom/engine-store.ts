import * as z from 'zod/mini';
import { parseJson } from '../base/json.ts';
import { dockerHelper, type DockerTools } from '../docker/tools.ts';
import type { Host } from '../host/host.ts';
import { outputOf } from '../host/processes.ts';

const DriverStatus = z.nullable(z.array(z.array(z.string())));

/** How the user's engine keeps images, which decides whether it can keep attestations; undefined where it does not answer. */
export async function engineStore(
  host: Host,
  tools: DockerTools,
): Promise<'graph' | 'containerd' | undefined> {
  const output = outputOf(await dockerHelper(host, tools, ['info', '--format', '{{json .DriverStatus}}']));
  const parsed = DriverStatus.safeParse(parseJson(output ?? ''));
  if (!parsed.success) return undefined;
  // moby `daemon/containerd/service.go`: `[["driver-type","io.containerd.snapshotter.v1"]]`.
  const isContainerd = parsed.data?.some(
    ([name, value]) => name === 'driver-type' && value?.startsWith('io.containerd.snapshotter.'),
  );
  return isContainerd === true ? 'containerd' : 'graph';
}
