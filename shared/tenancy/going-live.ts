import { Problem } from '../errors.ts';
import { pagesOf } from '../record/all.ts';
import { clientKey, grantKey, holdersKey } from '../table/keys.ts';
import { PRESENT } from '../table/write.ts';
import { clientFinder, type StoredClient } from './client-row.ts';
import { endAsOperator } from './clients.ts';
import type { OperatorContext } from './control.ts';
import { seenAmong } from './credentials.ts';
import { holdersOf } from './holders.ts';
import type { SecretInfo } from './identity.ts';

interface Seen {
  readonly client: StoredClient;
  readonly seen: readonly SecretInfo[];
  /** Whether it has a credential that was made from inside. */
  readonly isReplaced: boolean;
}

/** The municipality's own clients that have access and may have a credential that an operator has seen. */
async function seenClients(ctx: OperatorContext, code: string): Promise<Seen[]> {
  const ids: string[] = [];
  for await (const rows of pagesOf(ctx.control, { partition: grantKey(code, '').pk })) {
    ids.push(...rows.map(({ sk }) => String(sk)));
  }
  const found: StoredClient[] = [];
  for (let start = 0; start < ids.length; start += 50) {
    found.push(...(await clientFinder(ctx.control)(ids.slice(start, start + 50))).values());
  }
  const suspects = found.filter(({ seenByOperator, details: { owner, revokedAt } }) => {
    return seenByOperator && owner.kind === 'municipality' && revokedAt === undefined;
  });
  return Promise.all(
    suspects.map(async (client) => {
      const secrets = await ctx.identity.listSecrets(client.details.clientId);
      const seen = seenAmong(secrets, client);
      return { client, seen, isReplaced: seen.length < secrets.length };
    }),
  );
}

/**
 * Ends every credential of the municipality's own clients that an operator has seen, before it goes live. Throws
 * `credentials_seen` while such a client has none that was made from inside, or nobody holds `grants:write`. Each step
 * can be repeated: a process that dies leaves a municipality in `test` with fewer credentials. The row of a client that
 * is left with a seen one says so, and a live municipality lets no such client in, whatever happened here.
 */
export async function endSeenCredentials(ctx: OperatorContext, code: string): Promise<void> {
  const [clients, row] = await Promise.all([seenClients(ctx, code), ctx.control.get(holdersKey(code))]);
  const standing = clients.filter(({ isReplaced }) => !isReplaced).map(({ client }) => client.details.clientId);
  if (standing.length > 0) {
    throw new Problem(
      'credentials_seen',
      `An operator has seen the only credential of these clients: ${standing.join(', ')}. The municipality makes others from inside, or revokes the clients.`,
    );
  }
  if (holdersOf(row).clientIds.length === 0) {
    throw new Problem('credentials_seen', 'No client of the municipality’s own holds grants:write.');
  }
  for (const { client, seen } of clients) {
    for (const { secretId } of seen) await endAsOperator(ctx, client, secretId);
    const { clientId } = client.details;
    await ctx.control.write({
      kind: 'update',
      key: clientKey(clientId),
      condition: PRESENT,
      remove: ['seenByOperator', 'endsAt'],
    });
  }
}
