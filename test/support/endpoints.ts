import type { Caller, Livline } from './livline.ts';

export interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly secret: string;
}

/** An endpoint at `https://<name>.example.dk/` for the family's events, which has all that comes a second later or more. */
export async function subscribe(
  livline: Livline,
  at: Caller,
  name = 'receiver',
  fields: Record<string, unknown> = { types: ['family.*'] },
): Promise<Endpoint> {
  const { body } = await at.post('/webhook-endpoints', { url: `https://${name}.example.dk/`, ...fields });
  livline.advance(1);
  return body;
}

/** Creates a family, which gives one event. */
export async function createFamily(at: Caller, alias = 'Familien ved åen'): Promise<string> {
  const { status, body } = await at.post('/families', { alias, kind: 'almen' });
  if (status !== 201) throw new Error(`Creating a family answered ${status}`);
  return body.id;
}

/** Suspends a municipality, or lets it work again. */
export async function setStatus({ operator }: Livline, code: string, status: 'live' | 'suspended'): Promise<void> {
  const { status: answered } = await operator('POST', `/municipalities/${code}/status`, { body: { status } });
  if (answered !== 200) throw new Error(`Changing the status answered ${answered}`);
}

/** Another client of the same municipality, with these scopes. */
export async function anotherClient(livline: Livline, at: Caller, scopes: readonly string[]): Promise<Caller> {
  const made = await livline.operator('POST', `/municipalities/${at.code}/clients`, {
    body: { name: 'other', scopes },
  });
  if (made.status !== 201) throw new Error(`Making a client answered ${made.status}`);
  return livline.caller(at.code, made.body.client.clientId);
}
