/** Parameters that carry a credential, by the words such names are made of. */
const SECRET_PARAMETER =
  /token|secret|passw|pwd|signature|credential|auth(?!or)|(?:^|[-_.])(?:key|sig|code)$|api-?key/i;

/** Schemes where the user is a name, not a credential: `ssh://git@host` is the address of everybody's clone. */
const SSH_SCHEME = /^(?:git\+)?ssh(?:\+git)?$/i;

/**
 * A repository or build address without what could log somebody in: user and password, and secret query parameters. Takes
 * every form git takes (URL, `user@host:path`, `helper::address`, file path); what is no address comes back as it is.
 * Malformed addresses are cut generously: losing a path is better than publishing a token.
 */
export function withoutCredentials(address: string): string {
  // URL parsers skip line breaks and tabs inside an address, so a secret must not hide behind one.
  const text = address.trim().replace(/[\t\r\n]/g, '');
  const [, helpers = '', rest = ''] = /^((?:[a-z][\w+.-]*::)*)(.*)$/is.exec(text) ?? [];
  // `ext::` is followed by a command line, which has no form that could be cleaned.
  if (/(?:^|:)ext::/i.test(helpers)) return helpers;
  const url =
    /^([a-z][a-z0-9+.-]*):([\\/]{2,})(.*)$/is.exec(rest) ?? /^(https?|ftps?):([\\/]?)(.*)$/is.exec(rest);
  if (url) return helpers + cleanUrl(url[1] ?? '', url[2] ?? '', url[3] ?? '');
  return helpers + (/^[./\\~]/.test(rest) || /^[a-z]:[\\/]/i.test(rest) ? rest : cleanScp(rest));
}

function cleanUrl(scheme: string, slashes: string, rest: string): string {
  const end = rest.search(/[/\\?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const tail = end < 0 ? '' : rest.slice(end);
  const at = authority.lastIndexOf('@');
  if (at < 0) {
    // `https://user:pa/ss@host`: a "port" that is no number was the start of a password with a slash in it.
    const hidden = tail.lastIndexOf('@');
    const port = /^(?:\[[^\]]*\]|[^:]*):(.*)$/s.exec(authority)?.[1] ?? '';
    if (hidden >= 0 && !/^\d*$/.test(port)) {
      return cleanUrl(scheme, slashes, tail.slice(hidden + 1));
    }
    return `${scheme}:${slashes}${authority}${withoutSecretParameters(tail)}`;
  }
  const user = SSH_SCHEME.test(scheme) ? (authority.slice(0, at).split(':')[0] ?? '') : '';
  const host = authority.slice(at + 1);
  return `${scheme}:${slashes}${user === '' ? '' : `${user}@`}${host}${withoutSecretParameters(tail)}`;
}

/** `[user@]host:path`. A colon before the `@` is no such form: somebody's `user:password@host` that lost its scheme. */
function cleanScp(text: string): string {
  return withoutSecretParameters(
    text.replace(/^([^:@/]*):.*@/s, (_, user: string) => (user ? `${user}@` : '')),
  );
}

/** Drops secret `name=value` pairs from the query and the fragment; without any, the text stays as it is. */
function withoutSecretParameters(tail: string): string {
  const start = tail.search(/[?#]/);
  if (start < 0) return tail;
  const parts = tail.slice(start).split(/(?=[?#&;])/);
  const kept = parts.filter((part) => !SECRET_PARAMETER.test(parameterName(part)));
  if (kept.length === parts.length) return tail;
  const query = kept.join('').replace(/^[&;]/, '?');
  return tail.slice(0, start) + query;
}

function parameterName(part: string): string {
  const name = part.slice(1).split('=', 1)[0] ?? '';
  if (!part.includes('=')) return '';
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
