/** An image reference, every default written out. */
export interface ImageRef {
  /** `docker.io` when none was named. */
  readonly registry: string;
  /** Without the registry; official images have their `library/`. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

const DEFAULT_REGISTRY = 'docker.io';

/** distribution/reference's grammar, as far as it decides where the parts begin. */
const REFERENCE =
  /^(?<name>[a-zA-Z0-9](?:[a-zA-Z0-9._\-/]|:(?=\d+\/))*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[a-zA-Z0-9+._-]+:[a-fA-F0-9]{32,}))?$/;

/** Reads an image reference; undefined for text that is none. A name without tag and digest gets the tag `latest`. */
export function parseImageRef(text: string): ImageRef | undefined {
  const { name, tag, digest } = REFERENCE.exec(text)?.groups ?? {};
  if (name === undefined) return undefined;
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  // The first part is a host if it could not be a repository's: it has a dot, a port, or is localhost.
  const named =
    first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const registry = named && first !== 'index.docker.io' ? first : DEFAULT_REGISTRY;
  const path = named ? name.slice(slash + 1) : name;
  if (path === '' || path !== path.toLowerCase()) return undefined;
  return {
    registry,
    repository: registry === DEFAULT_REGISTRY && !path.includes('/') ? `library/${path}` : path,
    ...(tag === undefined && digest !== undefined ? {} : { tag: tag ?? 'latest' }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The name with its tag as people write it: `x` becomes `x:latest`, no default registry is added. */
export function withDefaultTag(text: string): string {
  const ref = parseImageRef(text);
  return ref === undefined ||
    ref.tag === undefined ||
    text.endsWith(`:${ref.tag}`) ||
    ref.digest !== undefined
    ? text
    : `${text}:${ref.tag}`;
}

/** The repository with its registry in front: the one name it has everywhere. */
export function repositoryName({ registry, repository }: Pick<ImageRef, 'registry' | 'repository'>): string {
  return `${registry}/${repository}`;
}
