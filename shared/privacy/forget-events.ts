import type { Context } from '../auth/context.ts';
import { forgetAnswer } from '../record/answers.ts';
import { redactionCode } from '../record/event-cases.ts';
import { eventKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { WriteRefused } from '../table/write.ts';

/** The events of a record, the last one first. Each names the one before it, so those are found that no index has yet. */
export async function* eventsOf(ctx: Context, lastEvent: string): AsyncGenerator<Row> {
  for (let id: string | undefined = lastEvent; id !== undefined; ) {
    const event: Row | undefined = await ctx.table.get(eventKey(id));
    if (event) yield event;
    id = event?.['previous'] as string | undefined;
  }
}

/** Takes the case numbers from an event. The rest of it stays, and the chain of events holds. */
async function redact(ctx: Context, eventId: string): Promise<void> {
  const redacted = redactionCode(await ctx.keys.integrityKey(), ctx.tenant.code, eventId);
  const condition = { expression: 'attribute_exists(#cases)' };
  try {
    await ctx.table.write({ kind: 'update', key: eventKey(eventId), set: { redacted }, remove: ['cases'], condition });
  } catch (error) {
    // They were taken meanwhile, or have expired.
    if (!(error instanceof WriteRefused)) throw error;
  }
}

/**
 * Takes from all events of a record what its requests were answered, and, where it is about the person, the case numbers:
 * those of a group are about all who take part in it, and the group keeps them too. Done again it changes nothing. It costs one read for each event, and one write for each that has something to take. An event
 * that is still to be delivered is then delivered without case numbers.
 */
export async function forgetInEvents(ctx: Context, lastEvent: string, isAbout: boolean): Promise<void> {
  for await (const event of eventsOf(ctx, lastEvent)) {
    const eventId = event['eventId'] as string;
    if (event['answered'] === true) await forgetAnswer(ctx, eventId);
    if (isAbout && event['cases'] !== undefined) await redact(ctx, eventId);
  }
}
