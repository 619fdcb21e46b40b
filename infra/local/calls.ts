import { setTimeout as pause } from 'node:timers/promises';

/** Credentials of an OAuth 2.0 client. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** An answer of the API, its body parsed. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Reply>;

/** Gets an access token with all that the client may have (RFC 6749 §4.4). */
export async function fetchToken(tokenUrl: string, { clientId, clientSecret }: Credentials): Promise<string> {
  const answer = await fetch(tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const { access_token: token } = (await answer.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`The token issuer answered ${answer.status}`);
  return token;
}

/** Calls the API with a token, as any client would. */
export const callerOf =
  (apiUrl: string, token: string): Call =>
  async (method, path, body, headers = {}) => {
    const answer = await fetch(`${apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === '' ? {} : (JSON.parse(text) as Reply['body']),
    };
  };

/** Waits until `found` gives something, looking every 50 ms for at most `seconds`. */
export async function waitFor<Found>(what: string, seconds: number, found: () => Found | undefined): Promise<Found> {
  for (let waited = 0; waited < seconds * 1000; waited += 50) {
    const result = found();
    if (result !== undefined) return result;
    await pause(50);
  }
  throw new Error(`${what} did not happen within ${seconds} s`);
}
