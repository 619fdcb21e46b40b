import { createHash } from 'node:crypto';
import * as z from 'zod';
import { group, secret } from '../record/fields.ts';
import type { Fields } from '../record/resource.ts';
import {
  type ClientCertificate,
  type EgressOptions,
  isTaken,
  type Post,
  type PostRequest,
  READ_BYTES,
  type ReceiverOauth,
  TOTAL_MS,
  urlRefusal,
} from './egress.ts';
import { misdirection } from './origins.ts';

/** Milliseconds that a token may take: it is part of the attempt, and the POST needs time too. */
const TOKEN_MS = 8_000;
/** Seconds before its end at which a token is no longer used. */
const LEEWAY_S = 30;
/** Seconds for which a token counts as valid that does not say so itself. */
const UNSAID_LIFE_S = 90;
/** Seconds for which a token is used at most, so that one that was revoked unseen is not used for ever. */
const LONGEST_LIFE_S = 3_600;
/** Tokens kept at most; beyond this the oldest goes. */
const MOST_KEPT = 500;

const tokenUrl = (egress: EgressOptions) =>
  z
    .string()
    .max(2_000)
    .refine((url) => urlRefusal(url, egress) === undefined, {
      error: ({ input }) => urlRefusal(String(input), egress),
    })
    .describe('Token URL (token-adresse): https, port 443, a public host name.');

/** Visible ASCII, blanks within: what stands in a form of OAuth (RFC 6749 Appendix A). */
const oauthText = (description: string, max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, 'This must be visible ASCII characters.')
    .describe(description);

const shown = (egress: EgressOptions) => ({
  tokenUrl: tokenUrl(egress),
  clientId: oauthText('Our client id there (klient-id).', 200),
  scope: oauthText('Scopes to ask for (rettigheder), separated by blanks.', 1_000).optional(),
});

/** An endpoint's field for {@link ReceiverOauth}, shown nowhere. */
export const receiverOauth = (egress: EgressOptions) =>
  secret(
    group(
      'How to get an access token that goes with each delivery (adgangstoken): OAuth 2.0 client credentials, with HTTP Basic. Shown without its secret in `oauthInfo`.',
      {
        ...shown(egress),
        clientSecret: oauthText('Our client secret there (klienthemmelighed).', 2_000),
      },
    ),
  );

/** What is shown of it. */
export const receiverOauthInfo = (egress: EgressOptions) =>
  group('Where the access token comes from (adgangstoken), without the secret.', shown(egress));

/** What may be shown of an endpoint's `oauth`. */
export const oauthInfoOf = (oauth: ReceiverOauth | undefined): Omit<ReceiverOauth, 'clientSecret'> | undefined => {
  if (!oauth) return undefined;
  const { clientSecret: _, ...info } = oauth;
  return info;
};

/** What a request to an endpoint takes with it, beside its signature, to be let in. */
export const credentialsFor = (endpoint: Fields): Pick<PostRequest, 'clientCertificate' | 'oauth'> => ({
  clientCertificate: endpoint['clientCertificate'] as ClientCertificate | undefined,
  oauth: endpoint['oauth'] as ReceiverOauth | undefined,
});

/** As a form has it, which is also how Basic credentials are written (RFC 6749 §2.3.1). */
const form = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString();
const formText = (text: string): string => form({ '': text }).slice(1);

const TokenAnswer = () =>
  z.object({
    // The characters of a Bearer token (RFC 6750 §2.1).
    access_token: z.string().regex(/^[A-Za-z0-9._~+/-]+=*$/),
    token_type: z
      .string()
      .regex(/^bearer$/i)
      .default('Bearer'),
    // Some say it as text.
    expires_in: z.coerce.number().positive().optional(),
  });

/** What a token is got with. */
type Credentials = { readonly oauth: ReceiverOauth } & Pick<PostRequest, 'clientCertificate'>;

/** A token that is there or on its way. */
interface Token {
  readonly value: Promise<string | undefined>;
  /** Milliseconds since 1970 until which it is used; Infinity while it is on its way. */
  usableUntil: number;
}

/**
 * A sender that first gets the access token that a request asks for, through the sender that it is given, and so under
 * the same guard. Tokens are kept until shortly before they expire, one for each set of credentials, and requests that
 * need the same one at once share one fetch. A token that is not to be had fails the attempt as `TOKEN`, and nothing
 * that the token URL answered is shown. One that the receiver answers with 401 is not used again.
 */
export function withReceiverTokens(post: Post, now: () => Date): Post {
  const kept = new Map<string, Token>();

  async function fetchToken({ oauth, clientCertificate }: Credentials, withinMs: number) {
    const { tokenUrl: url, clientId, clientSecret, scope } = oauth;
    const asked = now().getTime();
    const result = await post({
      url,
      headers: {
        authorization: `Basic ${Buffer.from(`${formText(clientId)}:${formText(clientSecret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: form({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }),
      clientCertificate,
      withinMs,
      keepBytes: READ_BYTES,
    });
    const answer = isTaken(result) ? TokenAnswer().safeParse(jsonOf(result.body)).data : undefined;
    const life = answer ? Math.min((answer.expires_in ?? UNSAID_LIFE_S) - LEEWAY_S, LONGEST_LIFE_S) : 0;
    return { value: answer?.access_token, usableUntil: asked + life * 1000 };
  }

  function tokenFor(key: string, credentials: Credentials, withinMs: number): Token {
    const known = kept.get(key);
    if (known && known.usableUntil > now().getTime()) return known;
    const fetched = fetchToken(credentials, withinMs);
    const token: Token = { usableUntil: Number.POSITIVE_INFINITY, value: fetched.then(({ value }) => value) };
    void fetched.then(({ usableUntil }) => Object.assign(token, { usableUntil }));
    kept.delete(key);
    kept.set(key, token);
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    return token;
  }

  return async (request) => {
    const { oauth, clientCertificate, withinMs = TOTAL_MS } = request;
    if (!oauth) return post(request);
    const misdirected = misdirection(request);
    if (misdirected) return misdirected;
    const started = performance.now();
    const elapsed = () => Math.round(performance.now() - started);
    const credentials = { oauth, clientCertificate };
    const key = createHash('sha256').update(JSON.stringify(credentials)).digest('base64');
    const token = tokenFor(key, credentials, Math.min(withinMs, TOKEN_MS));
    const value = await token.value;
    if (value === undefined) return { error: 'TOKEN', durationMs: elapsed() };
    const headers = { ...request.headers, authorization: `Bearer ${value}` };
    const result = await post({ ...request, headers, withinMs: withinMs - elapsed() });
    if (result.status === 401 && kept.get(key) === token) kept.delete(key);
    return { ...result, durationMs: elapsed() };
  };
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
