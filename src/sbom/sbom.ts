import type { ChalkError } from '../base/errors.ts';
import type { Endpoint } from '../registry/endpoint.ts';
import type { ManifestContent, Registry } from '../registry/index.ts';
import { PREDICATE } from '../sign/index.ts';

/** SPDX 2.3 or CycloneDX 1.6, as JSON. */
export type SbomFormat = 'spdx' | 'cyclonedx';

export const SBOM_FORMATS: readonly SbomFormat[] = ['spdx', 'cyclonedx'];

/** The in-toto predicate type an SBOM is attested under; cosign's `spdxjson` and `cyclonedx`. */
export function predicateTypeOf(format: SbomFormat): string {
  return format === 'spdx' ? PREDICATE.spdx : PREDICATE.cyclonedx;
}

/** Which program wrote an SBOM. */
export interface Tool {
  readonly name: string;
  readonly version: string;
}

/** Who made an SBOM for us: BuildKit in the build, or a program beside the push. */
export type Origin = 'buildkit' | 'scout' | 'syft';

/** An SBOM of one image of one platform. */
export interface Sbom {
  readonly format: SbomFormat;
  readonly predicateType: string;
  /** One JSON object, as the tool wrote it. */
  readonly text: string;
  readonly tool: Tool;
  readonly origin: Origin;
}

export type SbomOutcome =
  | { readonly kind: 'made'; readonly sbom: Sbom }
  /** Nobody here makes one, which is no failure. */
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'failed'; readonly error: ChalkError };

/** The image an SBOM is wanted of. */
export type SbomImage =
  | {
      readonly kind: 'registry';
      /** With its registry: `ghcr.io/owner/app`. */
      readonly repository: string;
      /** Of an index or of a manifest. BuildKit's own SBOM is found by the index. */
      readonly digest: string;
      /** `linux/arm64`; needed where the digest is that of an index with several. */
      readonly platform?: string | undefined;
    }
  | {
      readonly kind: 'engine';
      /** `sha256:…` */
      readonly id: string;
      /** The engine's own where none is named. */
      readonly platform?: string | undefined;
    };

/** An image after it was looked up. */
export interface Target {
  /** What an SBOM calls the image: its repository, or in the engine its ID. */
  readonly name: string;
  /** `sha256:…` of what is described: a manifest, or an image of the engine. */
  readonly digest: string;
  readonly platform: string | undefined;
  readonly place:
    | {
        readonly kind: 'registry';
        readonly registry: Registry;
        /** `repository@sha256:…` as it was asked for. */
        readonly asked: string;
        /** The index it is listed in; undefined where there is none. */
        readonly index: Extract<ManifestContent, { kind: 'index' }> | undefined;
        readonly endpoint: Endpoint;
      }
    | {
        readonly kind: 'engine';
        readonly store: 'graph' | 'containerd';
        /** The platform the engine shows the image for. */
        readonly own: string | undefined;
      };
}

/** What came of asking one source. It throws a `ChalkError` where it should have had one and failed. */
export type Attempt =
  { readonly kind: 'made'; readonly sbom: Sbom } | { readonly kind: 'absent'; readonly why: string };

/** A place SBOMs come from. */
export interface SbomSource {
  make(target: Target, format: SbomFormat): Promise<Attempt>;
}

/** A program that writes SBOMs. */
export interface Maker {
  readonly tool: Tool;
  /** The document. Throws `SBOM_FAILED`. */
  make(target: Target, format: SbomFormat): Promise<string>;
}

export interface SbomLimits {
  /** Milliseconds for everything one program does. */
  readonly timeoutMs: number;
  /**
   * Bytes of one SBOM. More cannot be signed: an envelope has it as base64 in one string, and strings end at 512 MiB.
   * cosign reads attestations of 128 MiB unless told otherwise (`COSIGN_MAX_ATTACHMENT_SIZE`).
   */
  readonly maxBytes: number;
}

export const SBOM_LIMITS: SbomLimits = { timeoutMs: 300_000, maxBytes: 256 * 1024 * 1024 };
