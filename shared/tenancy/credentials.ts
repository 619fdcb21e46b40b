import * as z from 'zod';
import { Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { instant } from '../record/fields.ts';
import { clientKey } from '../table/keys.ts';
import { PRESENT } from '../table/write.ts';
import { instantOf } from '../time.ts';
import { lastLive } from './client-row.ts';
import { ClientOnce, loadLiveClient } from './clients.ts';
import type { OperatorContext } from './control.ts';
import { CLIENT_EXAMPLE } from './grant-row.ts';

/** A credential in the one answer that shows its secret. */
export const CredentialOnce = () =>
  z
    .strictObject({
      id: z.string().describe('Id of the credential, by which it is ended (id).'),
      createdAt: instant('When it was made, UTC (oprettet).'),
      ...ClientOnce().shape,
    })
    .meta({
      description: 'A further credential of a client.',
      examples: [
        {
          id: `${CLIENT_EXAMPLE}--1795251300`,
          createdAt: '2026-11-21T08:55:00.000Z',
          clientId: CLIENT_EXAMPLE,
          clientSecret: '9z8y7x6w5example0secret0shown0once0v4u3t2s1r0q9p',
          tokenUrl: 'https://livline.auth.eu-central-1.amazoncognito.com/oauth2/token',
        },
      ],
    });

/** Gives a client a second credential beside its first: both work until one is ended. Throws `conflict` for a third. */
export async function addCredential(ctx: OperatorContext, clientId: string): Promise<Answer> {
  await loadLiveClient(ctx, clientId);
  const { secretId: id, clientSecret, createdAt } = await ctx.identity.addSecret(clientId);
  return {
    status: 201,
    body: { credential: { id, createdAt: instantOf(createdAt), clientId, clientSecret, tokenUrl: ctx.tokenUrl } },
    headers: { location: `/v1/admin/clients/${clientId}/credentials/${id}` },
  };
}

/** The next whole second: the issuer says in whole seconds when a token was made, and this second's may be either's. */
const nextSecond = (now: Date): number => Math.floor(now.getTime() / 1000) + 1;

/**
 * Ends one of a client's two credentials. A token does not say by which secret it was got, so all that were issued until
 * then are refused, within a minute: who has the other credential gets a new one. First the row refuses the tokens that
 * there are and says what is being ended, then the secret goes, then the row refuses what was got in between. A request
 * that died on the way is made good by asking again, also once the secret is gone.
 */
export async function endCredential(ctx: OperatorContext, clientId: string, credentialId: string): Promise<Answer> {
  const { ending } = await loadLiveClient(ctx, clientId);
  const secrets = await ctx.identity.listSecrets(clientId);
  const lives = secrets.some(({ secretId }) => secretId === credentialId);
  if (!lives && ending !== credentialId) throw new Problem('not_found', 'The client has no such credential.');
  if (lives && secrets.length === 1) throw lastLive();
  const row = { kind: 'update', key: clientKey(clientId), condition: PRESENT } as const;
  await ctx.control.write({ ...row, set: { tokensSince: nextSecond(ctx.clock()), ending: credentialId } });
  if (lives) await ctx.identity.deleteSecret(clientId, credentialId);
  await ctx.control.write({ ...row, set: { tokensSince: nextSecond(ctx.clock()) }, remove: ['ending'] });
  return { status: 204 };
}
