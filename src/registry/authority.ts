import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Host } from '../host/host.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credentials } from './credentials.ts';
import { failureOfAnswer, RegistryFailure } from './failure.ts';
import { readAll } from './reading.ts';
import type { Answer } from './answer.ts';
import { sendFollowing, type Trust } from './redirects.ts';

/** Writes the `Authorization` of requests to one registry. */
export interface Authority {
  /** For a request that needs these scopes, as far as the registry's way is known by now. */
  header(scopes: readonly string[]): Promise<string | undefined>;
  /**
   * After a 401: what to send instead of `used`; undefined where there is nothing better. Throws where the token service
   * refuses, or cannot be used.
   */
  learn(challenges: string, scopes: readonly string[], used: string | undefined): Promise<string | undefined>;
}

interface TokenService {
  readonly realm: URL;
  readonly service: string | undefined;
  /** What the registry asks for besides: `aws`. */
  readonly extra: readonly string[];
}

interface Token {
  readonly text: string;
  /** On the monotonic clock. */
  readonly expires: number;
}

const TokenAnswer = z.object({
  token: z.nullish(z.string()),
  access_token: z.nullish(z.string()),
  expires_in: z.nullish(z.number()),
});
/** Where a service does not say how long, or says less (distribution's token specification). */
const SHORTEST_LIFE_S = 60;
/** Not used in its last seconds: the request takes time, too. */
const MARGIN_S = 10;
const MAX_TOKEN_ANSWER = 1024 * 1024;
const TOKEN_TIMEOUT_MS = 60_000;

/** One for each registry: tokens are kept per scope, each is fetched once however many requests wait for it. */
export function createAuthority(
  host: Host,
  registry: string,
  trust: Trust,
  findCredentials: () => Promise<Credentials>,
): Authority {
  const tokens = new Map<string, Promise<Token>>();
  let credentials: Promise<Credentials> | undefined;
  let way:
    { readonly kind: 'basic' } | { readonly kind: 'bearer'; readonly service: TokenService } | undefined;
  const known = async () => (credentials ??= findCredentials());

  const bearer = async (service: TokenService, scopes: readonly string[], used?: string) => {
    const own = await known();
    if (own.kind === 'registry-token') return `Bearer ${own.token}`;
    const wanted = [...new Set([...scopes, ...service.extra])];
    const key = JSON.stringify([service.realm.href, service.service, wanted]);
    let kept = tokens.get(key);
    if (kept !== undefined) {
      const { text, expires } = await kept;
      if (`Bearer ${text}` === used || expires <= host.clock.monotonic()) {
        // Whoever came first has put a new one there.
        if (tokens.get(key) === kept) tokens.delete(key);
        kept = tokens.get(key);
      }
    }
    if (kept === undefined) {
      kept = fetchToken(host, registry, trust, service, wanted, own);
      tokens.set(key, kept);
      kept.catch(() => tokens.delete(key));
    }
    return `Bearer ${(await kept).text}`;
  };

  return {
    header: async (scopes) => {
      if (way === undefined) return undefined;
      return way.kind === 'basic' ? basicHeader(await known()) : bearer(way.service, scopes);
    },
    learn: async (text, scopes, used) => {
      const challenges = parseChallenges(text);
      const offered = challenges.find(
        ({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'),
      );
      if (offered !== undefined) {
        const service = readService(registry, trust, offered);
        way = { kind: 'bearer', service };
        const header = await bearer(service, scopes, used);
        return header === used ? undefined : header;
      }
      if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
      const header = basicHeader(await known());
      if (header === undefined || header === used) return undefined;
      way = { kind: 'basic' };
      return header;
    },
  };
}

function basicHeader(credentials: Credentials): string | undefined {
  if (credentials.kind !== 'password') return undefined;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/**
 * The scopes are ours, because some registries name a placeholder in theirs (GHCR: `repository:user/image:pull`); of the
 * registry's own only what is no repository is taken along (`aws`, `registry:catalog:*`).
 */
function readService(registry: string, trust: Trust, { parameters }: Challenge): TokenService {
  const text = parameters.get('realm') ?? '';
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || !(realm.protocol === 'https:' || trust.mayBePlain(realm))) {
    throw new ChalkError('RESPONSE_INVALID', `${registry} names a token service that cannot be trusted`, {
      hint: 'its address must be https',
    });
  }
  const extra = (parameters.get('scope') ?? '')
    .split(' ')
    .filter((scope) => scope && !scope.startsWith('repository:'));
  return { realm, service: parameters.get('service'), extra };
}

async function fetchToken(
  host: Host,
  registry: string,
  trust: Trust,
  service: TokenService,
  scopes: readonly string[],
  credentials: Credentials,
): Promise<Token> {
  const asked = host.clock.monotonic();
  const what = `a token for ${registry}`;
  const answer =
    credentials.kind === 'identity-token'
      ? await exchangeToken(host, trust, service, scopes, credentials.token, what)
      : await askForToken(host, trust, service, scopes, credentials, what);
  if (answer.status === 401 && credentials.kind !== 'none') {
    answer.discard();
    throw new RegistryFailure(
      'REGISTRY_UNAUTHORIZED',
      `${registry} does not take the credentials of ${credentials.keeper}`,
      { hint: `docker login ${registry}` },
    );
  }
  if (answer.status !== 200) throw await failureOfAnswer(answer, what, host.clock.now());
  const bytes = await readAll(answer, MAX_TOKEN_ANSWER, what);
  const parsed = TokenAnswer.safeParse(parseJson(bytes.toString('utf8')));
  const text = parsed.success ? parsed.data.token || parsed.data.access_token : undefined;
  // What is no token could end the header it is put into.
  if (!parsed.success || !text || !/^[\w.~+/=-]+$/.test(text)) {
    throw new ChalkError('RESPONSE_INVALID', `${what}: the token service answered something else`);
  }
  const life = Math.max(parsed.data.expires_in ?? 0, SHORTEST_LIFE_S) - MARGIN_S;
  return { text, expires: asked + life * 1000 };
}

function askForToken(
  host: Host,
  trust: Trust,
  service: TokenService,
  scopes: readonly string[],
  credentials: Credentials,
  what: string,
): Promise<Answer> {
  const url = new URL(service.realm);
  if (service.service !== undefined) url.searchParams.set('service', service.service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credentials.kind === 'password') url.searchParams.set('account', credentials.username);
  return sendFollowing(host.http, trust, {
    method: 'GET',
    url,
    headers: { accept: 'application/json' },
    authorization: basicHeader(credentials),
    timeoutMs: TOKEN_TIMEOUT_MS,
    what,
  });
}

/** OAuth 2 with the identity token as refresh token (distribution `spec/auth/oauth.md`). */
async function exchangeToken(
  host: Host,
  trust: Trust,
  service: TokenService,
  scopes: readonly string[],
  token: string,
  what: string,
): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'docker-chalk',
    refresh_token: token,
    scope: scopes.join(' '),
    ...(service.service === undefined ? {} : { service: service.service }),
  });
  const content = Buffer.from(form.toString(), 'utf8');
  let sent = false;
  return sendFollowing(host.http, trust, {
    method: 'POST',
    url: service.realm,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    authorization: undefined,
    // The token is in the body, which no redirect may carry anywhere.
    body: () => {
      if (sent)
        throw new ChalkError('RESPONSE_INVALID', `${what}: the token service redirects an identity token`);
      sent = true;
      return content;
    },
    timeoutMs: TOKEN_TIMEOUT_MS,
    what,
  });
}
