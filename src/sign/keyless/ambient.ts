import * as z from 'zod/mini';
import { ChalkError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import { withoutCredentials } from '../../base/url.ts';
import type { Host } from '../../host/host.ts';
import { isLoopback } from '../../host/loopback.ts';
import { ask, nonsense } from './service.ts';
import { AUDIENCE, IdentityToken } from './token.ts';

/** Somebody who may know who we are. */
interface Provider {
  /** For messages. */
  readonly name: string;
  /** Whether we are where this one speaks; costs no network and no process. */
  present(host: Host): Promise<boolean> | boolean;
  /** The token's text. Throws a ChalkError. */
  token(host: Host): Promise<string>;
}

const REQUEST_MS = 10_000;
const VARIABLE = 'SIGSTORE_ID_TOKEN';

/** GitLab (`id_tokens` of a job), and everybody who has a token from elsewhere. */
const variable: Provider = {
  name: VARIABLE,
  present: ({ env }) => Boolean(env[VARIABLE]),
  token: async ({ env }) => env[VARIABLE] ?? '',
};

/** A job with `permissions: id-token: write` has these two variables. */
const github: Provider = {
  name: 'GitHub Actions',
  present: ({ env }) =>
    Boolean(env['ACTIONS_ID_TOKEN_REQUEST_URL']) && Boolean(env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']),
  token: async (host) => {
    const text = host.env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '';
    const secret = host.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '';
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || (url.protocol !== 'https:' && !isLoopback(url.hostname))) {
      const shown = withoutCredentials(text);
      throw missing(`ACTIONS_ID_TOKEN_REQUEST_URL is no address to send a secret to: ${shown}`);
    }
    url.searchParams.set('audience', AUDIENCE);
    const answer = await ask(host, {
      name: 'GitHub Actions',
      method: 'GET',
      url: url.href,
      headers: { authorization: `bearer ${secret}`, accept: 'application/json' },
      secrets: [secret],
      timeoutMs: REQUEST_MS,
    });
    const parsed = z
      .object({ value: z.string() })
      .safeParse(parseJson(new TextDecoder().decode(answer.bytes)));
    if (!parsed.success) throw nonsense('GitHub Actions', 'there is no token in it');
    return parsed.data.value;
  },
};

const buildkite: Provider = {
  name: 'Buildkite',
  present: ({ env }) => env['BUILDKITE'] === 'true',
  token: (host) => printedBy(host, 'buildkite-agent', ['oidc', 'request-token', '--audience', AUDIENCE]),
};

/** The tokens in a job's environment are for another audience, the organisation. */
const circleci: Provider = {
  name: 'CircleCI',
  present: ({ env }) => env['CIRCLECI'] === 'true',
  token: (host) =>
    printedBy(host, 'circleci', ['run', 'oidc', 'get', '--claims', JSON.stringify({ aud: AUDIENCE })]),
};

const METADATA = 'metadata.google.internal';

/**
 * Machines, containers and builds of Google's cloud: its metadata server speaks for the service account. A job of GitHub or
 * GitLab that got no token of its own is not signed with that of the machine which happens to run it.
 */
const google: Provider = {
  name: 'Google Cloud',
  present: async (host) => {
    if (host.env['GITHUB_ACTIONS'] || host.env['GITLAB_CI']) return false;
    if (host.env['GCE_METADATA_HOST'] || host.env['K_SERVICE']) return true;
    try {
      return /^Google\b/.test(await host.files.readText('/sys/class/dmi/id/product_name', 4096));
    } catch {
      return false;
    }
  },
  token: async (host) => {
    const query = new URLSearchParams({ audience: AUDIENCE, format: 'full' });
    const path = `/computeMetadata/v1/instance/service-accounts/default/identity?${query.toString()}`;
    const server = host.env['GCE_METADATA_HOST'] || METADATA;
    if (!/^[\w.-]+(?::\d+)?$/.test(server)) throw missing('GCE_METADATA_HOST is no name of a host');
    const answer = await ask(host, {
      name: 'Google Cloud',
      method: 'GET',
      url: `http://${server}${path}`,
      headers: { 'metadata-flavor': 'Google' },
      timeoutMs: REQUEST_MS,
      attempts: 2,
    });
    // Without it somebody else answered, such as the portal of a network.
    if (answer.headers['metadata-flavor'] !== 'Google') {
      throw nonsense('Google Cloud', 'it is not from a metadata server');
    }
    return new TextDecoder().decode(answer.bytes);
  },
};

const PROVIDERS: readonly Provider[] = [variable, github, buildkite, circleci, google];

/**
 * The identity this run has by itself: from `SIGSTORE_ID_TOKEN`, else from the CI system or cloud it runs in. Nobody is asked
 * and no browser opened. Throws `IDENTITY_MISSING` where there is none, `IDENTITY_INVALID` for a token that is none, and
 * as `ask` does.
 */
export async function ambientIdentity(host: Host): Promise<IdentityToken> {
  for (const provider of PROVIDERS) {
    if (!(await provider.present(host))) continue;
    return IdentityToken.read(await provider.token(host), provider.name, host.clock.now());
  }
  throw missing(
    `there is no identity to sign with: none of ${PROVIDERS.map(({ name }) => name).join(', ')}`,
    {
      hint:
        host.env['GITHUB_ACTIONS'] === 'true'
          ? 'the job needs `permissions: id-token: write`'
          : `set ${VARIABLE} to a token for the audience ${AUDIENCE}; in GitLab with \`id_tokens\``,
    },
  );
}

/** What a program of the CI system prints. It says it to nobody else: no part of it gets into a message. */
async function printedBy(host: Host, file: string, args: readonly string[]): Promise<string> {
  const result = await host.processes.run({ file, args, timeoutMs: REQUEST_MS, maxOutputBytes: 1024 * 1024 });
  switch (result.kind) {
    case 'exited':
      if (result.code === 0) return new TextDecoder().decode(result.stdout);
      throw missing(`${file} gave no token: it exited with ${result.code}`);
    case 'killed':
      throw missing(`${file} gave no token: it was killed by ${result.signal}`);
    case 'timed-out':
      throw missing(`${file} gave no token within ${result.afterMs} ms`);
    case 'overflow':
      throw missing(`${file} printed more than any token is long`);
    case 'not-started':
      throw missing(`${file} could not be started`, { cause: result.cause });
  }
}

function missing(message: string, more: { hint?: string; cause?: unknown } = {}): ChalkError {
  return new ChalkError('IDENTITY_MISSING', message, more);
}
