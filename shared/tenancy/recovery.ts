import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { TENANT_SCOPES } from '../auth/scopes.ts';
import { Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { instant } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { grantKey, ownMunicipalityKey } from '../table/keys.ts';
import { isVersion, WriteRefused } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { accessEventWrite, noticeWrite } from './access-events.ts';
import { ClientOnce, CREDENTIALS_EXAMPLE } from './client-views.ts';
import { clientWrite, issuedName, shownOnce, withdrawClient } from './clients.ts';
import type { OperatorContext } from './control.ts';
import { fullGrant, grantWrite } from './grant-row.ts';
import { commitMunicipality, loadMunicipality, type Municipality, municipalityWrite } from './municipality-row.ts';

/**
 * Letting a municipality in again that has lost every key. An operator asks, which is told at once to the municipality's
 * history and endpoints; it takes effect after a delay in which any holder of `grants:write` can cancel it; then the
 * operator gets a client whose credential it has seen, so the municipality must replace that one within a day.
 */

/** Hours for which a credential that a recovery gave works without being replaced from inside. */
const REPLACED_WITHIN_HOURS = 24;
/** Days after it takes effect for which a recovery can be used; then it must be asked for, and told, anew. */
const USABLE_DAYS = 7;

const REASONS = ['credentials_lost', 'administrator_left', 'credentials_compromised'] as const;

/** Body of a request for a recovery. The reason is one of a set, so that it can be told and holds nobody's name. */
export const RecoveryRequest = () =>
  z.strictObject({ reason: z.enum(REASONS).describe('Why the municipality must be let in again (begrundelse).') });

/** A recovery as it is shown, to operators and to the municipality. */
export const RecoveryView = () =>
  z
    .strictObject({
      reason: z.enum(REASONS).describe('Why the municipality must be let in again (begrundelse).'),
      requestedAt: instant('When an operator asked for it, UTC (anmodet).'),
      requestedBy: z.string().describe('Id of the operator client that asked (anmodet af).'),
      effectiveAt: instant('From when on it can be used unless it is cancelled before, UTC (virker fra).'),
    })
    .meta({
      description: 'Nødadgang. A recovery that an operator asked for.',
      examples: [
        {
          reason: 'credentials_lost',
          requestedAt: '2026-11-20T09:00:00.000Z',
          requestedBy: '2b7c4d9e1f6g3h8j5k0l2m7n4p',
          effectiveAt: '2026-11-23T09:00:00.000Z',
        },
      ],
    });

/** The credentials that a recovery gives. */
export const RecoveryCredentials = () =>
  z
    .strictObject({
      client: ClientOnce(),
      endsAt: instant('When it is refused unless it was replaced from inside, UTC (udløber).'),
    })
    .meta({
      description: 'Nødadgang. The credentials that a recovery gives, shown this once.',
      examples: [{ client: CREDENTIALS_EXAMPLE, endsAt: '2026-11-24T09:00:00.000Z' }],
    });

/** A recovery that was asked for and neither used nor cancelled. */
export interface PendingRecovery {
  readonly reason: (typeof REASONS)[number];
  readonly requestedAt: Instant;
  readonly requestedBy: string;
  readonly effectiveAt: Instant;
}

const isOver = ({ effectiveAt }: PendingRecovery, now: Instant): boolean =>
  now >= plusSeconds(effectiveAt, USABLE_DAYS * 86_400);

const told = (code: string, recovery: PendingRecovery) =>
  ({
    objectType: 'recovery',
    objectId: code,
    details: { reason: recovery.reason, effectiveAt: recovery.effectiveAt },
  }) as const;

const requireLive = ({ tenant }: Municipality): void => {
  if (tenant.status === 'live') return;
  throw new Problem(
    'conflict',
    'Only a live municipality is recovered. In `test` its clients get further credentials.',
  );
};

/** Asks for a recovery, and tells it. Asking again while one is pending answers that one, and does not hasten it. */
export async function requestRecovery(ctx: OperatorContext, code: string, body: unknown): Promise<Answer> {
  const { reason } = parse(RecoveryRequest(), body);
  const before = await loadMunicipality(ctx.control, code);
  requireLive(before);
  if (before.recovery && !isOver(before.recovery, ctx.now)) return { status: 202, body: before.recovery };
  const effectiveAt = plusSeconds(ctx.now, ctx.recoveryDelayS);
  const recovery: PendingRecovery = { reason, requestedAt: ctx.now, requestedBy: ctx.operatorId, effectiveAt };
  await commitMunicipality(
    ctx.control,
    municipalityWrite(before, { recovery }),
    noticeWrite(ctx, code, { ...told(code, recovery), name: 'access.recovery_requested', action: 'created' }),
  );
  return { status: 202, body: recovery };
}

/**
 * Gives the credential of a recovery that has taken effect, once. It is of a client of the municipality's own with every
 * scope, which is let in for a day and longer only once its credential is replaced from inside.
 */
export async function useRecovery(ctx: OperatorContext, code: string): Promise<Answer> {
  const before = await loadMunicipality(ctx.control, code);
  requireLive(before);
  const { recovery } = before;
  if (!recovery || isOver(recovery, ctx.now))
    throw new Problem('conflict', 'No recovery is pending. Ask for one first.');
  if (ctx.now < recovery.effectiveAt)
    throw new Problem('conflict', `The recovery takes effect at ${recovery.effectiveAt}, unless it is cancelled.`);
  const owner = { kind: 'municipality', id: code } as const;
  const endsAt = plusSeconds(ctx.now, REPLACED_WITHIN_HOURS * 3_600);
  const credentials = await ctx.identity.createClient(issuedName(owner, 'recovery'), TENANT_SCOPES);
  const { clientId } = credentials;
  const grant = fullGrant(ctx, clientId, code);
  try {
    await commitMunicipality(
      ctx.control,
      municipalityWrite(before, { recovery: undefined }),
      clientWrite(
        { now: ctx.now, by: ctx.operatorId },
        { clientId, name: 'Recovery', owner },
        { seenByOperator: true, endsAt },
      ),
      grantWrite(grantKey(code, clientId), undefined, grant),
      noticeWrite(ctx, code, {
        ...told(code, recovery),
        name: 'access.recovery_used',
        action: 'updated',
        details: { reason: recovery.reason, clientId, endsAt },
      }),
    );
  } catch (error) {
    await withdrawClient(ctx, credentials);
    throw error;
  }
  return {
    status: 201,
    body: { ...shownOnce(ctx, credentials), endsAt },
    headers: { location: `v1/admin/clients/${clientId}` },
  };
}

const none = () => new Problem('not_found', 'No recovery is pending.');

async function pendingIn(ctx: Context) {
  const row = (await ctx.control.get(ownMunicipalityKey)) as Record<string, unknown>;
  const recovery = row['recovery'] as PendingRecovery | undefined;
  if (!recovery || isOver(recovery, ctx.now)) throw none();
  return { recovery, version: row['version'] as number };
}

/** Returns the recovery that is pending. Throws `not_found` where there is none. */
export async function getRecovery(ctx: Context): Promise<Answer> {
  return { status: 200, body: (await pendingIn(ctx)).recovery };
}

/** Cancels the recovery that is pending, and tells it in the same transaction. */
export async function cancelRecovery(ctx: Context): Promise<Answer> {
  const { recovery, version } = await pendingIn(ctx);
  const { code } = ctx.tenant;
  const event = accessEventWrite(ctx, {
    ...told(code, recovery),
    name: 'access.recovery_cancelled',
    action: 'deleted',
  });
  const row = ctx.control.prepare({
    kind: 'update',
    key: ownMunicipalityKey,
    condition: isVersion(version),
    add: { version: 1 },
    remove: ['recovery'],
  });
  try {
    await ctx.table.transact([event], [row]);
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    throw new Problem('in_flight', 'The municipality is being changed by another request. Try again.', [], {
      'retry-after': '1',
    });
  }
  return { status: 204 };
}
