import type { Platform } from '../base/platform.ts';
import type { MarkObject } from '../mark/index.ts';
import type { RepositoryName } from '../registry/index.ts';
import type { EnvelopeJson } from '../sign/index.ts';
import type { Provenance } from './provenance.ts';

/** One image in one repository, and what shall be said about it. */
export interface PushedImage {
  readonly repository: RepositoryName;
  /** `sha256:…` of the manifest or index that was pushed. */
  readonly digest: string;
  /**
   * For images that have none in them: what their labels stand for. An image's own mark goes before. Undefined: nothing is
   * said of a mark, and the image is not read for it.
   */
  readonly marks?: readonly ForPlatform<{ readonly mark: MarkObject }>[];
  /** Undefined where the build is not known: none is made up. */
  readonly provenance?: Provenance | undefined;
  readonly sboms?: readonly Sbom[];
}

/** Something about the images of one platform; without one about every image. */
export type ForPlatform<T> = T & { readonly platform?: Platform | undefined };

/** A bill of materials that is there already. */
export type Sbom = ForPlatform<{
  readonly format: 'spdx' | 'cyclonedx';
  readonly predicateType: string;
  /** JSON of an object, checked by whoever made it: it may have hundreds of megabytes. */
  readonly text: string;
  readonly tool: { readonly name: string; readonly version?: string | undefined };
  /** Who made it: `syft`, `buildkit`, … */
  readonly origin: string;
}>;

export type StatementKind = 'mark' | 'provenance' | 'sbom';

/** One statement at one manifest. */
export interface AttachedStatement {
  readonly kind: StatementKind;
  readonly predicateType: string;
  /** `sha256:…` of the manifest or index it is attached to. */
  readonly subject: string;
  /** `there-already`: the same words, signed by the same key, were there before. */
  readonly state: 'attached' | 'there-already';
  /** For the report; undefined for what is too large for one. */
  readonly envelope: EnvelopeJson | undefined;
}

/** A manifest that statements are about. */
export interface ImageSubject {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly kind: 'index' | 'image';
  /** As the index says; of a single image nothing is said. */
  readonly platform: Platform | undefined;
}
