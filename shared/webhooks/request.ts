import type { Fields } from '../record/resource.ts';
import type { Instant } from '../time.ts';
import type { Post, PostRequest, PostResult } from './egress.ts';
import { endpointOf } from './endpoints.ts';
import { signingKeys } from './keys.ts';
import { allowedOrigins, misdirection } from './origins.ts';
import { credentialsFor } from './receiver-token.ts';
import { signedHeaders } from './sign.ts';

/** A message as it is stored: `body` goes out byte for byte. */
export interface Message {
  readonly id: string;
  readonly body: string;
}

/**
 * What is posted to an endpoint at an instant: the one place where it is put together, for deliveries and pings alike.
 * The endpoint's own headers come first, so none of them can stand for one of ours.
 * @throws KeyUnusable where the endpoint's keys cannot sign
 */
export function postRequest(endpoint: Fields, { id, body }: Message, at: Instant): PostRequest {
  const known = endpointOf(endpoint);
  const { url, headers, signatures } = known;
  const timestamp = Math.floor(Date.parse(at) / 1000);
  const signed = signedHeaders(signingKeys(known, at), signatures, { id, timestamp, body });
  return {
    url,
    headers: { ...headers, ...signed },
    body,
    ...credentialsFor(endpoint),
    secretOrigins: allowedOrigins(endpoint),
  };
}

/** Posts a request, unless a secret in it was given for another origin: then nothing is sent and the result says so. */
export const postBound = async (post: Post, request: PostRequest): Promise<PostResult> =>
  misdirection(request) ?? post(request);
