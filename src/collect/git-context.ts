import { withoutCredentials } from '../base/url.ts';
import { known, type Facts } from './facts.ts';

/**
 * What the address of a remote build context says: the repository, and the commit or branch where the fragment names one
 * in full (`#<commit>:folder`, as CI actions write it). The builder fetches it; nothing is looked up here.
 */
export function gitContextFacts(address: string): Facts {
  const [repository = '', fragment = ''] = address.split('#', 2);
  const query = URL.parse(repository)?.searchParams;
  const [fromFragment = ''] = fragment.split(':', 1);
  const ref = fromFragment || query?.get('ref') || query?.get('commit') || query?.get('checksum') || '';
  const isCommit = /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1] ?? query?.get('branch') ?? undefined;
  const tag = /^refs\/tags\/(.+)$/.exec(ref)?.[1] ?? query?.get('tag') ?? undefined;
  return known({
    ORIGIN_URI: withoutCredentials(repository.split('?', 1)[0] ?? ''),
    COMMIT_ID: isCommit ? ref : undefined,
    BRANCH: branch,
    TAG: tag,
  });
}
