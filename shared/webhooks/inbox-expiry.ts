import type { Context } from '../auth/context.ts';
import { count, faultOf, log } from '../log.ts';
import { eventName } from '../record/event-names.ts';
import { Outrun } from '../record/once.ts';
import { hrefOf } from '../record/place.ts';
import { findOpened } from '../record/read.ts';
import { save } from '../record/save.ts';
import type { Whole } from '../record/stored.ts';
import { inboxMessages, partsOf, payloadEndsAt } from './inbox-messages.ts';

/** Takes the payload from a message that ended long enough ago, with all rows that hold parts of it. */
async function removePayload(ctx: Context, id: string): Promise<void> {
  const before = await findOpened(ctx, inboxMessages, id);
  const endsAt = before && payloadEndsAt(before.whole);
  if (!before || endsAt === undefined || endsAt > ctx.now) return;
  const { payload: _, ...rest } = before.whole;
  await save(ctx, inboxMessages, {
    before,
    after: { ...(rest as Whole), version: before.whole.version + 1, updatedAt: ctx.now, updatedBy: ctx.actor.id },
    writtenBy: {},
    event: { name: eventName(inboxMessages, 'updated'), action: 'updated', changed: ['payload'] },
    href: hrefOf(ctx, inboxMessages, before.whole),
    beside: (await partsOf(ctx, id)).map((key) => ({ kind: 'delete', key })),
    answerStatus: 200,
  });
}

/** Removes the payload of a message whose time is over. A failure is logged and leaves the message to the next round. */
export async function expirePayload(ctx: Context, id: string): Promise<void> {
  try {
    await removePayload(ctx, id);
  } catch (error) {
    if (error instanceof Outrun) return;
    const { requestId, tenant } = ctx;
    log.error('payload not removed', { requestId, municipality: tenant.code, messageId: id, ...faultOf(error) });
    count('SweepFailures', 1);
  }
}
