import { hash, timingSafeEqual } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import Provider, { type Adapter, type ClientMetadata, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Service } from './aws-json.ts';
import type { Client, Installation } from './installation.ts';

/** Whom every access token is for. */
export const AUDIENCE = 'livline';

/** How long an access token is good for, in seconds. */
const LIFETIME = 3600;

/** Where the issuer lives on the gateway's server; its name is the server's URL and this. */
export const ISSUER_PATH = '/oauth2';

export interface Issuer {
  /** The `iss` of every token. */
  readonly url: string;
  readonly tokenUrl: string;
  /** The public keys that verify its tokens. */
  readonly jwks: JSONWebKeySet;
  /** Answers any request below {@link ISSUER_PATH}. */
  readonly handle: Service;
}

/**
 * The OAuth 2.0 issuer of this machine: client credentials and nothing else, RS256 JWT access tokens as Cognito makes
 * them (`client_id`, `scope`, `token_use`) with an audience besides.
 * @param serverUrl of the server that it is part of
 * @param scopes every scope there is, in full
 */
export function createIssuer(serverUrl: string, scopes: readonly string[], installation: Installation): Issuer {
  const url = `${serverUrl}${ISSUER_PATH}`;
  const provider = new Provider(url, {
    adapter: () => clientsOnly(installation),
    jwks: { keys: installation.signingKeys.map(({ kty = '', ...key }) => ({ kty, ...key })) },
    scopes: [...scopes],
    claims: {},
    responseTypes: [],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    clientDefaults: { grant_types: [GRANT], response_types: [], redirect_uris: [] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    // No browser has business here: a page cannot hold a secret.
    clientBasedCORS: () => false,
    routes: { token: '/token', jwks: '/.well-known/jwks.json' },
    cookies: { keys: ['no cookie is ever set'] },
    extraTokenClaims: () => ({ token_use: 'access' }),
    ttl: { ClientCredentials: LIFETIME },
    renderError: (ctx, { error, error_description }) => {
      ctx.type = 'application/json';
      ctx.body = { error, error_description };
    },
  });
  // Each of a client's live secrets lets it in; the library itself knows one. To put another comparison in its place is
  // how its author means it to be done.
  provider.Client.prototype.compareClientSecret = function (sent) {
    return (installation.find(this.clientId)?.secrets ?? []).some(({ value }) => isSame(value, sent));
  };
  provider.registerGrantType(GRANT, (ctx) => grantToken(provider, ctx), ['scope']);

  const handle = provider.callback();
  return {
    url,
    tokenUrl: `${url}/token`,
    jwks: { keys: installation.signingKeys.map(publicPart) },
    handle: (request, response) => {
      const { url: path = '/' } = request;
      // The provider learns where it is mounted from the difference of the two, as from Express.
      Object.assign(request, { originalUrl: path, url: path.slice(ISSUER_PATH.length) || '/' });
      return handle(request, response);
    },
  };
}

/** Compares two secrets in a time that tells nothing of them. */
const isSame = (one: string, other: string): boolean =>
  timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'));

const GRANT = 'client_credentials';

/**
 * The client credentials grant (RFC 6749 §4.4) with Cognito's rule that a request without `scope` asks for all that
 * the client may have; the provider's own would give none.
 */
async function grantToken(provider: Provider, ctx: KoaContextWithOIDC): Promise<void> {
  const { client, params } = ctx.oidc;
  if (client === undefined) throw new errors.InvalidClient('there is no client');
  const allowed = (client.scope ?? '').split(' ');
  const asked = typeof params?.['scope'] === 'string' && params['scope'] !== '' ? params['scope'].split(' ') : allowed;
  const refused = asked.find((scope) => !allowed.includes(scope));
  if (refused !== undefined) throw new errors.InvalidScope('the client may not have a requested scope', refused);

  const scope = asked.join(' ');
  const token = new provider.ClientCredentials({ client, scope });
  token.resourceServer = new provider.ResourceServer(AUDIENCE, {
    audience: AUDIENCE,
    scope,
    accessTokenFormat: 'jwt',
    accessTokenTTL: LIFETIME,
    jwt: { sign: { alg: 'RS256' } },
  });
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType, scope };
}

/** The provider's storage. JWT access tokens are not stored and nothing else is ever issued, so it only finds clients. */
function clientsOnly(installation: Installation): Adapter {
  const nothing = async () => undefined;
  return {
    find: async (id) => {
      const client = installation.find(id);
      return client && metadataOf(client);
    },
    upsert: nothing,
    destroy: nothing,
    consume: nothing,
    findByUid: nothing,
    findByUserCode: nothing,
    revokeByGrantId: nothing,
  };
}

function metadataOf(client: Client): ClientMetadata {
  return {
    client_id: client.clientId,
    // One that the library knows a client with a secret by; which ones are good, compareClientSecret says.
    client_secret: client.secrets[0]?.value,
    client_name: client.name,
    scope: client.scopes.join(' '),
    grant_types: [GRANT],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
  };
}

function publicPart({ kty, kid, alg, use, n, e }: JWK): JWK {
  return { kty, kid, alg, use, n, e } as JWK;
}
