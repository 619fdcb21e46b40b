import type { Context } from '../auth/context.ts';
import { pagesOf } from '../record/all.ts';
import { eventName } from '../record/event-names.ts';
import { mentionsOf, selectedList } from '../record/indexes.ts';
import { hrefOf } from '../record/place.ts';
import { findOpened } from '../record/read.ts';
import type { Fields } from '../record/resource.ts';
import { save } from '../record/save.ts';
import type { Whole } from '../record/stored.ts';
import { inboxMessages, partsOf } from '../webhooks/inbox-messages.ts';
import { unheld, untilDone } from './erase-record.ts';

/**
 * Takes from a message that came in what it says: its payload, all parts of it, and what a person said of it. A message
 * that names somebody else too who is held stays as it is.
 */
const eraseMessage = (ctx: Context, id: string): Promise<void> =>
  untilDone(async () => {
    const before = await findOpened(ctx, inboxMessages, id);
    const { payload, statusReason, ...after } = before?.whole ?? ({} as Whole);
    if (!before || payload === undefined) return;
    const { objectId, mentions = [] } = after as Fields as { objectId?: string; mentions?: readonly string[] };
    const checks = await unheld(ctx, [...(objectId === undefined ? [] : [objectId]), ...mentions]);
    if (!checks) return;
    await save(ctx, inboxMessages, {
      before,
      after: { ...(after as Whole), version: before.whole.version + 1, updatedAt: ctx.now, updatedBy: ctx.actor.id },
      writtenBy: {},
      event: {
        name: eventName(inboxMessages, 'updated'),
        action: 'updated',
        changed: ['payload', ...(statusReason === undefined ? [] : ['statusReason'])],
      },
      href: hrefOf(ctx, inboxMessages, before.whole),
      beside: [...(await partsOf(ctx, id)).map((key) => ({ kind: 'delete' as const, key })), ...checks],
      answerStatus: 200,
    });
  });

/** The ids of the messages that name a record, as what they are about or anywhere else. */
async function* messagesAbout(ctx: Context, id: string): AsyncGenerator<string> {
  const ranges = [
    { index: 'filter3', partition: selectedList(inboxMessages, {}, 'objectId', id) },
    { index: 'list', partition: mentionsOf(inboxMessages, id) },
  ] as const;
  for (const range of ranges)
    for await (const rows of pagesOf(ctx.table, range)) for (const { view } of rows) yield (view as { id: string }).id;
}

/** Erases the messages that name a record, and returns their ids. */
export async function eraseMessagesAbout(ctx: Context, id: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const messageId of messagesAbout(ctx, id)) {
    await eraseMessage(ctx, messageId);
    ids.push(messageId);
  }
  return ids;
}
