import * as z from 'zod';
import { type FieldError, Problem } from '../errors.ts';
import { group, secret } from '../record/fields.ts';
import type { Fields } from '../record/resource.ts';
import type { PostRequest, PostResult } from './egress.ts';

/**
 * The origins (RFC 6454 §4) that an endpoint's secrets were given for: that of its `url`, and that of its token URL where
 * it has one. They are sealed beside the secrets, so whoever alters the url of a stored row gets none of them sent there.
 */
export interface SecretOrigins {
  readonly url: string;
  readonly tokenUrl?: string | undefined;
}

/** The sealed field that holds {@link SecretOrigins}. It is never shown. */
export const secretOrigins = () =>
  secret(
    group('The origins that the secrets were given for.', {
      url: z.string().describe('Origin of the url.'),
      tokenUrl: z.string().describe('Origin of the token URL.').optional(),
    }),
  );

const originOf = (url: string): string => new URL(url).origin;

const objectOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

const tokenUrlOf = ({ oauth }: Fields): string | undefined => objectOf(oauth)['tokenUrl'] as string | undefined;

const hasHeaders = ({ headers }: Fields): boolean => Object.keys(objectOf(headers)).length > 0;

/** Whether an endpoint has a secret that is sent to somebody. Its signing secret is not: only signatures are. */
const hasSecrets = (endpoint: Fields): boolean =>
  hasHeaders(endpoint) || endpoint['clientCertificate'] !== undefined || endpoint['oauth'] !== undefined;

/** Where the secrets of an endpoint go as it stands; undefined where it has none. */
const destinationsOf = (endpoint: Fields): SecretOrigins | undefined => {
  if (!hasSecrets(endpoint)) return undefined;
  const tokenUrl = tokenUrlOf(endpoint);
  return { url: originOf(String(endpoint['url'])), ...(tokenUrl !== undefined && { tokenUrl: originOf(tokenUrl) }) };
};

/** The secrets of an endpoint that the body did not hold, each with the field to send. */
function unsentSecrets(after: Fields, sent: Fields): { headers: boolean; certificate: boolean; oauth: boolean } {
  const sentHeaders = objectOf(sent['headers']);
  return {
    headers: Object.keys(objectOf(after['headers'])).some((name) => !Object.hasOwn(sentHeaders, name)),
    certificate: after['clientCertificate'] !== undefined && !('key' in objectOf(sent['clientCertificate'])),
    oauth: after['oauth'] !== undefined && !('clientSecret' in objectOf(sent['oauth'])),
  };
}

const needed = (pointer: string, what: string): FieldError => ({
  pointer,
  code: 'required',
  detail: `${what} was given for another origin. Send it again with the new address, or remove it.`,
});

/**
 * Returns the origins that an endpoint's secrets are for after a change; undefined where it has no such secret. Throws
 * 422 where a secret would go to another origin than it was given for and `sent`, the body, does not hold it: whoever
 * changes the address must know the secret. An access token that the OAuth secret buys goes to the url, so that secret
 * must be sent again for either address.
 */
export function boundOrigins(before: Fields | undefined, after: Fields, sent: Fields): SecretOrigins | undefined {
  const destinations = destinationsOf(after);
  if (!destinations || !before) return destinations;
  const known = before['secretOrigins'] as SecretOrigins | undefined;
  const moved = known?.url !== destinations.url;
  const movedToken = known?.tokenUrl !== destinations.tokenUrl && destinations.tokenUrl !== undefined;
  const unsent = unsentSecrets(after, sent);
  const errors = [
    ...(moved && unsent.headers ? [needed('/headers', 'A header')] : []),
    ...((moved || movedToken) && unsent.certificate ? [needed('/clientCertificate/key', 'The key')] : []),
    ...((moved || movedToken) && unsent.oauth ? [needed('/oauth/clientSecret', 'The secret')] : []),
  ];
  if (errors.length > 0)
    throw new Problem('validation_failed', 'A secret is sent only where it was given for.', errors);
  return destinations;
}

/** The origin of nothing: secrets that are stored without the origins they were given for go nowhere. */
const NOWHERE: SecretOrigins = { url: '' };

/** The origins to which the secrets of an endpoint may be sent, as they are stored; undefined where it has no secret. */
export const allowedOrigins = (endpoint: Fields): SecretOrigins | undefined =>
  hasSecrets(endpoint) ? ((endpoint['secretOrigins'] as SecretOrigins | undefined) ?? NOWHERE) : undefined;

/** The result of a request whose secrets were given for another origin: nothing is sent. Undefined where they may go. */
export function misdirection({
  url,
  oauth,
  secretOrigins: bound,
}: Pick<PostRequest, 'url' | 'oauth' | 'secretOrigins'>): PostResult | undefined {
  const allowed =
    bound === undefined ||
    (bound.url === originOf(url) && (oauth === undefined || bound.tokenUrl === originOf(oauth.tokenUrl)));
  return allowed ? undefined : { error: 'SECRET_ORIGIN', durationMs: 0 };
}
