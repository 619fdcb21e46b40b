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

/**
 * Gives each client of a municipality that has none a credential made from inside, and ends the one that the operator has
 * seen. A second later its tokens are good again.
 */
export async function replaceSeen(livline: Livline, code: string): Promise<void> {
  const by = livline.administratorOf(code);
  for (const { clientId, revokedAt } of (await by.get('/clients')).body.items) {
    if (revokedAt !== undefined) continue;
    const { credentials } = (await by.get(`/clients/${clientId}`)).body;
    const [seen] = credentials.filter(({ seenByOperator }: { seenByOperator?: boolean }) => seenByOperator);
    if (!seen) continue;
    if (credentials.length === 1) await by.post(`/clients/${clientId}/credentials`, undefined);
    await by.send('DELETE', `/clients/${clientId}/credentials/${seen.id}`);
  }
  livline.advance(1);
}

/** Suspends a municipality, or lets it work again, with credentials that no operator has seen. */
export async function setStatus(livline: Livline, code: string, status: 'live' | 'suspended'): Promise<void> {
  const { operator } = livline;
  if ((await operator('GET', `/municipalities/${code}`)).body.status === 'test') await replaceSeen(livline, code);
  const { status: answered } = await operator('POST', `/municipalities/${code}/status`, { body: { status } });
  if (answered !== 200) throw new Error(`Changing the status answered ${answered}`);
}

/** Another client of the same municipality, with these scopes. */
export async function anotherClient(livline: Livline, at: Caller, scopes: readonly string[]): Promise<Caller> {
  return livline.ownClient(livline.administratorOf(at.code), { scopes });
}
