/** An OCI platform: what `linux/arm/v7` stands for. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** containerd's normalisation of architecture names, so that `x86_64` and `amd64` are one (platforms.Normalize). */
const ARCHITECTURES: Readonly<Record<string, Omit<Platform, 'os'>>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

/**
 * Reads `os/architecture[/variant]`. Returns undefined for anything else, also for the short forms (`linux`, `arm64`)
 * whose other half only the builder knows.
 */
export function parsePlatform(text: string): Platform | undefined {
  const parts = text.trim().toLowerCase().split('/');
  const [os, architecture, variant] = parts;
  if (parts.length > 3 || !os || !architecture) return undefined;
  return normalizePlatform({ os, architecture, ...(variant ? { variant } : {}) });
}

/** A platform as configs and indexes have it, where a variant may be null, empty or not there. */
export function platformOf(found: {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | null | undefined;
}): Platform {
  const { os, architecture, variant } = found;
  return normalizePlatform({ os, architecture, ...(variant ? { variant } : {}) });
}

/** Writes a platform as `os/architecture[/variant]`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`;
}

/** The one spelling of a platform: architecture aliases resolved, default variants (`arm64/v8`) dropped, `arm` given `v7`. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os === 'macos' ? 'darwin' : platform.os;
  const known = ARCHITECTURES[platform.architecture];
  const architecture = known?.architecture ?? platform.architecture;
  const variant = platform.variant || known?.variant;
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) return { os, architecture };
  if (architecture === 'arm') return { os, architecture, variant: armVariant(variant) };
  return variant && !(architecture === 'amd64' && variant === 'v1')
    ? { os, architecture, variant }
    : { os, architecture };
}

function armVariant(variant: string | undefined): string {
  if (!variant) return 'v7';
  return /^\d$/.test(variant) ? `v${variant}` : variant;
}

export function samePlatform(a: Platform, b: Platform): boolean {
  return formatPlatform(normalizePlatform(a)) === formatPlatform(normalizePlatform(b));
}
